//! Recorded writes: QEMU's `blklogwrites` writes the format of the kernel's dm-log-writes (kernel documentation,
//! admin-guide/device-mapper/log-writes.rst). Replaying a part of them gives the disk as it was at that moment, or as it
//! would be had the power failed in the middle of a write.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::emulate::{EmulateError, at};

/// What a drive writes whole or not at all, in bytes.
pub const SECTOR: u64 = 512;
const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const DISCARD: u64 = 4;

/// One recorded operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Data at `offset`; it lies at `data` in the log.
    Data {
        /// Byte offset on the disk.
        offset: u64,
        /// Length in bytes.
        bytes: u64,
        /// Byte offset in the log.
        data: u64,
    },
    /// A range that reads as zeros from here on.
    Discard {
        /// Byte offset on the disk.
        offset: u64,
        /// Length in bytes.
        bytes: u64,
    },
    /// Everything before is on the disk.
    Flush,
}

/// An opened log.
pub struct Log {
    file: File,
    /// The operations in their order.
    pub writes: Vec<Write>,
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    for (place, byte) in word.iter_mut().zip(bytes.iter().skip(at)) {
        *place = *byte;
    }
    u64::from_le_bytes(word)
}

impl Log {
    /// Reads the log's index. The count in its head is only written when QEMU ends well, so entries are followed to the
    /// end of the file instead.
    ///
    /// # Errors
    /// When it is not a log.
    pub fn open(path: &Path) -> Result<Self, EmulateError> {
        let wrong = |why| EmulateError::WriteLog { path: path.to_owned(), why };
        let mut file = File::open(path).map_err(at(path))?;
        let length = file.metadata().map_err(at(path))?.len();
        let mut head = [0; 28];
        file.read_exact(&mut head).map_err(|_| wrong("it is too short"))?;
        let sector = number(&head, 24) & 0xffff_ffff;
        if number(&head, 0) != MAGIC || !sector.is_power_of_two() || !(512..=4096).contains(&sector) {
            return Err(wrong("its head is damaged"));
        }
        let mut writes = Vec::new();
        let mut position = sector;
        let mut entry = [0; 32];
        while position + sector <= length {
            file.read_exact_at(&mut entry, position).map_err(at(path))?;
            let (offset, count, flags, data) =
                (number(&entry, 0), number(&entry, 8), number(&entry, 16), number(&entry, 24));
            if (offset, count, flags, data) == (0, 0, 0, 0) {
                break;
            }
            let scale =
                |sectors: u64| sectors.checked_mul(sector).ok_or_else(|| wrong("an entry is out of range"));
            let (offset, bytes) = (scale(offset)?, scale(count)?);
            position += sector;
            if flags & DISCARD != 0 {
                writes.push(Write::Discard { offset, bytes });
            } else if bytes > 0 {
                if position.checked_add(bytes).is_none_or(|end| end > length) {
                    break;
                }
                writes.push(Write::Data { offset, bytes, data: position });
                position += bytes;
            }
            if flags & FLUSH != 0 {
                writes.push(Write::Flush);
            }
        }
        Ok(Self { file, writes })
    }

    /// The last write of data: how many operations there are up to and with it, its offset and its length in bytes.
    #[must_use]
    pub fn last_data(&self) -> Option<(usize, u64, u64)> {
        self.writes.iter().enumerate().rev().find_map(|(index, write)| match *write {
            Write::Data { offset, bytes, .. } => Some((index + 1, offset, bytes)),
            Write::Discard { .. } | Write::Flush => None,
        })
    }

    /// Reads data of a write, which lies at `at` in the log.
    ///
    /// # Errors
    /// When the log ends before.
    pub fn read(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }

    /// Applies the first `count` operations to `disk`. Of the last one only the first `torn` bytes, if given: a drive
    /// keeps whole sectors of 512 bytes and nothing larger.
    ///
    /// # Errors
    /// When the log or the disk fails.
    pub fn replay(&self, disk: &File, count: usize, torn: Option<u64>) -> std::io::Result<()> {
        self.replay_from(disk, 0, count, torn)
    }

    /// The same for a disk that holds the first `done` operations already.
    ///
    /// # Errors
    /// When the log or the disk fails.
    pub fn replay_from(
        &self,
        disk: &File,
        done: usize,
        count: usize,
        torn: Option<u64>,
    ) -> std::io::Result<()> {
        let chosen = self.writes.get(done..count.min(self.writes.len())).unwrap_or_default();
        for (index, write) in chosen.iter().enumerate() {
            let limit = torn.filter(|_| index + 1 == chosen.len()).unwrap_or(u64::MAX);
            match *write {
                Write::Data { offset, bytes, data } => {
                    copy(&self.file, data, disk, offset, bytes.min(limit))?;
                }
                Write::Discard { offset, bytes } => zero(disk, offset, bytes.min(limit))?,
                Write::Flush => {}
            }
        }
        Ok(())
    }
}

fn copy(from: &File, mut at: u64, to: &File, mut offset: u64, mut bytes: u64) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    while bytes > 0 {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
        from.read_exact_at(&mut buffer[..length], at)?;
        to.write_all_at(&buffer[..length], offset)?;
        let step = length as u64;
        (at, offset, bytes) = (at + step, offset + step, bytes - step);
    }
    Ok(())
}

fn zero(disk: &File, mut offset: u64, mut bytes: u64) -> std::io::Result<()> {
    let zeros = vec![0; 1 << 16];
    while bytes > 0 {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(zeros.len());
        disk.write_all_at(&zeros[..length], offset)?;
        (offset, bytes) = (offset + length as u64, bytes - length as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn log(entries: &[(u64, &[u8], u64)]) -> (tempfile::NamedTempFile, Log) {
        let mut bytes = Vec::new();
        for word in [MAGIC, 1, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(512_u32.to_le_bytes());
        bytes.resize(512, 0);
        for (sector, data, flags) in entries {
            for word in [*sector, data.len() as u64 / 512, *flags, 0] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.resize(bytes.len().next_multiple_of(512), 0);
            bytes.extend_from_slice(data);
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let log = Log::open(file.path()).unwrap();
        (file, log)
    }

    #[test]
    fn a_part_is_replayed_and_the_last_write_torn() {
        let (_file, log) = log(&[(1, &[1; 1024], 0), (0, &[], FLUSH), (2, &[2; 1024], 0)]);
        assert_eq!(log.writes.len(), 3);
        let disk = tempfile::tempfile().unwrap();
        disk.set_len(4096).unwrap();
        log.replay(&disk, 3, Some(512)).unwrap();
        let mut bytes = [0; 2048];
        disk.read_exact_at(&mut bytes, 512).unwrap();
        assert!(bytes[..512].iter().all(|b| *b == 1) && bytes[512..1024].iter().all(|b| *b == 2));
        assert!(bytes[1024..].iter().all(|b| *b == 0), "the second half of the last write never happened");
    }

    #[test]
    fn what_is_not_a_log_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Log::open(file.path()), Err(EmulateError::WriteLog { .. })));
    }
}

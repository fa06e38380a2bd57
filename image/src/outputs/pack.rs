//! Compresses a disk. Most of it is nothing: each long piece of zeros is a frame that is made once, for looking for repetitions
//! in gigabytes of them takes longer than all the rest. Whoever unpacks zstd takes frames one after another (RFC 8878, 3).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::build::tree::threads;
use crate::build::{BuildError, at, join};
use crate::files::Whole;
use crate::sparse::Sparse;
use crate::ui::{Stage, Ui};

/// zstd level: EROFS is compressed already, so more effort gains nothing.
const LEVEL: i32 = 3;
/// 32 MiB, as a power of two. Every program that unpacks zstd allows 128 MiB without being asked.
const WINDOW: u32 = 25;
/// Bytes that are looked at together. Longer than what lies between the two copies of the kernel: they share a frame.
const PIECE: usize = 64 << 20;

/// Compresses the disk beside its final name, and hashes it at the same time; returns the unfinished file and the disk's
/// SHA-256.
pub(super) fn pack(target: &Path, disk: &File, ui: Ui) -> Result<(Whole, String), BuildError> {
    let stage = ui.stage("pack", Some(tayberry_format::layout::IMAGE_BYTES));
    let mut packed = Whole::begin(target).map_err(at(target))?;
    let io = |error| at(target)(error);
    let data = crate::bmap::data(disk).map_err(io)?;
    let digest = std::thread::scope(|scope| {
        let digest = scope.spawn(|| crate::files::sha256_of(Sparse::new(disk, &data)?));
        compress(Sparse::new(disk, &data)?, packed.file(), &stage)?;
        join(digest)
    });
    let digest = digest.map_err(io)?;
    stage.finish("compressed");
    Ok((packed, digest))
}

/// What is compressed depends on the bytes alone, not on where the file system has holes.
fn compress(mut from: impl Read, to: &File, stage: &Stage) -> io::Result<()> {
    let zeros = vec![0; PIECE];
    let nothing = zstd::bulk::compress(&zeros, LEVEL)?;
    let mut piece = Vec::with_capacity(PIECE);
    let mut frame: Option<zstd::Encoder<'_, &File>> = None;
    loop {
        piece.clear();
        from.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if piece == zeros {
            finish(frame.take())?;
            (&mut &*to).write_all(&nothing)?;
        } else if piece.is_empty() {
            return finish(frame);
        } else {
            let mut open = match frame.take() {
                Some(open) => open,
                None => begin(to)?,
            };
            open.write_all(&piece)?;
            frame = Some(open);
        }
        stage.add(piece.len() as u64);
    }
}

fn begin(to: &File) -> io::Result<zstd::Encoder<'_, &File>> {
    let mut encoder = zstd::Encoder::new(to, LEVEL)?;
    encoder.multithread(u32::try_from(threads()).unwrap_or(1))?;
    encoder.include_checksum(true)?;
    // The kernel lies there twice, 18 MiB apart: for the system, and for rescue.
    encoder.long_distance_matching(true)?;
    encoder.window_log(WINDOW)?;
    Ok(encoder)
}

fn finish(frame: Option<zstd::Encoder<'_, &File>>) -> io::Result<()> {
    frame.map_or(Ok(()), |open| open.finish().map(drop))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;
    use crate::ui::Mode;

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let mut disk = vec![0; 3 * PIECE + 5];
        for at in [7, PIECE - 1, 3 * PIECE + 4] {
            disk[at] = 1;
        }
        let mut file = tempfile::tempfile().unwrap();
        compress(&disk[..], &file, &Ui::new(Mode::Text).stage("pack", None)).unwrap();
        assert!(file.metadata().unwrap().len() < 100_000);
        file.seek(SeekFrom::Start(0)).unwrap();
        assert!(zstd::decode_all(&file).unwrap() == disk);
    }
}

//! The data partition of a disk as it would be: decrypted with the key that lies on it, checked, and asked what the agent
//! has on record.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use aes::Aes256;
use aes::cipher::KeyInit;
use tayberry::emulate::disk;
use tayberry_core::update::record::Record;
use tayberry_format::keyblock::{BLOCK, COPIES, Contents, Found, Key, KeyBlock, PAYLOAD};
use tayberry_format::layout::DATA_START;
use tayberry_format::slot::Slot;
use xts_mode::{Xts128, get_tweak_default};

use super::overlay::{Overlay, Patch};
use crate::JourneyError;

const SECTOR: usize = 512;
/// Where the decrypted bytes begin on the disk.
const START: u64 = DATA_START + PAYLOAD;

/// What the agent has on its disk.
#[derive(Debug, Default)]
pub struct Notes {
    /// The record of updates.
    pub record: Option<Record>,
    /// The copy of the default slot.
    pub copy: Option<Slot>,
}

/// The decrypted file system of the disk below.
pub struct Data {
    folder: PathBuf,
    key: Option<Key>,
}

impl Data {
    /// That of `disk`, kept in `folder`, which should lie in memory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(overlay: &Overlay<'_>, folder: &Path) -> Result<Self, JourneyError> {
        let mut data = Self { folder: folder.to_owned(), key: None };
        data.decrypt(overlay)?;
        Ok(data)
    }

    fn plain(&self) -> PathBuf {
        self.folder.join("plain")
    }

    /// Decrypts everything anew if the key is another one.
    fn decrypt(&mut self, overlay: &Overlay<'_>) -> Result<(), JourneyError> {
        let key = key(overlay)?;
        if key == self.key && self.plain().exists() {
            return Ok(());
        }
        let plain = File::create(self.plain())?;
        plain.set_len(overlay.size.saturating_sub(START))?;
        self.key = key;
        let Some(key) = &self.key else { return Ok(()) };
        let cipher = cipher(key)?;
        // Sectors that were never written are holes, which no file system reads.
        for range in tayberry::bmap::data(overlay.base)? {
            let mut from = range.start.max(START);
            while from < range.end {
                let mut bytes = vec![0; (1 << 20).min(usize::try_from(range.end - from).unwrap_or_default())];
                overlay.base.read_exact_at(&mut bytes, from)?;
                write(&plain, &cipher, from, &mut bytes)?;
                from += bytes.len() as u64;
            }
        }
        Ok(())
    }

    /// Takes over what was written to the disk below.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn apply(&mut self, overlay: &Overlay<'_>) -> Result<(), JourneyError> {
        self.decrypt(overlay)?;
        self.patch(&self.plain(), &overlay.patches)
    }

    fn patch(&self, path: &Path, patches: &[Patch<'_>]) -> Result<(), JourneyError> {
        let Some(key) = &self.key else { return Ok(()) };
        let (cipher, plain) = (cipher(key)?, OpenOptions::new().write(true).open(path)?);
        for patch in patches.iter().filter(|patch| patch.touches(START, u64::MAX)) {
            let skip = usize::try_from(START.saturating_sub(patch.offset)).unwrap_or(usize::MAX);
            let mut bytes = patch.bytes[skip..].to_vec();
            write(&plain, &cipher, patch.offset.max(START), &mut bytes)?;
        }
        Ok(())
    }

    /// Whether the kernel forces this write to the drive (FUA), which QEMU's NVMe drive does not pass on to the record: a commit
    /// block or a superblock of the journal (kernel source: fs/jbd2/commit.c, journal.c; include/linux/jbd2.h).
    #[must_use]
    pub fn is_forced(&self, patch: &Patch<'_>) -> bool {
        const MAGIC: u32 = 0xc03b_3998;
        let head = self.key.as_ref().filter(|_| patch.offset >= START).and_then(|key| cipher(key).ok());
        let Some((cipher, sector)) = head.zip(patch.bytes.get(..SECTOR)) else { return false };
        let mut sector = sector.to_vec();
        let first = u128::from((patch.offset - START) / SECTOR as u64);
        cipher.decrypt_area(&mut sector, SECTOR, first, get_tweak_default);
        let number =
            |at: usize| sector[at..at + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        number(0) == MAGIC && matches!(number(4), 2..=4)
    }

    /// What the agent would find; none before there is a file system. `overlay` lies over the disk that was applied last.
    ///
    /// # Errors
    /// When the file system does not open clean: a sentence.
    pub fn look(&self, overlay: &Overlay<'_>) -> Result<Option<Notes>, JourneyError> {
        let made = found(overlay)?.is_some_and(|block| block.contents == Contents::FileSystem);
        if !made || key(overlay)? != self.key {
            return Ok(None);
        }
        let copy = self.folder.join("copy");
        disk::copy_sparse(&self.plain(), &copy)?;
        self.patch(&copy, &overlay.patches)?;
        // As the device does at every boot, and every structure with it: what is not safe to repair ends with another code.
        let check = run("e2fsck", &["-f", "-p"], &copy)?;
        if !matches!(check.status.code(), Some(0 | 1)) {
            return Err(JourneyError::Failed(String::from_utf8_lossy(&check.stdout).into_owned()));
        }
        let read = |path: &str| -> Result<Vec<u8>, JourneyError> {
            Ok(run("debugfs", &["-R", &format!("cat {path}")], &copy)?.stdout)
        };
        let record = read("/lib/tayberry/updates.json")?;
        let slot = String::from_utf8_lossy(&read("/lib/tayberry/default-slot")?).trim().to_owned();
        Ok(Some(Notes {
            record: match serde_json::from_slice(&record) {
                Ok(record) => Some(record),
                Err(_) if record.is_empty() => None,
                Err(error) => return Err(JourneyError::Failed(format!("updates.json: {error}"))),
            },
            copy: Slot::ALL.into_iter().find(|one| one.to_string() == slot),
        }))
    }
}

fn run(program: &str, arguments: &[&str], file: &Path) -> io::Result<std::process::Output> {
    Command::new(program).args(arguments).arg(file).env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").output()
}

fn cipher(key: &Key) -> Result<Xts128<Aes256>, JourneyError> {
    let half =
        |bytes: &[u8]| Aes256::new_from_slice(bytes).map_err(|error| JourneyError::Failed(error.to_string()));
    Ok(Xts128::new(half(&key.0[..32])?, half(&key.0[32..])?))
}

/// Decrypts whole sectors and writes them where they belong.
fn write(plain: &File, cipher: &Xts128<Aes256>, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    let first = u128::from((at - START) / SECTOR as u64);
    cipher.decrypt_area(bytes, SECTOR, first, get_tweak_default);
    plain.write_all_at(bytes, at - START)
}

fn found(overlay: &Overlay<'_>) -> io::Result<Option<KeyBlock>> {
    let mut copies = [[0; BLOCK]; 2];
    for (copy, offset) in copies.iter_mut().zip(COPIES) {
        overlay.read(DATA_START + offset, copy)?;
    }
    Ok(match KeyBlock::judge(&copies) {
        Found::Key { block, .. } => Some(block),
        Found::None | Found::Erase | Found::Damaged => None,
    })
}

fn key(overlay: &Overlay<'_>) -> io::Result<Option<Key>> {
    Ok(found(overlay)?.map(|block| block.key))
}

//! Reads images: a compressed `.img.zst` becomes a sparse raw file, and a raw file is copied without filling its holes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tayberry_format::layout;

/// Longest image that is unpacked, in bytes: a small file must not fill the disk.
const MAX_BYTES: u64 = 64 << 30;
/// Blocks of zeros become holes.
const BLOCK: usize = 1 << 16;

/// An image that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Not compressed with zstd, or damaged.
    #[error("{path} cannot be unpacked: {error}. Download or build it again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Too long.
    #[error("{0} unpacks to more than {MAX_BYTES} bytes; this is not a Tayberry image")]
    TooLarge(PathBuf),
    /// Something else.
    #[error("{path} is not a Tayberry image: {why}")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ImageError {
    let path = path.to_owned();
    move |error| ImageError::Io { path, error }
}

/// Copies the image at `from` to a new sparse file `to`, unpacking it if its name ends in `.zst`. `progress` hears of
/// every byte.
///
/// # Errors
/// When it is damaged, too long, or cannot be written.
pub fn unpack(from: &Path, to: &Path, progress: &dyn Fn(u64)) -> Result<(), ImageError> {
    let source = File::open(from).map_err(at(from))?;
    let packed = from.extension().is_some_and(|extension| extension == "zst");
    if !packed && source.metadata().map_err(at(from))?.len() != 0 && reflink(&source, to) {
        return Ok(());
    }
    let mut target = OpenOptions::new().create(true).truncate(true).write(true).open(to).map_err(at(to))?;
    let damaged = |error| ImageError::Damaged { path: from.to_owned(), error };
    let mut reader: Box<dyn Read> =
        if packed { Box::new(zstd::Decoder::new(source).map_err(damaged)?) } else { Box::new(source) };
    let mut buffer = vec![0; BLOCK];
    let mut at_byte = 0_u64;
    loop {
        let read = fill(&mut reader, &mut buffer).map_err(damaged)?;
        if read == 0 {
            break;
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            target.seek(SeekFrom::Start(at_byte)).map_err(at(to))?;
            target.write_all(&buffer[..read]).map_err(at(to))?;
        }
        at_byte += read as u64;
        progress(read as u64);
        if at_byte > MAX_BYTES {
            return Err(ImageError::TooLarge(from.to_owned()));
        }
    }
    target.set_len(at_byte).map_err(at(to))
}

/// A copy that shares its blocks with the original, where the file system can do that.
fn reflink(source: &File, to: &Path) -> bool {
    let target = OpenOptions::new().create(true).truncate(true).write(true).open(to);
    target.is_ok_and(|target| clone::into(source, &target))
}

mod clone {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    mod ioctl {
        #![allow(
            unsafe_code,
            missing_docs,
            reason = "nix makes the ioctl wrapper; it is called in one place below"
        )]
        // FICLONE of linux/fs.h.
        nix::ioctl_write_int!(ficlone, 0x94, 9);
    }

    /// True when the file system shared the blocks.
    #[allow(unsafe_code, reason = "one ioctl on two open files")]
    pub(super) fn into(source: &File, target: &File) -> bool {
        let Ok(source) = u64::try_from(source.as_raw_fd()) else { return false };
        // SAFETY: both descriptors are open for the whole call, and FICLONE takes the second one by value.
        unsafe { ioctl::ficlone(target.as_raw_fd(), source) }.is_ok()
    }
}

fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Refuses a disk that is not laid out as ours, without looking further.
///
/// # Errors
/// Says what is different.
pub fn check_layout(path: &Path) -> Result<(), ImageError> {
    let disk = File::open(path).map_err(at(path))?;
    let mut head = Vec::new();
    disk.take(layout::MIB).read_to_end(&mut head).map_err(at(path))?;
    tayberry_format::table::check_image(&head)
        .map_err(|error| ImageError::NotOurs { path: path.to_owned(), why: error.to_string() })
}

//! Reads images: a compressed `.img.zst` becomes a sparse raw file, and a raw file is copied without filling its holes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tayberry_format::layout;

/// Longest image that is unpacked, in bytes: a small file must not fill the disk.
const MAX_BYTES: u64 = 64 << 30;
/// Blocks of zeros become holes.
const BLOCK: usize = 1 << 16;
/// Magic number of a zstd frame (RFC 8878, section 3.1.1), little-endian.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest zstd window that is accepted, as a power of two: 32 MiB, which ours need.
const WINDOW_LOG: u32 = 25;

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
    /// The temporary copy cannot be written.
    #[error("no copy of {path} can be made in the cache folder: {error}")]
    Copy {
        /// The image.
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

/// An image's bytes from the beginning.
pub enum Stream {
    /// As they lie in the file or on the device.
    Plain(File),
    /// Compressed with zstd.
    Packed(Box<zstd::Decoder<'static, BufReader<File>>>),
}

impl Stream {
    /// Opens a file or a block device, for reading only. Its first bytes tell whether it is compressed.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is something else, such as a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let kind = std::fs::metadata(path)?.file_type();
        // Opening a FIFO would wait for somebody to write to it.
        if !kind.is_file() && !kind.is_block_device() {
            let what = if kind.is_dir() { "it is a folder" } else { "it is neither a file nor a drive" };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let mut file = File::open(path)?;
        let mut magic = Vec::new();
        Read::by_ref(&mut file).take(4).read_to_end(&mut magic)?;
        file.rewind()?;
        if magic != ZSTD {
            return Ok(Self::Plain(file));
        }
        let mut decoder = zstd::Decoder::new(file)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Self::Packed(Box::new(decoder)))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Packed(decoder) => decoder.read(buffer),
        }
    }
}

fn open(path: &Path) -> Result<Stream, ImageError> {
    Stream::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => ImageError::NotOurs { path: path.to_owned(), why: error.to_string() },
        _ => at(path)(error),
    })
}

/// Copies the image at `from` to a new sparse file `to`, unpacking it if it is compressed. `progress` hears of every
/// byte.
///
/// # Errors
/// When it is not ours, damaged, too long, or `to` cannot be written.
pub fn unpack(from: &Path, to: &Path, progress: &dyn Fn(u64)) -> Result<(), ImageError> {
    check_layout(from)?;
    if let Stream::Plain(source) = open(from)?
        && reflink(&source, to)
    {
        return Ok(());
    }
    let target = OpenOptions::new().create(true).truncate(true).write(true).open(to).map_err(at(to))?;
    unpack_into(from, &target, progress)
}

/// The same into an empty file that is open already.
///
/// # Errors
/// When it is damaged, too long, or `target` cannot be written.
pub fn unpack_into(from: &Path, mut target: &File, progress: &dyn Fn(u64)) -> Result<(), ImageError> {
    let mut reader = open(from)?;
    let damaged = |error| ImageError::Damaged { path: from.to_owned(), error };
    let copy = |error| ImageError::Copy { path: from.to_owned(), error };
    let (mut buffer, zeros) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut at_byte = 0_u64;
    loop {
        let read = fill(&mut reader, &mut buffer).map_err(damaged)?;
        if read == 0 {
            break;
        }
        if buffer[..read] != zeros[..read] {
            target.seek(SeekFrom::Start(at_byte)).map_err(copy)?;
            target.write_all(&buffer[..read]).map_err(copy)?;
        }
        at_byte += read as u64;
        progress(read as u64);
        if at_byte > MAX_BYTES {
            return Err(ImageError::TooLarge(from.to_owned()));
        }
    }
    target.set_len(at_byte).map_err(copy)
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

/// Refuses an image, compressed or not, or a disk that is not laid out as ours. Reads its first mebibyte.
///
/// # Errors
/// Says what is different.
pub fn check_layout(path: &Path) -> Result<(), ImageError> {
    head(path).map(drop)
}

/// The first mebibyte of an image or disk that is laid out as ours.
///
/// # Errors
/// Says what is different.
pub fn head(path: &Path) -> Result<Vec<u8>, ImageError> {
    let stream = open(path)?;
    let packed = matches!(stream, Stream::Packed(_));
    let mut head = Vec::new();
    stream.take(layout::MIB).read_to_end(&mut head).map_err(|error| match packed {
        true => ImageError::Damaged { path: path.to_owned(), error },
        false => ImageError::Io { path: path.to_owned(), error },
    })?;
    tayberry_format::table::check_image(&head)
        .map_err(|error| ImageError::NotOurs { path: path.to_owned(), why: error.to_string() })?;
    Ok(head)
}

//! Opens an image, compressed or not, and makes sure before anything is written that it is ours. Reads its first few
//! megabytes; the rest streams by once.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tayberry_firmware::{Disk, DiskError, locate};
use tayberry_format::layout::{self, MIB};
use tayberry_format::{autoboot, preseed, table};

use crate::bmap::{BmapError, Map};
use crate::image_file::Stream;

/// How much is read ahead: the partition table and the part of the config partition with its tables and files.
const AHEAD: u64 = layout::CONFIG.start + 2 * MIB;
/// An image that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("{path} cannot be read: {error}; nothing was written")]
    Read {
        /// The image or its block map.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// It is something else.
    #[error("{path} is not a Tayberry image: {reason}; nothing was written")]
    NotOurs {
        /// The image.
        path: PathBuf,
        /// What gave it away.
        reason: String,
    },
    /// Its block map cannot be used.
    #[error("{path}: {error}; nothing was written. Without that file, the whole image is written")]
    Map {
        /// The block map.
        path: PathBuf,
        /// The reason.
        error: BmapError,
    },
    /// There is no place for settings.
    #[error("{path} has no place for settings: {reason}; nothing was written. Build the image anew")]
    NoPreseed {
        /// The image.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// An image of ours, ready to be read once from its beginning.
pub struct Source {
    path: PathBuf,
    /// Its block map, if one lies beside it.
    pub map: Option<Map>,
    ahead: io::Cursor<Vec<u8>>,
    rest: Box<dyn Read + Send>,
}

impl Source {
    /// Opens the image and its block map, and checks what can be checked before the rest is read.
    ///
    /// # Errors
    /// When it is not ours, or the block map beside it is not its own.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let mut rest = stream(path)?;
        let read = |error| SourceError::Read { path: path.to_owned(), error };
        let mut ahead = Vec::new();
        rest.by_ref().take(AHEAD).read_to_end(&mut ahead).map_err(read)?;
        let refuse = |reason: String| SourceError::NotOurs { path: path.to_owned(), reason };
        table::check_image(&ahead).map_err(|error| refuse(error.to_string()))?;
        let head = Ahead(&ahead);
        locate(&head, layout::CONFIG.number, autoboot::FILE).map_err(|error| refuse(error.to_string()))?;
        Ok(Self { path: path.to_owned(), map: map_beside(path)?, ahead: io::Cursor::new(ahead), rest })
    }

    /// Where the preseed file lies, in bytes from the beginning of the disk.
    ///
    /// # Errors
    /// When the image does not have that file in one piece of one block.
    pub fn preseed_offset(&self) -> Result<u64, SourceError> {
        let refuse = |reason| SourceError::NoPreseed { path: self.path.clone(), reason };
        let file = locate(&Ahead(self.ahead.get_ref()), layout::CONFIG.number, preseed::FILE)
            .map_err(|error| refuse(error.to_string()))?;
        match file.extents.as_slice() {
            [whole] if whole.length == preseed::BYTES as u64 => Ok(whole.offset),
            _ => Err(refuse(format!("{} is not one block of {} bytes", preseed::FILE, preseed::BYTES))),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.ahead.read(buffer)? {
            0 => self.rest.read(buffer),
            read => Ok(read),
        }
    }
}

/// The image's bytes, decompressed where needed.
fn stream(path: &Path) -> Result<Box<dyn Read + Send>, SourceError> {
    let read = |error| SourceError::Read { path: path.to_owned(), error };
    let stream = Stream::open(path).map_err(read)?;
    if let Stream::Plain(file) = &stream {
        let bytes = file.metadata().map_err(read)?.len();
        if bytes != layout::IMAGE_BYTES {
            let reason =
                format!("it is not zstd-compressed and has {bytes} bytes instead of {}", layout::IMAGE_BYTES);
            return Err(SourceError::NotOurs { path: path.to_owned(), reason });
        }
    }
    Ok(Box::new(stream))
}

/// The block map beside the image, where `bmaptool` looks for it, too: `x.img.bmap` or `x.bmap` for `x.img.zst`.
fn map_beside(image: &Path) -> Result<Option<Map>, SourceError> {
    let name = image.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let plain = name.strip_suffix(".zst").unwrap_or(&name);
    let stem = plain.strip_suffix(".img").unwrap_or(plain);
    for candidate in [format!("{plain}.bmap"), format!("{stem}.bmap")] {
        let path = image.with_file_name(candidate);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| SourceError::Read { path: path.clone(), error })?,
        };
        let map = Map::parse(&bytes).map_err(|error| SourceError::Map { path: path.clone(), error })?;
        if map.image_bytes != layout::IMAGE_BYTES {
            let error = BmapError::Field(format!("image has {} bytes: it is another's", map.image_bytes));
            return Err(SourceError::Map { path, error });
        }
        return Ok(Some(map));
    }
    Ok(None)
}

/// The beginning of an image as a disk of its full size: what lies behind cannot be read.
struct Ahead<'a>(&'a [u8]);

impl Disk for Ahead<'_> {
    fn size(&self) -> u64 {
        layout::IMAGE_BYTES
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.0.read_at(offset, buffer)
    }
}

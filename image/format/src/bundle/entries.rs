//! Reads a bundle as it streams by: the small entries whole, the pack piece by piece.

use std::io::{self, Read};

use crate::bundle::container::{BLOCK, ContainerError, Heading};

/// A bundle that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntriesError {
    /// The stream broke off, or its source failed.
    #[error("the bundle broke off: {0}")]
    Io(#[from] io::Error),
    /// Not a bundle.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It ends too early.
    #[error("the bundle ends before {0}")]
    Ends(&'static str),
    /// An entry that is too long.
    #[error("{name} has {bytes} bytes; a bundle's has at most {most}")]
    TooLong {
        /// The entry.
        name: String,
        /// Its length.
        bytes: u64,
        /// What is allowed.
        most: u64,
    },
}

/// The entries of a stream.
pub struct Entries<R> {
    source: R,
    /// Bytes of the entry before, with its padding, that nobody has read.
    rest: u64,
}

impl<R: Read> Entries<R> {
    /// Those of `source`, which begins with the first header.
    pub fn new(source: R) -> Self {
        Self { source, rest: 0 }
    }

    /// The next entry's heading; none at the end. What is left of the entry before is passed over.
    ///
    /// # Errors
    /// When the stream breaks off or holds something else.
    pub fn advance(&mut self) -> Result<Option<Heading>, EntriesError> {
        let passed = io::copy(&mut Read::by_ref(&mut self.source).take(self.rest), &mut io::sink())?;
        if passed < self.rest {
            return Err(EntriesError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block)?;
        let heading = Heading::decode(&block)?;
        self.rest = heading.as_ref().map_or(0, |heading| heading.bytes + heading.padding());
        Ok(heading)
    }

    /// The whole contents behind `heading`, which [`Self::advance`] has just given.
    ///
    /// # Errors
    /// When they have more than `most` bytes, or the stream breaks off.
    pub fn whole(&mut self, heading: &Heading, most: u64) -> Result<Vec<u8>, EntriesError> {
        if heading.bytes > most {
            return Err(EntriesError::TooLong { name: heading.name.clone(), bytes: heading.bytes, most });
        }
        let mut bytes = vec![0; usize::try_from(heading.bytes).map_err(io::Error::other)?];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The contents of the entry, up to its end.
impl<R: Read> Read for Entries<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = Read::by_ref(&mut self.source).take(self.rest).read(buffer)?;
        self.rest -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, contents) in entries {
            let heading = Heading { name: (*name).to_owned(), bytes: contents.len() as u64 };
            bytes.extend(heading.encode().unwrap());
            bytes.extend(*contents);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.extend([0; 2 * BLOCK]);
        bytes
    }

    #[test]
    fn entries_come_one_after_the_other_read_or_not() {
        let long = vec![7; 2000];
        let bytes = archive(&[("a", b"first"), ("b", &long), ("c", b""), ("d", b"last")]);
        let mut entries = Entries::new(&bytes[..]);
        let a = entries.advance().unwrap().unwrap();
        assert_eq!(entries.whole(&a, 5).unwrap(), b"first");
        let b = entries.advance().unwrap().unwrap();
        let mut some = [0; 100];
        entries.read_exact(&mut some).unwrap();
        assert_eq!((b.bytes, some), (2000, [7; 100]));
        assert_eq!(entries.advance().unwrap().unwrap().name, "c");
        let d = entries.advance().unwrap().unwrap();
        assert!(matches!(entries.whole(&d, 3), Err(EntriesError::TooLong { .. })));
        assert_eq!(entries.advance().unwrap(), None);
    }

    #[test]
    fn wherever_it_breaks_off_it_is_said() {
        let bytes = archive(&[("a", b"first"), ("b", b"second")]);
        for length in 0..bytes.len() - BLOCK {
            let mut entries = Entries::new(&bytes[..length]);
            let mut read = || -> Result<(), EntriesError> {
                while let Some(heading) = entries.advance()? {
                    entries.whole(&heading, 100)?;
                }
                Ok(())
            };
            assert!(read().is_err(), "{length}");
        }
    }
}

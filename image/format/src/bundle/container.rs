//! The frame of a bundle's file: headers of a tar archive (POSIX.1-1988 ustar), by the crate `tar`. Only plain files with
//! short names, nothing else that tar can hold: what lies between the headers, the caller streams.

use tar::{EntryType, Header};

/// Length of a header, and of the blocks that contents are padded to, in bytes.
pub const BLOCK: usize = 512;
/// Longest name in bytes: what the oldest field of a header holds.
const LONGEST_NAME: usize = 100;
/// Longest contents in bytes: what eleven octal digits hold.
const LONGEST: u64 = (8 << 30) - 1;

/// What stands in front of an entry's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Name of the entry.
    pub name: String,
    /// Length of its contents in bytes.
    pub bytes: u64,
}

/// A header that no bundle has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// Not a tar header.
    #[error("this is not a bundle, or it is damaged: {0}")]
    Header(String),
    /// A name that a bundle does not use.
    #[error("an entry of a bundle cannot be called {0:?}")]
    Name(String),
}

impl Heading {
    /// The header block.
    ///
    /// # Errors
    /// When the name is too long or leaves the folder.
    pub fn encode(&self) -> Result<[u8; BLOCK], ContainerError> {
        check_name(&self.name)?;
        if self.bytes > LONGEST {
            return Err(ContainerError::Header(format!("{} is longer than {LONGEST} bytes", self.name)));
        }
        let mut header = Header::new_ustar();
        header.set_path(&self.name).map_err(|error| ContainerError::Header(error.to_string()))?;
        header.set_size(self.bytes);
        header.set_mode(0o644);
        header.set_entry_type(EntryType::Regular);
        // The same bytes for the same contents: no owner, no time.
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        Ok(*header.as_bytes())
    }

    /// Reads a header block; none at the end of the archive, which is a block of zeros.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(block: &[u8; BLOCK]) -> Result<Option<Self>, ContainerError> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(block);
        let refuse = |why: &str| ContainerError::Header(why.to_owned());
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
            .sum();
        if header.cksum().ok() != Some(sum) {
            return Err(refuse("the checksum of a header is wrong"));
        }
        if header.as_ustar().is_none() || header.entry_type() != EntryType::Regular {
            return Err(refuse("it holds something else than plain files"));
        }
        let name = header.path_bytes();
        let name = std::str::from_utf8(&name).map_err(|_| refuse("a name is not text"))?.to_owned();
        check_name(&name)?;
        let bytes = header
            .size()
            .ok()
            .filter(|bytes| *bytes <= LONGEST)
            .ok_or_else(|| refuse("a length is no number"))?;
        Ok(Some(Self { name, bytes }))
    }

    /// Zeros behind the contents.
    #[must_use]
    pub const fn padding(&self) -> u64 {
        self.bytes.next_multiple_of(BLOCK as u64) - self.bytes
    }
}

fn check_name(name: &str) -> Result<(), ContainerError> {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if name.len() > LONGEST_NAME || !name.split('/').all(part) {
        return Err(ContainerError::Name(name.chars().take(LONGEST_NAME).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heading(name: &str, bytes: u64) -> Heading {
        Heading { name: name.into(), bytes }
    }

    #[test]
    fn tar_reads_it() {
        let heading = heading("1.4.2/manifest.json", 5);
        let mut archive = heading.encode().unwrap().to_vec();
        archive.extend(b"hello");
        archive.resize(archive.len() + usize::try_from(heading.padding()).unwrap() + 2 * BLOCK, 0);
        let mut reader = tar::Archive::new(&archive[..]);
        let mut entries = reader.entries().unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!((entry.path().unwrap().to_str(), entry.size()), (Some("1.4.2/manifest.json"), 5));
        assert!(entries.next().is_none());
        assert_eq!(Heading::decode(&[0; BLOCK]), Ok(None));
    }

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["", "/etc/passwd", "a/../b", "a//b", ".hidden", "a/.b", "a b", "ä", &"x".repeat(101)] {
            assert!(heading(name, 1).encode().is_err(), "{name}");
        }
    }

    #[test]
    fn other_entries_are_refused() {
        let mut header = Header::new_ustar();
        header.set_path("link").unwrap();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_cksum();
        assert!(Heading::decode(header.as_bytes()).is_err());
        let mut damaged = heading("pack", 7).encode().unwrap();
        damaged[0] ^= 1;
        assert!(Heading::decode(&damaged).is_err());
    }

    proptest! {
        #[test]
        fn comes_back(name in "[a-z0-9_-]{1,20}(/[a-z0-9._-]{1,20}){0,2}", bytes in 0_u64..1 << 33) {
            if let Ok(block) = heading(&name, bytes).encode() {
                let read = Heading::decode(&block).unwrap().unwrap();
                prop_assert_eq!(read.bytes, bytes);
                prop_assert_eq!(read.name, name);
            }
        }

        #[test]
        fn any_block_gets_an_answer(block in prop::collection::vec(any::<u8>(), BLOCK)) {
            prop_assert!(Heading::decode(block.first_chunk().unwrap()).is_err());
        }
    }
}

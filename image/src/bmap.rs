//! Block maps in the format of bmap-tools, version 2.0: which blocks of a sparse image hold data, with a SHA-256 for
//! each run of them. Source of the format: bmap-tools, `bmaptools/BmapCreate.py` and the comment that it writes into
//! every file.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use sha2::{Digest, Sha256};

/// Bytes of a block.
pub const BLOCK: u64 = 4096;
/// Largest file that is read, in bytes. A map of ours has a few dozen runs of about 100 bytes each.
const MAX_BYTES: usize = 4 << 20;
/// Most runs that are read.
const MAX_RUNS: u32 = 32_768;
/// The file's own checksum is computed with this in its place.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A run of blocks that hold data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First byte; a multiple of [`BLOCK`].
    pub offset: u64,
    /// Length in bytes; a multiple of [`BLOCK`] unless the image ends inside its last block.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: [u8; 32],
}

/// Which blocks of an image hold data, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Length of the image in bytes.
    pub image_bytes: u64,
    /// The runs; they neither touch the end of the image nor each other's blocks.
    pub runs: Vec<Run>,
}

/// A block map that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BmapError {
    /// Larger than any map of ours.
    #[error("the block map has {0} bytes; more than {MAX_BYTES} are not read")]
    TooLarge(usize),
    /// Not XML in UTF-8.
    #[error("the block map is not XML: {0}")]
    Xml(String),
    /// Another version, another checksum, or an element that is missing or makes no sense.
    #[error("the block map's {0}")]
    Field(String),
    /// The file's checksum is wrong.
    #[error("the block map was altered: its own checksum does not match")]
    Altered,
    /// A run is empty, out of order or outside the image.
    #[error("the block map's range {0:?} is not a range of ascending blocks inside the image")]
    Range(String),
}

fn field(text: impl Into<String>) -> BmapError {
    BmapError::Field(text.into())
}

impl Map {
    /// Looks at a sparse image: whatever the file system says is data, and the byte ranges `always` whether data or
    /// hole. Name there what must read as zeros on a drive that held something else before: allocation tables, and
    /// everything under a hash tree. The file's position changes.
    ///
    /// # Errors
    /// When the image cannot be read, or its file system does not know holes.
    pub fn of_sparse(image: &File, always: &[Range<u64>]) -> io::Result<Self> {
        let image_bytes = image.metadata()?.len();
        let mut found = data(image)?;
        found.extend(always.iter().cloned());
        let mut runs = Vec::new();
        for Range { start, end } in merge(found, image_bytes) {
            runs.push(Run { offset: start, bytes: end - start, sha256: digest(image, start..end)? });
        }
        Ok(Self { image_bytes, runs })
    }

    /// Bytes in all runs.
    #[must_use]
    pub fn mapped_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes).sum()
    }

    /// The file, as `bmaptool` reads it.
    #[must_use]
    pub fn render(&self) -> String {
        let blocks: u64 = self.runs.iter().map(|run| run.bytes.div_ceil(BLOCK)).sum();
        let mut text = format!(
            "<?xml version=\"1.0\" ?>\n<bmap version=\"2.0\">\n    <ImageSize> {} </ImageSize>\n    \
             <BlockSize> {BLOCK} </BlockSize>\n    <BlocksCount> {} </BlocksCount>\n    \
             <MappedBlocksCount> {blocks} </MappedBlocksCount>\n    <ChecksumType> sha256 </ChecksumType>\n    \
             <BmapFileChecksum> {NO_CHECKSUM} </BmapFileChecksum>\n    <BlockMap>\n",
            self.image_bytes,
            self.image_bytes.div_ceil(BLOCK),
        );
        for run in &self.runs {
            let (first, last) = (run.offset / BLOCK, (run.offset + run.bytes).div_ceil(BLOCK) - 1);
            let span = if first == last { first.to_string() } else { format!("{first}-{last}") };
            let digest = hex::encode(run.sha256);
            // Writing to a String cannot fail.
            writeln!(text, "        <Range chksum=\"{digest}\"> {span} </Range>").unwrap_or_default();
        }
        text.push_str("    </BlockMap>\n</bmap>\n");
        let checksum = hex::encode(Sha256::digest(&text));
        text.replacen(NO_CHECKSUM, &checksum, 1)
    }

    /// Reads a map of version 2 with SHA-256 checksums.
    ///
    /// # Errors
    /// When it is damaged, altered, of another version, or contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, BmapError> {
        if bytes.len() > MAX_BYTES {
            return Err(BmapError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| BmapError::Xml(error.to_string()))?;
        // A run has one element, one text and one blank; the head has some thirty more.
        let options = roxmltree::ParsingOptions {
            nodes_limit: 3 * MAX_RUNS + 64,
            ..roxmltree::ParsingOptions::default()
        };
        let document = roxmltree::Document::parse_with_options(text, options)
            .map_err(|error| BmapError::Xml(error.to_string()))?;
        let root = document.root_element();
        if root.tag_name().name() != "bmap" || root.attribute("version").is_none_or(|v| !v.starts_with("2."))
        {
            return Err(field("version is not 2"));
        }
        if child(root, "ChecksumType")?.1 != "sha256" {
            return Err(field("ChecksumType is not sha256"));
        }
        check_own(text, root)?;
        let image_bytes = number(root, "ImageSize")?;
        let blocks = image_bytes.div_ceil(BLOCK);
        if number(root, "BlockSize")? != BLOCK || number(root, "BlocksCount")? != blocks {
            return Err(field("BlockSize is not 4096, or its BlocksCount does not match"));
        }
        let list = child(root, "BlockMap")?.0.children().filter(roxmltree::Node::is_element);
        let runs = runs(list, image_bytes)?;
        let mapped: u64 = runs.iter().map(|run| run.bytes.div_ceil(BLOCK)).sum();
        if number(root, "MappedBlocksCount")? != mapped {
            return Err(field("MappedBlocksCount does not match its ranges"));
        }
        Ok(Self { image_bytes, runs })
    }
}

/// The byte ranges that the file system says hold data.
///
/// # Errors
/// When it cannot be asked.
pub fn data(image: &File) -> io::Result<Vec<Range<u64>>> {
    let seek = |from: i64, whence| match lseek(image, from, whence) {
        Ok(at) => Ok(Some(at)),
        // No data behind `from`.
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(io::Error::from(errno)),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = seek(at, Whence::SeekData)? {
        let end = seek(start, Whence::SeekHole)?.unwrap_or(start);
        if end <= start {
            break;
        }
        found.push(start.cast_unsigned()..end.cast_unsigned());
        at = end;
    }
    Ok(found)
}

/// Rounds outwards to blocks and joins what touches.
fn merge(mut ranges: Vec<Range<u64>>, image_bytes: u64) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let start = range.start / BLOCK * BLOCK;
        let end = range.end.next_multiple_of(BLOCK).min(image_bytes);
        match merged.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ if start < end => merged.push(start..end),
            _ => {}
        }
    }
    merged
}

fn digest(image: &File, range: Range<u64>) -> io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut at = range.start;
    while at < range.end {
        let length = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(buffer.len());
        image.read_exact_at(&mut buffer[..length], at)?;
        digest.update(&buffer[..length]);
        at += length as u64;
    }
    Ok(digest.finalize().into())
}

type Node<'a, 'text> = roxmltree::Node<'a, 'text>;

/// The only child of this name, and its text without blanks around.
fn child<'a, 'text>(parent: Node<'a, 'text>, name: &str) -> Result<(Node<'a, 'text>, &'a str), BmapError> {
    let mut found = parent.children().filter(|node| node.has_tag_name(name));
    match (found.next(), found.next()) {
        (Some(node), None) => Ok((node, node.text().unwrap_or_default().trim())),
        _ => Err(field(format!("{name} is missing or there twice"))),
    }
}

fn number(parent: Node<'_, '_>, name: &str) -> Result<u64, BmapError> {
    decimal(child(parent, name)?.1).ok_or_else(|| field(format!("{name} is not a number")))
}

/// Plain digits, below 2^63.
fn decimal(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && *number < 1 << 63)
}

/// Compares the file with its own checksum.
fn check_own(text: &str, root: Node<'_, '_>) -> Result<(), BmapError> {
    let (node, stated) = child(root, "BmapFileChecksum")?;
    let place = node.range();
    let element = text.get(place.clone()).unwrap_or_default();
    if stated.len() != NO_CHECKSUM.len() {
        return Err(field("BmapFileChecksum is not a SHA-256"));
    }
    let digest = Sha256::new()
        .chain_update(&text[..place.start])
        .chain_update(element.replacen(stated, NO_CHECKSUM, 1))
        .chain_update(&text[place.end..])
        .finalize();
    if hex::encode(digest) == stated { Ok(()) } else { Err(BmapError::Altered) }
}

fn runs<'a, 'text: 'a>(
    list: impl Iterator<Item = Node<'a, 'text>>,
    image_bytes: u64,
) -> Result<Vec<Run>, BmapError> {
    let mut runs: Vec<Run> = Vec::new();
    for node in list {
        let text = node.text().unwrap_or_default().trim();
        let refuse = || BmapError::Range(text.chars().take(40).collect());
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = decimal(first).zip(decimal(last)).ok_or_else(refuse)?;
        let sum = node.attribute("chksum").unwrap_or_default();
        let mut sha256 = [0; 32];
        hex::decode_to_slice(sum, &mut sha256).map_err(|_| refuse())?;
        let behind = runs.last().map_or(0, |run| run.offset + run.bytes);
        let blocks = image_bytes.div_ceil(BLOCK);
        if !node.has_tag_name("Range") || last < first || last >= blocks || first < behind.div_ceil(BLOCK) {
            return Err(refuse());
        }
        let end = ((last + 1) * BLOCK).min(image_bytes);
        runs.push(Run { offset: first * BLOCK, bytes: end - first * BLOCK, sha256 });
    }
    Ok(runs)
}

#[cfg(test)]
#[path = "bmap_tests.rs"]
mod tests;

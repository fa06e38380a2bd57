//! The system partition: EROFS, and the hash tree over it.

use std::fs::File;
use std::path::Path;

use tayberry_format::verity::{self, Tree as HashTree};

use crate::build::tree::{Tree, threads};
use crate::build::{BuildError, at};
use crate::tools::{Tools, execute};

/// Compression: LZ4 is the fastest to read on the device; level 9 and clusters of 64 KiB cost the builder seconds.
const COMPRESSION: &str = "lz4hc,9";
const CLUSTER: &str = "65536";
/// UUID of every system partition: slots are never told apart by it.
const UUID: &str = "7a79626d-7272-4179-8000-000000000001";

/// Makes the file system of `tree` at `output`. Everything belongs to root, and is as old as the archive's signed date.
///
/// # Errors
/// With the tool's own words.
pub fn build(tree: &Tree, tools: &Tools, output: &Path, epoch: i64) -> Result<(), BuildError> {
    let mut command = tools.command("mkfs.erofs");
    command
        .arg(format!("-z{COMPRESSION}"))
        .arg(format!("-C{CLUSTER}"))
        .arg(format!("-T{epoch}"))
        .arg(format!("-U{UUID}"))
        .args(["--all-root", "--quiet"])
        .arg(format!("--workers={}", threads()))
        .arg(output)
        .arg(&tree.root);
    execute(&mut command)?;
    Ok(())
}

/// The hash tree over a finished file system.
///
/// # Errors
/// When it cannot be read, or is larger than a system partition.
pub fn hash(image: &Path) -> Result<HashTree, BuildError> {
    let file = File::open(image).map_err(at(image))?;
    Ok(verity::build(std::io::BufReader::with_capacity(1 << 20, file))?)
}

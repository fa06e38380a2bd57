//! Makes a bundle of an image: cut, described, signed, and put into one file.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tayberry_format::bundle::container::{BLOCK, Heading};
use tayberry_format::bundle::manifest::{BOARD, Compatible, Content, FORMAT, LAYOUT, Manifest};
use tayberry_format::bundle::version::Version;
use tayberry_format::bundle::{index_name, manifest_name, pack_name};
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::files::Whole;
use crate::publish::cut::{self, Cut};
use crate::publish::keys::Passphrase;
use crate::publish::signing::{self, Signing};
use crate::publish::{PublishError, at};
use crate::ui::Ui;

/// Signatures of a bundle are good for so many days: it may lie on a stick for long. A pull is held to those of the
/// repository, which are shorter.
const DAYS: u32 = 3650;

/// What is known of the version beside its bytes.
pub struct Described<'a> {
    /// Name of the appliance.
    pub name: &'a str,
    /// Its version.
    pub version: Version,
    /// The signed date of the packages.
    pub epoch: i64,
    /// Page size of the kernel in bytes.
    pub page_size: u32,
    /// Earliest build of the boot firmware, in seconds since 1970.
    pub firmware: i64,
    /// Root hash of the system partition.
    pub root_hash: RootHash,
    /// The formats in which its stack keeps data, and their versions.
    pub data_formats: std::collections::BTreeMap<String, u32>,
    /// What is new, by language.
    pub notes: std::collections::BTreeMap<String, String>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The bundle.
    pub bundle: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// The version.
    pub version: Version,
    /// Root hash of its system partition.
    pub root_hash: RootHash,
    /// Chunks.
    pub chunks: usize,
}

/// Makes the bundle of the raw image `disk` at `target`. `image` names it in messages.
///
/// # Errors
/// When the image cannot be published, a key cannot be opened, or the file cannot be written.
pub fn make(
    disk: &mut File,
    image: &Path,
    described: Described<'_>,
    keys: (&Path, &Passphrase),
    target: &Path,
    ui: Ui,
) -> Result<Written, PublishError> {
    let signed = Signing::new(keys.0, keys.1)?;
    let mut pack = tempfile::tempfile().map_err(at("the pack"))?;
    let stage = ui.stage("cut", None);
    let Cut { index, data_blocks } = cut::cut(disk, image, &mut BufWriter::new(&mut pack), &stage)?;
    let chunks = index.chunks().count();
    stage.finish(&format!("{chunks} chunks"));
    let boot_files = tayberry_firmware::digests(&*disk, Slot::A.boot_partition())
        .map_err(|error| PublishError::Slot { image: image.to_owned(), why: error.to_string() })?;
    let encoded = index.encode();
    let manifest = Manifest {
        format: FORMAT,
        name: described.name.to_owned(),
        version: described.version.clone(),
        epoch: described.epoch,
        compatible: Compatible {
            board: BOARD.into(),
            layout: LAYOUT,
            firmware: described.firmware,
            page_size: described.page_size,
            data_formats: described.data_formats,
        },
        root_hash: described.root_hash,
        data_blocks,
        index: Content::of(&encoded),
        pack_bytes: index.pack_bytes(),
        boot_files,
        notes: described.notes,
    };
    let bytes = manifest.encode()?;
    let version = &described.version;
    let named = (manifest_name(version), signing::target(&bytes));
    let mut entries = signed.metadata(vec![named], signing::version(0), DAYS)?;
    entries.push((manifest_name(version), bytes));
    entries.push((index_name(version), encoded));

    let mut whole = Whole::begin(target).map_err(at(target))?;
    let mut out = BufWriter::new(whole.file());
    for (name, bytes) in &entries {
        entry(&mut out, name, bytes.len() as u64, &mut &bytes[..], target)?;
    }
    pack.rewind().map_err(at("the pack"))?;
    entry(&mut out, &pack_name(version), index.pack_bytes(), &mut pack, target)?;
    out.write_all(&[0; 2 * BLOCK]).and_then(|()| out.flush()).map_err(at(target))?;
    drop(out);
    whole.finish().map_err(at(target))?;
    let bytes = std::fs::metadata(target).map_err(at(target))?.len();
    Ok(Written {
        bundle: target.to_owned(),
        bytes,
        version: described.version,
        root_hash: described.root_hash,
        chunks,
    })
}

/// One entry of the archive.
fn entry(
    out: &mut impl Write,
    name: &str,
    bytes: u64,
    contents: &mut impl std::io::Read,
    target: &Path,
) -> Result<(), PublishError> {
    let heading = Heading { name: name.to_owned(), bytes };
    out.write_all(&heading.encode()?).map_err(at(target))?;
    std::io::copy(contents, out).map_err(at(target))?;
    let padding = usize::try_from(heading.padding()).unwrap_or_default();
    out.write_all(&[0; BLOCK][..padding]).map_err(at(target))
}

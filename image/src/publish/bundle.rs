//! Makes a bundle of an image: cut, described, signed, and put into one file.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tayberry_format::bundle::container::{BLOCK, Heading};
use tayberry_format::bundle::manifest::{BOARD, Compatible, Content, FORMAT, LAYOUT, Manifest};
use tayberry_format::bundle::version::Version;
use tayberry_format::bundle::{index_name, manifest_name, pack_name};
use tayberry_format::verity::RootHash;
use tough::editor::RepositoryEditor;
use tough::key_source::KeySource;
use tough::schema::Target;

use crate::files::Whole;
use crate::publish::cut::{self, Cut};
use crate::publish::keys::{KeyFile, Passphrase};
use crate::publish::{PublishError, at, block_on, root, tuf};
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
            data_formats: std::collections::BTreeMap::new(),
        },
        root_hash: described.root_hash,
        data_blocks,
        index: Content::of(&encoded),
        pack_bytes: index.pack_bytes(),
        notes: described.notes,
    };
    let bytes = manifest.encode()?;
    let version = &described.version;
    let mut entries = signed.metadata(&manifest_name(version), &bytes)?;
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

/// Keys and roots that sign a version.
struct Signing {
    folder: PathBuf,
    keys: Vec<Box<dyn KeySource>>,
}

impl Signing {
    /// Opens each key once, so that a wrong passphrase shows before the work.
    fn new(folder: &Path, passphrase: &Passphrase) -> Result<Self, PublishError> {
        root::read(folder)?;
        let mut keys: Vec<Box<dyn KeySource>> = Vec::new();
        for role in ["targets", "snapshot", "timestamp"] {
            let file = KeyFile::of(folder, role, passphrase);
            file.open()?;
            keys.push(Box::new(file));
        }
        Ok(Self { folder: folder.to_owned(), keys })
    }

    /// The metadata for one target: names and bytes, as a repository would serve them. Versions are seconds since 1970, so
    /// that they rise without a memory of what was signed before.
    fn metadata(&self, name: &str, contents: &[u8]) -> Result<Vec<(String, Vec<u8>)>, PublishError> {
        let out = tempfile::tempdir().map_err(at("the metadata"))?;
        block_on(self.sign(name, contents, out.path()))??;
        let mut files = self.roots()?;
        let mut names: Vec<String> = Vec::new();
        for file in std::fs::read_dir(out.path()).map_err(at(out.path()))? {
            names.push(file.map_err(at(out.path()))?.file_name().to_string_lossy().into_owned());
        }
        // The order in which they are read; roots are there already.
        let place =
            |name: &String| ["timestamp", "snapshot", "targets"].iter().position(|role| name.contains(role));
        names.retain(|name| place(name).is_some());
        names.sort_by_key(place);
        for name in names {
            let path = out.path().join(&name);
            files.push((name, std::fs::read(&path).map_err(at(&path))?));
        }
        Ok(files)
    }

    async fn sign(&self, name: &str, contents: &[u8], out: &Path) -> Result<(), PublishError> {
        let mut editor = RepositoryEditor::new(self.folder.join(root::FILE))
            .await
            .map_err(tuf("the root cannot be used"))?;
        let now = u64::try_from(jiff::Timestamp::now().as_second()).ok().and_then(NonZeroU64::new);
        let (version, expires) = (now.unwrap_or(NonZeroU64::MIN), root::in_days(DAYS));
        let what = "the version cannot be signed";
        let target = target(contents);
        editor.targets_version(version).map_err(tuf(what))?;
        editor.targets_expires(expires).map_err(tuf(what))?;
        editor.snapshot_version(version).snapshot_expires(expires);
        editor.timestamp_version(version).timestamp_expires(expires);
        editor.add_target(name, target).map_err(tuf(what))?;
        let signed = editor.sign(&self.keys).await.map_err(tuf(what))?;
        signed.write(out).await.map_err(tuf(what))
    }

    /// All roots, oldest first: a device follows them from the one that it knows.
    fn roots(&self) -> Result<Vec<(String, Vec<u8>)>, PublishError> {
        let last = root::read(&self.folder)?.signed.version.get();
        let mut files = Vec::new();
        for number in 1..=last {
            let name = format!("{number}.{}", root::FILE);
            let path = self.folder.join(&name);
            files.push((name, std::fs::read(&path).map_err(at(&path))?));
        }
        Ok(files)
    }
}

fn target(contents: &[u8]) -> Target {
    use sha2::{Digest, Sha256};
    Target {
        length: contents.len() as u64,
        hashes: tough::schema::Hashes {
            sha256: Sha256::digest(contents).to_vec().into(),
            _extra: std::collections::HashMap::new(),
        },
        custom: std::collections::HashMap::new(),
        _extra: std::collections::HashMap::new(),
    }
}

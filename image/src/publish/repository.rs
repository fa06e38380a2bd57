//! A repository of updates: a folder of static files that any web server serves. `metadata/` is what The Update Framework
//! signs, `targets/` holds manifests, indexes, packs and the list of channels. What was published once never changes its name
//! or its bytes; a reader sees a new version when `timestamp.json` is replaced, which is done last and at once.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tayberry_format::bundle::channels::{self, Channels, Release};
use tayberry_format::bundle::chunks::ChunkId;
use tayberry_format::bundle::entries::Entries;
use tayberry_format::bundle::index::Index;
use tayberry_format::bundle::manifest::{Content, Manifest};
use tayberry_format::bundle::version::Version;
use tayberry_format::bundle::{index, index_name, manifest_name, pack_name};
use tayberry_format::owner::Channel;
use tough::schema::Target;
use tough::{ExpirationEnforcement, Repository, RepositoryLoader, TargetName};
use url::Url;

use crate::files::{Whole, write_whole};
use crate::publish::keys::Passphrase;
use crate::publish::signing::{self, Signing};
use crate::publish::{PublishError, at, block_on, root, tuf};
use crate::ui::Stage;

/// The file that a reader begins with.
const FIRST: &str = "timestamp.json";

/// What is to be published.
pub struct Offer<'a> {
    /// The bundle.
    pub bundle: &'a Path,
    /// The channel that offers it.
    pub channel: Channel,
    /// The oldest version that may take it in one step.
    pub from: Option<Version>,
}

/// What was published.
#[derive(Debug, Serialize)]
pub struct Published {
    /// The folder.
    pub repository: PathBuf,
    /// The version; none when only the signatures were renewed.
    pub version: Option<Version>,
    /// When the signatures expire.
    pub expires: String,
    /// All channels.
    pub channels: Channels,
}

/// Adds a version to the repository in `folder`, or renews its signatures alone.
///
/// # Errors
/// When the bundle or the repository is damaged, a key cannot be opened, or a file cannot be written.
pub fn publish(
    folder: &Path,
    offer: Option<Offer<'_>>,
    keys: (&Path, &Passphrase),
    days: u32,
    stage: &Stage,
) -> Result<Published, PublishError> {
    let signing = Signing::new(keys.0, keys.1)?;
    for part in ["metadata", "targets"] {
        let path = folder.join(part);
        std::fs::create_dir_all(&path).map_err(at(&path))?;
    }
    let held = Held::read(folder, keys.0)?;
    let mut targets: Vec<(String, Target)> = held.targets;
    let mut channels = held.channels;
    let mut version = None;
    if let Some(offer) = offer {
        let manifest = unpack(folder, &offer, stage)?;
        let bytes = manifest.encode()?;
        let name = manifest_name(&manifest.version);
        add(folder, &mut targets, &name, &bytes)?;
        let release = Release { version: manifest.version.clone(), from: offer.from };
        channels.offer(offer.channel, release);
        version = Some(manifest.version);
    }
    add(folder, &mut targets, channels::FILE, &channels.encode()?)?;
    let mut files = signing.metadata(targets, signing::version(held.version), days)?;
    // The file that leads to the others is the last.
    files.sort_by_key(|(name, _)| name == FIRST);
    for (name, bytes) in files {
        let path = folder.join("metadata").join(name);
        write_whole(&path, &bytes).map_err(at(&path))?;
    }
    let expires = root::in_days(days).strftime("%F").to_string();
    Ok(Published { repository: folder.to_owned(), version, expires, channels })
}

/// Names a target, and writes it under the name that its hash gives it.
fn add(
    folder: &Path,
    targets: &mut Vec<(String, Target)>,
    name: &str,
    bytes: &[u8],
) -> Result<(), PublishError> {
    let target = signing::target(bytes);
    let path = folder.join("targets").join(format!("{}.{name}", hex::encode(&target.hashes.sha256)));
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(at(parent))?;
    write_whole(&path, bytes).map_err(at(&path))?;
    targets.retain(|(other, _)| other != name);
    targets.push((name.to_owned(), target));
    Ok(())
}

/// What a repository holds already. Nothing is signed anew that these keys have not signed before: who can write to the web
/// server cannot have a version of theirs signed.
#[derive(Default)]
struct Held {
    targets: Vec<(String, Target)>,
    channels: Channels,
    /// Of its metadata; 0 for an empty folder.
    version: u64,
}

impl Held {
    fn read(folder: &Path, keys: &Path) -> Result<Self, PublishError> {
        if !folder.join("metadata").join(FIRST).exists() {
            return Ok(Self::default());
        }
        block_on(Self::load(folder, keys))?
    }

    async fn load(folder: &Path, keys: &Path) -> Result<Self, PublishError> {
        let what = tuf("the repository was not signed with these keys, or is damaged");
        let path = keys.join(root::FILE);
        let root = std::fs::read(&path).map_err(at(&path))?;
        let folder = folder.canonicalize().map_err(at(folder))?;
        let base = |part: &str| {
            let path = folder.join(part);
            Url::from_directory_path(&path).map_err(|()| at(&path)(std::io::ErrorKind::InvalidInput.into()))
        };
        let loader = RepositoryLoader::new(&root, base("metadata")?, base("targets")?)
            .expiration_enforcement(ExpirationEnforcement::Unsafe);
        let repository = loader.load().await.map_err(what)?;
        let signed = &repository.targets().signed;
        let targets = signed.targets.iter().map(|(name, target)| (name.raw().to_owned(), target.clone()));
        Ok(Self {
            targets: targets.collect(),
            channels: read_channels(&repository).await?,
            version: signed.version.get(),
        })
    }
}

async fn read_channels(repository: &Repository) -> Result<Channels, PublishError> {
    use tough::IntoVec;
    let what = || tuf("the list of channels cannot be read");
    let name = TargetName::new(channels::FILE).map_err(what())?;
    match repository.read_target(&name).await.map_err(what())? {
        Some(read) => Ok(Channels::decode(&read.into_vec().await.map_err(what())?)?),
        None => Ok(Channels::default()),
    }
}

/// What stands in for a database is for trying out alone.
fn not_for_everybody(manifest: &Manifest, channel: &Channel) -> Result<(), String> {
    match manifest.compatible.stand_in().filter(|_| *channel == Channel::default()) {
        None => Ok(()),
        Some(name) => Err(format!(
            "it has {name} in the place of a database, which is for trying out alone: build it with --database official, or \
             publish it to another channel"
        )),
    }
}

/// Puts index and pack of a bundle into the repository; each chunk is looked at on the way.
fn unpack(folder: &Path, offer: &Offer<'_>, stage: &Stage) -> Result<Manifest, PublishError> {
    let bundle = offer.bundle;
    let damaged = |why: String| PublishError::Bundle { bundle: bundle.to_owned(), why };
    let mut entries = Entries::new(BufReader::new(File::open(bundle).map_err(at(bundle))?));
    let (mut manifest, mut index) = (None, None);
    loop {
        let heading = entries.advance().map_err(|error| damaged(error.to_string()))?;
        let heading = heading.ok_or_else(|| damaged("it has no pack".to_owned()))?;
        if heading.name.ends_with("/pack") {
            break;
        }
        let bytes = entries.whole(&heading, index::MAX_BYTES).map_err(|error| damaged(error.to_string()))?;
        if heading.name.ends_with("/manifest.json") {
            manifest = Some(Manifest::decode(&bytes)?);
        } else if heading.name.ends_with("/index") {
            index = Some(bytes);
        }
    }
    let manifest = manifest.ok_or_else(|| damaged("it has no manifest".to_owned()))?;
    not_for_everybody(&manifest, &offer.channel).map_err(&damaged)?;
    let index = index.filter(|bytes| Content::of(bytes) == manifest.index);
    let encoded = index.ok_or_else(|| damaged("its index is missing or damaged".to_owned()))?;
    let index = Index::decode(&encoded).map_err(|error| damaged(error.to_string()))?;
    let targets = folder.join("targets");
    let place = targets.join(index_name(&manifest.version));
    let parent = place.parent().unwrap_or(&targets);
    match std::fs::read(&place) {
        Ok(held) if held != encoded => {
            return Err(damaged(format!(
                "version {} is published already, with other contents: publish another version",
                manifest.version
            )));
        }
        _ => std::fs::create_dir_all(parent).map_err(at(parent))?,
    }
    let pack = targets.join(pack_name(&manifest.version));
    let mut whole = Whole::begin(&pack).map_err(at(&pack))?;
    let mut out = BufWriter::new(whole.file());
    // What came before lies in the pack once.
    for chunk in index.chunks().filter(|chunk| chunk.stored > 0) {
        let mut stored = vec![0; chunk.stored as usize];
        entries.read_exact(&mut stored).map_err(at(bundle))?;
        let plain = if chunk.stored == chunk.bytes {
            stored.clone()
        } else {
            zstd::bulk::decompress(&stored, chunk.bytes as usize).map_err(at(bundle))?
        };
        if ChunkId::of(&plain) != chunk.id {
            return Err(damaged("a chunk of its pack is damaged".to_owned()));
        }
        out.write_all(&stored).map_err(at(&pack))?;
        stage.add(u64::from(chunk.stored));
    }
    out.flush().map_err(at(&pack))?;
    drop(out);
    whole.finish().map_err(at(&pack))?;
    write_whole(&place, &encoded).map_err(at(&place))?;
    Ok(manifest)
}

//! Keys and bundles, made by the program and read as a device reads them: through the framework, down to the last byte.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use async_trait::async_trait;
use tayberry_format::bundle::chunks::ChunkId;
use tayberry_format::bundle::container::{BLOCK, Heading};
use tayberry_format::bundle::index::{Index, Part};
use tayberry_format::bundle::manifest::{Content, Manifest};
use tayberry_format::bundle::{index_name, manifest_name, pack_name};
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot;
use tayberry_format::{table, verity};
use tough::{RepositoryLoader, Transport, TransportError, TransportErrorKind, TransportStream};
use url::Url;

use crate::common::made_up::MadeUp;
use crate::common::program;

/// A folder with a build, and its keys.
struct Bench {
    folder: tempfile::TempDir,
    image: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let made = MadeUp::new(folder.path());
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let image = out.join("shed-1.2.3.img");
        made.write_disk(&image);
        let built = serde_json::json!({
            "name": "shed", "version": "1.2.3", "epoch": 1, "kernel": { "page_size": 4096 },
            "root_hash": made.hash_tree.root,
        });
        std::fs::write(out.join("manifest.json"), built.to_string()).unwrap();
        std::fs::write(folder.path().join("passphrase"), "correct horse battery\n").unwrap();
        Self { image, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str], passphrase: &str) -> Output {
        program().args(words).arg("--passphrase-file").arg(self.path(passphrase)).output().unwrap()
    }

    fn init(&self, options: &[&str]) -> Output {
        let keys = self.path("keys");
        self.run(&[&["keys", "init", keys.to_str().unwrap()], options].concat(), "passphrase")
    }

    fn bundle(&self, passphrase: &str) -> Output {
        let (image, keys) = (self.image.to_str().unwrap(), self.path("keys"));
        self.run(&["bundle", image, "--keys", keys.to_str().unwrap()], passphrase)
    }

    /// The bundle that was made.
    fn made(&self) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.path("out")).unwrap().map(|entry| entry.unwrap().path());
        files.into_iter().find(|path| path.extension().is_some_and(|suffix| suffix == "tayberry"))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The entries of a bundle, in their order.
fn entries(path: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap();
    let (mut entries, mut rest) = (Vec::new(), &bytes[..]);
    while let Some(heading) = Heading::decode(rest.first_chunk::<BLOCK>().unwrap()).unwrap() {
        let length = usize::try_from(heading.bytes).unwrap();
        let contents = rest[BLOCK..BLOCK + length].to_vec();
        rest = &rest[BLOCK + length + usize::try_from(heading.padding()).unwrap()..];
        entries.push((heading.name, contents));
    }
    entries
}

/// Serves a bundle's entries as a repository would.
#[derive(Debug, Clone)]
struct Entries(BTreeMap<String, Vec<u8>>);

#[async_trait]
impl Transport for Entries {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let name = url.path().trim_start_matches('/');
        let missing = || TransportError::new(TransportErrorKind::FileNotFound, url.as_str());
        // Of a target's name, what is behind the hash that consistent snapshots put in front.
        let name = name.rsplit_once('.').filter(|(_, end)| end.len() == 64).map_or(name, |(name, _)| name);
        let bytes = self.0.get(name).cloned().ok_or_else(missing)?;
        Ok(Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes.into())))))
    }
}

fn base() -> Url {
    Url::parse("bundle:///").unwrap()
}

/// The manifest's bytes, as far as `root` vouches for them.
async fn trusted(root: &[u8], entries: &Entries, name: &str) -> Result<Vec<u8>, String> {
    let loader = RepositoryLoader::new(&root, base(), base()).transport(entries.clone());
    let repository = loader.load().await.map_err(|error| error.to_string())?;
    let target = repository.targets().signed.targets.get(&name.try_into().unwrap());
    let digest = target.ok_or("no such target")?.hashes.sha256.to_vec();
    let bytes = entries.0[name].clone();
    (hex::encode(digest) == Content::of(&bytes).sha256).then_some(bytes).ok_or_else(|| "another hash".into())
}

#[tokio::test]
async fn a_device_gets_the_slot_byte_by_byte() {
    let bench = Bench::new();
    assert!(bench.init(&["--root-keys", "2", "--threshold", "2"]).status.success());
    let output = bench.bundle("passphrase");
    assert!(output.status.success(), "{}", said(&output));
    let list = entries(&bench.made().unwrap());
    let version = "1.2.3".parse().unwrap();
    let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], names[1]), ("1.root.json", "timestamp.json"));
    assert!(names[2].ends_with(".snapshot.json") && names[3].ends_with(".targets.json"), "{names:?}");
    assert_eq!(names[4..], [manifest_name(&version), index_name(&version), pack_name(&version)]);

    let entries = Entries(list.into_iter().collect());
    let root = std::fs::read(bench.path("keys/root.json")).unwrap();
    let manifest = trusted(&root, &entries, &manifest_name(&version)).await.unwrap();
    let manifest = Manifest::decode(&manifest).unwrap();
    let index = &entries.0[&index_name(&version)];
    assert_eq!(manifest.index, Content::of(index));
    let index = Index::decode(index).unwrap();
    let pack = &entries.0[&pack_name(&version)];
    assert_eq!((pack.len() as u64, manifest.pack_bytes), (index.pack_bytes(), index.pack_bytes()));

    // Written to slot B of a drive that held something else.
    let drive = File::options().read(true).write(true).create_new(true).open(bench.path("drive")).unwrap();
    drive.set_len(layout::IMAGE_BYTES).unwrap();
    table::write_image(&mut &drive, b"test").unwrap();
    let boot = layout::boot(Slot::B);
    drive.write_all_at(&vec![0xee; usize::try_from(boot.bytes).unwrap()], boot.start).unwrap();
    for placed in index.placed() {
        let (entry, from) = (placed.entry, usize::try_from(placed.pack).unwrap());
        let stored = &pack[from..from + entry.stored as usize];
        let plain = if entry.stored == entry.bytes {
            stored.to_vec()
        } else {
            zstd::bulk::decompress(stored, entry.bytes as usize).unwrap()
        };
        assert_eq!((ChunkId::of(&plain), plain.len()), (entry.id, entry.bytes as usize));
        drive.write_all_at(&plain, placed.part.of(Slot::B).start + placed.offset).unwrap();
    }
    let repeated = index.placed().iter().filter(|placed| placed.repeats.is_some()).count();
    assert!(repeated > 10, "the kernel of rescue is sent once: {repeated}");
    let first = index.regions.last().unwrap();
    assert_eq!((first.part, first.offset), (Part::Boot, 0), "what makes it bootable comes last");

    let system = layout::system(Slot::B);
    let read = |start: u64, bytes: u64| {
        let mut buffer = vec![0; usize::try_from(bytes).unwrap()];
        drive.read_exact_at(&mut buffer, start).unwrap();
        buffer
    };
    let data = read(system.start, manifest.data_blocks * 4096);
    let area = read(system.start + HASH_OFFSET, 64 << 10);
    assert_eq!(verity::verify(&data[..], &area, manifest.root_hash).unwrap(), manifest.data_blocks);
    let files = tayberry_firmware::list(&drive, boot.number).unwrap();
    assert!(files.iter().any(|(name, _)| name == "kernel_2712.img"), "{files:?}");
    let kernel = |path| tayberry_firmware::read(&drive, boot.number, path, 16 << 20).unwrap();
    assert!(kernel("kernel_2712.img") == kernel("rescue/kernel_2712.img"));
}

#[tokio::test]
async fn other_keys_vouch_for_nothing() {
    let bench = Bench::new();
    assert!(bench.init(&[]).status.success());
    assert!(bench.bundle("passphrase").status.success());
    let entries = Entries(entries(&bench.made().unwrap()).into_iter().collect());
    let other = Bench::new();
    assert!(other.init(&[]).status.success());
    let root = std::fs::read(other.path("keys/root.json")).unwrap();
    assert!(trusted(&root, &entries, "1.2.3/manifest.json").await.is_err());

    let root = std::fs::read(bench.path("keys/root.json")).unwrap();
    trusted(&root, &entries, "1.2.3/manifest.json").await.unwrap();
    for (name, bytes) in
        entries.0.iter().filter(|(name, _)| !name.ends_with("index") && !name.ends_with("pack"))
    {
        if name == "1.root.json" {
            continue;
        }
        let mut damaged = entries.clone();
        let at = bytes.len() / 2;
        damaged.0.get_mut(name).unwrap()[at] ^= 1;
        assert!(trusted(&root, &damaged, "1.2.3/manifest.json").await.is_err(), "{name}");
    }
}

#[test]
fn mistakes_get_a_sentence_and_change_nothing() {
    let bench = Bench::new();
    std::fs::write(bench.path("short"), "short\n").unwrap();
    std::fs::write(bench.path("other"), "another passphrase\n").unwrap();
    let keys = bench.path("keys");
    let refused = bench.init(&["--root-keys", "1", "--threshold", "2"]);
    assert!(said(&refused).contains("threshold must be 1 to the number of keys"), "{}", said(&refused));
    let refused = bench.run(&["keys", "init", keys.to_str().unwrap()], "short");
    assert!(said(&refused).contains("at least 10 characters"), "{}", said(&refused));
    assert!(!keys.exists());

    assert!(bench.init(&[]).status.success());
    let before = std::fs::read(keys.join("targets.pem")).unwrap();
    assert_eq!(std::fs::metadata(keys.join("targets.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(said(&bench.init(&[])).contains("never replaced"));
    assert_eq!(std::fs::read(keys.join("targets.pem")).unwrap(), before);

    let refused = bench.bundle("other");
    assert!(said(&refused).contains("the passphrase is another one"), "{}", said(&refused));
    std::fs::write(keys.join("targets.signer.toml"), "command = ['false']\npublic = 'xyz'\n").unwrap();
    assert!(said(&bench.bundle("passphrase")).contains("64 hexadecimal digits"));
    assert_eq!(bench.made(), None);
}

/// A key that a program holds, here OpenSSL; the root names it.
#[tokio::test]
async fn a_program_may_sign() {
    let bench = Bench::new();
    assert!(bench.init(&[]).status.success());
    let keys = bench.path("keys");
    // The same key, decrypted, where only the program sees it.
    let plain = bench.path("token.pem");
    let opened = std::process::Command::new("openssl")
        .args(["pkcs8", "-in"])
        .arg(keys.join("timestamp.pem"))
        .arg("-out")
        .arg(&plain)
        .arg("-passin")
        .arg(format!("file:{}", bench.path("passphrase").display()))
        .status()
        .unwrap();
    assert!(opened.success(), "openssl reads the key files");
    let public = std::process::Command::new("openssl")
        .args(["pkey", "-pubout", "-outform", "DER", "-in"])
        .arg(&plain)
        .output()
        .unwrap();
    let public = hex::encode(&public.stdout[public.stdout.len() - 32..]);
    let script = bench.path("sign");
    let text = format!(
        "#!/bin/sh\nin=$(mktemp)\ncat >$in\nopenssl pkeyutl -sign -rawin -inkey {} -in $in\nrm $in\n",
        plain.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_file(keys.join("timestamp.pem")).unwrap();
    let signer = format!("command = ['{}']\npublic = '{public}'\n", script.display());
    std::fs::write(keys.join("timestamp.signer.toml"), signer).unwrap();
    let output = bench.bundle("passphrase");
    assert!(output.status.success(), "{}", said(&output));
    let entries = Entries(entries(&bench.made().unwrap()).into_iter().collect());
    let root = std::fs::read(keys.join("root.json")).unwrap();
    trusted(&root, &entries, "1.2.3/manifest.json").await.unwrap();
}

/// Whoever knows the first root follows to the keys that replaced it, also where two holders must sign.
#[tokio::test]
async fn devices_follow_when_keys_are_replaced() {
    let bench = Bench::new();
    assert!(bench.init(&["--root-keys", "3", "--threshold", "2"]).status.success());
    let keys = bench.path("keys");
    let first = std::fs::read(keys.join("root.json")).unwrap();
    let words =
        |words: &[&str]| bench.run(&[&["keys"], words, &[keys.to_str().unwrap()]].concat(), "passphrase");
    // The other holders' keys are elsewhere.
    let away = bench.path("away");
    std::fs::create_dir(&away).unwrap();
    for name in ["root-2.pem", "root-3.pem"] {
        std::fs::rename(keys.join(name), away.join(name)).unwrap();
    }
    let refused = words(&["rotate", "--key", "snapshots"]);
    assert!(!refused.status.success() && !keys.join("next.root.json").exists());
    let begun = words(&["rotate", "--key", "targets", "--key", "timestamp", "--key", "root-1"]);
    assert!(begun.status.success(), "{}", said(&begun));
    assert!(String::from_utf8_lossy(&begun.stdout).contains("1 of 2 signatures"), "{begun:?}");
    assert_eq!(std::fs::read(keys.join("root.json")).unwrap(), first, "not yet in force");
    assert!(!words(&["rotate", "--key", "targets"]).status.success(), "one at a time");
    std::fs::rename(away.join("root-2.pem"), keys.join("root-2.pem")).unwrap();
    let signed = words(&["sign"]);
    assert!(String::from_utf8_lossy(&signed.stdout).contains("in force"), "{signed:?}");
    assert!(!words(&["sign"]).status.success(), "there is no draft any more");
    let second = std::fs::read(keys.join("root.json")).unwrap();
    assert_ne!(second, first);

    assert!(bench.bundle("passphrase").status.success());
    let all = Entries(entries(&bench.made().unwrap()).into_iter().collect());
    for root in [&first, &second] {
        trusted(root, &all, "1.2.3/manifest.json").await.unwrap();
    }
    // What the old keys signed is not believed by whom knows the new ones.
    let mut without = all.clone();
    without.0.remove("2.root.json");
    assert!(trusted(&first, &without, "1.2.3/manifest.json").await.is_err());
}

/// What a web server would serve of a repository, read as a device reads it.
async fn served(folder: &Path, root: &[u8], name: &str) -> Result<Vec<u8>, String> {
    use tough::IntoVec;
    let base = |part: &str| Url::from_directory_path(folder.join(part)).unwrap();
    let loader = RepositoryLoader::new(&root, base("metadata"), base("targets"));
    let repository = loader.load().await.map_err(|error| error.to_string())?;
    let name = name.try_into().unwrap();
    let read = repository.read_target(&name).await.map_err(|error| error.to_string())?;
    read.ok_or("no such target")?.into_vec().await.map_err(|error| error.to_string())
}

/// What stands in for a database is not for everybody.
#[test]
fn a_stand_in_is_not_published_to_stable() {
    let bench = Bench::new();
    assert!(bench.init(&[]).status.success());
    let manifest = bench.path("out").join("manifest.json");
    let mut built: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    built["data_formats"] = serde_json::json!({ "mongo-stand-in": 1, "redis": 8 });
    std::fs::write(&manifest, built.to_string()).unwrap();
    assert!(bench.bundle("passphrase").status.success());
    let (keys, shop, bundle) = (bench.path("keys"), bench.path("shop"), bench.made().unwrap());
    let publish = |channel: &str| {
        let words = ["publish", shop.to_str().unwrap(), bundle.to_str().unwrap(), "--channel", channel];
        bench.run(&[&words[..], &["--keys", keys.to_str().unwrap()]].concat(), "passphrase")
    };
    let refused = publish("stable");
    assert!(!refused.status.success() && said(&refused).contains("mongo-stand-in"), "{}", said(&refused));
    assert!(!shop.join("metadata/timestamp.json").exists());
    assert!(publish("beta").status.success());
}

#[tokio::test]
async fn a_repository_keeps_what_it_has_and_signs_only_its_own() {
    let bench = Bench::new();
    assert!(bench.init(&[]).status.success());
    assert!(bench.bundle("passphrase").status.success());
    let (keys, shop) = (bench.path("keys"), bench.path("shop"));
    let bundle = bench.made().unwrap();
    let publish = |words: &[&str]| {
        let start = ["publish", shop.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
        bench.run(&[&start, words].concat(), "passphrase")
    };
    let root = std::fs::read(keys.join("root.json")).unwrap();
    let done = publish(&[bundle.to_str().unwrap(), "--from", "1.0"]);
    assert!(done.status.success(), "{}", said(&done));
    let stamp = std::fs::read(shop.join("metadata/timestamp.json")).unwrap();
    let manifest = Manifest::decode(&served(&shop, &root, "1.2.3/manifest.json").await.unwrap()).unwrap();
    let index = std::fs::read(shop.join("targets/1.2.3/index")).unwrap();
    assert_eq!(manifest.index, Content::of(&index));
    assert_eq!(std::fs::metadata(shop.join("targets/1.2.3/pack")).unwrap().len(), manifest.pack_bytes);
    // On another channel as well; both stay.
    assert!(publish(&[bundle.to_str().unwrap(), "--channel", "beta"]).status.success());
    let channels = served(&shop, &root, "channels.json").await.unwrap();
    let channels: serde_json::Value = serde_json::from_slice(&channels).unwrap();
    assert_eq!(channels["channels"]["stable"][0]["from"], "1.0", "{channels}");
    assert_eq!(channels["channels"]["beta"][0]["version"], "1.2.3", "{channels}");
    assert!(publish(&["--renew"]).status.success());
    assert_ne!(std::fs::read(shop.join("metadata/timestamp.json")).unwrap(), stamp);
    served(&shop, &root, "1.2.3/manifest.json").await.unwrap();

    // Another system under a version that was published already.
    let other = Bench::new();
    std::fs::write(shop.join("targets/1.2.3/index"), b"another").unwrap();
    let refused = publish(&[bundle.to_str().unwrap()]);
    assert!(said(&refused).contains("published already"), "{}", said(&refused));
    std::fs::write(shop.join("targets/1.2.3/index"), index).unwrap();
    // A damaged bundle.
    let mut bytes = std::fs::read(&bundle).unwrap();
    let place = bytes.len() - 4096;
    bytes[place] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let refused = publish(&[bundle.to_str().unwrap()]);
    assert!(!refused.status.success(), "a damaged pack is not published");
    // Somebody else's repository is not signed over.
    assert!(other.init(&[]).status.success());
    let theirs = other.path("keys");
    let renew = ["publish", shop.to_str().unwrap(), "--keys", theirs.to_str().unwrap(), "--renew"];
    let refused = other.run(&renew, "passphrase");
    assert!(said(&refused).contains("not signed with these keys"), "{}", said(&refused));
}

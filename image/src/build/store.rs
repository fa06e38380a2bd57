//! The read-only store of container images in the system partition (containers-storage.conf(5), `additionalimagestores`): what
//! Podman would have written there, without Podman. Each image has one layer; its folder is the container's root.
//!
//! Layout and names of the overlay driver: github.com/containers/storage, drivers/overlay, layers.go, images.go.

use std::os::unix::fs::symlink;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::build::layer::Layer;
use crate::build::{BuildError, at};

/// Where the store lies on the device.
pub const STORE: &str = "usr/share/tayberry/containers";
/// What the names of our images begin with; no registry has that name.
const REGISTRY: &str = "localhost/tayberry";
/// Their only version: they are those of the system.
const TAG: &str = "system";
/// Bytes of the short name of a layer (drivers/overlay/overlay.go, idLength).
const LINK: usize = 26;

/// An image.
pub struct Image<'a> {
    /// Its full name, as a stack names it.
    pub name: String,
    /// What runs unless the stack says something else.
    pub command: &'a [String],
    /// Its root.
    pub root: &'a Path,
    /// Its root as a layer.
    pub layer: Layer,
}

/// The full name of the image of a container.
#[must_use]
pub fn name_of(container: &str) -> String {
    format!("{REGISTRY}/{container}:{TAG}")
}

/// A blob and its digest.
pub struct Blob {
    /// The blob.
    pub bytes: Vec<u8>,
    /// SHA-256, hexadecimal.
    pub hash: String,
}

impl Blob {
    fn of(value: &Value) -> Self {
        let bytes = value.to_string().into_bytes();
        let hash = hex::encode(Sha256::digest(&bytes));
        Self { bytes, hash }
    }

    /// `sha256:` and the hash.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("sha256:{}", self.hash)
    }
}

/// Writes `images` into the store at `store`, whose roots are moved there. `epoch` is their age, in seconds since 1970.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(store: &Path, images: &[Image<'_>], epoch: i64) -> Result<(), BuildError> {
    let (mut layers, mut entries) = (Vec::new(), Vec::new());
    for folder in ["overlay/l", "overlay-layers", "overlay-images"] {
        let path = store.join(folder);
        std::fs::create_dir_all(&path).map_err(at(&path))?;
    }
    for image in images {
        layers.push(layer(store, image, epoch)?);
        entries.push(entry(store, image, epoch)?);
    }
    for (name, contents) in [
        ("overlay-layers/layers.json", Value::from(layers).to_string()),
        ("overlay-images/images.json", Value::from(entries).to_string()),
        // Podman locks them to read.
        ("overlay-layers/layers.lock", String::new()),
        ("overlay-images/images.lock", String::new()),
    ] {
        put(&store.join(name), contents.as_bytes())?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    std::fs::write(path, bytes).map_err(at(path))
}

/// The root of the container.
fn layer(store: &Path, image: &Image<'_>, epoch: i64) -> Result<Value, BuildError> {
    let Layer { hash, bytes } = &image.layer;
    let folder = store.join("overlay").join(hash);
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    std::fs::rename(image.root, folder.join("diff")).map_err(at(image.root))?;
    let link: String = hash.to_ascii_uppercase().chars().take(LINK).collect();
    put(&folder.join("link"), link.as_bytes())?;
    let short = store.join("overlay/l").join(&link);
    symlink(format!("../{hash}/diff"), &short).map_err(at(short))?;
    let digest = format!("sha256:{hash}");
    Ok(json!({
        "id": hash,
        "created": created(epoch),
        "compressed-diff-digest": digest,
        "compressed-size": bytes,
        "diff-digest": digest,
        "diff-size": bytes,
    }))
}

/// What is said of an image: its configuration and its manifest.
pub struct Described {
    /// Its configuration.
    pub config: Blob,
    /// Its manifest, which names both.
    pub manifest: Blob,
}

/// Describes an image (OCI image specification, config.md, manifest.md). `epoch` is its age, in seconds since 1970.
#[must_use]
pub fn describe(image: &Image<'_>, epoch: i64) -> Described {
    let layer = format!("sha256:{}", image.layer.hash);
    let config = Blob::of(&json!({
        "architecture": "arm64",
        "os": "linux",
        "created": created(epoch),
        "config": { "Cmd": image.command, "Env": ["PATH=/usr/sbin:/usr/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    }));
    let manifest = Blob::of(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config.digest(),
            "size": config.bytes.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": layer,
            "size": image.layer.bytes,
        }],
    }));
    Described { config, manifest }
}

fn created(epoch: i64) -> String {
    jiff::Timestamp::from_second(epoch).unwrap_or_default().to_string()
}

/// The image in the store's list.
fn entry(store: &Path, image: &Image<'_>, epoch: i64) -> Result<Value, BuildError> {
    let Described { config, manifest } = describe(image, epoch);
    let folder = store.join("overlay-images").join(&config.hash);
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let data = [
        (config.digest(), &config),
        (format!("manifest-{}", manifest.digest()), &manifest),
        ("manifest".to_owned(), &manifest),
    ];
    for (name, blob) in &data {
        put(&folder.join(file_name(name)), &blob.bytes)?;
    }
    let all = |value: fn(&Blob) -> Value| -> Value {
        data.iter().map(|(name, blob)| (name.clone(), value(blob))).collect::<serde_json::Map<_, _>>().into()
    };
    Ok(json!({
        "id": config.hash,
        "digest": manifest.digest(),
        "names": [image.name],
        "layer": image.layer.hash,
        "metadata": "{}",
        "big-data-names": data.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "big-data-sizes": all(|blob| blob.bytes.len().into()),
        "big-data-digests": all(|blob| blob.digest().into()),
        "created": created(epoch),
    }))
}

/// A name that is more than letters, digits and points is written in Base64 (images.go, makeBigDataBaseName).
fn file_name(name: &str) -> String {
    if name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.') {
        return name.to_owned();
    }
    format!("={}", STANDARD.encode(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_names_its_image_and_holds_its_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::fs::write(root.join("usr/bin/redis"), "program").unwrap();
        let layer = Layer { hash: "ab".repeat(32), bytes: 7 };
        let command = ["/usr/bin/redis".to_owned()];
        let store = folder.path().join("store");
        let image = Image { name: name_of("redis"), command: &command, root: &root, layer };
        write(&store, &[image], 1_750_000_000).unwrap();
        let read = |name: &str| std::fs::read_to_string(store.join(name)).unwrap();
        let images: Value = serde_json::from_str(&read("overlay-images/images.json")).unwrap();
        assert_eq!(images[0]["names"][0], "localhost/tayberry/redis:system");
        assert_eq!(images[0]["created"], "2025-06-15T15:06:40Z");
        let link = read(&format!("overlay/{}/link", "ab".repeat(32)));
        assert_eq!(read(&format!("overlay/l/{link}/usr/bin/redis")), "program");
        let id = images[0]["id"].as_str().unwrap();
        for (name, size) in images[0]["big-data-sizes"].as_object().unwrap() {
            let blob = read(&format!("overlay-images/{id}/{}", file_name(name)));
            assert_eq!(blob.len() as u64, size.as_u64().unwrap());
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(&blob)));
            assert_eq!(images[0]["big-data-digests"][name], digest);
        }
    }
}

//! An image as one file: an OCI image layout in a tar archive, as skopeo and Podman read it (OCI image specification, image-layout.md).

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use crate::build::store::{self, Image};
use crate::build::{BuildError, at, layer};
use crate::files::Whole;

/// Writes `image` to `target`; returns its bytes. The same image is the same file. `epoch` is its age, in seconds since 1970.
///
/// # Errors
/// When its root cannot be read or the file not be written.
pub fn write(target: &Path, image: &Image<'_>, epoch: i64) -> Result<u64, BuildError> {
    let described = store::describe(image, epoch);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": described.manifest.digest(),
            "size": described.manifest.bytes.len(),
            "platform": { "architecture": "arm64", "os": "linux" },
            "annotations": { "org.opencontainers.image.ref.name": image.name },
        }],
    });
    let mut whole = Whole::begin(target).map_err(at(target))?;
    let mut out = BufWriter::new(whole.file());
    let io = |error| at(target)(error);
    for (name, bytes) in [
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice()),
        ("index.json".to_owned(), index.to_string().as_bytes()),
        (place(&described.config.hash), &described.config.bytes),
        (place(&described.manifest.hash), &described.manifest.bytes),
    ] {
        head(&mut out, &name, bytes.len() as u64, epoch).and_then(|()| out.write_all(bytes)).map_err(io)?;
        pad(&mut out, bytes.len() as u64).map_err(io)?;
    }
    head(&mut out, &place(&image.layer.hash), image.layer.bytes, epoch).map_err(io)?;
    layer::archive(image.root, epoch, &mut out)?;
    pad(&mut out, image.layer.bytes)
        .and_then(|()| out.write_all(&[0; 1024]))
        .and_then(|()| out.flush())
        .map_err(io)?;
    drop(out);
    whole.finish().map_err(at(target))?;
    Ok(std::fs::metadata(target).map_err(at(target))?.len())
}

fn place(hash: &str) -> String {
    format!("blobs/sha256/{hash}")
}

fn head(out: &mut impl Write, name: &str, bytes: u64, epoch: i64) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(u64::try_from(epoch).unwrap_or_default());
    header.set_cksum();
    out.write_all(header.as_bytes())
}

fn pad(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let rest = usize::try_from(bytes.next_multiple_of(512) - bytes).unwrap_or_default();
    out.write_all(&[0; 512][..rest])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::build::layer::Layer;

    #[test]
    fn every_blob_has_its_digest_and_the_index_leads_to_all() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::fs::write(root.join("usr/bin/redis"), "program").unwrap();
        let layer = Layer::of(&root, 1_750_000_000).unwrap();
        let command = ["/usr/bin/redis".to_owned()];
        let image = Image { name: store::name_of("redis"), command: &command, root: &root, layer };
        let target = folder.path().join("redis.tar");
        write(&target, &image, 1_750_000_000).unwrap();
        let mut archive = tar::Archive::new(std::fs::File::open(&target).unwrap());
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        for (name, bytes) in &files {
            if let Some(hash) = name.strip_prefix("blobs/sha256/") {
                assert_eq!(hash, hex::encode(Sha256::digest(bytes)));
            }
        }
        let blob = |digest: &Value| &files[&place(digest.as_str().unwrap().strip_prefix("sha256:").unwrap())];
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        assert_eq!(
            index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"],
            "localhost/tayberry/redis:system"
        );
        let manifest: Value = serde_json::from_slice(blob(&index["manifests"][0]["digest"])).unwrap();
        let config: Value = serde_json::from_slice(blob(&manifest["config"]["digest"])).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        assert_eq!(blob(&manifest["layers"][0]["digest"]).len() as u64, image.layer.bytes);
    }
}

//! Small services that a test makes: images of one file and one program, as an archive or in a registry on loopback with a certificate
//! of its own.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tayberry::build::layer::{self, Layer};
use tayberry::build::store::{self, Image};
use tayberry::emulate::board::OUTSIDE;
use tayberry::fetch::Cache;
use tayberry::lock::{Lock, Section};

use crate::secure::{Answer, Asked, Secure};
use crate::{Fixture, JourneyError};

/// Where the program lies in an image: everything in one, as the device's emulator uses it.
const BUSYBOX: &str = "usr/bin/busybox";
/// What runs: a web server with one page.
const COMMAND: [&str; 6] = ["/usr/bin/busybox", "httpd", "-f", "-p", "8080", "-h"];
/// The page's folder.
const PAGES: &str = "srv/www";

/// A service with one page.
pub struct Service {
    root: tempfile::TempDir,
    command: Vec<String>,
}

impl Service {
    /// One that answers `text` at `path` below its address.
    ///
    /// # Errors
    /// When the program is not in the cache, or a folder cannot be written.
    pub fn new(fixture: &Fixture, path: &str, text: &str) -> Result<Self, JourneyError> {
        let failed = |error: &dyn std::fmt::Display| JourneyError::Failed(error.to_string());
        let root = fixture.folder()?;
        let lock = Lock::load(&fixture.paths.lock()).map_err(|error| failed(&error))?;
        let package = lock.section(Section::Tools).find(|package| package.name == "busybox-static");
        let package = package.ok_or_else(|| failed(&"busybox-static is not locked"))?;
        let archive = Cache::new(&fixture.paths.cache).check(package).map_err(|error| failed(&error))?;
        tayberry::deb::unpack(&archive, root.path(), &|inside| inside != Path::new(BUSYBOX))
            .map_err(|error| failed(&error))?;
        let page = root.path().join(PAGES).join(path).join("index.html");
        std::fs::create_dir_all(page.parent().unwrap_or(root.path()))?;
        std::fs::write(page, text)?;
        // Whoever runs it is not its owner.
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755))?;
        let command = COMMAND.iter().map(|word| (*word).to_owned()).chain([format!("/{PAGES}")]).collect();
        Ok(Self { root, command })
    }

    fn image(&self, name: &str) -> Result<Image<'_>, JourneyError> {
        let layer =
            Layer::of(self.root.path(), 0).map_err(|error| JourneyError::Failed(error.to_string()))?;
        Ok(Image { name: name.to_owned(), command: &self.command, root: self.root.path(), layer })
    }

    /// Writes it as an archive with this name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn archive(&self, name: &str, target: &Path) -> Result<PathBuf, JourneyError> {
        let written = tayberry::build::archive::write(target, &self.image(name)?, 0);
        written.map_err(|error| JourneyError::Failed(error.to_string()))?;
        Ok(target.to_owned())
    }
}

/// What is served, by path: its kind and its bytes.
type Files = Arc<Mutex<BTreeMap<String, (&'static str, Vec<u8>)>>>;

/// A registry.
pub struct Registry {
    files: Files,
    /// Where it listens on loopback.
    pub port: u16,
    /// The certificate that vouches for it, PEM.
    pub certificate: String,
}

impl Registry {
    /// Opens an empty one, which proves that it is what the device reaches outside.
    ///
    /// # Errors
    /// When no port is free, or no certificate can be made.
    pub fn open() -> Result<Self, JourneyError> {
        let files = Files::default();
        let served = files.clone();
        let Secure { port, certificate } = Secure::open(move |asked| answer(&served, &asked), |_| Ok(()))?;
        Ok(Self { files, port, certificate })
    }

    /// Its name, as the device sees it.
    #[must_use]
    pub const fn name() -> &'static str {
        OUTSIDE
    }

    /// Holds an image for another processor under `REPOSITORY:TAG`, as far as its index: it is never fetched.
    pub fn push_foreign(&self, repository: &str, tag: &str) {
        let kind = "application/vnd.oci.image.index.v1+json";
        let digest = format!("sha256:{}", "0".repeat(64));
        let index = serde_json::json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2,
            "platform": { "architecture": "amd64", "os": "linux" },
        }] });
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(format!("/v2/{repository}/manifests/{tag}"), (kind, index.to_string().into_bytes()));
    }

    /// Holds a service under `REPOSITORY:TAG`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn push(&self, service: &Service, repository: &str, tag: &str) -> Result<(), JourneyError> {
        let image = service.image(repository)?;
        let described = store::describe(&image, 0);
        let mut bytes = Vec::new();
        layer::archive(image.root, 0, &mut bytes).map_err(|error| JourneyError::Failed(error.to_string()))?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut put = |path: String, kind: &'static str, bytes: &[u8]| {
            files.insert(format!("/v2/{repository}/{path}"), (kind, bytes.to_owned()));
        };
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        put(format!("manifests/{tag}"), manifest, &described.manifest.bytes);
        put(format!("manifests/{}", described.manifest.digest()), manifest, &described.manifest.bytes);
        for bytes in [&described.config.bytes, &bytes] {
            let digest = hex::encode(Sha256::digest(bytes));
            put(format!("blobs/sha256:{digest}"), "application/octet-stream", bytes);
        }
        Ok(())
    }
}

fn answer(files: &Files, asked: &Asked) -> Answer {
    let found = match asked.path.as_str() {
        "/v2/" => Some(("application/json", b"{}".to_vec())),
        path => files.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned(),
    };
    let (status, (kind, body)) = match found {
        Some(found) => ("200 OK", found),
        None => ("404 Not Found", ("text/plain", Vec::new())),
    };
    Answer { status, headers: vec![("Content-Type", kind.to_owned())], body }
}

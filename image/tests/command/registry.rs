//! Images of a registry on loopback: resolved for the device, fetched by digest, and nothing else is believed.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;

use crate::common::mirror::{Answer, Mirror};
use crate::common::project::{Project, said};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tayberry::registry::{Layers, unpack};
use tayberry::ui::{Mode, Ui};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A layer with one file.
fn layer(path: &str, text: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A registry that holds `shed/app:1` for two architectures; the address is its name.
struct Registry {
    files: BTreeMap<String, Answer>,
}

impl Registry {
    fn new() -> Self {
        let mut registry = Self { files: BTreeMap::new() };
        let layers = [
            ("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&layer("etc/app", "one"))),
            (
                "application/vnd.oci.image.layer.v1.tar+zstd",
                zstd::encode_all(&layer("etc/app", "two")[..], 1).unwrap(),
            ),
        ];
        let mut entries = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = json!({ "architecture": architecture, "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
            let config = registry.blob(config.to_string().as_bytes());
            let layers: Vec<Value> = layers
                .iter()
                .map(|(kind, bytes)| {
                    let mut blob = registry.blob(bytes);
                    blob["mediaType"] = json!(kind);
                    blob
                })
                .collect();
            let manifest =
                json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
            let manifest = manifest.to_string().into_bytes();
            registry.manifest(&digest(&manifest), &manifest, MANIFEST);
            if architecture == "amd64" {
                registry.manifest("alone", &manifest, MANIFEST);
            }
            entries.push(json!({
                "mediaType": MANIFEST, "digest": digest(&manifest), "size": manifest.len(),
                "platform": { "architecture": architecture, "os": "linux" },
            }));
        }
        let index =
            json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string().into_bytes();
        registry.manifest("1", &index, INDEX);
        let only = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entries[0]] })
            .to_string()
            .into_bytes();
        registry.manifest("amd64", &only, INDEX);
        registry.files.insert("v2/".into(), Answer::whole(b"{}"));
        registry
    }

    fn blob(&mut self, bytes: &[u8]) -> Value {
        self.files.insert(format!("v2/shed/app/blobs/{}", digest(bytes)), Answer::whole(bytes));
        json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(bytes), "size": bytes.len() })
    }

    fn manifest(&mut self, name: &str, bytes: &[u8], kind: &'static str) {
        let answer = Answer { kind: Some(kind), ..Answer::whole(bytes) };
        self.files.insert(format!("v2/shed/app/manifests/{name}"), answer);
    }

    /// Its host and port.
    fn start(self) -> String {
        let address = Mirror::start(self.files).url;
        address.split('/').nth(2).unwrap().to_owned()
    }
}

#[test]
fn an_image_is_resolved_for_the_device_and_its_layers_lie_over_each_other() {
    let host = Registry::new().start();
    let folder = tempfile::tempdir().unwrap();
    let layers = Layers::new(folder.path());
    let ui = Ui::new(Mode::Json);
    let image = layers.resolve("app", &format!("{host}/shed/app:1")).unwrap();
    assert_eq!((image.container.as_str(), image.layer.len()), ("app", 2));
    assert!(layers.fetch(&image, true, ui).unwrap_err().to_string().contains("--offline"));
    layers.fetch(&image, false, ui).unwrap();
    layers.fetch(&image, true, ui).unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    for layer in &image.layer {
        let brought = unpack::layer(&layers.file_of(layer), &layer.media_type, &root).unwrap();
        assert_eq!(brought, [Path::new("etc/app")]);
    }
    assert_eq!(std::fs::read_to_string(root.join("etc/app")).unwrap(), "two");
}

#[test]
fn other_bytes_and_other_machines_are_refused() {
    let mut registry = Registry::new();
    for (path, answer) in &mut registry.files {
        if path.contains("/blobs/") && answer.body.starts_with(&[0x1f, 0x8b]) {
            answer.body[20] ^= 1;
        }
    }
    let host = registry.start();
    let folder = tempfile::tempdir().unwrap();
    let layers = Layers::new(folder.path());
    let image = layers.resolve("app", &format!("{host}/shed/app:1")).unwrap();
    let error = layers.fetch(&image, false, Ui::new(Mode::Json)).unwrap_err().to_string();
    assert!(error.contains("sha256:"), "{error}");
    assert!(!layers.file_of(&image.layer[0]).exists());
    let error = layers.resolve("app", &format!("{host}/shed/app:amd64")).unwrap_err().to_string();
    assert!(error.contains("shed/app:amd64"), "{error}");
    let error = layers.resolve("app", &format!("{host}/shed/app:alone")).unwrap_err().to_string();
    assert!(error.contains("is an image for linux/amd64"), "{error}");
    let error = layers.resolve("app", "Not A Name").unwrap_err().to_string();
    assert!(error.contains("Not A Name"), "{error}");
}

#[test]
fn a_registry_that_does_not_answer_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = Layers::new(folder.path()).resolve("mongo", &format!("{gone}/library/mongo:7.0"));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("library/mongo:7.0 cannot be had"), "{error}");
}

/// Whoever builds is told the way without it, and that way is one.
#[test]
fn a_build_without_the_registry_names_the_stand_in_and_takes_it() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let project = Project::new(&[]);
    let path = project.path("image/appliance.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let containers = format!(
        "[container.mongo]\nimage = \"{gone}/library/mongo:7.0\"\ncommand = []\n\
         [container.mongo-stand-in]\nstands_in_for = \"mongo\"\npackages = [\"bread\"]\ncommand = []\n"
    );
    std::fs::write(&path, config + &containers).unwrap();
    let refused = said(&project.run(&["build"]));
    assert!(refused.contains("library/mongo:7.0 cannot be had"), "{refused}");
    assert!(refused.ends_with("build with --database stand-in"), "{refused}");
    let locked = said(&project.run(&["build", "--locked"]));
    assert!(locked.contains("is not in the lock"), "{locked}");
    let instead = said(&project.run(&["build", "--database", "stand-in"]));
    assert!(instead.contains("tools"), "on to the next stage: {instead}");
}

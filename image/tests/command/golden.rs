//! Every generated file, made from a small made-up appliance, is what `golden/` holds. After a wanted change, run
//! `TAYBERRY_GOLDEN=write cargo test -p tayberry golden` and read the difference.

use std::path::{Path, PathBuf};

use crate::common::made_up::{LOCK, MadeUp};
use similar::TextDiff;
use tayberry::build::{boot_files, packages};
use tayberry::outputs::{Written, imager, manifest, sbom};
use tayberry_format::slot::Slot;
use tayberry_format::{autoboot, layout};

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/golden").join(name);
    if std::env::var_os("TAYBERRY_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    let difference =
        TextDiff::from_lines(expected.as_str(), text).unified_diff().header(name, "now").to_string();
    assert!(difference.is_empty(), "{difference}");
}

fn json(name: &str, value: &impl serde::Serialize) {
    golden(name, &(serde_json::to_string_pretty(value).unwrap() + "\n"));
}

fn made_up() -> (tempfile::TempDir, MadeUp) {
    let folder = tempfile::tempdir().unwrap();
    let made_up = MadeUp::new(folder.path());
    (folder, made_up)
}

#[test]
fn what_the_firmware_reads() {
    let (_folder, made_up) = made_up();
    golden("config.txt", &boot_files::config(made_up.config.flavour().unwrap()));
    golden("cmdline.txt", &made_up.cmdline());
    // Slot A's is in tayberry-format.
    let sector = autoboot::sector(Slot::B);
    assert_eq!(sector.len(), 512);
    golden("autoboot-b.txt", &format!("{}\n", std::str::from_utf8(&sector).unwrap().trim_end()));
}

#[test]
fn what_describes_an_image() {
    let (_folder, made_up) = made_up();
    let facts = made_up.facts();
    let written = Written {
        image: PathBuf::from("out/shed-1.2.3.img.zst"),
        image_bytes: 123_456,
        image_sha256: "aa".repeat(32),
        disk_bytes: layout::IMAGE_BYTES,
        disk_sha256: "bb".repeat(32),
        root_hash: made_up.hash_tree.root.to_string(),
        system_bytes: 307_200,
        initramfs_bytes: 3000,
        rescue_bytes: 6000,
    };
    json("manifest.json", &manifest::build(&facts, &made_up.cmdline(), &written).unwrap());
    json("spdx.json", &sbom::build(&facts));
    json("imager.json", &imager::build(&facts, &written));
    json(
        "packages.json",
        &packages::of(&made_up.tree, &made_up.config, &made_up.lock, facts.release).unwrap(),
    );
}

#[test]
fn a_lock_is_written_as_it_was_read() {
    let (folder, made_up) = made_up();
    let path = folder.path().join("again.lock");
    made_up.lock.save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), LOCK);
}

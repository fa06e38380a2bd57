//! The build: the same lock gives the same bits, and the image tells what it is made of.

use std::path::Path;
use std::process::Command;

use system_tests::{Fixture, JourneyError};
use tayberry::files::sha256;

/// A second build at another time, in another folder, from the same lock: every result is the same file.
#[test]
fn two_builds_are_identical() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let folder = fixture.folder()?;
    let program = fixture.paths.project.join("target/debug/tayberry");
    let project = fixture.paths.project.clone();
    let status = Command::new(program)
        .current_dir(project)
        .args(["build", "--offline", "--out"])
        .arg(folder.path())
        .status()?;
    assert!(status.success(), "{status}");
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.path())? {
        let second = entry?.path();
        let first = fixture.image.with_file_name(second.file_name().unwrap_or_default());
        let hash = |path: &Path| sha256(path);
        assert_eq!(hash(&first)?, hash(&second)?, "{}", second.display());
        compared += 1;
    }
    assert!(compared >= 5, "image, block map, manifest, bill of materials, imager entry: {compared}");
    Ok(())
}

/// Someone who has the image alone learns which packages it holds, under its root hash.
#[test]
fn what_was_built_is_inspected() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let folder = fixture.folder()?;
    // Nothing beside it that could be read instead.
    let image = folder.path().join("alone.img.zst");
    std::fs::copy(&fixture.image, &image)?;
    let output = Command::new(fixture.paths.project.join("target/debug/tayberry"))
        .current_dir(&fixture.paths.project)
        .args(["inspect", "--json"])
        .arg(&image)
        .output()?;
    assert!(output.status.success(), "{output:?}");
    let read = |bytes: &[u8]| -> Result<serde_json::Value, JourneyError> {
        serde_json::from_slice(bytes).map_err(|error| JourneyError::Failed(error.to_string()))
    };
    let report = read(&output.stdout)?;
    let manifest = read(&std::fs::read(fixture.image.with_file_name("manifest.json"))?)?;
    let slot = &report["slots"][0];
    assert_eq!(slot["system"]["state"], "verified");
    assert_eq!(slot["root_hash"], manifest["root_hash"]);
    let packages = |value: &serde_json::Value| value["packages"].as_array().cloned().unwrap_or_default();
    let (found, built) = (packages(&slot["contents"]), packages(&manifest));
    assert!(found.iter().all(|one| built.contains(one)) && found.len() == built.len() && found.len() > 50);
    assert!(found.is_sorted_by_key(|one| std::cmp::Reverse(one["bytes"].as_u64())), "largest first");
    assert_eq!(slot["contents"]["kernel"], manifest["kernel"]["release"]);
    let bash =
        slot["contents"]["packages"].as_array().into_iter().flatten().find(|one| one["name"] == "bash");
    assert!(bash.is_some_and(|bash| bash["bytes"].as_u64() > Some(1 << 20)), "{bash:?}");
    Ok(())
}

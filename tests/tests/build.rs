//! The build: the same lock gives the same bits.

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

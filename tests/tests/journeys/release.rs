//! A release: one commit is built twice, compared, and its checksums are signed; a stranger can verify them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use system_tests::{Fixture, JourneyError, database};

/// The version that is released.
const VERSION: &str = "9.8.7";

/// What a program says, which must succeed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<String, JourneyError> {
    let output = Command::new(program).args(arguments).current_dir(folder).output()?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {words}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn commit(checkout: &Path) -> Result<(), JourneyError> {
    let who = ["-c", "user.name=Release", "-c", "user.email=release@example.org"];
    run(checkout, "git", &[&who[..], &["commit", "--quiet", "--all", "--message", "Release"]].concat())?;
    Ok(())
}

#[test]
#[ignore = "compiles everything twice: scripts/test full"]
fn a_release_is_the_same_twice_and_signed() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let (folder, target) = (fixture.folder()?, fixture.paths.project.join("target"));
    let folder = folder.path();
    let [checkout, key] = ["checkout", "key"].map(|name| folder.join(name));
    let [project, checkout_text, key_text] =
        [&fixture.paths.project, &checkout, &key].map(|path| path.to_string_lossy().into_owned());
    run(folder, "git", &["clone", "--quiet", &project, &checkout_text])?;
    run(folder, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key_text])?;
    let release = || -> Result<Output, JourneyError> {
        Ok(Command::new(checkout.join("scripts/release"))
            .arg(VERSION)
            .args([&target.join("test-keys"), &key])
            .args(["--database", &database()])
            .env("PASSPHRASE_FILE", target.join("test-passphrase"))
            .current_dir(folder)
            .stdout(Stdio::inherit())
            .output()?)
    };
    let refused = |wanted: &str| -> Result<(), JourneyError> {
        let output = release()?;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && words.contains(wanted), "{words}");
        Ok(())
    };
    refused("no heading")?;
    let changes = checkout.join("CHANGELOG.md");
    std::fs::write(&changes, format!("{}\n## {VERSION}\n", std::fs::read_to_string(&changes)?))?;
    refused("commit them first")?;
    commit(&checkout)?;
    let output = release()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let out = checkout.join("out").join(VERSION);
    let listed = run(&out, "sha256sum", &["--check", "--strict", "SHA256SUMS"])?;
    for ending in [".img.zst", ".img.bmap", ".imager.json", ".spdx.json", ".tayberry"] {
        assert!(listed.contains(&format!("tayberry-{VERSION}{ending}: OK")), "{ending}: {listed}");
    }
    let public = std::fs::read_to_string(key.with_extension("pub"))?;
    std::fs::write(out.join("signers"), format!("release@example.org {public}"))?;
    let verify =
        "ssh-keygen -Y verify -f signers -I release@example.org -n tayberry -s SHA256SUMS.sig <SHA256SUMS";
    run(&out, "sh", &["-c", verify])?;
    run(&out, "sh", &["-c", &format!("echo >>SHA256SUMS; ! {verify}")])?;
    refused("exists already")
}

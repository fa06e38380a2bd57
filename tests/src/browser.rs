//! A browser that trusts the device's authority and nothing else, driven by a script of `stack/web/tests`. Pictures of every page are
//! kept in `target/journeys/`.

use std::path::Path;
use std::process::Command;

use crate::web::Client;
use crate::{Fixture, JourneyError};

/// Chromium on Linux trusts what lies in the user's NSS database.
fn trust(home: &Path, authority: &Path) -> Result<(), JourneyError> {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database)?;
    let database = format!("sql:{}", database.display());
    for arguments in [
        vec!["-N", "--empty-password", "-d", &database],
        vec!["-A", "-d", &database, "-t", "C,,", "-n", "tayberry", "-i", &authority.display().to_string()],
    ] {
        if !Command::new("certutil").args(&arguments).status()?.success() {
            return Err(JourneyError::Failed(format!("certutil {arguments:?}")));
        }
    }
    Ok(())
}

/// Runs the script with `arguments`; pictures go to the folder `shots`.
///
/// # Errors
/// With what the script says, when it finds a mistake.
pub fn run(
    fixture: &Fixture,
    client: &Client,
    script: &str,
    arguments: &[&str],
    shots: &str,
) -> Result<(), JourneyError> {
    let home = fixture.folder()?;
    trust(home.path(), &client.authority())?;
    let done = Command::new("node")
        .current_dir(fixture.paths.project.join("stack/web"))
        .arg(format!("tests/{script}"))
        .args(arguments)
        .env("HOME", home.path())
        .env("SHOTS", fixture.paths.project.join("target/journeys").join(shots))
        .output()?;
    if done.status.success() {
        return Ok(());
    }
    let words = [done.stdout, done.stderr].map(|words| String::from_utf8_lossy(&words).into_owned());
    Err(JourneyError::Failed(words.concat()))
}

//! A locked package is gone from the mirror: `tayberry build` through the program, apt's solver, and a tiny signed archive
//! on loopback.

use std::os::unix::fs::PermissionsExt;

use crate::common::made_up::CONFIG;
use crate::common::mirror::{Answer, Mirror};
use crate::common::project::{Project, package, said};
use tayberry::lock::{Lock, Package, Section};

const EMPTY: &[u8] = include_bytes!("made-up/archive/empty.deb");

fn locked(section: Section, name: &str, version: &str) -> Package {
    let path = format!("pool/main/{name}_{version}_all.deb");
    Package { section, architecture: "all".into(), path, ..package(name, version, EMPTY) }
}

/// A project whose lock has `bread 1`, which the archive no longer has, and the mirror.
fn project() -> (Project, Mirror) {
    let mut project = Project::new(&[
        locked(Section::System, "bread", "1"),
        locked(Section::System, "butter", "1"),
        locked(Section::System, "linux-image-made-up", "1"),
        locked(Section::Tools, "oven", "1"),
    ]);
    // apt reads the keys as its own user when root runs it.
    std::fs::set_permissions(project.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(project.path("image/keys.gpg"), include_bytes!("made-up/archive/keyring.gpg")).unwrap();
    let config = CONFIG
        .replace("[image]", "keyring = \"keys.gpg\"\n[image]")
        .replace("\"bash\"", "\"bread\", \"butter\"")
        .replace("\"make\"", "\"oven\"");
    std::fs::write(project.path("image/appliance.toml"), config).unwrap();
    let in_release = &include_bytes!("made-up/archive/InRelease")[..];
    let list = &include_bytes!("made-up/archive/Packages")[..];
    let files = [
        ("dists/trixie/InRelease", in_release),
        ("dists/trixie/main/binary-amd64/Packages", list),
        ("dists/trixie/main/binary-arm64/Packages", list),
        ("pool/main/bread_2_all.deb", EMPTY),
        ("pool/main/butter_1_all.deb", EMPTY),
        ("pool/main/linux-image-made-up_1_all.deb", EMPTY),
        ("pool/main/oven_1_all.deb", EMPTY),
    ];
    let mirror = Mirror::start(
        files.into_iter().map(|(path, bytes)| (format!("debian/{path}"), Answer::whole(bytes))).collect(),
    );
    project.mirror.clone_from(&mirror.url);
    (project, mirror)
}

#[test]
fn with_locked_the_build_names_it_and_changes_nothing() {
    let (project, _mirror) = project();
    let before = std::fs::read(project.path("image/tayberry.lock")).unwrap();
    let said = said(&project.run(&["build", "--locked"]));
    assert!(said.contains("the mirror no longer has bread 1:"), "{said}");
    assert_eq!(std::fs::read(project.path("image/tayberry.lock")).unwrap(), before);
}

/// Only what is gone is replaced: `butter 2` is there, too, and `butter 1` stays. What comes after the downloads fails,
/// because these packages hold no tools.
#[test]
fn without_locked_its_successor_is_locked_and_the_build_goes_on() {
    let (project, _mirror) = project();
    let output = project.run(&["build"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("The mirror no longer has bread 1: locking what replaced it."), "{text}");
    assert!(text.contains("bread:all  1 -> 2\n"), "{text}");
    let lock = Lock::load(&project.path("image/tayberry.lock")).unwrap();
    let versions: Vec<_> =
        lock.package.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
    assert_eq!(versions, [("bread", "2"), ("butter", "1"), ("linux-image-made-up", "1"), ("oven", "1")]);
    assert_eq!(lock.epoch, 1_700_000_000, "the archive's signed date");
    assert!(lock.package.iter().all(|package| project.package(package).exists()), "{text}");
    assert!(said(&output).contains("tools"), "on to the next stage: {text}");
}

/// The archive's signature is checked: with Debian's keys nothing of it is believed.
#[test]
fn an_archive_that_others_signed_is_refused() {
    let (project, _mirror) = project();
    let config = std::fs::read_to_string(project.path("image/appliance.toml")).unwrap();
    let config = config.replace("keyring = \"keys.gpg\"\n", "");
    std::fs::write(project.path("image/appliance.toml"), config).unwrap();
    let before = std::fs::read(project.path("image/tayberry.lock")).unwrap();
    let output = project.run(&["build"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(said(&output).contains("apt cannot fetch the package lists") && text.contains("sign"), "{text}");
    assert_eq!(std::fs::read(project.path("image/tayberry.lock")).unwrap(), before);
}

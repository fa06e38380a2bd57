//! A kernel flavour with an archive of its own: `tayberry lock` through the program, apt's solver, and two tiny signed
//! archives on loopback.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::common::made_up::CONFIG;
use crate::common::mirror::{Answer, Mirror};
use crate::common::program;
use crate::common::project::{Project, said};
use tayberry::lock::{Lock, Section};

const EMPTY: &[u8] = include_bytes!("made-up/archive/empty.deb");
const ARCHIVE: &str = r#"overlays = ["shed"]
[kernel.made-up.archive]
name = "trixie"
components = ["main"]
origin = "Tayberry kernels"
only = ["linux-*-made-up"]
url_from = "TAYBERRY_TEST_KERNELS"
keyring = "kernels.gpg"
"#;

/// A project that wants these packages, its kernel from the second archive.
fn project(packages: &str) -> (Project, Mirror) {
    let mut project = Project::new(&[]);
    // apt reads the keys as its own user when root runs it.
    std::fs::set_permissions(project.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(project.path("image/keys.gpg"), include_bytes!("made-up/archive/keyring.gpg")).unwrap();
    let kernels = include_bytes!("made-up/kernel-archive/keyring.gpg");
    std::fs::write(project.path("image/kernels.gpg"), kernels).unwrap();
    let config = CONFIG
        .replace("[image]", "keyring = \"keys.gpg\"\n[image]")
        .replace("\"bash\"", packages)
        .replace("\"make\"", "\"oven\"")
        .replace("overlays = [\"shed\"]\n", ARCHIVE);
    std::fs::write(project.path("image/appliance.toml"), config).unwrap();
    let list = &include_bytes!("made-up/archive/Packages")[..];
    let files = [
        ("debian/dists/trixie/InRelease", &include_bytes!("made-up/archive/InRelease")[..]),
        ("debian/dists/trixie/main/binary-amd64/Packages", list),
        ("debian/dists/trixie/main/binary-arm64/Packages", list),
        ("debian/pool/main/butter_2_all.deb", EMPTY),
        ("debian/pool/main/oven_1_all.deb", EMPTY),
        ("kernels/dists/trixie/InRelease", &include_bytes!("made-up/kernel-archive/InRelease")[..]),
        (
            "kernels/dists/trixie/main/binary-arm64/Packages",
            &include_bytes!("made-up/kernel-archive/Packages")[..],
        ),
        ("kernels/pool/main/linux-image-made-up_9_all.deb", EMPTY),
    ];
    let files = files.into_iter().map(|(path, bytes)| (path.to_owned(), Answer::whole(bytes)));
    let mirror = Mirror::start(files.collect());
    project.mirror.clone_from(&mirror.url);
    (project, mirror)
}

fn lock(project: &Project, mirror: &Mirror) -> Output {
    let url = mirror.url.replace("/debian", "/kernels/");
    project.prepare(program()).env("TAYBERRY_TEST_KERNELS", url).arg("lock").output().unwrap()
}

/// The second archive has a newer butter, too.
#[test]
fn only_the_kernel_comes_from_its_archive() {
    let (project, mirror) = project("\"butter\"");
    let output = lock(&project, &mirror);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lock = Lock::load(&project.path("image/tayberry.lock")).unwrap();
    let found: Vec<_> = lock
        .package
        .iter()
        .map(|package| {
            (package.section.clone(), package.name.as_str(), package.version.as_str(), package.kernel_archive)
        })
        .collect();
    let expected = [
        (Section::System, "butter", "2", false),
        (Section::System, "linux-image-made-up", "9", true),
        (Section::Tools, "oven", "1", false),
    ];
    assert_eq!(found, expected);
    let suites: Vec<_> = lock.suites.keys().map(String::as_str).collect();
    assert_eq!(suites, ["Tayberry kernels trixie", "trixie"]);
    assert!(lock.package.iter().all(|package| project.package(package).exists()));
}

#[test]
fn what_only_that_archive_has_is_not_taken() {
    let (project, mirror) = project("\"wine\"");
    let output = lock(&project, &mirror);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(said(&output).contains("apt cannot resolve the packages"), "{text}");
    assert!(text.contains("'wine' has no installation candidate"), "{text}");
}

#[test]
fn one_sentence_says_what_to_set() {
    let (project, mirror) = project("\"butter\"");
    let expected = |text: &str| {
        text.contains("set TAYBERRY_TEST_KERNELS to its address") && text.contains("image/kernels.gpg")
    };
    let text = said(&project.run(&["lock"]));
    assert!(expected(&text), "{text}");
    std::fs::remove_file(project.path("image/kernels.gpg")).unwrap();
    let text = said(&lock(&project, &mirror));
    assert!(expected(&text), "{text}");
}

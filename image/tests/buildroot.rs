//! The Buildroot tree, asked of a real checkout of Buildroot in `BUILDROOT_DIR` (`scripts/buildroot DIR`): it loads, says what it means,
//! and is written as Buildroot's own tree is.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

type Tested = Result<(), Box<dyn Error>>;

const DEFCONFIG: &str = "tayberry_pi5_defconfig";

fn project() -> std::io::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()
}

/// A configuration of Buildroot, and where it lies.
struct Configured {
    checkout: PathBuf,
    external: PathBuf,
    folder: tempfile::TempDir,
}

impl Configured {
    /// Loads the defconfig of `external`.
    fn load(external: &Path) -> Result<Self, Box<dyn Error>> {
        let checkout =
            std::env::var_os("BUILDROOT_DIR").ok_or("BUILDROOT_DIR names no checkout of Buildroot")?;
        let folder = tempfile::tempdir()?;
        let configured = Self { checkout: checkout.into(), external: external.to_owned(), folder };
        configured.make(&[DEFCONFIG])?;
        Ok(configured)
    }

    fn make(&self, words: &[&str]) -> Result<Output, Box<dyn Error>> {
        let mut make = Command::new("make");
        make.current_dir(&self.checkout).arg("--silent").arg(format!("O={}", self.folder.path().display()));
        let done = make.arg(format!("BR2_EXTERNAL={}", self.external.display())).args(words).output()?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        if done.status.success() { Ok(done) } else { Err(format!("make {words:?}: {said}").into()) }
    }

    /// Lines of the defconfig that Buildroot does not know, would not write, or does not follow.
    fn wrong(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let saved = self.folder.path().join("saved");
        self.make(&["savedefconfig", &format!("BR2_DEFCONFIG={}", saved.display())])?;
        let saved = std::fs::read_to_string(saved)?;
        let wished = std::fs::read_to_string(self.external.join("configs").join(DEFCONFIG))?;
        let set = std::fs::read_to_string(self.folder.path().join(".config"))?;
        let lost = |line: &&str| {
            !saved.lines().any(|other| other == *line) || !set.lines().any(|other| other == *line)
        };
        let added = |line: &&str| !wished.lines().any(|other| other == *line);
        Ok(wished.lines().filter(lost).chain(saved.lines().filter(added)).map(str::to_owned).collect())
    }
}

#[test]
#[ignore = "needs a checkout of Buildroot: scripts/buildroot DIR"]
fn the_configuration_is_what_buildroot_makes_of_it() -> Tested {
    let configured = Configured::load(&project()?.join("buildroot-config"))?;
    assert_eq!(configured.wrong()?, [""; 0]);
    let about = configured.make(&["show-info"])?.stdout;
    let about: serde_json::Value = serde_json::from_slice(&about)?;
    let agent = &about["tayberry-agent"];
    assert_eq!((&agent["type"], &agent["install_target"]), (&"target".into(), &true.into()), "{agent}");
    assert_eq!(about["host-rust-bin"]["version"], "1.95.0", "the agent needs it");
    for package in ["systemd", "podman", "crun", "netavark", "dbus-broker", "network-manager", "linux"] {
        assert!(about[package].is_object(), "{package}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a checkout of Buildroot: scripts/buildroot DIR"]
fn a_symbol_that_nobody_knows_is_found() -> Tested {
    let planted = tempfile::tempdir()?;
    let copied =
        Command::new("cp").arg("-r").arg(project()?.join("buildroot-config")).arg(planted.path()).status()?;
    assert!(copied.success());
    let external = planted.path().join("buildroot-config");
    let defconfig = external.join("configs").join(DEFCONFIG);
    let text = std::fs::read_to_string(&defconfig)? + "BR2_PACKAGE_TAYBERY_AGENT=y\n";
    std::fs::write(&defconfig, text)?;
    assert_eq!(Configured::load(&external)?.wrong()?, ["BR2_PACKAGE_TAYBERY_AGENT=y"]);
    Ok(())
}

#[test]
#[ignore = "needs a checkout of Buildroot: scripts/buildroot DIR"]
fn buildroots_own_checker_has_nothing_to_say() -> Tested {
    let checkout = std::env::var("BUILDROOT_DIR")?;
    let mut files = Command::new("find");
    let files = files.arg(project()?.join("buildroot-config")).args(["-type", "f"]).output()?.stdout;
    let files = String::from_utf8(files)?;
    let checked = Command::new("python3")
        .arg(format!("{checkout}/utils/check-package"))
        .arg("-b")
        .args(files.lines())
        .output()?;
    let said =
        String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.contains("0 warnings"), "{said}");
    Ok(())
}

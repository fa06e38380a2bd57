//! The build: the same lock gives the same bits, and the image tells what it is made of.

use std::path::Path;
use std::process::Command;

use system_tests::{Fixture, JourneyError, database};
use tayberry::build::BuildError;
use tayberry::build::compile::overlays;
use tayberry::commands::CommandError;
use tayberry::files::sha256;
use tayberry::tools::execute;

/// A second build at another time, in another folder, under another umask, from the same lock: every result is the same file.
#[test]
fn two_builds_are_identical() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let folder = fixture.folder()?;
    let program = fixture.paths.project.join("target/debug/tayberry");
    let project = fixture.paths.project.clone();
    // As on a machine where new files are private.
    let status = Command::new("sh")
        .args([
            "-c",
            "umask 077; exec \"$0\" build --offline --out \"$1\" --update-root \"$2\" --database \"$3\"",
        ])
        .arg(program)
        .arg(folder.path())
        .arg(fixture.update_root())
        .arg(database())
        .current_dir(project)
        .status()?;
    assert!(status.success(), "{status}");
    assert_same(&fixture, folder.path())
}

/// The images of the stack's services are archives that other engines take: skopeo, which knows the format, reads each.
#[test]
fn the_images_of_the_stack_are_archives() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let folder = fixture.folder()?;
    let mut export = Command::new(fixture.paths.project.join("target/debug/tayberry"));
    export.args(["stack", "export", "--database", &database(), "--offline", "--out"]).arg(folder.path());
    let status = export.current_dir(&fixture.paths.project).status()?;
    assert!(status.success(), "{status}");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        let archive = format!("oci-archive:{}", path.display());
        let about = Command::new("skopeo").args(["inspect", &archive]).output()?;
        let about: serde_json::Value = serde_json::from_slice(&about.stdout).map_err(|error| {
            let said = String::from_utf8_lossy(&about.stderr);
            JourneyError::Failed(format!("{}: {error}: {said}", path.display()))
        })?;
        assert_eq!((&about["Architecture"], &about["Os"]), (&"arm64".into(), &"linux".into()), "{about}");
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    let store = if database() == "official" { "mongo" } else { "mongo-stand-in" };
    assert_eq!(names, ["api", "gateway", store, "redis", "web"]);
    Ok(())
}

/// Another checkout, another cache, other names and lengths of both: every result is the same file.
#[test]
#[ignore = "unpacks the tools and compiles everything anew, which takes minutes: scripts/test full"]
fn another_checkout_and_cache_give_the_same_bits() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let folder = tempfile::Builder::new().prefix("a-checkout-with-a-longer-name-").tempdir()?;
    let [project, cache, out] = ["checkout", "another-cache", "out"].map(|name| folder.path().join(name));
    let git = |arguments: &[&str]| {
        Command::new("git").arg("-C").arg(&fixture.paths.project).args(arguments).output()
    };
    for file in String::from_utf8_lossy(&git(&["ls-files", "-z"])?.stdout).split_terminator('\0') {
        let to = project.join(file);
        std::fs::create_dir_all(to.parent().unwrap_or(&project))?;
        std::fs::copy(fixture.paths.project.join(file), to)?;
    }
    // What scripts/web has built; the same sources give the same pages, which is its own matter.
    for file in tayberry::files::walk(&fixture.paths.project.join("stack/web/dist"))? {
        let to = project.join(file.strip_prefix(&fixture.paths.project).unwrap_or(&file));
        std::fs::create_dir_all(to.parent().unwrap_or(&project))?;
        if file.is_file() {
            std::fs::copy(&file, to)?;
        }
    }
    std::fs::create_dir_all(cache.join("packages"))?;
    for entry in std::fs::read_dir(fixture.paths.cache.join("packages"))? {
        let package = entry?;
        std::fs::copy(package.path(), cache.join("packages").join(package.file_name()))?;
    }
    let status = Command::new(fixture.paths.project.join("target/debug/tayberry"))
        .current_dir(&project)
        .env("TAYBERRY_CACHE", &cache)
        .args(["build", "--database", &database(), "--offline", "--out"])
        .arg(&out)
        .arg("--update-root")
        .arg(fixture.update_root())
        .status()?;
    assert!(status.success(), "{status}");
    assert_same(&fixture, &out)
}

/// Compares every file of `folder` with the one of the image under test.
fn assert_same(fixture: &Fixture, folder: &Path) -> Result<(), JourneyError> {
    let mut compared = 0;
    for entry in std::fs::read_dir(folder)? {
        let second = entry?.path();
        let first = fixture.image.with_file_name(second.file_name().unwrap_or_default());
        let hash = |path: &Path| sha256(path);
        assert_eq!(hash(&first)?, hash(&second)?, "{}", second.display());
        compared += 1;
    }
    assert!(compared >= 5, "image, block map, manifest, bill of materials, imager entry: {compared}");
    Ok(())
}

/// An overlay that does not fit the device tree stops the build: a label that is not there, a malformed source. Without
/// the mistake it compiles.
#[test]
fn a_broken_overlay_stops_the_build() -> Result<(), JourneyError> {
    const HEAD: &str = "/dts-v1/;\n/plugin/;\n";
    let fixture = Fixture::load()?;
    let folder = fixture.folder()?;
    let (sources, work) = (folder.path().join("sources"), folder.path().join("work"));
    std::fs::create_dir_all(&sources)?;
    std::fs::create_dir_all(&work)?;
    let base = folder.path().join("base.dtb");
    let board = folder.path().join("base.dts");
    std::fs::write(&board, "/dts-v1/;\n/ { compatible = \"brcm,bcm2712\"; leds: leds { }; };\n")?;
    let mut dtc = fixture.tools.command("dtc");
    execute(dtc.args(["-@", "-q", "-o"]).arg(&base).arg(&board))
        .map_err(|error| CommandError::from(BuildError::from(error)))?;
    let compile = |text: &str| {
        std::fs::write(sources.join("shed.dts"), format!("{HEAD}{text}"))?;
        Ok::<_, std::io::Error>(overlays(&fixture.tools, &sources, &work, &base, &["shed".to_owned()]))
    };
    let good = compile("&leds { shed-lamp { gpios = <7>; }; };")?.map_err(CommandError::from)?;
    assert_eq!(good.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["shed"]);
    for (text, program, words) in [
        ("&lamps { shed-lamp { gpios = <7>; }; };", "fdtoverlay", "shed.dtbo"),
        ("&leds { shed-lamp { gpios = <7>; };", "dtc", "syntax error"),
        ("&leds { shed-lamp { gpios = <&lamps 7>; }; };", "fdtoverlay", "shed.dtbo"),
    ] {
        match compile(text)? {
            Err(BuildError::Tool(error)) => {
                let said = error.to_string();
                assert!(
                    said.starts_with(&format!("{program} failed")) && said.contains(words),
                    "{text}: {said}"
                );
            }
            other => return Err(JourneyError::Failed(format!("{text}: {:?}", other.map(|all| all.len())))),
        }
    }
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

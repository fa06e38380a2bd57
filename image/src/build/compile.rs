//! Compiles what runs on the device: our programs with the locked `rustc`, the kernel module and the device-tree
//! overlays with the locked compilers. Only cargo is the host's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::{BuildError, at};
use crate::config::{Config, Published};
use crate::tools::{Tools, execute};
use crate::ui::Ui;

/// What runs on the device.
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The same in the form that environment variables want.
const TARGET_VARIABLE: &str = "AARCH64_UNKNOWN_LINUX_GNU";

/// Beginnings of the names under which cargo and nextest tell a program about its own package.
const LEAKS: [&str; 6] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_", "NEXTEST"];

/// Our programs, compiled.
pub struct Programs {
    /// First process of the initramfs; static.
    pub init: PathBuf,
    /// The agent.
    pub tayberryd: PathBuf,
    /// Its HTTPS port.
    pub front: PathBuf,
    /// Its command line.
    pub tayberryctl: PathBuf,
    /// The emulator's helper; static. Not part of the image.
    pub guest: PathBuf,
    /// Those of containers, by crate.
    pub containers: BTreeMap<String, PathBuf>,
}

/// Compiles our programs: those of all containers of `config`, whatever this build leaves out, so that one of a stand-in is linked
/// as it is for what it stands in for. Cargo decides what is up to date.
///
/// # Errors
/// With the compiler's own words.
pub fn programs(tools: &Tools, project: &Path, config: &Config, ui: Ui) -> Result<Programs, BuildError> {
    let stage = ui.stage("compile", None);
    let target = target(tools, project);
    let found = |linkage: &str, name: &str| target.join(linkage).join(TARGET).join("device").join(name);
    let contained = contained(config);
    let of = |linkage: &'static str| {
        contained.iter().filter(move |(_, own)| **own == linkage).map(|(name, _)| *name)
    };
    let dynamic: Vec<&str> = ["tayberry-agent", "tayberry-front"].into_iter().chain(of("dynamic")).collect();
    let independent: Vec<&str> =
        ["tayberry-init", "tayberry-guest"].into_iter().chain(of("static")).collect();
    cargo(tools, project, &target.join("dynamic"), &dynamic, "")?;
    cargo(tools, project, &target.join("static"), &independent, "-C target-feature=+crt-static")?;
    stage.finish("programs of the device");
    Ok(Programs {
        init: found("static", "tayberry-init"),
        guest: found("static", "tayberry-guest"),
        tayberryd: found("dynamic", "tayberryd"),
        front: found("dynamic", "tayberry-front"),
        tayberryctl: found("dynamic", "tayberryctl"),
        containers: contained.into_iter().map(|(name, how)| (name.to_owned(), found(how, name))).collect(),
    })
}

/// Our programs in containers, and how each is linked. One that starts in somebody else's image is static: the C library there may be
/// older than the one here (`mongo:7.0` has 2.35, and ours asks for 2.38; ld.so(8) then refuses to start it).
fn contained(config: &Config) -> BTreeMap<&str, &'static str> {
    let mut all = BTreeMap::new();
    for one in config.container.values() {
        let Some(name) = one.program.as_deref() else { continue };
        let linkage = all.entry(name).or_insert("dynamic");
        if one.image.is_some() {
            *linkage = "static";
        }
    }
    all
}

/// How such a program is compiled: raised with every change of it, so that nobody keeps one that was made otherwise.
const RECIPE: u32 = 2;

/// Compiles a program of crates.io, once for each version and compiler; returns where it lies.
///
/// # Errors
/// With the compiler's own words.
pub fn published(tools: &Tools, project: &Path, one: &Published, ui: Ui) -> Result<PathBuf, BuildError> {
    let root = target(tools, project).join(format!("{}-{}-{RECIPE}", one.name, one.version));
    let program = root.join("bin").join(&one.program);
    if program.exists() {
        return Ok(program);
    }
    let stage = ui.stage("compile", None);
    stage.at(&one.name);
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["install", "--quiet", "--locked", "--ignore-rust-version", "--target", TARGET, "--bin"]);
    command.arg(&one.program).args(["--version", &one.version, &one.name, "--root"]).arg(&root);
    command.arg("--target-dir").arg(root.join("target"));
    let show = |name: &str| tools.path(name).display().to_string();
    command
        .env("CXX_aarch64_unknown_linux_gnu", show("aarch64-linux-gnu-g++-14"))
        .env("CXXFLAGS_aarch64_unknown_linux_gnu", format!("--sysroot={}", tools.root().display()))
        .env("CMAKE", show("cmake"))
        // It wants a program `make` by that name: the host's, or ours.
        .env(
            "PATH",
            format!(
                "{}:{}",
                std::env::var("PATH").unwrap_or_default(),
                tools.root().join("usr/bin").display()
            ),
        )
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        // Sooner there; what it serves is bound by its disk.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    environment(&mut command, tools, project, "");
    execute(&mut command)?;
    // What it was made of is a gigabyte.
    std::fs::remove_dir_all(root.join("target")).map_err(at(&root))?;
    stage.finish(&one.name);
    Ok(program)
}

/// Where what is compiled for the device lies. The tools' folder is part of the name: another rustc means other files. In the
/// checkout and not in the cache: two checkouts would each discard what the other compiled.
fn target(tools: &Tools, project: &Path) -> PathBuf {
    project.join("target/device").join(tools.root().file_name().map(PathBuf::from).unwrap_or_default())
}

fn cargo(
    tools: &Tools,
    project: &Path,
    target: &Path,
    packages: &[&str],
    flags: &str,
) -> Result<(), BuildError> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(project)
        .args(["build", "--quiet", "--locked", "--profile", "device", "--target", TARGET, "--target-dir"])
        .arg(target);
    environment(&mut command, tools, project, flags);
    for package in packages {
        command.args(["--package", package]);
    }
    execute(&mut command)?;
    Ok(())
}

/// The locked compilers, and nothing of the host's or of a cargo around this one.
fn environment(command: &mut Command, tools: &Tools, project: &Path, flags: &str) {
    let root = tools.root().display();
    let gcc = tools.path("aarch64-linux-gnu-gcc-14");
    // Paths of this machine must not end up in the programs.
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let remap = format!(
        "--remap-path-prefix={}=/tayberry --remap-path-prefix={home}=/cargo --remap-path-prefix={root}=/tools",
        project.display()
    );
    command
        // What C calls `__DATE__` and `__TIME__` (reproducible-builds.org, SOURCE_DATE_EPOCH; gcc(1)).
        .env("SOURCE_DATE_EPOCH", "0")
        .env("RUSTC", tools.path("rustc"))
        .env(format!("CARGO_TARGET_{TARGET_VARIABLE}_LINKER"), &gcc)
        .env(
            format!("CARGO_TARGET_{TARGET_VARIABLE}_RUSTFLAGS"),
            format!("-C link-arg=--sysroot={root} -C link-arg=-Wl,--build-id=none -C target-cpu=cortex-a76 {flags} {remap}"),
        )
        .env("CC_aarch64_unknown_linux_gnu", &gcc)
        .env("CFLAGS_aarch64_unknown_linux_gnu", format!("--sysroot={root} -ffile-prefix-map={root}=/tools"))
        .env("AR_aarch64_unknown_linux_gnu", tools.path("aarch64-linux-gnu-ar"));
    // A build that runs under `cargo run` inherits settings for the host's own compiler.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WRAPPER",
        "RUSTUP_TOOLCHAIN",
        "CARGO_TARGET_DIR",
    ] {
        command.env_remove(name);
    }
    // And names of the package that runs: build scripts of libraries look at them, and would run anew, and all behind them.
    let leaks = |name: &str| LEAKS.iter().any(|prefix| name.starts_with(prefix));
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| leaks(name))
    {
        command.env_remove(name);
    }
}

/// Compiles the `vcio` module for the kernel `release`; returns its bytes. The headers name neither compiler nor paths
/// that suit a cross build in a private folder, so every tool is named here. The type information of modules (BTF) needs
/// a further tool and nobody reads it here.
///
/// # Errors
/// With the compiler's own words.
pub fn vcio(tools: &Tools, source: &Path, work: &Path, release: &str) -> Result<Vec<u8>, BuildError> {
    let folder = work.join("vcio");
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    for name in ["vcio.c", "Kbuild"] {
        std::fs::copy(source.join(name), folder.join(name)).map_err(at(source.join(name)))?;
    }
    let base = release.strip_suffix("-arm64").unwrap_or(release);
    let headers = tools.root().join("usr/src").join(format!("linux-headers-{release}"));
    let common = tools.root().join("usr/src").join(format!("linux-headers-{base}-common/Makefile"));
    let show = |path: &Path| path.display().to_string();
    let mut command = Command::new(tools.path("make"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.args(["-s", "-C"]).arg(&headers).arg("-f").arg(&common);
    command.arg(format!("KBUILD_OUTPUT={}", show(&headers)));
    command.args(["ARCH=arm64", "CONFIG_DEBUG_INFO_BTF_MODULES="]);
    command.arg(format!("MAKE={}", show(&tools.path("make"))));
    for (variable, program) in [
        ("CC", "gcc-14"),
        ("LD", "ld"),
        ("AR", "ar"),
        ("NM", "nm"),
        ("OBJCOPY", "objcopy"),
        ("OBJDUMP", "objdump"),
        ("READELF", "readelf"),
        ("STRIP", "strip"),
    ] {
        command.arg(format!("{variable}={}", show(&tools.path(&format!("aarch64-linux-gnu-{program}")))));
    }
    command.args(["KBUILD_BUILD_TIMESTAMP=@0", "KBUILD_BUILD_USER=tayberry", "KBUILD_BUILD_HOST=tayberry"]);
    let maps = [&folder, tools.root()].map(|path| format!("-ffile-prefix-map={}/=", path.display()));
    command.arg(format!("KCFLAGS=-g0 {}", maps.join(" ")));
    command.arg(format!("M={}", show(&folder))).arg("modules");
    execute(&mut command)?;
    let built = folder.join("vcio.ko");
    std::fs::read(&built).map_err(at(built))
}

/// Compiles the device-tree overlays of `folder` and merges each, and those of `together` at once, onto `base`. Returns
/// their names and bytes.
///
/// # Errors
/// With the compiler's own words when an overlay is malformed or does not fit the device tree.
pub fn overlays(
    tools: &Tools,
    folder: &Path,
    work: &Path,
    base: &Path,
    together: &[String],
) -> Result<Vec<(String, Vec<u8>)>, BuildError> {
    let work = work.join("overlays");
    std::fs::create_dir_all(&work).map_err(at(&work))?;
    let mut compiled = Vec::new();
    for source in crate::files::walk(folder).map_err(at(folder))? {
        if source.extension().is_none_or(|extension| extension != "dts") {
            continue;
        }
        let name = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let output = work.join(format!("{name}.dtbo"));
        let options = ["-@", "-Wno-interrupts_property", "-I", "dts", "-O", "dtb", "-o"];
        execute(tools.command("dtc").args(options).arg(&output).arg(&source))?;
        compiled.push((name, output));
    }
    merge(tools, &work, base, &compiled, together)
}

/// Merges each of these overlays, and those of `together` at once, onto `base`. Returns their names and bytes.
///
/// # Errors
/// When an overlay does not fit the device tree, or one of `together` is not there.
pub fn merge(
    tools: &Tools,
    work: &Path,
    base: &Path,
    overlays: &[(String, PathBuf)],
    together: &[String],
) -> Result<Vec<(String, Vec<u8>)>, BuildError> {
    let merged = work.join("merged.dtb");
    let onto = |files: &[&PathBuf]| {
        execute(tools.command("fdtoverlay").arg("-i").arg(base).arg("-o").arg(&merged).args(files))
    };
    let mut all = Vec::new();
    for (name, path) in overlays {
        onto(&[path])?;
        all.push((name.clone(), std::fs::read(path).map_err(at(path))?));
    }
    let find = |wanted: &String| {
        let found = overlays.iter().find(|(name, _)| name == wanted).map(|(_, path)| path);
        found.ok_or_else(|| BuildError::NoOverlay(wanted.clone()))
    };
    let together = together.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    // fdtoverlay insists on at least one.
    if !together.is_empty() {
        onto(&together)?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_container_of_somebody_elses_image_needs_nothing_of_it() {
        let paths = crate::paths::Paths::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let config = Config::load(&paths.config()).unwrap();
        let contained = contained(&config);
        assert_eq!((contained["tayberry-database"], contained["tayberry-api"]), ("static", "dynamic"));
    }
}

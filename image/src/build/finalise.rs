//! What maintainer scripts would have done and matters, done offline by the same tools; and the files of `/etc` that a
//! device needs before it has an owner.

use std::fmt::Write as _;
use std::path::Path;

use crate::build::tree::Tree;
use crate::build::{BuildError, at};
use crate::config::Config;
use crate::tools::{Tools, execute};

/// Finishes the tree, while everything that packages brought is still there.
///
/// # Errors
/// With a tool's own words.
pub fn apply(tree: &mut Tree, tools: &Tools, config: &Config, epoch: i64) -> Result<(), BuildError> {
    for folder in ["proc", "sys", "dev", "run", "tmp", "var", "home", "root", "srv", "mnt", "opt"] {
        let path = tree.path(folder);
        std::fs::create_dir_all(&path).map_err(at(&path))?;
    }
    certificates(tree)?;
    tree.write("usr/lib/os-release", os_release(config).as_bytes())?;
    tree.link("etc/os-release", "../usr/lib/os-release")?;
    if let Some(root) = &config.image.update_root {
        tree.write("usr/share/tayberry/root.json", &std::fs::read(root).map_err(at(root))?)?;
    }
    if let Some(repository) = &config.image.update_repository {
        tree.write("usr/share/tayberry/repository", format!("{}\n", repository.as_ref()).as_bytes())?;
    }
    let watchdog = format!("[Manager]\nRuntimeWatchdogSec={}s\n", config.image.watchdog);
    tree.write("usr/lib/systemd/system.conf.d/20-watchdog.conf", watchdog.as_bytes())?;
    // Rendered from the state at every boot; systemd takes DEFAULT_HOSTNAME until then.
    tree.link("etc/hostname", "../run/tayberry/etc/hostname")?;
    // systemd never lets the clock be earlier than this file's time, which is that of every file (systemd-timesyncd(8)).
    tree.write("usr/lib/clock-epoch", b"")?;
    // Empty: tayberry-init lays the device's own id over it (machine-id(5)).
    tree.write("etc/machine-id", b"")?;
    tree.write("etc/fstab", b"")?;
    tree.link("etc/mtab", "../proc/self/mounts")?;
    tree.link("etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")?;
    tree.link("etc/localtime", "../run/tayberry/etc/localtime")?;
    let root = tree.root.display().to_string();
    let run = |program: &str, arguments: &[&str]| {
        execute(
            tools
                .command(program)
                .arg(format!("--root={root}"))
                .args(arguments)
                .env("SOURCE_DATE_EPOCH", epoch.to_string())
                .env("SYSTEMD_LOG_LEVEL", "warning"),
        )
        .map(drop)
    };
    run("systemd-sysusers", &[])?;
    run("systemctl", &["preset-all"])?;
    hardware_database(tree, tools)?;
    // Made for the next change of users, of which there is none.
    for name in ["passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock", ".updated"] {
        let path = tree.path("etc").join(name);
        if path.exists() {
            std::fs::remove_file(&path).map_err(at(path))?;
        }
    }
    tree.forget_removed();
    claim_new_files(tree)
}

/// Compiles the hardware database; it replaces its sources. It remembers the full path of each source: they lie in a
/// folder whose name has the same length in every build, and that name is blotted out.
fn hardware_database(tree: &mut Tree, tools: &Tools) -> Result<(), BuildError> {
    const INSIDE: &str = "usr/lib/udev/hwdb.d";
    // Not the machine's own temporary folder: its length differs.
    let parent = Path::new("/tmp");
    let folder = tempfile::Builder::new().prefix("tayberry-").tempdir_in(parent).map_err(at(parent))?;
    let sources = tree.path(INSIDE);
    let copies = folder.path().join(INSIDE);
    std::fs::create_dir_all(&copies).map_err(at(&copies))?;
    for path in crate::files::walk(&sources).map_err(at(&sources))? {
        let copy = copies.join(path.file_name().unwrap_or_default());
        std::fs::copy(&path, &copy).map_err(at(&path))?;
    }
    let root = folder.path().display().to_string();
    let arguments = [&format!("--root={root}"), "update", "--usr", "--strict"];
    execute(tools.command("systemd-hwdb").args(arguments).env("SYSTEMD_LOG_LEVEL", "warning"))?;
    let compiled = folder.path().join("usr/lib/udev/hwdb.bin");
    let mut bytes = std::fs::read(&compiled).map_err(at(&compiled))?;
    blot_out(&mut bytes, root.as_bytes());
    tree.write("usr/lib/udev/hwdb.bin", &bytes)?;
    std::fs::remove_dir_all(&sources).map_err(at(sources))
}

/// Writes `/` over every occurrence of `name`.
fn blot_out(bytes: &mut [u8], name: &[u8]) {
    let mut from = 0;
    while let Some(found) = bytes[from..].windows(name.len()).position(|window| window == name) {
        bytes[from + found..from + found + name.len()].fill(b'/');
        from += found + name.len();
    }
}

/// Whatever no package brought is ours.
fn claim_new_files(tree: &mut Tree) -> Result<(), BuildError> {
    for path in crate::files::walk(&tree.root).map_err(at(&tree.root))? {
        let is_folder = std::fs::symlink_metadata(&path).map_err(at(&path))?.is_dir();
        if let (false, Ok(inside)) = (is_folder, path.strip_prefix(&tree.root)) {
            tree.origin.entry(inside.to_owned()).or_insert_with(|| crate::build::overlay::OURS.to_owned());
        }
    }
    Ok(())
}

/// What `update-ca-certificates` would write: all authorities in one file.
fn certificates(tree: &mut Tree) -> Result<(), BuildError> {
    let folder = tree.path("usr/share/ca-certificates/mozilla");
    let mut bundle = Vec::new();
    for path in crate::files::walk(&folder).map_err(at(&folder))? {
        bundle.extend(std::fs::read(&path).map_err(at(&path))?);
    }
    tree.write("etc/ssl/certs/ca-certificates.crt", &bundle)
}

fn os_release(config: &Config) -> String {
    let mut text = String::new();
    let version = &config.image.version;
    for (name, value) in [
        ("NAME", "Tayberry"),
        ("ID", "tayberry"),
        ("ID_LIKE", "debian"),
        ("VERSION_ID", version),
        ("PRETTY_NAME", &format!("Tayberry {version}")),
        ("DEFAULT_HOSTNAME", &config.image.hostname),
        ("IMAGE_ID", &config.image.name),
        ("IMAGE_VERSION", version),
    ] {
        // Writing to a String cannot fail.
        writeln!(text, "{name}=\"{value}\"").unwrap_or_default();
    }
    text
}

/// Sets every time in the tree, so that tools which copy times give the same bytes each day.
///
/// # Errors
/// When a file cannot be changed.
pub fn set_times(root: &Path, epoch: i64) -> Result<(), BuildError> {
    use nix::sys::stat::{UtimensatFlags, utimensat};
    let time = nix::sys::time::TimeSpec::new(epoch, 0);
    for path in crate::files::walk(root).map_err(at(root))? {
        utimensat(nix::fcntl::AT_FDCWD, &path, &time, &time, UtimensatFlags::NoFollowSymlink)
            .map_err(|errno| at(&path)(errno.into()))?;
    }
    Ok(())
}

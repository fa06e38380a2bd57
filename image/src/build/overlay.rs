//! Lays `overlays/rootfs` and our own programs over the tree.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::build::compile::Programs;
use crate::build::tree::Tree;
use crate::build::{BuildError, at};

/// Origin of our own files.
pub const OURS: &str = "tayberry";

/// Copies every file of `folder`; the folder tree is the target tree. Modes are fixed (0644, or 0755 when executable),
/// because a checkout's other bits depend on who made it.
///
/// # Errors
/// When a file cannot be copied.
pub fn apply(tree: &mut Tree, folder: &Path) -> Result<(), BuildError> {
    apply_at(tree, folder, Path::new(""))
}

/// The same, into a folder of the tree.
///
/// # Errors
/// When a file cannot be copied.
pub fn apply_at(tree: &mut Tree, folder: &Path, place: &Path) -> Result<(), BuildError> {
    for path in crate::files::walk(folder).map_err(at(folder))? {
        let Ok(inside) = path.strip_prefix(folder) else { continue };
        let inside = &place.join(inside);
        let meta = std::fs::symlink_metadata(&path).map_err(at(&path))?;
        if meta.is_symlink() {
            let target = std::fs::read_link(&path).map_err(at(&path))?;
            tree.link(inside, target)?;
        } else if meta.is_file() {
            tree.write(inside, &std::fs::read(&path).map_err(at(&path))?)?;
            let mode = if meta.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
            chmod(&tree.path(inside), mode)?;
        }
    }
    Ok(())
}

/// Installs our programs. A base that has them already, made from source with its own libraries, keeps them.
///
/// # Errors
/// When a file cannot be copied.
pub fn programs(tree: &mut Tree, programs: &Programs) -> Result<(), BuildError> {
    for (from, to) in [
        (&programs.tayberryd, "usr/lib/tayberry/tayberryd"),
        (&programs.front, "usr/lib/tayberry/tayberry-front"),
        (&programs.tayberryctl, "usr/bin/tayberryctl"),
    ] {
        if tree.base.is_none() || !tree.path(to).exists() {
            program(tree, from, to)?;
        }
    }
    Ok(())
}

/// Installs a program.
///
/// # Errors
/// When it cannot be copied.
pub fn program(tree: &mut Tree, from: &Path, to: impl AsRef<Path>) -> Result<(), BuildError> {
    tree.write(&to, &std::fs::read(from).map_err(at(from))?)?;
    chmod(&tree.path(&to), 0o755)
}

pub(super) fn chmod(path: &Path, mode: u32) -> Result<(), BuildError> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(at(path))
}

//! The images of the stack's services: each a small root of Debian packages and files of ours, in the store of the system
//! partition.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::build::layer::Layer;
use crate::build::store::{self, Image, STORE};
use crate::build::tree::Tree;
use crate::build::trim::{self, Trim};
use crate::build::{BuildError, at, overlay};
use crate::config::Config;
use crate::fetch::Cache;
use crate::lock::{Lock, Section};
use crate::ui::Ui;

/// Folders that every container has.
const FOLDERS: [&str; 8] = ["dev", "etc", "proc", "run", "sys", "tmp", "var", "data"];
/// Root's entry, for programs that ask for its name. Users of services have numbers alone.
const PASSWD: &str = "root:x:0:0:root:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";
/// Bits that give a program more than its caller has: nothing in a container may.
const PRIVILEGED: u32 = 0o6000;

/// Everything that is needed.
pub struct Parts<'a> {
    /// The checkout: `stack/NAME/rootfs` is laid over the packages.
    pub project: &'a Path,
    /// What is made.
    pub config: &'a Config,
    /// Of what.
    pub lock: &'a Lock,
    /// Where the packages lie.
    pub cache: &'a Cache,
    /// A folder for the roots, on the disk of the tree.
    pub work: &'a Path,
    /// What no system needs.
    pub trim: &'a Trim,
}

/// Adds the store to the tree.
///
/// # Errors
/// When a package is damaged or a folder cannot be written.
pub fn add(tree: &Tree, parts: &Parts<'_>, ui: Ui) -> Result<(), BuildError> {
    if parts.config.container.is_empty() {
        return Ok(());
    }
    let mut roots = Vec::new();
    for name in parts.config.container.keys() {
        roots.push(root(name, parts, ui)?);
    }
    let stage = ui.stage("containers", None);
    let mut images = Vec::new();
    for ((name, container), root) in parts.config.container.iter().zip(&roots) {
        let layer = Layer::of(&root.root, parts.lock.epoch)?;
        images.push(Image { name, command: &container.command, root: &root.root, layer });
    }
    let bytes: u64 = images.iter().map(|image| image.layer.bytes).sum();
    store::write(&tree.path(STORE), &images, parts.lock.epoch)?;
    stage.finish(&format!("{} images, {}", images.len(), crate::ui::human(bytes)));
    Ok(())
}

/// The root of one container.
fn root(name: &str, parts: &Parts<'_>, ui: Ui) -> Result<Tree, BuildError> {
    let place = parts.work.join("containers").join(name);
    let section = Section::Container(name.to_owned());
    let mut tree = Tree::unpack((parts.lock, section), parts.cache, &place, parts.trim, ui)?;
    trim::apply(&mut tree, parts.trim)?;
    for folder in FOLDERS {
        let path = tree.path(folder);
        std::fs::create_dir_all(&path).map_err(at(&path))?;
    }
    tree.write("etc/passwd", PASSWD.as_bytes())?;
    tree.write("etc/group", GROUP.as_bytes())?;
    let ours = parts.project.join("stack").join(name).join("rootfs");
    if ours.exists() {
        overlay::apply(&mut tree, &ours)?;
    }
    for path in crate::files::walk(&tree.root).map_err(at(&tree.root))? {
        let metadata = std::fs::symlink_metadata(&path).map_err(at(&path))?;
        let mode = metadata.permissions().mode();
        if metadata.is_file() && mode & PRIVILEGED != 0 {
            let plain = std::fs::Permissions::from_mode(mode & !PRIVILEGED);
            std::fs::set_permissions(&path, plain).map_err(at(&path))?;
        }
    }
    Ok(tree)
}

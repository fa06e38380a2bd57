//! The images of the stack's services: each a small root of Debian packages and files of ours, in the store of the system
//! partition.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::build::compile::Programs;
use crate::build::layer::Layer;
use crate::build::store::{self, Image, STORE};
use crate::build::tree::Tree;
use crate::build::trim::{self, Trim};
use crate::build::{BuildError, at, compile, overlay};
use crate::config::{Config, Container};
use crate::fetch::Cache;
use crate::lock::{Image as Locked, Lock, Section};
use crate::registry::{Layers, unpack};
use crate::tools::Tools;
use crate::ui::Ui;

/// Folders that every container has.
const FOLDERS: [&str; 8] = ["dev", "etc", "proc", "run", "sys", "tmp", "var", "data"];
/// Root's entry, for programs that ask for its name. Users of services have numbers alone.
const PASSWD: &str = "root:x:0:0:root:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";
/// The stack that comes with the system.
const COMPOSE: &str = "usr/share/tayberry/stack/compose.yaml";
/// The formats in which the stack keeps data, and their versions.
pub const DATA_FORMATS: &str = "usr/share/tayberry/data-formats.json";
/// Where the pages of a container lie.
const PAGES: &str = "usr/share/www";
/// Files smaller than a page, in bytes, are not worth being shared.
const SHARED: u64 = 4096;
/// Bits that give a program more than its caller has: nothing in a container may.
const PRIVILEGED: u32 = 0o6000;

/// Everything that is needed.
pub struct Parts<'a> {
    /// The checkout: `stack/NAME/rootfs` is laid over the packages.
    pub project: &'a Path,
    /// What our own programs are compiled with.
    pub tools: &'a Tools,
    /// Those that were.
    pub programs: &'a Programs,
    /// What is made.
    pub config: &'a Config,
    /// Of what.
    pub lock: &'a Lock,
    /// Where the packages lie.
    pub cache: &'a Cache,
    /// Where layers of images lie.
    pub layers: &'a Layers,
    /// A folder for the roots, on the disk of the tree.
    pub work: &'a Path,
    /// What no system needs.
    pub trim: &'a Trim,
}

/// Says in the tree in which formats the stack keeps data: an update with others is not taken.
///
/// # Errors
/// When the tree cannot be written.
pub fn say_formats(tree: &mut Tree, config: &Config) -> Result<(), BuildError> {
    let text = serde_json::to_vec(&config.data_formats()).map_err(|error| at(DATA_FORMATS)(error.into()))?;
    tree.write(DATA_FORMATS, &text)
}

/// The roots of all containers, in their order.
///
/// # Errors
/// When a package or a layer is damaged, or a folder cannot be written.
pub fn roots(parts: &Parts<'_>, ui: Ui) -> Result<Vec<Tree>, BuildError> {
    parts.config.container.iter().map(|(name, container)| root(name, container, parts, ui)).collect()
}

/// What their images are.
///
/// # Errors
/// When a root cannot be read.
pub fn images<'a>(parts: &Parts<'a>, roots: &'a [Tree]) -> Result<Vec<Image<'a>>, BuildError> {
    let image = |((name, container), root): ((&'a String, &'a Container), &'a Tree)| {
        let layer = Layer::of(&root.root, parts.lock.epoch)?;
        Ok(Image { name: store::name_of(name), command: &container.command, root: &root.root, layer })
    };
    parts.config.container.iter().zip(roots).map(image).collect()
}

/// Adds the store to the tree.
///
/// # Errors
/// When a package is damaged or a folder cannot be written.
pub fn add(tree: &mut Tree, parts: &Parts<'_>, ui: Ui) -> Result<(), BuildError> {
    let roots = roots(parts, ui)?;
    let stage = ui.stage("containers", None);
    let images = images(parts, &roots)?;
    tree.write(COMPOSE, compose(parts)?.as_bytes())?;
    let bytes: u64 = images.iter().map(|image| image.layer.bytes).sum();
    store::write(&tree.path(STORE), &images, parts.lock.epoch)?;
    let shared = share(&tree.path(STORE))?;
    let (bytes, shared) = (crate::ui::human(bytes), crate::ui::human(shared));
    stage.finish(&format!("{} images, {bytes}, {shared} of it shared", images.len()));
    Ok(())
}

/// The root of one container.
fn root(name: &str, container: &Container, parts: &Parts<'_>, ui: Ui) -> Result<Tree, BuildError> {
    let place = parts.work.join("containers").join(name);
    let begun = container.image.as_ref().and_then(|reference| parts.lock.image_of(name, reference));
    let mut tree = match begun {
        Some(image) => from_layers(image, parts.layers, &place, ui)?,
        None => {
            let section = Section::Container(name.to_owned());
            Tree::unpack((parts.lock, section), parts.cache, &place, parts.trim, ui)?
        }
    };
    trim::apply(&mut tree, parts.trim)?;
    for folder in FOLDERS {
        tree.folder(Path::new(folder))?;
    }
    tree.write("etc/passwd", PASSWD.as_bytes())?;
    tree.write("etc/group", GROUP.as_bytes())?;
    if let Some(published) = &container.published {
        let program = compile::published(parts.tools, parts.project, published, ui)?;
        overlay::program(&mut tree, &program, Path::new("usr/bin").join(&published.program))?;
    }
    if let Some(program) = container.program.as_ref().and_then(|name| parts.programs.containers.get(name)) {
        overlay::program(
            &mut tree,
            program,
            Path::new("usr/bin").join(program.file_name().unwrap_or_default()),
        )?;
    }
    if let Some(pages) = &container.pages {
        overlay::apply_at(&mut tree, &parts.project.join(pages), Path::new(PAGES))?;
    }
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

/// A root that begins with the image of a registry.
fn from_layers(image: &Locked, layers: &Layers, place: &Path, ui: Ui) -> Result<Tree, BuildError> {
    let stage = ui.stage("unpack", Some(image.layer.iter().map(|layer| layer.bytes).sum()));
    std::fs::create_dir_all(place).map_err(at(place))?;
    let mut origin = BTreeMap::new();
    for layer in &image.layer {
        let file = layers.file_of(layer);
        let brought = unpack::layer(&file, &layer.media_type, place).map_err(at(&file))?;
        origin.extend(brought.into_iter().map(|path| (path, image.reference.clone())));
        stage.add(layer.bytes);
    }
    // A later layer may have taken it away.
    origin.retain(|path: &PathBuf, _| place.join(path).symlink_metadata().is_ok_and(|meta| !meta.is_dir()));
    stage.finish(&format!("{} layers of {}, {} files", image.layer.len(), image.reference, origin.len()));
    Ok(Tree { root: place.to_owned(), origin, base: None })
}

/// The stack of the system, as it is with the containers of this build.
fn compose(parts: &Parts<'_>) -> Result<String, BuildError> {
    let path = parts.project.join("stack/compose.yaml");
    let mut text = std::fs::read_to_string(&path).map_err(at(path))?;
    for (name, other) in
        parts.config.container.iter().filter_map(|(name, one)| Some((name, one.stands_in_for.as_ref()?)))
    {
        text = text.replace(&store::name_of(other), &store::name_of(name));
    }
    Ok(text)
}

/// Makes equal files of the store one: libraries that several images have. Returns how many bytes that spares.
fn share(store: &Path) -> Result<u64, BuildError> {
    let mut first: BTreeMap<(Vec<u8>, u32), PathBuf> = BTreeMap::new();
    let mut spared = 0;
    for path in crate::files::walk(store).map_err(at(store))? {
        let metadata = std::fs::symlink_metadata(&path).map_err(at(&path))?;
        if !metadata.is_file() || metadata.len() < SHARED {
            continue;
        }
        let hash = Sha256::digest(std::fs::read(&path).map_err(at(&path))?).to_vec();
        match first.entry((hash, metadata.permissions().mode())) {
            Entry::Vacant(entry) => {
                entry.insert(path);
            }
            Entry::Occupied(same) => {
                std::fs::remove_file(&path).map_err(at(&path))?;
                std::fs::hard_link(same.get(), &path).map_err(at(&path))?;
                spared += metadata.len();
            }
        }
    }
    Ok(spared)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn equal_files_become_one_and_others_stay() {
        let store = tempfile::tempdir().unwrap();
        let put = |name: &str, byte: u8| {
            let path = store.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, vec![byte; 8192]).unwrap();
        };
        put("a/libc.so", 1);
        put("b/libc.so", 1);
        put("b/program", 2);
        assert_eq!(share(store.path()).unwrap(), 8192);
        let links = |name: &str| std::fs::metadata(store.path().join(name)).unwrap().nlink();
        assert_eq!((links("a/libc.so"), links("b/libc.so"), links("b/program")), (2, 2, 1));
        assert_eq!(std::fs::read(store.path().join("b/libc.so")).unwrap(), vec![1; 8192]);
    }
}

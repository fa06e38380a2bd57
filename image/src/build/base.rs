//! A root file system that somebody else made, such as Buildroot (buildroot-config): its archive takes the place of Debian's packages.
//! Everything after it is the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::build::modules::{MODULES, release};
use crate::build::tree::Tree;
use crate::build::trim::Trim;
use crate::build::{BuildError, at};
use crate::deb;
use crate::ui::{Ui, human};

/// Origin of its files, and name of the one package that it counts as.
pub const BASE: &str = "base";

/// Unpacks `archive`, a tar file, into `root`. Devices and pipes in it are passed by: the kernel makes them.
///
/// # Errors
/// When it cannot be read, or a path in it would leave the tree.
pub fn unpack(archive: &Path, root: &Path, trim: &Trim, ui: Ui) -> Result<Tree, BuildError> {
    let stage = ui.stage("unpack", None);
    std::fs::create_dir_all(root).map_err(at(root))?;
    let hash = crate::files::sha256(archive).map_err(at(archive))?;
    let mut file = File::open(archive).map_err(at(archive))?;
    let reader: &mut dyn Read = &mut file;
    let mut entries = tar::Archive::new(reader);
    let paths = deb::extract(&mut entries, archive, root, &|inside| trim.is_early(inside))?;
    let origin: BTreeMap<_, _> = paths.into_iter().map(|path| (path, BASE.to_owned())).collect();
    let bytes = std::fs::metadata(archive).map_err(at(archive))?.len();
    stage.finish(&format!("{}, {} files of {}", human(bytes), origin.len(), archive.display()));
    Ok(Tree { root: root.to_owned(), origin, base: Some(hash) })
}

/// Puts `kernel` where the kernel of the one release that the tree has modules of is looked for.
///
/// # Errors
/// When there are modules of none or of several, or it cannot be read.
pub fn kernel(tree: &mut Tree, kernel: &Path) -> Result<(), BuildError> {
    let place = Path::new(MODULES).join(release(tree)?).join("vmlinuz");
    let bytes = std::fs::read(kernel).map_err(at(kernel))?;
    tree.write(&place, &bytes)?;
    tree.origin.insert(place, BASE.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_becomes_a_tree_and_nothing_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, root) = (folder.path().join("rootfs.tar"), folder.path().join("root"));
        let mut builder = tar::Builder::new(File::create(&archive).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        for (kind, name, text) in [
            (tar::EntryType::Regular, "./lib/modules/6.18/modules.builtin", "a"),
            (tar::EntryType::Char, "./dev/null", ""),
        ] {
            header.set_entry_type(kind);
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap();
        let trim = Trim::default();
        let mut tree = unpack(&archive, &root, &trim, Ui::new(crate::ui::Mode::Json)).unwrap();
        let names: Vec<_> = tree.origin.keys().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["usr/lib/modules/6.18/modules.builtin"], "merged, and without devices");
        let image = folder.path().join("Image");
        std::fs::write(&image, "kernel").unwrap();
        kernel(&mut tree, &image).unwrap();
        assert_eq!(std::fs::read(root.join("usr/lib/modules/6.18/vmlinuz")).unwrap(), b"kernel");
    }
}

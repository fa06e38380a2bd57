//! The hook for the virtual Pi 5, documented in docs/ARCHITECTURE.md: the emulator may append a second archive to the
//! initramfs, with modules to load and files for `/run` (units, helpers). Honoured only where the device tree says
//! `qemu,virt`; a real Pi ignores it.

use std::fs;
use std::io;
use std::path::Path;

use crate::machine::Machine;
use crate::{InitError, modules, steps};

/// Name of the virtual machine in the device tree.
pub(crate) const BOARD: &str = "qemu,virt";
const MODULES: &str = "/emulator/modules.list";
const FILES: &str = "/emulator/run";

pub(crate) fn apply(machine: &Machine) -> Result<(), InitError> {
    if !Path::new("/emulator").exists() {
        return Ok(());
    }
    if !machine.is(BOARD) {
        steps::say("an emulator's files are in the initramfs, but this is not the virtual Pi 5: ignored");
        return Ok(());
    }
    modules::load(MODULES, machine)?;
    copy(Path::new(FILES), Path::new("/run")).map_err(InitError::system("the emulator's files"))
}

/// Copies a folder, permissions included.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_copied() {
        let base = std::env::temp_dir().join(format!("tayberry-init-{}", std::process::id()));
        fs::create_dir_all(base.join("from/deep")).unwrap();
        fs::write(base.join("from/deep/unit"), "x").unwrap();
        copy(&base.join("from"), &base.join("to")).unwrap();
        assert_eq!(fs::read(base.join("to/deep/unit")).unwrap(), b"x");
        fs::remove_dir_all(base).unwrap();
    }
}

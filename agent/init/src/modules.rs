//! Loads kernel modules in the order of a list that the builder made, dependencies included.
//!
//! The order matters on a Pi 5: PCIe waits ten seconds for the MIP interrupt controller and then scans without it,
//! and with it RP1's Ethernet, USB and GPIO are gone until the next boot (kernel, drivers/base/dd.c and
//! drivers/of/property.c).

use std::ffi::CString;
use std::fs::File;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use crate::machine::Machine;
use crate::{InitError, steps};

/// Loads the modules of `list`: one path a line, below a `[board]` line that says which board wants them; `[all]`
/// is for every board. A module that fails is named; the disk that it was for will be missed later.
pub(crate) fn load(list: &str, machine: &Machine) -> Result<(), InitError> {
    let text = std::fs::read_to_string(list).map_err(InitError::system(list))?;
    for path in chosen(&text, |board| machine.is(board)) {
        let file = File::open(path).map_err(InitError::system(path))?;
        match finit_module(&file, &CString::default(), ModuleInitFlags::empty()) {
            // A built-in or already loaded module, or one whose device is not there.
            Ok(()) | Err(Errno::EEXIST | Errno::ENODEV) => {}
            Err(errno) => steps::say(&format!("module {path}: {errno}")),
        }
    }
    Ok(())
}

fn chosen(text: &str, is: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut wanted = false;
    let mut paths = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(board) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            wanted = board == "all" || is(board);
        } else if wanted {
            paths.push(line);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_gets_its_own_modules_and_the_common_ones() {
        let list = "[all]\n/a.ko\n[brcm,bcm2712]\n/b.ko\n[qemu,virt]\n/c.ko\n";
        assert_eq!(chosen(list, |board| board == "brcm,bcm2712"), ["/a.ko", "/b.ko"]);
        assert_eq!(chosen(list, |_| false), ["/a.ko"]);
    }
}

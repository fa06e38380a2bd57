//! Asks an NVMe drive about its health: the one admin command that the agent knows. The only unsafe code of it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use tayberry_core::disk::PAGE;

/// The kernel's own patience, which is a minute: a command that is late has the controller reset, and the system may be on it.
const PATIENCE_MS: u32 = 0;
/// "Get Log Page" (NVM Express base specification).
const GET_LOG_PAGE: u8 = 2;
/// "SMART / Health Information".
const HEALTH: u32 = 2;
/// The whole drive, not one of its namespaces.
const ALL: u32 = u32::MAX;

/// `struct nvme_passthru_cmd` of linux/nvme_ioctl.h.
#[repr(C)]
#[derive(Default)]
pub struct Command {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    words_2_3: [u32; 2],
    metadata: u64,
    address: u64,
    metadata_length: u32,
    data_length: u32,
    words_10_15: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

mod ioctl {
    #![allow(unsafe_code, reason = "nix makes the ioctl wrapper; it is called in one place below")]
    // NVME_IOCTL_ADMIN_CMD of linux/nvme_ioctl.h.
    nix::ioctl_readwrite!(admin_command, b'N', 0x41, super::Command);
}

/// The page about the drive's health.
///
/// # Errors
/// When the controller cannot be opened, or refuses.
#[allow(
    unsafe_code,
    reason = "one ioctl with a pointer to a command, which points to a page of known length"
)]
pub fn health(controller: &Path) -> io::Result<[u8; PAGE]> {
    let controller = File::open(controller)?;
    let mut page = Box::new([0; PAGE]);
    let words = u32::try_from(PAGE / 4 - 1).unwrap_or(0);
    let mut command = Command {
        opcode: GET_LOG_PAGE,
        namespace: ALL,
        address: page.as_mut_ptr() as u64,
        data_length: words * 4 + 4,
        words_10_15: [words << 16 | HEALTH, 0, 0, 0, 0, 0],
        timeout_ms: PATIENCE_MS,
        ..Command::default()
    };
    // SAFETY: the descriptor is open; the kernel reads the command and writes as many bytes behind its address as `data_length` says,
    // which is the length of `page`, and its result into the command. Both live until it returns.
    let status = unsafe { ioctl::admin_command(controller.as_raw_fd(), &raw mut command) }?;
    if status == 0 {
        Ok(*page)
    } else {
        Err(io::Error::other(format!("the drive refuses: status {status:#x}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_laid_out_as_the_kernel_wants_it() {
        assert_eq!(size_of::<Command>(), 72);
        assert_eq!(std::mem::offset_of!(Command, address), 24);
        assert_eq!(std::mem::offset_of!(Command, words_10_15), 40);
        assert!(health(Path::new("/dev/null")).is_err());
    }
}

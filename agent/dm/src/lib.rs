//! The device-mapper ioctls (linux/dm-ioctl.h): creates and removes mapped devices of one table line, and reads under which root hash one
//! was opened. The only place with raw structures; which partition is opened, and when, is left to whoever asks.
#![allow(unsafe_code, reason = "device-mapper is reached by ioctl alone; each block says why it is sound")]

mod table;
pub mod verity;

pub use table::root_hash;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

/// Version of the interface that we speak; the kernel accepts any minor version.
const VERSION: [u32; 3] = [4, 0, 0];
const CONTROL: &str = "/dev/mapper/control";
const BUFFER: usize = 4096;
const READ_ONLY: u32 = 1;
const SECURE_DATA: u32 = 1 << 15;

/// `struct dm_ioctl`.
#[repr(C)]
#[derive(Default)]
struct Head {
    version: [u32; 3],
    data_size: u32,
    data_start: u32,
    target_count: u32,
    open_count: i32,
    flags: u32,
    event_nr: u32,
    padding: u32,
    dev: u64,
    name: Text<128>,
    uuid: Text<129>,
    data: [u8; 7],
}

/// `struct dm_target_spec`; the parameters follow as a zero-terminated string.
#[repr(C)]
#[derive(Default)]
struct Target {
    sector_start: u64,
    length: u64,
    status: i32,
    next: u32,
    target_type: Text<16>,
}

#[repr(C)]
struct Text<const N: usize>([u8; N]);

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Text<N> {
    fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        // The last byte stays zero.
        for (place, byte) in bytes.iter_mut().take(N - 1).zip(text.bytes()) {
            *place = byte;
        }
        Self(bytes)
    }
}

/// What the ioctls read and write: aligned as `Head` is.
#[repr(C, align(8))]
struct Request([u8; BUFFER]);

mod ioctl {
    use super::Request;
    // _IOWR(0xfd, NUMBER, struct dm_ioctl): the size in the number is that of the head alone.
    const HEAD: usize = size_of::<super::Head>();
    const fn number(command: u8) -> u64 {
        nix::request_code_readwrite!(0xfd, command, HEAD)
    }
    nix::ioctl_readwrite_bad!(device_create, number(3), Request);
    nix::ioctl_readwrite_bad!(device_remove, number(4), Request);
    nix::ioctl_readwrite_bad!(device_suspend, number(6), Request);
    nix::ioctl_readwrite_bad!(table_load, number(9), Request);
    nix::ioctl_readwrite_bad!(table_status, number(12), Request);
}

fn control() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(CONTROL)
}

/// A table of one line.
pub struct Line<'a> {
    /// Kind of target, such as `verity`.
    pub kind: &'a str,
    /// Length in sectors of 512 bytes.
    pub sectors: u64,
    /// Its parameters. Wiped from the kernel's buffer afterwards when `secret`.
    pub parameters: &'a str,
    /// Nobody can write to it.
    pub read_only: bool,
    /// The parameters hold a key.
    pub secret: bool,
}

/// Creates and starts a mapped device; returns its kernel name (`dm-0`).
///
/// # Errors
/// When the kernel refuses: there is one of this name, or the line is wrong.
pub fn create(name: &str, line: &Line<'_>) -> io::Result<String> {
    let control = control()?;
    let fd = control.as_raw_fd();
    let mut flags = if line.read_only { READ_ONLY } else { 0 };
    if line.secret {
        flags |= SECURE_DATA;
    }
    let mut request = request(name, flags, None)?;
    // SAFETY: `Request` is larger than the `dm_ioctl` it begins with, whose data_size names its true size, so the
    // kernel stays inside it; the descriptor is open.
    unsafe { ioctl::device_create(fd, &raw mut request) }?;
    let minor = minor(&request);
    let mut table = self::request(name, flags, Some(line))?;
    // SAFETY: as above; the one target and its parameters lie inside the buffer, as `request` made sure.
    let loaded = unsafe { ioctl::table_load(fd, &raw mut table) };
    table.0.fill(0);
    loaded?;
    // Resuming is suspending without the suspend flag.
    let mut resume = self::request(name, 0, None)?;
    // SAFETY: as for the first call.
    unsafe { ioctl::device_suspend(fd, &raw mut resume) }?;
    Ok(format!("dm-{minor}"))
}

/// Removes a mapped device, if nothing has it open.
///
/// # Errors
/// `EBUSY` while something has; `ENXIO` when there is none of this name.
pub fn remove(name: &str) -> io::Result<()> {
    let control = control()?;
    let mut request = request(name, 0, None)?;
    // SAFETY: as for `create`: the kernel stays inside the request, whose size it names, and the descriptor is open.
    unsafe { ioctl::device_remove(control.as_raw_fd(), &raw mut request) }?;
    Ok(())
}

/// `dev` of the answer in the kernel's huge encoding (linux/kdev_t.h): the minor number is in bits 0-7 and 20-31.
fn minor(request: &Request) -> u64 {
    let mut dev = [0; 8];
    let at = std::mem::offset_of!(Head, dev);
    dev.copy_from_slice(&request.0[at..at + 8]);
    let dev = u64::from_ne_bytes(dev);
    (dev & 0xff) | ((dev >> 12) & 0xfff_ff00)
}

fn request(name: &str, flags: u32, line: Option<&Line<'_>>) -> io::Result<Request> {
    let head = Head {
        version: VERSION,
        data_size: u32::try_from(BUFFER).unwrap_or(u32::MAX),
        data_start: u32::try_from(size_of::<Head>()).unwrap_or(u32::MAX),
        target_count: u32::from(line.is_some()),
        flags,
        name: Text::new(name),
        ..Head::default()
    };
    let mut request = Request([0; BUFFER]);
    request.0[..size_of::<Head>()].copy_from_slice(bytes_of(&head));
    if let Some(line) = line {
        let target = Target { length: line.sectors, target_type: Text::new(line.kind), ..Target::default() };
        let start = size_of::<Head>();
        let parameters = start + size_of::<Target>();
        let end = parameters + line.parameters.len();
        if end + 1 > BUFFER {
            return Err(io::Error::other("the device-mapper table is too long"));
        }
        request.0[start..parameters].copy_from_slice(bytes_of(&target));
        request.0[parameters..end].copy_from_slice(line.parameters.as_bytes());
    }
    Ok(request)
}

/// The bytes of a structure without padding between its fields.
fn bytes_of<T>(value: &T) -> &[u8] {
    // SAFETY: `Head` and `Target` are `repr(C)`, made of integers and byte arrays only, and their sizes (312 and 40,
    // checked below) are the sums of their fields, so that every byte is initialised.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

const _: () = assert!(size_of::<Head>() == 312 && size_of::<Target>() == 40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_the_line_and_refuses_one_that_is_too_long() {
        let line = Line { kind: "verity", sectors: 8, parameters: "1 8:1", read_only: true, secret: false };
        let request = request("root", READ_ONLY, Some(&line)).unwrap();
        assert_eq!(&request.0[312 + 24..312 + 30], b"verity");
        assert_eq!(&request.0[352..358], b"1 8:1\0");
        let long = "x".repeat(BUFFER);
        assert!(super::request("root", 0, Some(&Line { parameters: &long, ..line })).is_err());
    }

    #[test]
    fn minor_numbers_are_read_in_the_kernels_encoding() {
        let mut request = Request([0; BUFFER]);
        let dev: u64 = (254 << 8) | 3;
        let at = std::mem::offset_of!(Head, dev);
        request.0[at..at + 8].copy_from_slice(&dev.to_ne_bytes());
        assert_eq!(minor(&request), 3);
    }
}

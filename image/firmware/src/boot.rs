//! One boot from start to kernel: puts table, choice and files together. Starting a machine with the answer
//! is left to the caller.

use serde::{Deserialize, Serialize};
use tayberry_format::slot::Slot;

use crate::board::{Board, Feature, ResetState};
use crate::choose::{Chosen, Question};
use crate::config::Overlay;
use crate::disk::Disk;
use crate::error::{BootError, Failure, ReadError};
use crate::fat::BootFile;
use crate::log::{Level, Log, LogLine};
use crate::os::{Files, Loader};
use crate::reader::Reader;
use crate::table;

/// What the firmware starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Number of the partition in the partition table.
    pub partition: u32,
    /// What `/chosen/bootloader/partition` says: 0 where nothing named a partition (rpi-eeprom issue 575).
    pub reported_partition: u32,
    /// What `/chosen/bootloader/tryboot` says: the flag was set. Beware: after a walk it is set in the
    /// *other* slot, too.
    pub try_once: bool,
    /// `config.txt` or `tryboot.txt`.
    pub config: String,
    /// Prefix that holds for this boot, empty when it was dropped.
    pub os_prefix: String,
    /// The kernel: an arm64 image, plain or gzip.
    pub kernel: BootFile,
    /// To be concatenated in this order.
    pub initramfs: Vec<BootFile>,
    /// The device tree before overlays.
    pub device_tree: BootFile,
    /// To be applied in this order.
    pub overlays: Vec<Overlay>,
    /// Kernel command line: the file's line and `watchdog.open_timeout`; not what the firmware adds for the
    /// board.
    pub cmdline: String,
    /// Files that the configuration names but the firmware carries on without. A slot that is meant to work
    /// has none: see [`Boot::is_complete`].
    pub missing: Vec<String>,
    /// `kernel_watchdog_timeout`, seconds. Source: Raspberry Pi documentation, config.txt. Whether it is armed
    /// with a device tree that lacks `early-watchdog` is not known (release notes 2025-07-17).
    pub kernel_watchdog_timeout: Option<u32>,
    /// `kernel_watchdog_partition`. Reported of a Pi 4: a hang in Linux does not lead there.
    pub kernel_watchdog_partition: Option<u32>,
    /// The registers after this boot, as a warm reset without any request finds them: flag cleared
    /// (Raspberry Pi documentation, tryboot), one boot more counted (release notes 2025-02-11), no partition
    /// requested (inferred).
    pub reset_after: ResetState,
    /// Each decision in one sentence.
    pub log: Vec<LogLine>,
}

/// Says what the firmware boots from this disk.
///
/// # Errors
/// [`BootError`] when it would start no kernel, or one that is known to die at once. Damage of any kind to
/// the disk ends here or in another partition, never in a panic or an endless loop.
pub fn boot<D: Disk + ?Sized>(disk: &D, board: &Board, reset: &ResetState) -> Result<Boot, BootError> {
    let mut log = Log::default();
    let after = ResetState {
        try_once: false,
        partition: 0,
        boot_count: reset.boot_count.wrapping_add(1),
        boot_arg1: reset.boot_arg1,
    };
    let reader = Reader::new(disk);
    match start(&reader, board, reset, &mut log) {
        Ok(found) => Ok(assemble(found, reset, after, log)),
        Err(failure) => Err(BootError {
            reset_after: reset_after(&failure, board, after),
            failure: Box::new(failure),
            log: log.0,
        }),
    }
}

/// What was found on the disk.
struct Found<'r, D: ?Sized> {
    chosen: Chosen<'r, D>,
    prefix: String,
    kernel: BootFile,
    device_tree: BootFile,
    files: Files,
}

fn start<'r, D: Disk + ?Sized>(
    reader: &'r Reader<'_, D>,
    board: &Board,
    reset: &ResetState,
    log: &mut Log,
) -> Result<Found<'r, D>, Failure> {
    let table = table::read(reader, board.eeprom.supports(Feature::GptArrayAnywhere), log)
        .map_err(|error| Failure::Table { reason: error.to_string() })?;
    let chosen = Question { reader, table: &table, board, reset }.choose(log)?;
    if chosen.config.boot_ramdisk {
        let setting = "boot_ramdisk=1".to_owned();
        return Err(Failure::NotModelled { partition: chosen.number, setting });
    }
    let mut loader = Loader { chosen: &chosen, board, log };
    let (kernel, device_tree, prefix) = loader.kernel_and_tree()?;
    let files = loader.rest(&kernel, &prefix)?;
    if chosen.config.bootloader_update && loader.find("pieeprom.upd")?.is_some() {
        // rpi-eeprom issue 499: such a file in a slot that autoboot.txt chose stops the board.
        log.warn("pieeprom.upd lies in a slot: the EEPROM would update itself first. Remove it.");
    }
    log.step(format!("{} is started with {}.", kernel.path, device_tree.path));
    Ok(Found { chosen, prefix, kernel, device_tree, files })
}

fn assemble<D: ?Sized>(found: Found<'_, D>, reset: &ResetState, after: ResetState, log: Log) -> Boot {
    let Found { chosen, prefix, kernel, device_tree, files } = found;
    let nonzero = |number: u32| (number > 0).then_some(number);
    Boot {
        partition: chosen.number,
        reported_partition: chosen.reported,
        try_once: reset.try_once,
        config: chosen.config_path.to_owned(),
        os_prefix: prefix,
        kernel,
        initramfs: files.initramfs,
        device_tree,
        overlays: files.overlays,
        cmdline: files.cmdline,
        missing: files.missing,
        kernel_watchdog_timeout: nonzero(chosen.config.kernel_watchdog_timeout),
        kernel_watchdog_partition: nonzero(chosen.config.kernel_watchdog_partition),
        reset_after: after,
        log: log.0,
    }
}

/// What the board does by itself when nothing was started.
fn reset_after(failure: &Failure, board: &Board, after: ResetState) -> Option<ResetState> {
    let eeprom = &board.eeprom;
    let fatal = match failure {
        Failure::File { .. } => true,
        // The kernel runs by then: the bootloader has no say any more.
        Failure::StepD0 { .. } => return None,
        Failure::Table { .. } | Failure::NothingBootable { .. } | Failure::NotModelled { .. } => false,
    };
    let reboots =
        eeprom.supports(Feature::RebootOnFatalError) && eeprom.reboot_on_fatal_error.unwrap_or(true);
    if fatal && reboots {
        return Some(after);
    }
    let watchdog = eeprom.boot_watchdog.filter(|watchdog| watchdog.timeout > 0);
    let watchdog = watchdog.filter(|_| eeprom.supports(Feature::BootWatchdog))?;
    Some(ResetState { partition: watchdog.partition, ..after })
}

impl Boot {
    /// The slot that boots, if the partition is one of ours.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        Slot::from_boot_partition(self.partition)
    }

    /// Whether every file that the configuration names was found, and nothing drew a warning.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.log.iter().all(|line| line.level == Level::Step)
    }

    /// Reads a file of this boot from the same disk, in pieces of at most 128 KiB.
    ///
    /// # Errors
    /// [`ReadError`] when the file has more than `limit` bytes, or the disk fails.
    pub fn read<D: Disk + ?Sized>(
        &self,
        disk: &D,
        file: &BootFile,
        limit: u64,
    ) -> Result<Vec<u8>, ReadError> {
        let too_large = || ReadError::TooLarge { path: file.path.clone(), size: file.size, limit };
        let size = usize::try_from(file.size).map_err(|_| too_large())?;
        let listed = file.extents.iter().fold(0_u64, |sum, extent| sum.saturating_add(extent.length));
        if file.size > limit || listed != file.size {
            return Err(too_large());
        }
        let mut bytes = vec![0; size];
        let mut rest = bytes.as_mut_slice();
        for extent in &file.extents {
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX).min(rest.len());
            let (run, tail) = rest.split_at_mut(length);
            let mut offset = extent.offset;
            for piece in run.chunks_mut(128 << 10) {
                let read = disk.read_at(offset, piece);
                read.map_err(|source| ReadError::Disk { path: file.path.clone(), source })?;
                offset += piece.len() as u64;
            }
            rest = tail;
        }
        Ok(bytes)
    }
}

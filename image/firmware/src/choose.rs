//! Which partition boots: reset register, `autoboot.txt`, EEPROM setting, and the walk over the others.
//! The files of the chosen partition are left to `os`.

use crate::autoboot::{AUTOBOOT_MAX, Autoboot};
use crate::board::{Board, Feature, ResetState};
use crate::config::{CONFIG_MAX, Config};
use crate::devicetree;
use crate::disk::Disk;
use crate::error::Failure;
use crate::fat::{FatError, Volume};
use crate::filter::Facts;
use crate::log::Log;
use crate::reader::Reader;
use crate::table::Table;

/// Highest number that `reboot N` can ask for as a plain partition; above it the EEPROM setting decides.
/// Source: Raspberry Pi documentation, bootloader configuration, `PARTITION`.
const HIGHEST_REQUEST: u32 = 31;

/// Highest partition of the walk. Source: Raspberry Pi documentation, `PARTITION_WALK`.
const WALK_END: u32 = 8;

/// The partition that boots.
pub(crate) struct Chosen<'r, D: ?Sized> {
    pub(crate) volume: Volume<'r, D>,
    /// Its number in the table.
    pub(crate) number: u32,
    /// What `/chosen/bootloader/partition` says: 0 for the default partition.
    pub(crate) reported: u32,
    /// `config.txt` or `tryboot.txt`.
    pub(crate) config_path: &'static str,
    pub(crate) config: Config,
}

/// The question, unchanged while partitions are tried.
pub(crate) struct Question<'q, 'r, 'd, D: ?Sized> {
    pub(crate) reader: &'r Reader<'d, D>,
    pub(crate) table: &'q Table,
    pub(crate) board: &'q Board,
    pub(crate) reset: &'q ResetState,
}

impl<'r, D: Disk + ?Sized> Question<'_, 'r, '_, D> {
    /// Finds the partition that boots.
    ///
    /// Order of the sources, as the bootloader logs them ("Select partition rsts, boot_partition, EEPROM
    /// config"): `reboot N`, then `boot_partition` of `autoboot.txt`, then the EEPROM's `PARTITION`, then 0.
    /// `autoboot.txt` is read from the partition that `reboot N` names, from the first FAT partition
    /// otherwise (log in rpi-eeprom issue 818; for N above 0 inferred), and only before the walk.
    pub(crate) fn choose(&self, log: &mut Log) -> Result<Chosen<'r, D>, Failure> {
        let asked = self.reset.partition;
        let first = if asked <= HIGHEST_REQUEST { asked } else { 0 };
        let autoboot = self.autoboot(first, log);
        let wanted = self.select(autoboot, log);
        let tryboot_file = self.reset.try_once && !autoboot.tryboot_a_b;
        let path = if tryboot_file { "tryboot.txt" } else { "config.txt" };
        if self.reset.try_once {
            log.step(format!("The try-once flag is set, tryboot_a_b={}: {path}.", u8::from(!tryboot_file)));
        }
        let mut tried = String::new();
        for number in self.candidates(wanted) {
            match self.attempt(number, path, log) {
                Ok(chosen) => {
                    log.step(format!("Partition {} boots with {path}.", chosen.number));
                    return Ok(chosen);
                }
                Err(reason) => {
                    log.warn(format!("Partition {number} is not bootable: {reason}."));
                    tried.push_str(&format!("; {number}: {reason}"));
                }
            }
        }
        Err(Failure::NothingBootable { requested: wanted, tried })
    }

    fn autoboot(&self, number: u32, log: &mut Log) -> Autoboot {
        match self.autoboot_text(number) {
            Ok(Some(text)) => Autoboot::parse_logged(&text, self.reset.try_once, log),
            Ok(None) => {
                log.step(format!("Partition {number} holds no autoboot.txt."));
                Autoboot::default()
            }
            Err(reason) => {
                log.warn(format!("autoboot.txt cannot be read from partition {number}: {reason}."));
                Autoboot::default()
            }
        }
    }

    fn autoboot_text(&self, number: u32) -> Result<Option<Vec<u8>>, String> {
        let volume = self.open(number)?;
        let read = || match volume.find("autoboot.txt")? {
            Some(file) => Ok(Some(volume.read(&file, AUTOBOOT_MAX)?)),
            None => Ok(None),
        };
        read().map_err(|error: FatError| error.to_string())
    }

    fn select(&self, autoboot: Autoboot, log: &mut Log) -> u32 {
        let eeprom = &self.board.eeprom;
        let asked = self.reset.partition;
        let (wanted, reason) = match (asked, autoboot.boot_partition.unwrap_or(0), eeprom.partition) {
            (1..=HIGHEST_REQUEST, _, _) => (asked, "reboot asked for it"),
            (0, from_file @ 1.., _) => (from_file, "autoboot.txt names it"),
            (0, _, set @ 1..) if eeprom.supports(Feature::PartitionReplacesDefault) => {
                (set, "PARTITION is set")
            }
            (0, _, _) => (0, "nothing names another"),
            (_, _, set @ 1..) if eeprom.supports(Feature::Expressions) => {
                (set, "PARTITION replaces a number above 31")
            }
            _ => (asked, "reboot asked for it"),
        };
        log.step(format!("Partition {wanted}: {reason}."));
        wanted
    }

    /// The wanted partition, then, with the walk, those after it up to 8, then 0 and those before it.
    ///
    /// Source: Raspberry Pi documentation, `PARTITION_WALK`; rpi-eeprom release notes 2025-01-27. Inferred:
    /// without the walk, partition 0 means the first FAT partition even where that one does not boot.
    fn candidates(&self, wanted: u32) -> Vec<u32> {
        let mut numbers = vec![wanted];
        if self.board.eeprom.walks() {
            let others = (wanted.saturating_add(1)..=WALK_END).chain(0..wanted.min(WALK_END + 1));
            numbers.extend(others.filter(|number| self.table.lists(*number)));
        }
        numbers
    }

    fn open(&self, number: u32) -> Result<Volume<'r, D>, String> {
        let partition = self.table.get(number)?;
        Volume::open(self.reader, partition).map_err(|error| error.to_string())
    }

    /// Is this partition bootable: a configuration and, with `os_check`, a device tree for this board?
    fn attempt(&self, number: u32, path: &'static str, log: &mut Log) -> Result<Chosen<'r, D>, String> {
        let volume = self.open(number)?;
        let facts = Facts { board: self.board, reset: self.reset, boot_partition: number };
        let mut own_log = Log::default();
        let mut read = || -> Result<Result<Config, String>, FatError> {
            let Some(file) = volume.find(path)? else { return Ok(Err(format!("no {path}"))) };
            let text = volume.read(&file, CONFIG_MAX)?;
            let config = Config::parse_logged(&text, facts, &mut own_log);
            Ok(match os_check(&volume, self.board, &config)? {
                Some(reason) => Err(reason),
                None => Ok(config),
            })
        };
        let config = read().map_err(|error| error.to_string())??;
        log.0.append(&mut own_log.0);
        let table_number = self.table.get(number).map_or(number, |partition| partition.number);
        Ok(Chosen { volume, number: table_number, reported: number, config_path: path, config })
    }
}

/// Says why the partition fails `os_check`. Source: Raspberry Pi documentation, `os_check`; the bootloader's
/// message `Device-tree file "%s%s" not found` (prefix and name).
///
/// Inferred: the check looks at the prefixed name only, although `os_prefix` is dropped later when kernel or
/// device tree are missing there.
fn os_check<D: Disk + ?Sized>(
    volume: &Volume<'_, D>,
    board: &Board,
    config: &Config,
) -> Result<Option<String>, FatError> {
    if !config.os_check || config.boot_ramdisk {
        return Ok(None);
    }
    let name = config.device_tree.as_deref().unwrap_or(board.model.device_tree());
    let path = crate::os::prefixed(&config.os_prefix, name);
    match volume.find(&path)? {
        Some(file) => devicetree::refuse(volume, &file),
        None => Ok(Some(format!("no device tree {path}"))),
    }
}

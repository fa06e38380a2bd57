//! Conditional filters: which lines of `config.txt` and `autoboot.txt` count on this board, in this boot.
//!
//! Sources: Raspberry Pi documentation, "Conditional filters"; rpi-eeprom release notes 2025-02-11 and
//! 2025-03-10 for the expressions. Filters of one kind replace each other, filters of different kinds must
//! all hold, `[all]` forgets them. Inferred: `[none]` holds until the next `[all]`; `[tryboot]` is a kind of
//! its own; a filter that the firmware does not know is never true and holds until the next `[all]`.

use crate::board::{Board, Feature, ResetState};
use crate::text::number;

/// What filters are judged by.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) board: &'a Board,
    /// As the firmware found it, before this boot was counted.
    pub(crate) reset: &'a ResetState,
    /// What `/chosen/bootloader/partition` will say.
    pub(crate) boot_partition: u32,
}

/// The verdict of each kind of filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filters {
    model: bool,
    serial: bool,
    gpio: bool,
    expression: bool,
    tryboot: bool,
    none: bool,
    unknown: bool,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            model: true,
            serial: true,
            gpio: true,
            expression: true,
            tryboot: true,
            none: false,
            unknown: false,
        }
    }
}

impl Filters {
    /// Whether lines count now.
    pub(crate) const fn pass(&self) -> bool {
        self.model
            && self.serial
            && self.gpio
            && self.expression
            && self.tryboot
            && !self.none
            && !self.unknown
    }

    /// The three filters that `autoboot.txt` may use. `false`: not one of them.
    pub(crate) fn apply_simple(&mut self, name: &str, try_once: bool) -> bool {
        match name {
            "all" => *self = Self::default(),
            "none" => self.none = true,
            "tryboot" => self.tryboot = try_once,
            _ => {
                self.unknown = true;
                return false;
            }
        }
        true
    }

    /// Any filter of `config.txt`. `false`: the firmware of this board does not know it.
    pub(crate) fn apply(&mut self, name: &str, facts: Facts<'_>) -> bool {
        if matches!(name, "all" | "none" | "tryboot") {
            return self.apply_simple(name, facts.reset.try_once);
        }
        if let Some(found) = model(name, facts.board) {
            self.model = found;
        } else if let Some(found) = gpio(name, facts.board) {
            self.gpio = found;
        } else if let Some(digits) = name.strip_prefix("0x").filter(|digits| is_hex(digits)) {
            self.serial = u32::from_str_radix(digits, 16) == Ok(facts.board.serial);
        } else if let Some(found) = expression(name, facts) {
            self.expression = found;
        } else {
            self.unknown = true;
            return false;
        }
        true
    }
}

fn is_hex(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `[pi5]` holds on the whole family, Compute Module 5 included (release notes 2024-06-04).
fn model(name: &str, board: &Board) -> Option<bool> {
    let module = board.model != crate::board::Model::Pi5;
    match name {
        "pi5" => Some(true),
        "cm5" => Some(module),
        "pi0" | "pi0w" | "pi02" | "pi1" | "pi2" | "pi3" | "pi3+" | "pi4" | "pi400" | "pi500" | "cm0"
        | "cm1" | "cm3" | "cm3+" | "cm4" | "cm4s" => Some(false),
        _ => Some(number(name.strip_prefix("board-type=")?)? == board.model.board_type()),
    }
}

/// `[gpioN=L]`: N is the BCM number. Only the levels 0 and 1 exist.
fn gpio(name: &str, board: &Board) -> Option<bool> {
    let (line, level) = name.strip_prefix("gpio")?.split_once('=')?;
    let line: u8 = number(line)?.try_into().ok()?;
    let wanted = match level {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some(board.gpio.get(&line) == Some(&wanted))
}

/// `[ARG=V]`, `[ARG&MASK]`, `[ARG&MASK=V]`, `[ARG<V]`, `[ARG>V]`, without spaces.
fn expression(name: &str, facts: Facts<'_>) -> Option<bool> {
    let at = name.find(['=', '&', '<', '>'])?;
    let (variable, rest) = name.split_at_checked(at)?;
    let value = variable_value(variable, facts)?;
    if let Some(constant) = rest.strip_prefix('=') {
        return Some(value == number(constant)?);
    }
    if let Some(constant) = rest.strip_prefix('<') {
        return Some(value < number(constant)?);
    }
    if let Some(constant) = rest.strip_prefix('>') {
        return Some(value > number(constant)?);
    }
    let operands = rest.strip_prefix('&')?;
    match operands.split_once('=') {
        Some((mask, constant)) => Some(value & number(mask)? == number(constant)?),
        None => Some(value & number(operands)? != 0),
    }
}

/// `boot_count` counts this boot already: the register is incremented before the boot order is worked off
/// (release notes 2025-02-11), hence before `config.txt` is read; the first boot after power-on sees 1.
/// That the filter sees the incremented value is inferred.
fn variable_value(name: &str, facts: Facts<'_>) -> Option<u32> {
    let eeprom = &facts.board.eeprom;
    let value = match name {
        "boot_count" => u32::from(facts.reset.boot_count.wrapping_add(1)),
        "boot_arg1" => facts.reset.boot_arg1,
        "partition" => facts.reset.partition,
        "bootvar0" => eeprom.bootvar0,
        "boot_partition" if eeprom.supports(Feature::BootPartitionFilter) => facts.boot_partition,
        _ => return None,
    };
    eeprom.supports(Feature::Expressions).then_some(value)
}

//! The language of the control socket, and what each order does to a running board. One JSON object a line: an
//! [`Order`] in, a [`Reply`] out. The socket itself is in [`socket`]; the command line's end in `commands/control.rs`.

pub mod socket;

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tayberry_format::slot::Slot;
use tayberry_guest::protocol::FAN;

use crate::emulate::EmulateError;
use crate::emulate::board::Exit;
use crate::emulate::command::Command;
use crate::emulate::firmware_port::TRY_ONCE;
use crate::emulate::gpio_port::Gpio;
use crate::emulate::machine::Machine;
use crate::emulate::recorded::Torn;

/// Longest line in bytes, line feed included.
pub const MAX_LINE: usize = tayberry_guest::protocol::MAX_LINE;
/// The button's line.
pub const BUTTON: u32 = tayberry_format::header::BUTTON as u32;
/// Hottest temperature that can be set, in degrees Celsius; the Pi 5 powers off at 110.
pub const MAX_CELSIUS: f64 = 150.0;
/// The bits that the firmware reports: 0 to 3 now, 16 to 19 since the start.
pub const THROTTLED_BITS: u32 = 0x000f_000f;
/// Bit of an under-voltage now; shifted by 16, since the start.
const UNDER_VOLTAGE: u32 = 1;
/// How long the board may take to go off or on, both without the guest's help.
const PATIENCE: Duration = Duration::from_secs(30);

/// What somebody wants of the board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, clap::Subcommand)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Set the processor's temperature
    Temperature {
        /// Degrees Celsius, 0 to 150
        celsius: f64,
    },
    /// Set the firmware's throttling bits: 0 to 3 now, 16 to 19 since the start
    Throttled {
        /// A number such as 0x50000
        #[arg(value_parser = bits)]
        bits: u32,
    },
    /// Begin or end an under-voltage
    UnderVoltage {
        /// Under-voltage now; that there was one stays known until the power is cut
        now: Turn,
    },
    /// Press or release the button on GPIO5
    Button {
        /// What the finger does
        finger: Finger,
    },
    /// Show whether the fan's line is on
    Fan {},
    /// Show power, slot, flags and how the boots so far ended
    Status {},
    /// Cut the power, switch it on, or press the Pi 5's own power button
    Power {
        /// What is done
        switch: Switch,
    },
    /// Plug the network cable in, or pull it
    Cable {
        /// What the hand does
        hand: Hand,
    },
    /// Let the first NVMe drive say that something is wrong with it
    Smart {
        /// Bits of its critical warning: 1 spare blocks, 2 temperature, 4 reliability, 8 read-only
        bits: u8,
    },
    /// Cut the power in the middle of the last write (needs `tayberry emulate --record`)
    Tear {
        /// Bytes of that write that reach the disk, in whole sectors of 512 (default: half of them)
        keep: Option<u64>,
    },
    /// Shut the device down and end the emulator, as Ctrl-C does
    End {},
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// It begins
    On,
    /// It ends
    Off,
}

/// What happens to the button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Finger {
    /// Down, and stays down
    Press,
    /// Up
    Release,
}

/// What happens to the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Hand {
    /// In
    Plug,
    /// Out
    Pull,
}

/// What happens to the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Pull the plug
    Cut,
    /// Plug it in again
    On,
    /// Press the power button: the guest shuts down, or a board that is off starts
    Button,
}

/// The answer to an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Reply {
    /// It was done.
    Done,
    /// The fan.
    Fan {
        /// Its line is on.
        running: bool,
    },
    /// The board.
    Status(Status),
    /// The power is cut, and this write is only partly on the disk.
    Torn(Torn),
    /// It was not done.
    Error {
        /// Why, and what to do.
        why: String,
    },
}

/// What can be seen of the board from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// It has power and is not switched off.
    pub on: bool,
    /// Slot of the running or last boot; none when the firmware booted something that is not ours.
    pub slot: Option<Slot>,
    /// That boot was a try-once boot.
    pub trial: bool,
    /// The next reset will be a try-once boot.
    pub try_once: bool,
    /// Boots so far, this one included.
    pub boots: usize,
    /// How the boots before this one ended.
    pub exits: Vec<Exit>,
}

fn bits(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "write a number such as 0x50000".to_owned())
}

impl Order {
    /// Reads one line.
    ///
    /// # Errors
    /// With one sentence when it is malformed or asks for what no board has.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        if line.len() >= MAX_LINE {
            return Err(format!("an order has at most {MAX_LINE} bytes"));
        }
        let order: Self = serde_json::from_slice(line).map_err(|error| format!("not an order: {error}"))?;
        order.check().map(|()| order)
    }

    /// Whether a board can do it at all.
    ///
    /// # Errors
    /// With one sentence.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Temperature { celsius } if !(0.0..=MAX_CELSIUS).contains(celsius) => {
                Err(format!("{celsius} °C; the sensor is set to 0 to {MAX_CELSIUS} °C"))
            }
            Self::Throttled { bits } if bits & !THROTTLED_BITS != 0 => {
                Err(format!("{bits:#x} has bits outside {THROTTLED_BITS:#x}"))
            }
            Self::Tear { keep: Some(keep) } if !keep.is_multiple_of(512) => {
                Err(format!("{keep} bytes are not whole sectors of 512"))
            }
            _ => Ok(()),
        }
    }

    /// Does it. [`Order::End`] is left to whoever runs the emulator.
    ///
    /// # Errors
    /// When the board is off, the guest does not answer, or the emulator has ended.
    pub fn obey(&self, machine: &Machine) -> Result<Reply, EmulateError> {
        match *self {
            Self::Temperature { celsius } => {
                machine.mailbox(|mailbox| mailbox.temperature = thousandths(celsius));
            }
            Self::Throttled { bits } => machine.mailbox(|mailbox| mailbox.throttled = bits),
            Self::UnderVoltage { now } => machine.mailbox(|mailbox| {
                mailbox.throttled = under_voltage(mailbox.throttled, now);
            }),
            Self::Button { finger } => button(machine, finger)?,
            // The line is inverted (bcm2712-rpi-5-b.dts).
            Self::Fan {} => return Ok(Reply::Fan { running: !pins(machine)?.level(FAN)? }),
            Self::Status {} => return Ok(Reply::Status(status(machine))),
            Self::Power { switch } => power(machine, switch)?,
            Self::Cable { hand } => machine.command(Command::Cable(hand == Hand::Plug))?,
            Self::Smart { bits } => {
                needs_power(machine)?;
                machine.command(Command::Smart(bits))?;
            }
            Self::Tear { keep } => return tear(machine, keep),
            Self::End {} => {}
        }
        Ok(Reply::Done)
    }
}

/// Thousandths of a degree; [`Order::check`] holds the range.
fn thousandths(celsius: f64) -> u32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 150,000")]
    let value = (celsius.clamp(0.0, MAX_CELSIUS) * 1000.0).round() as u32;
    value
}

/// The firmware's bits with an under-voltage begun or ended.
const fn under_voltage(bits: u32, now: Turn) -> u32 {
    match now {
        Turn::On => bits | UNDER_VOLTAGE | UNDER_VOLTAGE << 16,
        Turn::Off => bits & !UNDER_VOLTAGE,
    }
}

fn refuse<T>(why: &str) -> Result<T, EmulateError> {
    Err(EmulateError::Control(why.to_owned()))
}

fn needs_power(machine: &Machine) -> Result<(), EmulateError> {
    if machine.is_on() { Ok(()) } else { refuse("the board is off; switch it on with `power on`") }
}

fn pins(machine: &Machine) -> Result<Gpio, EmulateError> {
    needs_power(machine)?;
    Gpio::connect(&machine.port(tayberry_guest::protocol::PORT))
}

fn status(machine: &Machine) -> Status {
    let boots = machine.boots();
    let last = boots.last().map(|record| &record.boot);
    Status {
        on: machine.is_on(),
        slot: last.and_then(|boot| Slot::from_boot_partition(boot.partition)),
        trial: last.is_some_and(|boot| boot.try_once),
        try_once: machine.mailbox(|mailbox| mailbox.reboot_flags & TRY_ONCE != 0),
        boots: boots.len(),
        exits: machine.exits(),
    }
}

/// A board that is off sees it when the power comes on.
fn button(machine: &Machine, finger: Finger) -> Result<(), EmulateError> {
    machine.mailbox(|mailbox| mailbox.button_held = finger == Finger::Press);
    if !machine.is_on() {
        return Ok(());
    }
    match finger {
        Finger::Press => pins(machine)?.press(BUTTON),
        Finger::Release => pins(machine)?.release(BUTTON),
    }
}

fn power(machine: &Machine, switch: Switch) -> Result<(), EmulateError> {
    match switch {
        Switch::Cut => {
            needs_power(machine)?;
            off(machine, Command::Cut)
        }
        Switch::On if machine.is_on() => refuse("the board is on already"),
        Switch::On => {
            machine.command(Command::PowerOn)?;
            machine.wait_power(true, PATIENCE)
        }
        Switch::Button => machine.command(Command::PowerButton),
    }
}

fn off(machine: &Machine, command: Command) -> Result<(), EmulateError> {
    let exits = machine.exits().len();
    machine.command(command)?;
    machine.wait_exits(exits + 1, PATIENCE).map(drop)
}

fn tear(machine: &Machine, keep: Option<u64>) -> Result<Reply, EmulateError> {
    needs_power(machine)?;
    if machine.spec().drives.iter().all(|drive| drive.record.is_none()) {
        return refuse("nothing is recorded; start the emulator with --record FILE");
    }
    off(machine, Command::Tear(keep))?;
    match machine.torn() {
        Some(torn) => Ok(Reply::Torn(torn)),
        None => refuse("the power is cut, but nothing was torn: this boot wrote nothing"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn orders_look_as_documented() {
        let rows = [
            (Order::Temperature { celsius: 80.5 }, r#"{"do":"temperature","celsius":80.5}"#),
            (Order::Throttled { bits: 0x50005 }, r#"{"do":"throttled","bits":327685}"#),
            (Order::UnderVoltage { now: Turn::On }, r#"{"do":"under-voltage","now":"on"}"#),
            (Order::Button { finger: Finger::Press }, r#"{"do":"button","finger":"press"}"#),
            (Order::Fan {}, r#"{"do":"fan"}"#),
            (Order::Status {}, r#"{"do":"status"}"#),
            (Order::Power { switch: Switch::Cut }, r#"{"do":"power","switch":"cut"}"#),
            (Order::Cable { hand: Hand::Pull }, r#"{"do":"cable","hand":"pull"}"#),
            (Order::Smart { bits: 4 }, r#"{"do":"smart","bits":4}"#),
            (Order::Tear { keep: Some(512) }, r#"{"do":"tear","keep":512}"#),
            (Order::End {}, r#"{"do":"end"}"#),
        ];
        for (order, text) in rows {
            assert_eq!(serde_json::to_string(&order).unwrap(), text);
            assert_eq!(Order::parse(text.as_bytes()), Ok(order));
        }
        assert_eq!(Order::parse(br#"{"do":"tear"}"#), Ok(Order::Tear { keep: None }));
    }

    #[test]
    fn hostile_lines_are_refused_with_a_sentence() {
        let long = format!(r#"{{"do":"fan"{}}}"#, " ".repeat(MAX_LINE));
        for line in [
            "",
            "null",
            "[]",
            r#"{"do":"explode"}"#,
            r#"{"do":"temperature"}"#,
            r#"{"do":"temperature","celsius":1e9}"#,
            r#"{"do":"temperature","celsius":-1}"#,
            r#"{"do":"temperature","celsius":null}"#,
            r#"{"do":"throttled","bits":16}"#,
            r#"{"do":"throttled","bits":-1}"#,
            r#"{"do":"tear","keep":100}"#,
            r#"{"do":"fan","and":"more"}"#,
            r#"{"do":"power","switch":"cut"} {"do":"end"}"#,
            &"[".repeat(3000),
            &long,
        ] {
            assert!(Order::parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn an_under_voltage_that_ended_is_remembered() {
        let during = under_voltage(0x2, Turn::On);
        assert_eq!((during, under_voltage(during, Turn::Off)), (0x1_0003, 0x1_0002));
        assert_eq!(thousandths(61.5), 61_500);
        assert_eq!((bits("0x50000"), bits("5")), (Ok(0x50000), Ok(5)));
    }

    proptest! {
        #[test]
        fn no_line_does_harm(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(order) = Order::parse(&line) {
                prop_assert!(order.check().is_ok());
            }
        }
    }
}

//! The mailbox of the virtual Pi 5: answers property buffers as the firmware does, from a state that tests set.
//!
//! The guest's end is a virtio port ([`tayberry_format::property::PORT`]). One buffer comes, one goes; the first word of
//! each is its length.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tayberry_format::property::{Buffer, ERROR, MIN_BYTES, PropertyError, REQUEST, SUCCESS, Tag, size, tag};

use crate::emulate::{EmulateError, at};

/// How long the guest may take from the first to the last byte of a buffer, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Silence after which what comes next is taken for a new buffer.
const SILENCE: Duration = Duration::from_millis(100);
/// Most bytes that are thrown away while silence is waited for.
const MAX_NOISE: usize = 1 << 20;

/// Try-once in the reboot flags (the firmware's `tryboot`).
pub const TRY_ONCE: u32 = 1;

/// The bits of [`Mailbox::throttled`] that say what is; the others say what was since the start.
pub const THROTTLED_NOW: u32 = 0xf;

/// Registers of the clock by number (drivers/rtc/rtc-rpi.c in github.com/raspberrypi/linux). Voltages in microvolts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rtc {
    /// 0: seconds since 1970. 1: alarm, likewise. 2: alarm is pending. 3: alarm is on. 4: charging voltage of the
    /// battery, 0 is off. 5, 6: its limits. 7: voltage of the battery.
    pub registers: [u32; 8],
    fraction: Duration,
    #[serde(skip)]
    looked: Option<Instant>,
}

impl Default for Rtc {
    /// A clock that was never set, with a charged battery. Limits as a Pi 5 shows them (Raspberry Pi documentation,
    /// "Real Time Clock").
    fn default() -> Self {
        let registers = [0, 0, 0, 0, 0, 1_300_000, 4_400_000, 3_000_000];
        Self { registers, fraction: Duration::ZERO, looked: None }
    }
}

impl Rtc {
    /// Lets the clock go on to `now`. The alarm never rings: nothing in the virtual board would hear it.
    pub fn tick(&mut self, now: Instant) {
        let passed = self.looked.map_or(Duration::ZERO, |looked| now.saturating_duration_since(looked));
        self.looked = Some(now);
        self.fraction += passed;
        let seconds = u32::try_from(self.fraction.as_secs()).unwrap_or(u32::MAX);
        self.registers[0] = self.registers[0].wrapping_add(seconds);
        self.fraction -= Duration::from_secs(seconds.into());
    }

    /// The board is off: without a battery the clock begins anew.
    pub fn lose_power(&mut self) {
        if self.registers[7] == 0 {
            (self.registers[0], self.fraction) = (0, Duration::ZERO);
        }
    }

    fn set(&mut self, register: u32, value: u32) -> Option<[u32; 2]> {
        // What is measured or fixed cannot be written.
        let place = self.registers[..5].get_mut(usize::try_from(register).ok()?)?;
        *place = value;
        if register == 0 {
            self.fraction = Duration::ZERO;
        }
        Some([register, value])
    }

    fn get(&self, register: u32) -> Option<[u32; 2]> {
        Some([register, *self.registers.get(usize::try_from(register).ok()?)?])
    }
}

/// State behind the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Temperature of the processor, in thousandths of a degree Celsius.
    pub temperature: u32,
    /// The sensor does not measure any more: it says the same to the last digit.
    #[serde(default)]
    pub sensor_stuck: bool,
    /// Temperature at which the firmware slows it down, likewise.
    pub max_temperature: u32,
    /// Bits 0 to 3: under-voltage, frequency capped, throttled, soft temperature limit, now; 16 to 19: since start.
    pub throttled: u32,
    /// Revision code of the board.
    pub revision: u32,
    /// Serial number.
    pub serial: u64,
    /// Flags for the next reset; see [`TRY_ONCE`]. The firmware clears them when it has read them.
    pub reboot_flags: u32,
    /// The button is held: what the firmware sees of it when it starts.
    #[serde(default)]
    pub button_held: bool,
    /// Argument for the next boot, kept until power-off.
    pub boot_argument: u32,
    /// Boots since power-on.
    pub boot_count: u8,
    /// The clock.
    pub rtc: Rtc,
    /// Questions about the temperature so far.
    #[serde(skip)]
    asked: u32,
}

impl Default for Mailbox {
    /// A cool Pi 5 with 8 GB, revision 1.1 (Raspberry Pi documentation, "Raspberry Pi revision codes").
    fn default() -> Self {
        Self {
            temperature: 45_000,
            sensor_stuck: false,
            max_temperature: 85_000,
            throttled: 0,
            revision: 0x00d0_4171,
            serial: 0x7461_7962_6572_7279,
            reboot_flags: 0,
            boot_argument: 0,
            boot_count: 0,
            button_held: false,
            rtc: Rtc::default(),
            asked: 0,
        }
    }
}

impl Mailbox {
    /// The words that answer one tag; none when it is not known or its value buffer says too little.
    fn answer(&mut self, number: u32, values: &[u32]) -> Option<Vec<u32>> {
        let words = match (number, values) {
            (tag::BOARD_REVISION, _) => vec![self.revision],
            // The mask keeps the low half.
            (tag::BOARD_SERIAL, _) => [self.serial & 0xffff_ffff, self.serial >> 32]
                .map(|half| u32::try_from(half).unwrap_or_default())
                .to_vec(),
            (tag::TEMPERATURE, [0, ..]) => {
                // As sensors do: who always says the same to the last digit is taken for stuck.
                let wavers = if self.sensor_stuck { 0 } else { self.asked % 2 };
                self.asked = self.asked.wrapping_add(1);
                vec![0, self.temperature.saturating_add(wavers)]
            }
            (tag::MAX_TEMPERATURE, [0, ..]) => vec![0, self.max_temperature],
            (tag::THROTTLED, _) => {
                let answer = self.throttled;
                // The kernel's hwmon driver makes the firmware forget by the same tag (drivers/hwmon/raspberrypi-hwmon.c).
                self.throttled &= !(values.first().copied().unwrap_or(0) << 16);
                vec![answer]
            }
            (tag::GET_REBOOT_FLAGS, _) => vec![self.reboot_flags],
            (tag::SET_REBOOT_FLAGS, [flags, ..]) => {
                self.reboot_flags = *flags;
                vec![*flags]
            }
            (tag::GET_RTC, [register, ..]) => self.rtc.get(*register)?.to_vec(),
            (tag::SET_RTC, [register, value, ..]) => self.rtc.set(*register, *value)?.to_vec(),
            (tag::GET_BOOT_ARGUMENT, [1, ..]) => vec![1, self.boot_argument],
            (tag::SET_BOOT_ARGUMENT, [1, value, ..]) => {
                self.boot_argument = *value;
                vec![1, *value]
            }
            (tag::GET_BOOT_COUNT, _) => vec![self.boot_count.into()],
            (tag::SET_BOOT_COUNT, [count, ..]) => {
                let [low, ..] = count.to_le_bytes();
                self.boot_count = low;
                vec![low.into()]
            }
            _ => return None,
        };
        Some(words)
    }
}

fn respond(mailbox: &mut Mailbox, tag: &mut Tag) {
    let words = mailbox.answer(tag.number, &tag.values).unwrap_or_default();
    for (place, word) in tag.values.iter_mut().zip(&words) {
        *place = *word;
    }
    // The length is that of the whole answer even where the buffer was too short for it.
    tag.answer(u32::try_from(words.len() * 4).unwrap_or(0));
}

/// Answers one buffer: each known tag with its values, an unknown one with length 0, a malformed buffer with code
/// [`ERROR`].
#[must_use]
pub fn answer(mailbox: &mut Mailbox, request: &[u8]) -> Vec<u8> {
    let answered = Buffer::decode(request).and_then(|mut buffer| {
        if buffer.code != REQUEST {
            return Err(PropertyError::Refused { code: buffer.code });
        }
        for tag in &mut buffer.tags {
            respond(mailbox, tag);
        }
        buffer.code = SUCCESS;
        buffer.encode()
    });
    answered.unwrap_or_else(|_| refusal(request))
}

/// The request as it was, with the code of an error; an empty buffer where even its length is wrong.
fn refusal(request: &[u8]) -> Vec<u8> {
    let sized = request.first_chunk().and_then(|first| size(*first).ok()) == Some(request.len());
    let mut bytes = if sized { request.to_vec() } else { vec![0; MIN_BYTES] };
    let length = u32::try_from(bytes.len()).unwrap_or(0);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..8].copy_from_slice(&ERROR.to_le_bytes());
    bytes
}

/// What came from the guest.
enum Came {
    /// A whole buffer, or a first word that no buffer has.
    Request(Vec<u8>),
    /// The beginning of a buffer, and then silence.
    Half,
    /// The end.
    End,
}

/// Answers buffers until the other side closes the stream; that, or `shutdown` of a clone of it, ends this.
///
/// # Errors
/// When the stream breaks, or the guest does not take its answers.
pub fn serve(stream: &UnixStream, mailbox: &Mutex<Mailbox>) -> Result<(), EmulateError> {
    stream.set_write_timeout(Some(PATIENCE)).map_err(broken)?;
    loop {
        let request = match receive(stream).map_err(broken)? {
            Came::Request(request) => request,
            Came::Half => continue,
            Came::End => return Ok(()),
        };
        let bytes = {
            let mut mailbox = mailbox.lock().unwrap_or_else(PoisonError::into_inner);
            mailbox.rtc.tick(Instant::now());
            answer(&mut mailbox, &request)
        };
        let mut stream = stream;
        stream.write_all(&bytes).map_err(broken)?;
    }
}

fn broken(error: io::Error) -> EmulateError {
    at(tayberry_format::property::PORT)(error)
}

fn receive(stream: &UnixStream) -> io::Result<Came> {
    // A guest may be silent for as long as it likes before it asks.
    stream.set_read_timeout(None)?;
    let mut request = vec![0; 4];
    let mut reader = stream;
    let begun = match reader.read(&mut request) {
        Ok(0) => return Ok(Came::End),
        Ok(begun) => begun,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Came::Half),
        Err(error) => return Err(error),
    };
    let deadline = Instant::now() + PATIENCE;
    if !fill(stream, &mut request[begun..], deadline)? {
        return Ok(Came::Half);
    }
    let Some(Ok(bytes)) = request.first_chunk().map(|first| size(*first)) else {
        skip(stream)?;
        return Ok(Came::Request(request));
    };
    request.resize(bytes, 0);
    Ok(if fill(stream, &mut request[4..], deadline)? { Came::Request(request) } else { Came::Half })
}

/// Fills `bytes`; false when the deadline or the end of the stream comes first.
fn fill(stream: &UnixStream, mut bytes: &mut [u8], deadline: Instant) -> io::Result<bool> {
    while !bytes.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        match read_within(stream, bytes, left)? {
            Some(0) => return Ok(false),
            Some(read) => bytes = &mut bytes[read..],
            None => {}
        }
    }
    Ok(true)
}

/// Throws away what comes until nothing comes any more, so that the next buffer begins at its beginning.
fn skip(stream: &UnixStream) -> io::Result<()> {
    let mut skipped = 0;
    let mut noise = [0; 4096];
    while let Some(read @ 1..) = read_within(stream, &mut noise, SILENCE)? {
        skipped += read;
        if skipped > MAX_NOISE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the guest sends noise without end"));
        }
    }
    Ok(())
}

/// Reads once; none when nothing came in time.
fn read_within(mut stream: &UnixStream, bytes: &mut [u8], time: Duration) -> io::Result<Option<usize>> {
    stream.set_read_timeout(Some(time))?;
    match stream.read(bytes) {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests;

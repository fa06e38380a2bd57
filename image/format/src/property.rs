//! Property buffers: how the Raspberry Pi firmware is asked for temperatures, flags and clocks through its mailbox.
//!
//! A buffer is a row of 32-bit words, little-endian: `[size in bytes, code, tags..., 0]`. A tag is
//! `[number, bytes of its value buffer, request or response, value...]`. The firmware answers in place; bit 31 of a
//! tag's third word then marks a response, and the bits below are its length in bytes.
//!
//! Source: github.com/raspberrypi/firmware wiki, "Mailbox property interface"; tag numbers: see [`tag`].

/// Largest buffer in bytes. The longest answers in use (EDID, palettes) are about 1 KiB.
pub const MAX_BYTES: usize = 4096;
/// Smallest buffer in bytes: size, code, one tag without a value, end.
pub const MIN_BYTES: usize = 24;
/// Code of a request.
pub const REQUEST: u32 = 0;
/// Code of an answer to a well-formed buffer, whether its tags are known or not.
pub const SUCCESS: u32 = 0x8000_0000;
/// Code of an answer to a malformed buffer.
pub const ERROR: u32 = 0x8000_0001;
/// Name of the virtio port that stands for the mailbox in the virtual Pi 5. One buffer a request, one a response; the
/// first word of each is its length.
pub const PORT: &str = "io.tayberry.firmware";

const RESPONSE: u32 = 1 << 31;
const WORD: usize = 4;
const TAG_WORDS: usize = 3;

/// Numbers of the tags in use. Sources: the wiki named above; include/soc/bcm2835/raspberrypi-firmware.h and
/// drivers/rtc/rtc-rpi.c in github.com/raspberrypi/linux; rpi-eeprom release notes 2025-02-11 (boot counter, argument).
pub mod tag {
    /// Board revision: nothing -> revision code.
    pub const BOARD_REVISION: u32 = 0x0001_0002;
    /// Serial number: nothing -> low word, high word.
    pub const BOARD_SERIAL: u32 = 0x0001_0004;
    /// Temperature: sensor 0 -> sensor 0, thousandths of a degree Celsius.
    pub const TEMPERATURE: u32 = 0x0003_0006;
    /// Temperature at which the firmware slows the processor down: as [`TEMPERATURE`].
    pub const MAX_TEMPERATURE: u32 = 0x0003_000a;
    /// Throttling and under-voltage: bits to forget, in the low half -> bits. See `Throttled` of the agent.
    pub const THROTTLED: u32 = 0x0003_0046;
    /// Reboot flags: nothing -> flags; bit 0: try-once.
    pub const GET_REBOOT_FLAGS: u32 = 0x0003_0064;
    /// Reboot flags: flags -> flags.
    pub const SET_REBOOT_FLAGS: u32 = 0x0003_8064;
    /// Register of the clock: number, 0 -> number, value. Register 0 is the time in seconds since 1970.
    pub const GET_RTC: u32 = 0x0003_0087;
    /// Register of the clock: number, value -> number, value.
    pub const SET_RTC: u32 = 0x0003_8087;
    /// Argument of the next boot, kept until power-off: 1, 0 -> 1, value.
    pub const GET_BOOT_ARGUMENT: u32 = 0x0003_008c;
    /// Argument of the next boot: 1, value -> 1, value.
    pub const SET_BOOT_ARGUMENT: u32 = 0x0003_808c;
    /// Boots since power-on, 8 bits: nothing -> count.
    pub const GET_BOOT_COUNT: u32 = 0x0003_008d;
    /// Boots since power-on: count -> count.
    pub const SET_BOOT_COUNT: u32 = 0x0003_808d;
}

/// A buffer that says nothing useful.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// The buffer's length is impossible.
    #[error("a property buffer of {bytes} bytes; {MIN_BYTES} to {MAX_BYTES} and whole words are allowed")]
    Size {
        /// Its length, or the length that its first word claims.
        bytes: usize,
    },
    /// A tag reaches behind the end, or the end tag is missing.
    #[error("the property buffer is malformed at word {word}: a tag or the end tag lies outside of it")]
    Malformed {
        /// Where.
        word: usize,
    },
    /// The firmware refused the buffer, or did not answer it.
    #[error("the firmware answered a property buffer with code {code:#010x} instead of {SUCCESS:#010x}")]
    Refused {
        /// Its code.
        code: u32,
    },
    /// Another question was answered.
    #[error("the answer is not for tag {tag:#010x}; ask again")]
    OtherTag {
        /// The tag that was asked.
        tag: u32,
    },
    /// The firmware does not know the tag.
    #[error("the firmware does not know tag {tag:#010x}; a newer one may (rpi-eeprom)")]
    Unhandled {
        /// The tag.
        tag: u32,
    },
    /// The answer is too short or too long.
    #[error("tag {tag:#010x} was answered with {bytes} bytes where {wanted} are expected")]
    Length {
        /// The tag.
        tag: u32,
        /// Bytes of the answer.
        bytes: usize,
        /// Bytes expected.
        wanted: usize,
    },
}

/// One tag of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number, see [`tag`].
    pub number: u32,
    /// Its third word.
    pub code: u32,
    /// Its value buffer: long enough for request and response.
    pub values: Vec<u32>,
}

impl Tag {
    /// Bytes of the response; none when the tag was not answered.
    #[must_use]
    pub fn answered(&self) -> Option<usize> {
        let bytes = usize::try_from(self.code & !RESPONSE).ok()?;
        (self.code & RESPONSE != 0).then_some(bytes)
    }

    /// Marks the tag as answered with so many bytes; 0 for a tag that is not known.
    pub fn answer(&mut self, bytes: u32) {
        self.code = RESPONSE | bytes;
    }
}

/// A whole buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// [`REQUEST`], [`SUCCESS`] or [`ERROR`].
    pub code: u32,
    /// The tags, one at least.
    pub tags: Vec<Tag>,
    /// Unused words behind the end tag.
    pub unused: usize,
}

/// Length in bytes of a buffer that begins with the word `first`.
///
/// # Errors
/// When no buffer may have that length.
pub fn size(first: [u8; WORD]) -> Result<usize, PropertyError> {
    let bytes = usize::try_from(u32::from_le_bytes(first)).unwrap_or(usize::MAX);
    if (MIN_BYTES..=MAX_BYTES).contains(&bytes) && bytes.is_multiple_of(WORD) {
        Ok(bytes)
    } else {
        Err(PropertyError::Size { bytes })
    }
}

impl Buffer {
    /// Reads a buffer.
    ///
    /// # Errors
    /// When its length is not what its first word says, or a tag lies outside of it.
    pub fn decode(bytes: &[u8]) -> Result<Self, PropertyError> {
        let (chunks, rest) = bytes.as_chunks::<WORD>();
        let words: Vec<u32> = chunks.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (Some(first), Some(code)) = (chunks.first(), words.get(1)) else {
            return Err(PropertyError::Size { bytes: bytes.len() });
        };
        if size(*first)? != bytes.len() || !rest.is_empty() {
            return Err(PropertyError::Size { bytes: bytes.len() });
        }
        let mut tags = Vec::new();
        let mut at = 2;
        loop {
            match words.get(at) {
                Some(0) if !tags.is_empty() => {
                    return Ok(Self { code: *code, tags, unused: words.len() - at - 1 });
                }
                Some(number) if *number != 0 => {
                    let tag = tag_at(&words, at).ok_or(PropertyError::Malformed { word: at })?;
                    at += TAG_WORDS + tag.values.len();
                    tags.push(tag);
                }
                _ => return Err(PropertyError::Malformed { word: at }),
            }
        }
    }

    /// Writes a buffer.
    ///
    /// # Errors
    /// When it is too large, or has no tag.
    pub fn encode(&self) -> Result<Vec<u8>, PropertyError> {
        let words: usize = self.tags.iter().map(|tag| TAG_WORDS + tag.values.len()).sum::<usize>();
        let bytes = (3 + words + self.unused).saturating_mul(WORD);
        let first = u32::try_from(bytes).unwrap_or(u32::MAX);
        size(first.to_le_bytes())?;
        let mut all = vec![first, self.code];
        for tag in &self.tags {
            // Fits: the whole buffer does.
            let length = u32::try_from(tag.values.len() * WORD).unwrap_or(u32::MAX);
            all.extend([tag.number, length, tag.code]);
            all.extend(&tag.values);
        }
        all.resize(bytes / WORD, 0);
        Ok(all.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

fn tag_at(words: &[u32], at: usize) -> Option<Tag> {
    let head = words.get(at..at.checked_add(TAG_WORDS)?)?;
    let bytes = usize::try_from(head[1]).ok()?;
    let start = at + TAG_WORDS;
    let values = words.get(start..start.checked_add(bytes / WORD)?)?;
    bytes.is_multiple_of(WORD).then(|| Tag { number: head[0], code: head[2], values: values.to_vec() })
}

/// A buffer with one tag that sends `values` and has room for `response` words.
///
/// # Errors
/// When it is too large.
pub fn question(number: u32, values: &[u32], response: usize) -> Result<Vec<u8>, PropertyError> {
    let mut values = values.to_vec();
    values.resize(values.len().max(response), 0);
    Buffer { code: REQUEST, tags: vec![Tag { number, code: REQUEST, values }], unused: 0 }.encode()
}

/// The `response` words that answer the [`question`] with tag `number`. At least one is expected: an answer without a
/// word cannot be told from no answer.
///
/// # Errors
/// When the buffer is malformed, refused, for another tag, or the tag is not known or answered with another length.
pub fn response(bytes: &[u8], number: u32, response: usize) -> Result<Vec<u32>, PropertyError> {
    // A malformed question comes back as it was, so the code is looked at before the tags.
    if let Some(code) =
        bytes.get(WORD..2 * WORD).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes)
        && code != SUCCESS
    {
        return Err(PropertyError::Refused { code });
    }
    let buffer = Buffer::decode(bytes)?;
    let tag = match buffer.tags.as_slice() {
        [tag] if tag.number == number => tag,
        _ => return Err(PropertyError::OtherTag { tag: number }),
    };
    let wanted = response * WORD;
    match tag.answered() {
        // Some firmware leaves the word as it was, some marks a response of no bytes.
        None | Some(0) => Err(PropertyError::Unhandled { tag: number }),
        Some(length) if length != wanted => Err(PropertyError::Length { tag: number, bytes: length, wanted }),
        Some(_) => tag.values.get(..response).map(<[u32]>::to_vec).ok_or(PropertyError::Length {
            tag: number,
            bytes: tag.values.len() * WORD,
            wanted,
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(list: &[u32]) -> Vec<u8> {
        list.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The layout as the wiki and Raspberry Pi's `vcmailbox 0x00038064 4 4 1` print it.
    #[test]
    fn a_question_is_laid_out_as_documented() {
        let question = question(tag::SET_REBOOT_FLAGS, &[1], 1).unwrap();
        assert_eq!(question, words(&[28, 0, 0x0003_8064, 4, 0, 1, 0]));
        let answer = words(&[28, SUCCESS, 0x0003_8064, 4, 0x8000_0004, 1, 0]);
        assert_eq!(response(&answer, tag::SET_REBOOT_FLAGS, 1), Ok(vec![1]));
    }

    #[test]
    fn answers_are_judged() {
        let tag = tag::TEMPERATURE;
        let answer = |code, number, third| words(&[32, code, number, 8, third, 0, 45_000, 0]);
        let rows = [
            ("good", answer(SUCCESS, tag, 0x8000_0008), Ok(vec![0, 45_000])),
            ("length 0", answer(SUCCESS, tag, RESPONSE), Err(PropertyError::Unhandled { tag })),
            ("left as it was", answer(SUCCESS, tag, 0), Err(PropertyError::Unhandled { tag })),
            ("not processed", answer(REQUEST, tag, 0), Err(PropertyError::Refused { code: 0 })),
            ("refused", answer(ERROR, tag, 0), Err(PropertyError::Refused { code: ERROR })),
            ("another tag", answer(SUCCESS, 1, 0x8000_0008), Err(PropertyError::OtherTag { tag })),
            (
                "short",
                answer(SUCCESS, tag, 0x8000_0004),
                Err(PropertyError::Length { tag, bytes: 4, wanted: 8 }),
            ),
            (
                "longer than its room",
                answer(SUCCESS, tag, 0x8000_000c),
                Err(PropertyError::Length { tag, bytes: 12, wanted: 8 }),
            ),
            ("refused without tags", words(&[12, ERROR, 0]), Err(PropertyError::Refused { code: ERROR })),
            ("nothing", Vec::new(), Err(PropertyError::Size { bytes: 0 })),
        ];
        for (name, bytes, verdict) in rows {
            assert_eq!(response(&bytes, tag, 2), verdict, "{name}");
        }
    }

    #[test]
    fn malformed_buffers_are_refused() {
        let rows: [(&str, Vec<u8>); 7] = [
            ("no tag", words(&[24, 0, 0, 0, 0, 0])),
            ("no end", words(&[24, 0, 1, 4, 0, 7])),
            ("a tag beyond the end", words(&[28, 0, 1, 400, 0, 7, 0])),
            ("a value of two and a half words", words(&[32, 0, 1, 6, 0, 7, 0, 0])),
            ("a length that overflows", words(&[28, 0, 1, !3, 0, 7, 0])),
            ("another size than it says", words(&[32, 0, 1, 4, 0, 7, 0])),
            ("a byte too many", [words(&[28, 0, 1, 4, 0, 7, 0]), vec![0]].concat()),
        ];
        for (name, bytes) in rows {
            assert!(Buffer::decode(&bytes).is_err(), "{name}");
        }
        assert!(question(1, &[0; 1100], 1).is_err());
        assert!(Buffer { code: 0, tags: Vec::new(), unused: 0 }.encode().is_err());
    }

    fn any_tag() -> impl Strategy<Value = Tag> {
        (1..=u32::MAX, any::<u32>(), proptest::collection::vec(any::<u32>(), 0..20))
            .prop_map(|(number, code, values)| Tag { number, code, values })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            code in any::<u32>(), tags in proptest::collection::vec(any_tag(), 1..5), unused in 0_usize..9,
        ) {
            let buffer = Buffer { code, tags, unused };
            prop_assert_eq!(Buffer::decode(&buffer.encode().unwrap()), Ok(buffer));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut sized = bytes.clone();
            if let Some(first) = sized.get_mut(..4) {
                first.copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
            }
            for bytes in [bytes, sized] {
                if let Ok(buffer) = Buffer::decode(&bytes) {
                    // Only what lies behind the end tag may differ.
                    let end = bytes.len() - 4 * buffer.unused;
                    prop_assert_eq!(&buffer.encode().unwrap()[..end], &bytes[..end]);
                }
                prop_assert!(response(&bytes, 1, 1).is_err() || bytes.len() >= 28);
            }
        }
    }
}

//! Tests of the mailbox: against the format's own reader, and over a stream as QEMU gives it.

use std::sync::Arc;

use proptest::prelude::*;
use tayberry_format::property::{question, response};

use super::*;

fn ask(mailbox: &mut Mailbox, number: u32, values: &[u32], words: usize) -> Result<Vec<u32>, PropertyError> {
    response(&answer(mailbox, &question(number, values, words)?), number, words)
}

#[test]
fn each_tag_is_answered() {
    let mut mailbox = Mailbox { throttled: 0x5_0005, boot_count: 2, ..Mailbox::default() };
    let rows: [(u32, &[u32], &[u32]); 16] = [
        (tag::BOARD_REVISION, &[], &[0x00d0_4171]),
        (tag::BOARD_SERIAL, &[], &[0x6572_7279, 0x7461_7962]),
        (tag::TEMPERATURE, &[0], &[0, 45_000]),
        (tag::TEMPERATURE, &[0], &[0, 45_001]),
        (tag::MAX_TEMPERATURE, &[0], &[0, 85_000]),
        (tag::THROTTLED, &[0xffff], &[0x5_0005]),
        (tag::THROTTLED, &[0], &[0x5]),
        (tag::GET_REBOOT_FLAGS, &[], &[0]),
        (tag::SET_REBOOT_FLAGS, &[1], &[1]),
        (tag::GET_REBOOT_FLAGS, &[], &[1]),
        (tag::SET_RTC, &[0, 1_800_000_000], &[0, 1_800_000_000]),
        (tag::GET_RTC, &[0], &[0, 1_800_000_000]),
        (tag::GET_BOOT_COUNT, &[], &[2]),
        (tag::SET_BOOT_COUNT, &[257], &[1]),
        (tag::SET_BOOT_ARGUMENT, &[1, 42], &[1, 42]),
        (tag::GET_BOOT_ARGUMENT, &[1, 0], &[1, 42]),
    ];
    for (number, values, words) in rows {
        assert_eq!(
            ask(&mut mailbox, number, values, words.len()).as_deref(),
            Ok(words),
            "{number:#x} {values:?}"
        );
    }
}

#[test]
fn what_is_not_known_succeeds_with_length_0() {
    let mut mailbox = Mailbox::default();
    let before = mailbox.clone();
    for (number, values) in [
        (0x00ab_cdef, vec![1, 2]),
        (tag::GET_RTC, vec![8]),
        (tag::SET_RTC, vec![7, 0]),
        (tag::TEMPERATURE, vec![1]),
    ] {
        let bytes = answer(&mut mailbox, &question(number, &values, 2).unwrap());
        let buffer = Buffer::decode(&bytes).unwrap();
        assert_eq!((buffer.code, buffer.tags[0].code), (SUCCESS, 0x8000_0000), "{number:#x}");
        assert_eq!(response(&bytes, number, 2), Err(PropertyError::Unhandled { tag: number }));
    }
    assert_eq!(mailbox, before);
}

#[test]
fn several_tags_are_answered_in_one_buffer_of_the_same_size() {
    let tag = |number, values: &[u32]| Tag { number, code: 0, values: values.to_vec() };
    let tags = vec![tag(tag::SET_REBOOT_FLAGS, &[1]), tag(0x77, &[9]), tag(tag::GET_REBOOT_FLAGS, &[0])];
    let request = Buffer { code: REQUEST, tags, unused: 5 }.encode().unwrap();
    let bytes = answer(&mut Mailbox::default(), &request);
    assert_eq!(bytes.len(), request.len());
    let buffer = Buffer::decode(&bytes).unwrap();
    assert_eq!(buffer.tags.iter().map(Tag::answered).collect::<Vec<_>>(), [Some(4), Some(0), Some(4)]);
    assert_eq!(buffer.tags[2].values, [1]);
}

#[test]
fn the_clock_goes_on() {
    let mut rtc = Rtc::default();
    let start = Instant::now();
    rtc.tick(start);
    rtc.set(0, 100).unwrap();
    for milliseconds in [600, 1200, 2600] {
        rtc.tick(start + Duration::from_millis(milliseconds));
    }
    assert_eq!(rtc.get(0), Some([0, 102]));
}

#[test]
fn a_stream_is_served_through_noise_and_half_buffers() {
    let mailbox = Arc::new(Mutex::new(Mailbox::default()));
    let (mut guest, stream) = UnixStream::pair().unwrap();
    guest.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let shared = Arc::clone(&mailbox);
    let server = std::thread::spawn(move || serve(&stream, &shared));
    let temperature = question(tag::TEMPERATURE, &[0], 2).unwrap();
    let mut expect = |send: &[u8], length: usize| {
        guest.write_all(send).unwrap();
        let mut bytes = vec![0; length];
        guest.read_exact(&mut bytes).unwrap();
        bytes
    };
    let bytes = expect(&temperature, 32);
    assert_eq!(response(&bytes, tag::TEMPERATURE, 2), Ok(vec![0, 45_000]));
    mailbox.lock().unwrap().temperature = 90_000;
    let bytes = expect(&temperature, 32);
    assert_eq!(response(&bytes, tag::TEMPERATURE, 2), Ok(vec![0, 90_001]));
    // A first word that is no length, then a tag that leaves its buffer.
    for bad in [
        &[0xff; 40][..],
        &[28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let length = if bad.len() == 28 { 28 } else { MIN_BYTES };
        assert_eq!(expect(bad, length)[4..8], ERROR.to_le_bytes());
    }
    drop(guest);
    server.join().unwrap().unwrap();
}

#[test]
fn half_a_buffer_of_somebody_who_died_is_forgotten() {
    let (mut guest, stream) = UnixStream::pair().unwrap();
    let temperature = question(tag::TEMPERATURE, &[0], 2).unwrap();
    guest.write_all(&temperature[..10]).unwrap();
    // It waits until the deadline by itself.
    assert!(matches!(receive(&stream), Ok(Came::Half)));
    guest.write_all(&temperature).unwrap();
    assert!(matches!(receive(&stream), Ok(Came::Request(request)) if request == temperature));
}

proptest! {
    #[test]
    fn any_bytes_get_one_whole_answer(mut bytes in proptest::collection::vec(any::<u8>(), 0..96), sized in any::<bool>()) {
        let length = u32::try_from(bytes.len()).unwrap();
        if sized && let Some(first) = bytes.first_chunk_mut() {
            *first = length.to_le_bytes();
        }
        let answer = answer(&mut Mailbox::default(), &bytes);
        prop_assert_eq!(size(*answer.first_chunk().unwrap()), Ok(answer.len()));
    }

    #[test]
    fn any_well_formed_question_succeeds(number in 1..=u32::MAX, values in proptest::collection::vec(any::<u32>(), 0..9)) {
        let request = question(number, &values, 0).unwrap();
        let bytes = answer(&mut Mailbox::default(), &request);
        prop_assert_eq!(bytes.len(), request.len());
        prop_assert_eq!(Buffer::decode(&bytes).unwrap().code, SUCCESS);
    }

    #[test]
    fn what_is_set_is_read(flags in any::<u32>(), count in any::<u8>(), seconds in any::<u32>()) {
        let mut mailbox = Mailbox::default();
        prop_assert_eq!(ask(&mut mailbox, tag::SET_REBOOT_FLAGS, &[flags], 1), Ok(vec![flags]));
        prop_assert_eq!(ask(&mut mailbox, tag::GET_REBOOT_FLAGS, &[], 1), Ok(vec![flags]));
        prop_assert_eq!(ask(&mut mailbox, tag::SET_BOOT_COUNT, &[count.into()], 1), Ok(vec![count.into()]));
        prop_assert_eq!(ask(&mut mailbox, tag::GET_BOOT_COUNT, &[], 1), Ok(vec![count.into()]));
        prop_assert_eq!(ask(&mut mailbox, tag::SET_RTC, &[0, seconds], 2), Ok(vec![0, seconds]));
        prop_assert_eq!(ask(&mut mailbox, tag::GET_RTC, &[0], 2), Ok(vec![0, seconds]));
    }
}

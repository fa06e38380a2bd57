//! Tests of the mailbox against a small firmware at the other end of a socket.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use proptest::prelude::*;
use tayberry_format::property::{Buffer, SUCCESS};

use super::*;

/// A mailbox whose firmware answers the tags of `known` with these words; what is set under a tag of `stores` is read
/// under the other one.
fn mailbox(known: &[(u32, Vec<u32>)], stores: Option<(u32, u32)>) -> Mailbox {
    let (here, mut there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let mut known: HashMap<u32, Vec<u32>> = known.iter().cloned().collect();
    std::thread::spawn(move || {
        let mut first = [0; 4];
        while there.read_exact(&mut first).is_ok() {
            let mut bytes = vec![0; property::size(first).unwrap()];
            bytes[..4].copy_from_slice(&first);
            there.read_exact(&mut bytes[4..]).unwrap();
            let mut buffer = Buffer::decode(&bytes).unwrap();
            for tag in &mut buffer.tags {
                if let Some((_, read)) = stores.filter(|(set, _)| *set == tag.number) {
                    known.insert(read, tag.values.clone());
                    known.insert(tag.number, tag.values.clone());
                }
                let words = known.get(&tag.number).cloned().unwrap_or_default();
                tag.values.iter_mut().zip(&words).for_each(|(place, word)| *place = *word);
                tag.answer(u32::try_from(words.len() * 4).unwrap());
            }
            buffer.code = SUCCESS;
            there.write_all(&buffer.encode().unwrap()).unwrap();
        }
    });
    Mailbox { path: "test".into(), way: Way::Port(File::from(OwnedFd::from(here))) }
}

#[test]
fn questions_are_answered() {
    let known = [(tag::TEMPERATURE, vec![0, 61_500]), (tag::THROTTLED, vec![0x5_0000])];
    let mut mailbox = mailbox(&known, Some((tag::SET_REBOOT_FLAGS, tag::GET_REBOOT_FLAGS)));
    assert_eq!(mailbox.temperature().unwrap(), Celsius::from_thousandths(61_500));
    assert!(mailbox.throttled().unwrap().under_voltage_since_start());
    mailbox.set_try_once().unwrap();
    assert!(mailbox.reboot_flags().unwrap().try_once());
}

#[test]
fn a_flag_that_does_not_stay_is_an_error() {
    let known = [(tag::SET_REBOOT_FLAGS, vec![1]), (tag::GET_REBOOT_FLAGS, vec![0])];
    let error = mailbox(&known, None).set_try_once().unwrap_err();
    assert!(matches!(error, MailboxError::NotArmed(0)), "{error}");
}

#[test]
fn unknown_tags_and_odd_answers_are_told_apart() {
    let known = [(tag::TEMPERATURE, vec![0, u32::MAX]), (tag::THROTTLED, vec![1, 2])];
    let mut mailbox = mailbox(&known, None);
    let unhandled = mailbox.reboot_flags().unwrap_err();
    assert!(matches!(unhandled, MailboxError::Property(PropertyError::Unhandled { .. })), "{unhandled}");
    assert!(matches!(mailbox.temperature(), Err(MailboxError::Temperature(u32::MAX))));
    let length = mailbox.throttled().unwrap_err();
    assert!(matches!(length, MailboxError::Property(PropertyError::Length { bytes: 8, .. })), "{length}");
}

#[test]
fn late_answers_silence_and_hang_ups_are_survived() {
    let (here, mut there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let mut port = File::from(OwnedFd::from(here));
    let patience = Duration::from_millis(50);
    let question = property::question(tag::THROTTLED, &[0], 1).unwrap();
    there.write_all(b"a late answer").unwrap();
    let silence = port::exchange(&mut port, &question, patience).unwrap_err();
    assert_eq!(silence.kind(), io::ErrorKind::TimedOut);
    let mut asked = [0; 28];
    there.read_exact(&mut asked).unwrap();
    assert_eq!(asked.as_slice(), question);
    drop(there);
    assert!(port::exchange(&mut port, &question, patience).is_err());
}

#[test]
fn the_device_is_taken_first_then_the_port_then_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (dev, ports) = (folder.path().join("dev"), folder.path().join("ports"));
    std::fs::create_dir_all(&dev).unwrap();
    let roots = Roots { dev: &dev, ports: &ports };
    let absent = Mailbox::open_at(&roots).err().unwrap().to_string();
    assert!(absent.contains("vcio"), "{absent}");
    for (port, name) in [("vport1p1", "org.example"), ("vport1p2", property::PORT)] {
        std::fs::create_dir_all(ports.join(port)).unwrap();
        std::fs::write(ports.join(port).join("name"), format!("{name}\n")).unwrap();
    }
    std::fs::write(dev.join("vport1p2"), "").unwrap();
    let way = Mailbox::open_at(&roots).unwrap();
    assert!(matches!(way.way, Way::Port(_)) && way.path.ends_with("vport1p2"));
    std::fs::write(dev.join("vcio"), "").unwrap();
    let mut mailbox = Mailbox::open_at(&roots).unwrap();
    assert!(matches!(mailbox.way, Way::Vcio(_)));
    // An ordinary file knows no such ioctl.
    assert!(matches!(mailbox.temperature(), Err(MailboxError::Io { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_the_firmware_says_arrives(number in 1..=u32::MAX, words in proptest::collection::vec(any::<u32>(), 1..40)) {
        let mut mailbox = mailbox(&[(number, words.clone())], None);
        prop_assert_eq!(mailbox.property(number, &[], words.len()).unwrap(), &words[..]);
        let shorter = mailbox.property(number, &[], words.len() + 1);
        let refused = matches!(shorter, Err(MailboxError::Property(PropertyError::Length { .. })));
        prop_assert!(refused);
    }
}

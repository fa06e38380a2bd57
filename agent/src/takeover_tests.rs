//! Tests of [`super`] on a disk of ours.

use tayberry_format::preseed::{BYTES, Preseed};

use super::*;
use crate::device::config_file::tests::{disk, name, with_card_reader};

const WHOLE: &str = "hostname = \"kitchen\"\n[owner]\nname = \"Margarete\"\n\
    password = \"quark-Teller-77-Mond\"\n[wifi]\nssid = \"home\"\npassword = \"correct horse\"\n";

struct Device {
    disk: tempfile::NamedTempFile,
    folder: tempfile::TempDir,
}

impl Device {
    fn new(text: &str) -> Self {
        let mut block = text.as_bytes().to_vec();
        block.resize(BYTES, b'\n');
        Self { disk: disk(&[(FILE, &block)]), folder: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> Store {
        Store::new(self.folder.path())
    }

    /// A boot: the state that holds, and what is said.
    fn boot(&self) -> (State, Vec<String>) {
        let mut notices = Vec::new();
        let before = self.store().load().unwrap().state;
        (run(&self.store(), before, name(&self.disk), &mut notices), notices)
    }

    fn file(&self) -> String {
        String::from_utf8(preseed::read(name(&self.disk)).unwrap()).unwrap()
    }
}

#[test]
fn a_device_is_set_up_once_and_its_card_keeps_no_secret() {
    let device = Device::new(WHOLE);
    let (state, notices) = device.boot();
    assert_eq!(notices, Vec::<String>::new());
    let owner = state.owner.clone().unwrap();
    assert!(password::verify("quark-Teller-77-Mond", &owner.password).unwrap());
    assert_eq!(device.store().load().unwrap().state, state);
    let left = device.file();
    assert!(left.len() == BYTES && left.contains("kitchen") && !left.contains("quark"), "{left}");
    assert!(!left.contains("correct horse"), "{left}");
    assert_eq!(device.boot(), (state, notices));
}

#[test]
fn a_file_that_a_person_wrote_is_replaced_whatever_its_size() {
    for text in [WHOLE.to_owned(), format!("{}{WHOLE}", "# a long comment\n".repeat(60))] {
        let device = Device::new("");
        with_card_reader(&device.disk, |volume| {
            let root = volume.root_dir();
            root.remove(FILE).unwrap();
            std::io::Write::write_all(&mut root.create_file(FILE).unwrap(), text.as_bytes()).unwrap();
        });
        let (state, notices) = device.boot();
        assert_eq!((notices.len(), state.owner.is_some()), (0, true));
        let left = device.file();
        assert_eq!(left.len(), text.len());
        assert!(left.contains("kitchen") && !left.contains("quark"), "{left}");
        assert_eq!(device.boot().0, state);
    }
}

#[test]
fn a_power_cut_between_state_and_file_takes_the_same_over_again() {
    let device = Device::new(WHOLE);
    let before = device.file();
    let Ok(Wish::Take(taken)) = take_over(&State::default(), before.as_bytes(), password::hash) else {
        panic!("the file says something")
    };
    device.store().save(&taken.state).unwrap();
    assert_eq!(device.file(), before, "cut off here");
    let (state, notices) = device.boot();
    assert_eq!((&state, notices.len()), (&taken.state, 0));
    assert!(!device.file().contains("quark"));
}

#[test]
fn what_cannot_be_used_is_said_and_changes_nothing() {
    for (text, part) in [
        (WHOLE.replace("quark-Teller-77-Mond", "password"), "too easy to guess"),
        ("hostnam = 1".to_owned(), "line 1, column 1"),
    ] {
        let device = Device::new(&text);
        let before = device.file();
        let (state, notices) = device.boot();
        assert_eq!(state, State::default());
        assert!(
            notices[0].starts_with("Not used: tayberry.toml") && notices[0].contains(part),
            "{notices:?}"
        );
        assert_eq!(device.file(), before);
    }
}

#[test]
fn a_state_that_cannot_be_saved_leaves_the_file_for_the_next_boot() {
    let device = Device::new(WHOLE);
    let inside = device.folder.path().join("file");
    std::fs::write(&inside, "in its place").unwrap();
    let mut notices = Vec::new();
    run(&Store::new(&inside), State::default(), name(&device.disk), &mut notices);
    assert!(notices[0].contains("this boot only"), "{notices:?}");
    assert!(Preseed::parse(device.file().as_bytes()).unwrap().has_secrets());
}

/// A device whose card Raspberry Pi Imager customised: it makes new files.
fn from_imager(text: &str) -> (Device, String) {
    let device = Device::new(text);
    let user_data = include_str!("../../image/format/fixtures/imager/user-data");
    let network = include_str!("../../image/format/fixtures/imager/network-config");
    with_card_reader(&device.disk, |volume| {
        for (name, text) in
            [("user-data", user_data), ("network-config", network), ("meta-data", "instance-id: x\n")]
        {
            let mut file = volume.root_dir().create_file(name).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
    });
    (device, user_data.to_owned())
}

#[test]
fn what_imager_wrote_is_taken_over_and_its_secrets_are_overwritten() {
    let (device, user_data) = from_imager("");
    let (state, notices) = device.boot();
    assert_eq!(state.hostname.as_ref().map(AsRef::as_ref), Some("shed"));
    assert!(state.wifi.is_some() && state.ssh_key.len() == 1 && state.owner.is_none());
    assert!(notices.len() == 1 && notices[0].contains("claim code"), "{notices:?}");
    let left = imager::read(name(&device.disk)).unwrap();
    assert_eq!(left.user_data.len(), user_data.len());
    assert!(!String::from_utf8_lossy(&left.user_data).contains("$y$"));
    assert!(left.network_config.iter().all(|byte| *byte == b'\n'));
    assert_eq!(device.boot(), (state, Vec::new()));
}

#[test]
fn the_preseed_file_has_the_last_word() {
    let (device, _) = from_imager(WHOLE);
    let (state, _) = device.boot();
    assert_eq!(state.hostname.as_ref().map(AsRef::as_ref), Some("kitchen"));
    assert_eq!(state.wifi.as_ref().unwrap().ssid.as_ref(), "home");
    assert!(state.owner.is_some() && state.ssh_key.len() == 1);
    assert_eq!(device.boot(), (state, Vec::new()));
}

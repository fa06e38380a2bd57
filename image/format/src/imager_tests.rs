//! Tests of [`super`]. The fixtures have the text that rpi-imager's generator writes for these choices.

use proptest::prelude::*;

use super::*;

fn files(user_data: &str, network_config: &str) -> Files {
    Files { user_data: user_data.into(), network_config: network_config.into() }
}

fn full() -> Files {
    files(include_str!("../fixtures/imager/user-data"), include_str!("../fixtures/imager/network-config"))
}

fn connect() -> Files {
    files(
        include_str!("../fixtures/imager/user-data-connect"),
        include_str!("../fixtures/imager/network-config-open"),
    )
}

#[test]
fn everything_that_we_can_do_becomes_a_preseed() {
    let result = full().parse().unwrap();
    let preseed = &result.preseed;
    assert_eq!(preseed.hostname.as_ref().map(AsRef::as_ref), Some("shed"));
    assert_eq!(preseed.timezone.as_ref().map(AsRef::as_ref), Some("Europe/Berlin"));
    assert!(preseed.ssh_key.len() == 1 && preseed.ssh_key[0].as_ref().ends_with("owner@desk"));
    let wifi = preseed.wifi.as_ref().unwrap();
    assert_eq!((wifi.ssid.as_ref(), wifi.country.as_ref().map(AsRef::as_ref)), ("Café", Some("DE")));
    assert_eq!(wifi.password.as_ref().unwrap().as_ref().len(), 64);
    assert_eq!(result.unused, [Unused::Keyboard, Unused::Password]);
    assert!(preseed.owner.is_none());
}

#[test]
fn what_we_cannot_do_is_named() {
    let result = connect().parse().unwrap();
    assert_eq!(
        result.unused,
        [Unused::Password, Unused::PasswordSsh, Unused::Interfaces, Unused::Connect, Unused::HiddenNetwork]
    );
    let wifi = result.preseed.wifi.unwrap();
    assert_eq!((wifi.ssid.as_ref(), wifi.password), ("-guests \"\\o/\"", None));
    let result = files("write_files:\n- path: /etc/passwd\nbootcmd: [reboot]\n", "").parse().unwrap();
    assert_eq!(result.unused, [Unused::Other("write_files".into()), Unused::Other("bootcmd".into())]);
    assert!(result.preseed.is_empty());
}

#[test]
fn files_of_version_1_are_read_as_well() {
    let user = "#cloud-config\nusers:\n- name: pi\n  groups: users,adm\n  ssh_authorized_keys:\n    - KEY\n";
    let user = user.replace("KEY", full().parse().unwrap().preseed.ssh_key[0].as_ref());
    let network = "version: 2\nwifis:\n  renderer: networkd\n  wlan0:\n    dhcp4: true\n    optional: true\n\
        \x20   access-points:\n      \"home\":\n        password: \"correct horse\"\n";
    let preseed = files(&user, network).parse().unwrap().preseed;
    assert_eq!((preseed.ssh_key.len(), preseed.wifi.unwrap().ssid.as_ref()), (1, "home"));
}

#[test]
fn golden_and_without_secrets() {
    let left = full().replaced(&full().parse().unwrap());
    let text = String::from_utf8(left.user_data.clone()).unwrap();
    assert_eq!(text.trim_end(), include_str!("../fixtures/imager/user-data-taken-over").trim_end());
    assert_eq!(left.network_config, vec![b'\n'; full().network_config.len()]);
    for before in [full(), connect()] {
        let parsed = before.parse().unwrap();
        let left = before.replaced(&parsed);
        assert_eq!(left.user_data.len(), before.user_data.len());
        for secret in ["$y$", "$5$", "rpuak_SECRET", "sudoers"] {
            assert!(!String::from_utf8_lossy(&left.user_data).contains(secret));
        }
        let again = left.parse().unwrap();
        assert_eq!(again.preseed, parsed.preseed.without_secrets());
        // The power may be cut between the two files: then the rest is done at the next boot, to the same end.
        assert_eq!(left.replaced(&again), left);
        let half = Files { network_config: before.network_config.clone(), ..left.clone() };
        let parsed_half = half.parse().unwrap();
        assert_eq!(parsed_half.preseed, parsed.preseed);
        assert_eq!(half.replaced(&parsed_half), left);
    }
}

#[test]
fn mistakes_are_named_and_values_are_not_repeated() {
    let wifi = |point: &str| format!("wifis:\n  wlan0:\n    access-points:\n      {point}\n");
    let rows = [
        (files("a: [", ""), "user-data of Raspberry Pi Imager, line"),
        (files("a: &x b\nc: *x", ""), "line 2, column 4: aliases"),
        (files("hostname: my_pi", ""), "user-data of Raspberry Pi Imager, hostname: a hostname has"),
        (files("timezone: ../x", ""), "timezone: a timezone is"),
        (files("user:\n  ssh_authorized_keys: [4321]", ""), "ssh_authorized_keys: an ssh_key is"),
        (
            files("", &wifi("net: {password: \"4321\"}")),
            "network-config of Raspberry Pi Imager, password: a Wi",
        ),
        (files("", &wifi("\"\": {}")), "access-points: an ssid has"),
        (files("", &"#".repeat(BYTES + 1)), "network-config of Raspberry Pi Imager has more than"),
    ];
    for (files, part) in rows {
        let text = files.parse().unwrap_err().to_string();
        assert!(text.contains(part) && !text.contains("4321"), "{text}");
    }
    let error = Files { user_data: b"a: 1\nb: \xff".to_vec(), ..Files::default() }.parse().unwrap_err();
    assert!(error.to_string().contains("line 2") && error.to_string().contains("UTF-8"), "{error}");
    assert_eq!(Files::default().parse(), Ok(Customisation::default()));
    assert_eq!(
        format!("{:?}", full()),
        format!("Files({}, {} bytes)", full().user_data.len(), full().network_config.len())
    );
}

proptest! {
    #[test]
    fn hostile_bytes_give_an_answer(
        user_data in prop::collection::vec(any::<u8>(), 0..600),
        network_config in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        drop(Files { user_data, network_config }.parse());
    }

    #[test]
    fn changed_files_give_an_answer_that_is_left_alone_afterwards(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), which in any::<bool>(),
    ) {
        let mut files = if which { full() } else { connect() };
        let at = at.index(files.user_data.len());
        files.user_data[at] = byte;
        if let Ok(parsed) = files.parse() {
            let left = files.replaced(&parsed);
            let again = left.parse().unwrap();
            prop_assert_eq!(left.replaced(&again), left);
        }
    }

    #[test]
    fn names_of_networks_survive_as_imager_writes_them(name in "[^\\pC\"\\\\]{1,8}") {
        let escaped: String = name.bytes().map(|byte| match byte {
            0x20..0x7f => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        }).collect();
        let text = format!("network:\n  wifis:\n    wlan0:\n      access-points:\n        \"{escaped}\":\n          hidden: false\n");
        let wifi = files("", &text).parse().unwrap().preseed.wifi.unwrap();
        prop_assert_eq!(wifi.ssid.as_ref(), name);
    }
}

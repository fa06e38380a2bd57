//! Tests of [`super`].

use proptest::prelude::*;

use super::*;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f owner@desk";

fn full() -> Preseed {
    let text = format!(
        "hostname = \"shed\"\ntimezone = \"Europe/Berlin\"\nlanguage = \"de\"\nchannel = \"beta\"\n\
         ssh_key = [\"{KEY}\"]\n\n[wifi]\nssid = \"Café\"\npassword = \"correct horse\"\ncountry = \"DE\"\n\n\
         [owner]\nname = \"Margarete\"\npassword = \"quark-Teller-77-Mond\"\n"
    );
    Preseed::parse(text.as_bytes()).unwrap()
}

#[test]
fn golden() {
    let block = full().render().unwrap();
    let text = std::str::from_utf8(&block).unwrap();
    assert_eq!(text.trim_end(), include_str!("../fixtures/tayberry.toml").trim_end());
    assert_eq!(Preseed::parse(&block), Ok(full()));
}

#[test]
fn the_replacement_holds_no_secret() {
    let golden = include_str!("../fixtures/tayberry-taken-over.toml");
    let replacement = full().replacement(BYTES);
    assert_eq!(std::str::from_utf8(&replacement).unwrap().trim_end(), golden.trim_end());
    assert_eq!(replacement.len(), BYTES);
    assert_eq!(Preseed::parse(&replacement), Ok(full().without_secrets()));
    // No room for the comment, and no room at all.
    let text = toml::to_string(&full().without_secrets()).unwrap();
    assert_eq!(full().replacement(text.len()), text.as_bytes());
    assert_eq!(full().replacement(text.len() - 1), vec![b'\n'; text.len() - 1]);
    assert_eq!(full().replacement(0), b"");
    // An open network is no secret, and stays.
    let open = Preseed::parse(b"[wifi]\nssid = \"a\"").unwrap();
    assert!(!open.has_secrets() && full().has_secrets());
    assert_eq!(open.without_secrets(), open);
}

#[test]
fn a_fresh_or_empty_file_decides_nothing() {
    for bytes in [&[b'\n'; BYTES][..], b"", b"# a comment\r\n", b"\xef\xbb\xbf\n"] {
        assert!(Preseed::parse(bytes).unwrap().is_empty());
    }
    assert_eq!(Preseed::default().render(), Ok([b'\n'; BYTES]));
}

#[test]
fn mistakes_are_named_with_their_place() {
    let long = "a".repeat(64);
    let cut = &KEY[..60];
    let rows = [
        ("hostnam = \"a\"", 1, 1, "expected one of `hostname`"),
        ("\n\nhostname = 1", 3, 12, "expected a string"),
        ("hostname = \"Shed\"", 1, 12, "lower-case"),
        ("hostname = \"a-\"", 1, 12, "neither begins nor ends"),
        (&format!("hostname = \"{long}\""), 1, 12, "1 to 63"),
        ("timezone = \"../etc/passwd\"", 1, 12, "Europe/Berlin"),
        (&format!("ssh_key = \"{KEY}\""), 1, 11, "expected a sequence"),
        // The library knows where a list begins, not where its items do.
        (&format!("ssh_key = [\"{KEY}\",\n\"{cut}\"]"), 1, 11, ".pub file"),
        ("ssh_key = [\"ssh-dss AAAA\"]", 1, 11, ".pub file"),
        (&format!("ssh_key = [\"{KEY}\\ncommand=x\"]"), 1, 11, ".pub file"),
        (&format!("ssh_key = [\"command=x {KEY}\"]"), 1, 11, ".pub file"),
        ("wifi = { password = \"12345678\" }", 1, 8, "missing field `ssid`"),
        ("wifi = { ssid = \"\" }", 1, 17, "1 to 32 bytes"),
        ("[wifi]\nssid = \"a\"\ncountry = \"de\"", 3, 11, "capital"),
        ("[wifi]\nssid = \"a\"\npassword = \"secret7\"", 3, 12, "8 to 63"),
        ("language = \"fr\"", 1, 12, "expected `en` or `de`"),
        ("channel = \"Nightly\"", 1, 11, "such as stable or beta"),
        ("[owner]\nname = \"a\"", 1, 1, "missing field `password`"),
        ("[owner]\nname = \"a\"\npassword = \"secret7\"", 3, 12, "8 to 128"),
        ("a = ", 1, 5, "expected"),
        ("[wifi]\n[wifi]", 2, 2, "duplicate"),
    ];
    for (text, at_line, at_column, part) in rows {
        match Preseed::parse(text.as_bytes()) {
            Err(PreseedError::Invalid { line, column, message }) => {
                assert_eq!((line, column), (at_line, at_column), "{text}: {message}");
                assert!(message.contains(part) && !message.contains('\n'), "{text}: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(Preseed::parse(&[b'\n'; BYTES + 1]), Err(PreseedError::TooLong(BYTES + 1)));
    let error = Preseed::parse(b"# \xc3\xa4\nhostname = \"\xff").unwrap_err().to_string();
    assert!(error.contains("line 2, column 13") && error.contains("UTF-8"), "{error}");
}

#[test]
fn a_password_is_never_printed() {
    let shown = format!("{:?}", full());
    assert!(shown.contains("shed") && !shown.contains("correct") && !shown.contains("quark"), "{shown}");
    for value in ["\"4321\"", "87654321", "hunter4321", "[\"4321\"]", "\"43210000", "432.1"] {
        for table in ["[wifi]\nssid", "[owner]\nname"] {
            let text = format!("{table} = \"a\"\npassword = {value}");
            match Preseed::parse(text.as_bytes()) {
                Err(error) => assert!(!error.to_string().contains("4321"), "{error}"),
                // Longer passwords of owners are allowed here.
                Ok(preseed) => assert!(table.contains("owner") && !format!("{preseed:?}").contains("4321")),
            }
        }
    }
}

#[test]
fn too_many_keys_are_refused() {
    let key = SshKey::try_from(KEY.to_owned()).unwrap();
    let many = Preseed { ssh_key: vec![key; 50], ..Preseed::default() };
    let error = many.render().unwrap_err();
    assert!(matches!(error, PreseedError::TooLong(length) if length > BYTES), "{error}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        hostname in prop::option::of("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
        timezone in prop::option::of("[A-Z][a-z_]{1,9}(/[A-Z][a-z_]{1,9}){0,2}"),
        wifi in prop::option::of(("\\PC{1,8}", prop::option::of("[ -~]{8,63}|[0-9a-fA-F]{64}"),
            prop::option::of("[A-Z]{2}"))),
        keys in 0..9_usize,
        choices in (prop::option::of("en|de"), prop::option::of("stable|beta")),
        owner in prop::option::of(("\\PC{1,8}", "\\PC{8,40}")),
        length in 0..BYTES,
    ) {
        let preseed = Preseed {
            hostname: hostname.map(|text| Hostname::try_from(text).unwrap()),
            timezone: timezone.map(|text| TimeZone::try_from(text).unwrap()),
            ssh_key: vec![SshKey::try_from(KEY.to_owned()).unwrap(); keys],
            wifi: wifi.map(|(ssid, password, country)| Wifi {
                ssid: Ssid::try_from(ssid).unwrap(),
                password: password.map(|text| WifiPassword::try_from(text).unwrap()),
                country: country.map(|text| Country::try_from(text).unwrap()),
            }),
            language: choices.0.map(|text| Language::try_from(text).unwrap()),
            channel: choices.1.map(|text| Channel::try_from(text).unwrap()),
            owner: owner.map(|(name, password)| NewOwner { name, password: password.try_into().unwrap() }),
        };
        prop_assert_eq!(Preseed::parse(&preseed.render().unwrap()), Ok(preseed.clone()));
        // Whatever room there is: what replaces it says the same without secrets, or nothing.
        let left = preseed.replacement(length);
        prop_assert_eq!(left.len(), length);
        let left = Preseed::parse(&left).unwrap();
        prop_assert!(left == preseed.without_secrets() || left.is_empty());
    }

    #[test]
    fn hostile_bytes_give_an_error_or_a_value(bytes in prop::collection::vec(any::<u8>(), 0..BYTES + 8)) {
        drop(Preseed::parse(&bytes));
    }

    #[test]
    fn hostile_toml_gives_an_error_or_a_value(text in "([a-z_]{0,8} ?= ?|[\\[\\]{}\",='\\\\\n0-9a-z]){0,200}") {
        drop(Preseed::parse(text.as_bytes()));
    }
}

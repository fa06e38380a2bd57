//! Each short form, what is none, and noise.

use proptest::prelude::*;

use super::*;

#[test]
fn short_forms() {
    let span = |text: &str| text.parse::<Span>().map(|span| span.0.as_millis()).ok();
    assert_eq!(
        [span("30s"), span("1m30s"), span("250ms"), span("2h")],
        [Some(30_000), Some(90_000), Some(250), Some(7_200_000)]
    );
    assert_eq!(
        [span(""), span("30"), span("3x"), span("s"), span("25h"), span("99999999999999999999s")],
        [None; 6]
    );
    let bytes = |text: &str| text.parse::<Bytes>().map(|bytes| bytes.0).ok();
    assert_eq!(
        [bytes("512"), bytes("64k"), bytes("128M"), bytes("1gb")],
        [Some(512), Some(65536), Some(128 << 20), Some(1 << 30)]
    );
    assert_eq!([bytes(""), bytes("-1"), bytes("1.5g"), bytes("20000000000g")], [None; 4]);
    let mount: Mount = "data:/var/lib/data:ro".parse().unwrap();
    assert_eq!(
        (mount.volume.to_string(), mount.path.to_string(), mount.read_only),
        ("data".into(), "/var/lib/data".into(), true)
    );
    for wrong in
        ["/etc:/etc", "./here:/there", "data", "data:relative", "data:/a/../b", "data:/a:rx", "data:/a:ro:z"]
    {
        assert!(wrong.parse::<Mount>().is_err(), "{wrong}");
    }
    assert_eq!("443:8443/udp".parse(), Ok(Port { host: 443, container: 8443, udp: true }));
    for wrong in ["443", "0:1", "1:70000", "127.0.0.1:1:2", "1:2/sctp"] {
        assert!(wrong.parse::<Port>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in ".{0,64}") {
        drop((text.parse::<Name>(), text.parse::<Span>(), text.parse::<Bytes>(), text.parse::<Mount>(), text.parse::<Port>()));
    }

    #[test]
    fn a_path_stays_below_its_root(text in "[/.a-z]{1,40}") {
        if let Ok(path) = text.parse::<ContainerPath>() {
            prop_assert!(path.to_string().starts_with('/') && !path.to_string().split('/').any(|part| part == ".."));
        }
    }
}

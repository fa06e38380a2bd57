//! Wishes, and when they are met.

use super::*;
use crate::request::domain::KeyAlgorithm;

const NOW: i64 = 1_800_000_000;

fn name(text: &str) -> DomainName {
    text.to_owned().try_into().unwrap()
}

fn server() -> DnsServer {
    DnsServer {
        server: "ns.example.org".into(),
        zone: name("example.org"),
        key: "home".into(),
        algorithm: KeyAlgorithm::HmacSha256,
        secret: Some(STANDARD.encode([7; 32])),
        wait_s: 0,
    }
}

fn wish(proof: Proof) -> DomainWish {
    let name = name("shop.example.org");
    DomainWish { name, proof, terms_agreed: true, email: None, directory: None, trust: None }
}

fn with(change: impl FnOnce(&mut DnsServer)) -> Result<DomainWish, WishError> {
    let mut server = server();
    change(&mut server);
    check(wish(Proof::Dns(server)), None)
}

#[test]
fn what_may_be_wished() {
    assert!(check(wish(Proof::Http), None).is_ok());
    assert!(with(|_| {}).is_ok());
    assert!(with(|server| server.server = "[fd00::1]:5353".into()).is_ok());
    let no_terms = DomainWish { terms_agreed: false, ..wish(Proof::Http) };
    assert_eq!(check(no_terms, None), Err(WishError::Terms));
    for (text, error) in [("http://ca.example", WishError::Directory), ("https://a b", WishError::Directory)]
    {
        assert_eq!(check(DomainWish { directory: Some(text.into()), ..wish(Proof::Http) }, None), Err(error));
    }
    for text in ["", "a", "a@b", "@b.c", "a b@c.d"] {
        let wish = DomainWish { email: Some(text.into()), ..wish(Proof::Http) };
        assert_eq!(check(wish, None), Err(WishError::Email(text.into())));
    }
    for text in ["", "ns:", "ns:x", "ns:70000", "ns/x:53", "[::1]53"] {
        assert_eq!(with(|one| one.server = text.into()), Err(WishError::Server(text.into())), "{text}");
    }
    assert!(matches!(with(|one| one.zone = name("example.com")), Err(WishError::Zone { .. })));
    assert!(matches!(with(|one| one.key = "a..b".into()), Err(WishError::Key(_))));
    assert_eq!(with(|one| one.wait_s = 3601), Err(WishError::Wait));
    for secret in [None, Some("x".to_owned()), Some(STANDARD.encode([1; 8]))] {
        assert_eq!(with(|one| one.secret = secret), Err(WishError::Secret));
    }
}

#[test]
fn a_key_is_kept_and_never_told() {
    let before = wish(Proof::Dns(server()));
    let told = shown(&before);
    assert!(!serde_json::to_string(&told).unwrap().contains("secret"));
    assert_eq!(check(told.clone(), Some(&before)), Ok(before.clone()));
    let Proof::Dns(told) = told.proof else { panic!() };
    let other = wish(Proof::Dns(DnsServer { key: "other".into(), ..told }));
    assert_eq!(check(other, Some(&before)), Err(WishError::Secret), "a key of another name is another key");
}

#[test]
fn another_authority_is_another_account() {
    let mut record = Record::default();
    record.wish(wish(Proof::Http));
    record.met(Account { directory: DIRECTORY.into(), credentials: serde_json::Value::Null });
    record.failed("no".into(), NOW);
    record.wish(wish(Proof::Dns(server())));
    assert!(record.account.is_some() && record.tries == Tries::default() && !record.met);
    record.wish(DomainWish { directory: Some("https://ca.example/".into()), ..wish(Proof::Http) });
    assert!(record.account.is_none());
}

#[test]
fn when_a_certificate_is_asked_for() {
    let mut record = Record::default();
    assert_eq!(next(&record, None, true), Next::Never);
    record.wish(wish(Proof::Http));
    assert_eq!(next(&record, None, false), Next::OnceTimeIsKnown);
    assert_eq!(next(&record, None, true), Next::At(0));
    let held =
        DomainCertificate { name: name("shop.example.org"), not_before: NOW, not_after: NOW + 90 * 86_400 };
    assert_eq!(next(&record, Some(&held), true), Next::At(0), "whether it can be had as it is wished now");
    record.met = true;
    assert_eq!(next(&record, Some(&held), true), Next::At(NOW + 60 * 86_400));
    let other = DomainCertificate { name: name("old.example.org"), ..held };
    assert_eq!(next(&record, Some(&other), true), Next::At(0));
    let mut waits = Vec::new();
    for _ in 0..7 {
        record.failed("no".into(), NOW);
        let Next::At(then) = next(&record, Some(&other), true) else { panic!() };
        waits.push(then - NOW);
    }
    assert_eq!(waits, [60, 300, 1500, 7500, 37_500, 43_200, 43_200]);
    assert_eq!(
        next(&record, Some(&held), true),
        Next::At(NOW + 60 * 86_400),
        "the one that is held still holds"
    );
}

#[test]
fn hosts_and_ports() {
    for (text, parts) in [
        ("ns.example.org", ("ns.example.org", Some(53))),
        ("ns.example.org:5353", ("ns.example.org", Some(5353))),
        ("192.0.2.1:53", ("192.0.2.1", Some(53))),
        ("fd00::1", ("fd00::1", Some(53))),
        ("[fd00::1]", ("fd00::1", Some(53))),
        ("[fd00::1]:54", ("fd00::1", Some(54))),
        ("[fd00::1]54", ("fd00::1", None)),
    ] {
        assert_eq!(host_and_port(text), parts, "{text}");
    }
}

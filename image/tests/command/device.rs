//! `tayberry device` against a device of paper: over HTTPS, through the program, as a script would use it.

#[path = "common/pi.rs"]
mod pi;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use pi::Pi;
use serde_json::{Value, json};

/// A workstation: its configuration folder.
struct Desk {
    folder: tempfile::TempDir,
    port: u16,
}

impl Desk {
    fn new(pi: &Pi) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), port: pi.port }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn devices(&self) -> PathBuf {
        self.folder.path().join("tayberry/devices")
    }

    /// Runs a command about `name`; what it printed, or the sentence on standard error.
    fn run(&self, name: &str, arguments: &[&str]) -> Result<Value, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_tayberry"))
            .args(["--json", "device", &format!("{name}:{}", self.port), "--address", "127.0.0.1"])
            .args(arguments)
            .env("XDG_CONFIG_HOME", self.folder.path())
            // A proxy of the environment must not see what a person tells a device at home.
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(serde_json::from_slice(&output.stdout).unwrap()) } else { Err(said) }
    }

    fn claim(&self, pi: &Pi, password: &str) -> Result<Value, String> {
        let password = self.file("password", password);
        let recovery = self.folder.path().join("recovery");
        let fixed = ["claim", "--owner", "Margarete", "--name", "kitchen", "--timezone", "Europe/Berlin"];
        let more = ["--code", "12345678", "--language", "de", "--fingerprint", &pi.fingerprint];
        let files =
            ["--password-file", password.to_str().unwrap(), "--recovery-file", recovery.to_str().unwrap()];
        self.run("tayberry.local", &[&fixed[..], &more, &files].concat())
    }
}

const PASSWORD: &str = "quark-Teller-77-Mond";

#[test]
fn from_a_new_device_to_settings_and_out_again() {
    let pi = Pi::start(&["tayberry.local", "kitchen.local", "attic.local"]);
    let desk = Desk::new(&pi);
    let claimed = desk.claim(&pi, PASSWORD).unwrap();
    assert_eq!(claimed["address"], "https://kitchen.local");
    assert_eq!(claimed["fingerprint"], pi.fingerprint.as_str());
    let owner = pi.memory.lock().unwrap().owner.clone().unwrap();
    assert_eq!(
        owner,
        json!({
            "language": "de", "owner": "Margarete", "password": PASSWORD, "recovery_characters": "AFS",
            "name": "kitchen", "timezone": "Europe/Berlin", "channel": "stable",
        })
    );
    let recovery = std::fs::read_to_string(desk.folder.path().join("recovery")).unwrap();
    assert!(recovery.contains("ABCD-EFGH-JKMN-PQRS"), "{recovery}");
    assert!(pi.memory.lock().unwrap().sessions.is_empty(), "the setup's session has ended");

    // The device is known under its new name; nobody is signed in yet.
    let error = desk.run("kitchen.local", &["status"]).unwrap_err();
    assert!(error.contains("sign-in"), "{error}");
    let password = desk.file("password", PASSWORD);
    let wrong = desk.file("wrong", "something else");
    let with = |file: &PathBuf| {
        let file = file.to_str().unwrap().to_owned();
        ["--name".to_owned(), "Margarete".to_owned(), "--password-file".to_owned(), file]
    };
    let run = |name: &str, order: &str, more: &[String]| {
        let arguments: Vec<&str> = std::iter::once(order).chain(more.iter().map(String::as_str)).collect();
        desk.run(name, &arguments)
    };
    let error = run("kitchen.local", "sign-in", &with(&wrong)).unwrap_err();
    assert_eq!(error, "tayberry: Name or password is wrong\n");
    run("kitchen.local", "sign-in", &with(&password)).unwrap();
    // Signing in again replaces the token.
    run("kitchen.local", "sign-in", &with(&password)).unwrap();
    assert_eq!(pi.memory.lock().unwrap().tokens.len(), 1);
    assert_eq!(desk.run("kitchen.local", &["status"]).unwrap()["health"], "good");
    assert_eq!(desk.run("kitchen.local", &["settings"]).unwrap()["name"], "kitchen");
    assert_eq!(desk.run("kitchen.local", &["settings", "--name", "attic"]).unwrap()["name"], "attic");
    assert_eq!(desk.run("attic.local", &["status"]).unwrap()["name"], "attic");
    assert!(desk.run("kitchen.local", &["status"]).unwrap_err().contains("sign-in"), "the token moved along");
    let error = desk.run("attic.local", &["settings", "--name", "My Pi"]).unwrap_err();
    assert!(error.contains("--name: a hostname"), "{error}");
    run("attic.local", "sign-out", &with(&password)).unwrap();
    assert!(pi.memory.lock().unwrap().tokens.is_empty());
    assert!(desk.run("attic.local", &["status"]).unwrap_err().contains("sign-in"));
}

#[test]
fn only_what_was_compared_is_pinned() {
    let pi = Pi::start(&["tayberry.local"]);
    let desk = Desk::new(&pi);
    let other = pi.fingerprint.replace(|c: char| c.is_ascii_hexdigit(), "0");
    let rows: [(&[&str], &str); 4] = [
        (&["status"], "pin` first"),
        (&["pin"], "--fingerprint"),
        (&["pin", "--fingerprint", &other], "not the one that you named"),
        (&["pin", "--fingerprint", "AB:CD"], "32 pairs"),
    ];
    for (arguments, part) in rows {
        let error = desk.run("tayberry.local", arguments).unwrap_err();
        assert!(error.contains(part), "{error}");
        assert!(!desk.devices().exists(), "{arguments:?}");
    }
    pi.memory.lock().unwrap().lies = true;
    let error = desk.run("tayberry.local", &["pin", "--fingerprint", &pi.fingerprint]).unwrap_err();
    assert!(error.contains("do not trust it"), "{error}");
    pi.memory.lock().unwrap().lies = false;
    let lower = pi.fingerprint.to_lowercase().replace(':', "");
    let pinned = desk.run("tayberry.local", &["pin", "--fingerprint", &lower]).unwrap();
    assert_eq!(
        (&pinned["name"], pinned["fingerprint"].as_str()),
        (&json!("tayberry"), Some(pi.fingerprint.as_str()))
    );
    // Again: nothing to compare.
    desk.run("tayberry.local", &["pin"]).unwrap();
}

#[test]
fn another_device_in_the_same_place_hears_nothing() {
    let pi = Pi::start(&["tayberry.local"]);
    let mut desk = Desk::new(&pi);
    desk.run("tayberry.local", &["pin", "--fingerprint", &pi.fingerprint]).unwrap();
    let stranger = Pi::start(&["tayberry.local"]);
    let folder = desk.devices();
    let (old, new) =
        (format!("tayberry.local_{}.pem", pi.port), format!("tayberry.local_{}.pem", stranger.port));
    std::fs::rename(folder.join(old), folder.join(new)).unwrap();
    desk.port = stranger.port;
    let password = desk.file("password", PASSWORD);
    let arguments = ["sign-in", "--name", "Margarete", "--password-file", password.to_str().unwrap()];
    let error = desk.run("tayberry.local", &arguments).unwrap_err();
    assert!(error.contains("another device than the pinned one"), "{error}");
    assert!(desk.run("tayberry.local", &["pin"]).unwrap_err().contains("--fingerprint"));
    assert_eq!(stranger.memory.lock().unwrap().asked, ["GET /authority"]);
    // A device that answers under a name that is not its own is no device of that name.
    let error = desk.run("shed.local", &["pin", "--fingerprint", &stranger.fingerprint]).unwrap_err();
    assert!(error.contains("cannot be reached"), "{error}");
}

#[test]
fn a_refused_setup_leaves_no_owner_and_no_codes() {
    let pi = Pi::start(&["tayberry.local"]);
    let desk = Desk::new(&pi);
    let error = desk.claim(&pi, "secret7").unwrap_err();
    assert!(error.contains("8 to 128"), "{error}");
    assert!(pi.memory.lock().unwrap().asked.is_empty(), "nothing was asked of the device");
    let error = desk.claim(&pi, "password").unwrap_err();
    assert_eq!(error, "tayberry: This password is too easy to guess\n");
    assert!(pi.memory.lock().unwrap().owner.is_none());
    assert!(!desk.folder.path().join("recovery").exists());
    // The same code still works.
    desk.claim(&pi, PASSWORD).unwrap();
    std::fs::remove_file(desk.folder.path().join("recovery")).unwrap();
    assert!(desk.claim(&pi, PASSWORD).unwrap_err().contains("has an owner already"));
}

//! What the owner decided with `tayberry flash --hostname ...` holds on the device: name, time zone, SSH by key alone.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use system_tests::device::{BOOT, Device, free_port};
use system_tests::web::{Client, OWNER, PASSWORD};
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::{Medium, locate};
use tayberry_format::layout;
use tayberry_format::preseed::{FILE, Preseed};

const SHORT: Duration = Duration::from_secs(120);

/// Makes a key pair beside `folder`; returns the public line.
fn key_pair(folder: &Path, name: &str) -> Result<String, JourneyError> {
    let path = folder.join(name);
    let done = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .status()?;
    assert!(done.success(), "ssh-keygen");
    Ok(std::fs::read_to_string(path.with_extension("pub"))?.trim().to_owned())
}

/// Runs a command on the device by SSH, as an owner would; returns what it printed, none when the door stayed shut.
fn ssh(port: u16, key: &Path, command: &str) -> Result<Option<String>, JourneyError> {
    let output = Command::new("ssh")
        .args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "ConnectTimeout=60",
        ])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-i"])
        .arg(key)
        .args(["-p", &port.to_string(), "root@127.0.0.1", command])
        .output()?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[tokio::test]
#[ignore = "most journeys begin with a preseed: scripts/test full"]
async fn a_preseeded_device_has_its_name_and_opens_to_its_key_alone() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let keys = fixture.folder()?;
    let owner = key_pair(keys.path(), "owner")?;
    key_pair(keys.path(), "stranger")?;
    let text = format!("hostname = \"kitchen\"\ntimezone = \"Europe/Berlin\"\nssh_key = [\"{owner}\"]\n");
    let preseed = Preseed::parse(text.as_bytes()).expect("a good preseed").render().expect("it fits");
    let port = free_port()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        spec.forwards.push((port, 22));
        let disk = std::fs::OpenOptions::new().read(true).write(true).open(&spec.drives[0].path)?;
        let place = locate(&disk, layout::CONFIG.number, FILE).expect("every image has the file");
        Ok(disk.write_all_at(&preseed, place.extents[0].offset)?)
    })?;
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    let owner = keys.path().join("owner");
    let seen =
        ssh(port, &owner, "cat /proc/sys/kernel/hostname; date +%Z; cat /etc/hostname; tayberryctl status")?;
    let seen = seen.ok_or_else(|| JourneyError::Failed(format!("SSH is shut\n{}", device.console_end())))?;
    assert!(seen.starts_with("kitchen\nCE"), "{seen}");
    assert!(seen.contains("slot          A (committed)"), "{seen}");
    assert_eq!(ssh(port, &keys.path().join("stranger"), "true")?, None, "a stranger's key");
    assert_eq!(bus.failed_units().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
#[ignore = "the other two are of the same kind: scripts/test full"]
async fn without_a_key_ssh_is_off_and_a_wrong_preseed_is_said() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        let disk = std::fs::OpenOptions::new().read(true).write(true).open(&spec.drives[0].path)?;
        let place = locate(&disk, layout::CONFIG.number, FILE).expect("every image has the file");
        Ok(disk.write_all_at(b"hostnam = 'x'\n", place.extents[0].offset)?)
    })?;
    device.machine.wait_console(0, "Not used: tayberry.toml, line 1, column 1", BOOT)?;
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    assert_eq!(bus.shell("! systemctl is-active ssh.service ssh.socket", SHORT).await?, 0, "SSH is off");
    assert_eq!(bus.shell("test \"$(cat /proc/sys/kernel/hostname)\" = tayberry", SHORT).await?, 0);
    assert_eq!(bus.failed_units().await?, Vec::<String>::new());
    Ok(())
}

/// A file of the config partition as it lies on the disk.
fn on_the_card(device: &Device, name: &str) -> Result<String, JourneyError> {
    let disk = std::fs::File::open(device.disk(0))?;
    let place = locate(&disk, layout::CONFIG.number, name)
        .map_err(|error| JourneyError::Failed(error.to_string()))?;
    let mut text = Vec::new();
    for extent in &place.extents {
        let mut piece = vec![0; usize::try_from(extent.length).unwrap_or_default()];
        disk.read_exact_at(&mut piece, extent.offset)?;
        text.append(&mut piece);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
#[ignore = "most journeys begin with a preseed: scripts/test full"]
async fn a_preseed_with_an_owner_needs_no_browser_and_its_card_keeps_no_password() -> Result<(), JourneyError>
{
    let fixture = Fixture::load()?;
    let text = format!(
        "hostname = \"kitchen\"\nlanguage = \"de\"\n[owner]\nname = \"{OWNER}\"\npassword = \"{PASSWORD}\"\n"
    );
    let preseed = Preseed::parse(text.as_bytes()).expect("a good preseed").render().expect("it fits");
    let port = free_port()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        spec.forwards.push((port, 8443));
        let disk = std::fs::OpenOptions::new().read(true).write(true).open(&spec.drives[0].path)?;
        let place = locate(&disk, layout::CONFIG.number, FILE).expect("every image has the file");
        Ok(disk.write_all_at(&preseed, place.extents[0].offset)?)
    })?;
    let mut owner = Client::new(&device, port, "kitchen.local")?;
    let overview = owner.expect(200, "GET", "/overview", None)?;
    assert_eq!((&overview["phase"], &overview["language"]), (&json!("owned"), &json!("de")));
    owner.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
    assert_eq!(owner.expect(200, "GET", "/settings", None)?["name"], "kitchen");
    let left = on_the_card(&device, FILE)?;
    assert!(left.contains("kitchen") && !left.contains(PASSWORD), "{left}");
    assert!(!device.console().contains("Claim code"), "a device with an owner shows no code");
    Ok(())
}

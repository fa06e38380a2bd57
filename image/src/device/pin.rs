//! `pin`: from now on this device's authority is trusted for it, and nothing else is.

use serde::Serialize;

use crate::device::api::{Authority, Overview};
use crate::device::client::{Client, certificate};
use crate::device::fingerprint::{Fingerprint, Verdict, judge};
use crate::device::{Device, DeviceError};

/// What was pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pinned {
    /// The device's name for itself.
    pub name: String,
    /// SHA-256 of its authority.
    pub fingerprint: String,
    /// Where it is kept.
    pub file: std::path::PathBuf,
}

/// Fetches the authority, has it compared, and keeps it.
///
/// # Errors
/// When it is not the one that was named, or the person says that it is another.
pub fn pin(device: &Device, named: Option<Fingerprint>) -> Result<Pinned, DeviceError> {
    let host = device.host.to_string();
    let mut anybody = Client::trusting_anybody(&device.host, device.address);
    let authority: Authority = anybody.ask("GET", "/authority", None)?;
    let found = Fingerprint::of(certificate(&authority.pem, &device.host)?.der());
    let said = authority.fingerprint.parse().map_err(|_| DeviceError::Inconsistent(host.clone()))?;
    let pinned = device.store.authority(&device.host)?;
    let pinned = pinned.and_then(|pem| certificate(&pem, &device.host).ok());
    match judge(found, said, named, pinned.map(|certificate| Fingerprint::of(certificate.der()))) {
        Verdict::Trust => {}
        Verdict::Ask => compare(device, found, "")?,
        Verdict::AskAgain => {
            compare(
                device,
                found,
                "This is another device than the one that was pinned, or it was reset.\n",
            )?;
        }
        Verdict::Inconsistent => return Err(DeviceError::Inconsistent(host)),
        Verdict::Another => return Err(DeviceError::AnotherFingerprint { host, found: found.to_string() }),
    }
    // Whoever answers has to hold a certificate of that authority, too.
    let mut client = Client::trusting(&authority.pem, &device.host, device.address)?;
    let overview: Overview = client.ask("GET", "/overview", None)?;
    if overview.authority_fingerprint.parse() != Ok(found) {
        return Err(DeviceError::Inconsistent(host));
    }
    let file = device.store.pin(&device.host, &authority.pem)?;
    Ok(Pinned { name: overview.name, fingerprint: found.to_string(), file })
}

fn compare(device: &Device, found: Fingerprint, before: &str) -> Result<(), DeviceError> {
    let question = format!(
        "{before}{} has the fingerprint\n  {found}\nDoes the device's screen, or its serial console, show the same? (yes/no)",
        device.host
    );
    let answer = device.ui.ask(question);
    let answer =
        answer.ok_or(DeviceError::NobodyToAsk { what: "the fingerprint", option: "--fingerprint" })?;
    if matches!(answer.to_lowercase().as_str(), "yes" | "y") { Ok(()) } else { Err(DeviceError::NotCompared) }
}

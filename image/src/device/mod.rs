//! Devices in the network, from the workstation: whom to trust, the setup, signing in, settings. Talks to the API of
//! `docs/api.md`; nothing here knows the agent's code.

mod api;
pub mod claim;
pub mod client;
pub mod fingerprint;
pub mod host;
pub mod pin;
pub mod session;
pub mod show;
pub mod store;

use std::net::IpAddr;
use std::path::PathBuf;

use crate::device::client::Client;
use crate::device::host::Host;
use crate::device::store::Store;
use crate::ui::Ui;

/// Why a device did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No home.
    #[error("neither HOME nor XDG_CONFIG_HOME is set: there is no place to keep the device's authority")]
    NoFolder,
    /// A file of ours.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// A file that holds no token.
    #[error("{0} holds no access token: remove it and run `tayberry device HOST sign-in`")]
    BadToken(PathBuf),
    /// No answer, or not from the pinned device.
    #[error("{host} cannot be reached, or is another device than the pinned one: {error}")]
    Reach {
        /// The device.
        host: String,
        /// The reason.
        error: Box<ureq::Error>,
    },
    /// Something answers that is no device of ours.
    #[error("what answers at {0} is no Tayberry device")]
    NotADevice(String),
    /// An answer without a sentence.
    #[error("{host} answered with status {status}: is it a Tayberry device?")]
    Status {
        /// The device.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// The device's own sentence.
    #[error("{sentence}")]
    Refused {
        /// Kind of the problem, for programs.
        kind: String,
        /// What is wrong.
        sentence: String,
    },
    /// The authority is no certificate.
    #[error("the authority of {0} is no certificate in PEM: run `tayberry device {0} pin`")]
    NoCertificate(String),
    /// It says another fingerprint than it has.
    #[error("{0} shows another fingerprint than its certificate has: do not trust it")]
    Inconsistent(String),
    /// It is not the one that was named.
    #[error("{host} has the fingerprint {found}, not the one that you named: do not trust it")]
    AnotherFingerprint {
        /// The device.
        host: String,
        /// What was found.
        found: String,
    },
    /// The person said no.
    #[error(
        "not pinned: the device's screen shows another fingerprint, so something else answers in its place"
    )]
    NotCompared,
    /// Nobody was pinned yet.
    #[error("{0} is not known here: run `tayberry device {0} pin` first")]
    NotPinned(String),
    /// Nobody signed in yet.
    #[error("not signed in to {0}: run `tayberry device {0} sign-in` first")]
    NotSignedIn(String),
    /// Nobody can be asked.
    #[error("there is nobody to ask for {what}: give it with {option}")]
    NobodyToAsk {
        /// What is missing.
        what: &'static str,
        /// The option.
        option: &'static str,
    },
    /// The two passwords differ.
    #[error("the two passwords differ: nothing was changed")]
    PasswordsDiffer,
    /// The recovery code was read wrong.
    #[error("the characters of the recovery code were wrong three times: the setup was not finished")]
    RecoveryNotKept,
    /// An option.
    #[error(transparent)]
    Option(#[from] crate::flash::settings::SettingsError),
}

/// One device, and whoever asks it.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name and port.
    pub host: Host,
    /// Where it is, if that is not to be looked up.
    pub address: Option<IpAddr>,
    /// What is kept here.
    pub store: Store,
    /// The person.
    pub ui: Ui,
}

impl Device {
    /// A client that trusts the pinned authority.
    ///
    /// # Errors
    /// When there is none.
    pub fn client(&self) -> Result<Client, DeviceError> {
        let pem = self.store.authority(&self.host)?;
        let pem = pem.ok_or_else(|| DeviceError::NotPinned(self.host.to_string()))?;
        Client::trusting(&pem, &self.host, self.address)
    }

    /// A client that is signed in with the access token that is kept here.
    ///
    /// # Errors
    /// When there is none.
    pub fn signed_in(&self) -> Result<Client, DeviceError> {
        let client = self.client()?;
        let token = self.store.token(&self.host)?;
        let token = token.ok_or_else(|| DeviceError::NotSignedIn(self.host.to_string()))?;
        Ok(client.with_token(token.secret))
    }
}

//! `io.tayberry.Agent1` on the system bus: what the device says of itself.

pub(crate) mod ask;
pub mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tayberry_core::status::{Facts, State};
use tayberry_core::timing::Stage;
use tayberry_format::boot_report::BootReport;

use zbus::message::Header;

use crate::desk::Desk;
use crate::device::mailbox::Mailbox;

/// Bus name, and the object's interface.
pub const NAME: &str = "io.tayberry.Agent1";
/// Path of the object.
pub const PATH: &str = "/io/tayberry/Agent1";

/// What is served.
#[derive(Debug, Clone)]
pub struct Status {
    /// The facts about slots when the agent started.
    pub start: Facts,
    /// What the initramfs left.
    pub report: BootReport,
    /// Stages of this boot and their lengths in milliseconds.
    pub stages: Vec<Stage>,
}

impl Status {
    /// The facts about slots now: a commit changes what the firmware boots next. What cannot be read is as it was.
    #[must_use]
    pub fn facts(&self) -> Facts {
        crate::device::boot::facts(&self.report.disk).unwrap_or(self.start)
    }
}

/// The object on the bus.
pub struct Agent {
    status: Status,
    desk: Arc<Desk>,
    users: ask::Users,
    /// Counts the certificates that the front should ask for.
    certificates: AtomicU32,
}

impl Agent {
    /// An object that says `status` and lets `desk` answer.
    #[must_use]
    pub fn new(status: Status, desk: Arc<Desk>) -> Self {
        Self { status, desk, users: ask::Users::default(), certificates: AtomicU32::new(0) }
    }

    /// The front should ask for another certificate.
    pub fn another_certificate(&self) {
        self.certificates.fetch_add(1, Ordering::SeqCst);
    }
}

/// Everybody on the system bus may read the properties; only root and the front may call the methods (the bus's policy,
/// `io.tayberry.Agent1.conf`).
#[zbus::interface(name = "io.tayberry.Agent1")]
impl Agent {
    /// Version of the agent and of the operating system.
    #[zbus(property)]
    fn version(&self) -> &str {
        crate::device::system::version()
    }

    /// The slot whose system partition is mounted at `/`.
    #[zbus(property)]
    fn booted_slot(&self) -> String {
        self.status.facts().running.to_string()
    }

    /// The slot that the firmware will boot next; empty when it names none.
    #[zbus(property)]
    fn default_slot(&self) -> String {
        self.status.facts().default.map(|slot| slot.to_string()).unwrap_or_default()
    }

    /// Whether this boot is a trial that was not judged yet.
    #[zbus(property)]
    fn trial(&self) -> bool {
        State::derive(self.status.facts()) == State::Trial
    }

    /// `committed`, `trial`, `reboot changes slot` or `no default slot`.
    #[zbus(property)]
    fn state(&self) -> &str {
        State::derive(self.status.facts()).word()
    }

    /// Device name of the disk.
    #[zbus(property)]
    fn disk(&self) -> &str {
        &self.status.report.disk
    }

    /// Root hash under which the system partition was opened.
    #[zbus(property)]
    fn root_hash(&self) -> String {
        self.status.report.root_hash.to_string()
    }

    /// Stages of this boot and their lengths in milliseconds.
    #[zbus(property)]
    fn boot_stages(&self) -> Vec<(String, u64)> {
        self.status.stages.clone()
    }

    /// Counts up whenever the front should ask for another certificate: names, addresses or the time have changed.
    #[zbus(property)]
    fn certificates(&self) -> u32 {
        self.certificates.load(Ordering::SeqCst)
    }

    /// How far an update is: `tayberry_core::request::update::Updates` as JSON.
    #[zbus(property)]
    fn updates(&self) -> zbus::fdo::Result<String> {
        serde_json::to_string(&self.desk.updates()).map_err(failed)
    }

    /// Whether services of the stack are being changed.
    #[zbus(property)]
    fn stack_busy(&self) -> bool {
        self.desk.stack_busy()
    }

    /// Whether a gateway of the stack serves the ports 80 and 443; else the front does.
    #[zbus(property)]
    fn gateway(&self) -> bool {
        self.desk.gateway_serves()
    }

    /// Answers a request (`tayberry_core::request::Request` as JSON) with an `Outcome` as JSON. `from` is the
    /// addresses of the connection it came over, the other end first, or empty; `credential` is empty, `session SECRET` or `token SECRET`.
    async fn ask(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &zbus::Connection,
        from: (&str, &str),
        credential: &str,
        request: &str,
    ) -> zbus::fdo::Result<String> {
        let user = self.users.of(bus, &header).await?;
        ask::ask(&*self.desk, user, from, credential, request).await
    }

    /// Takes what is read from `file` to its end. `delivery` is a `tayberry_core::request::Delivery` as JSON, the rest as for `Ask`.
    /// Answers when it is used up: a piece of a bundle, or images.
    #[allow(clippy::too_many_arguments, reason = "header and bus are zbus's, not the caller's")]
    async fn receive(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &zbus::Connection,
        from: (&str, &str),
        credential: &str,
        delivery: &str,
        file: zbus::OwnedFd,
    ) -> zbus::fdo::Result<String> {
        let user = self.users.of(bus, &header).await?;
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(file));
        ask::receive(&*self.desk, user, from, credential, delivery, file).await
    }

    /// A certificate chain for a public key (an uncompressed point of P-256): DER, the front's own first.
    fn certify(&self, public_key: &[u8]) -> zbus::fdo::Result<Vec<Vec<u8>>> {
        self.desk.certify(public_key).map_err(failed)
    }

    /// The owner's domain, the chain of its certificate and the key: DER, its own certificate first, PKCS #8. All are empty where there is
    /// none.
    fn domain(&self) -> crate::desk::Shown {
        self.desk.shown_domain()
    }

    /// Temperature of the processor in degrees Celsius, read anew each time; an error where there is no mailbox.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn soc_temperature(&self) -> zbus::fdo::Result<f64> {
        // The firmware may take seconds; the agent's watchdog must not wait for it.
        let read = || Mailbox::open()?.temperature();
        let temperature = tokio::task::spawn_blocking(read).await.map_err(failed)?.map_err(failed)?;
        Ok(temperature.degrees())
    }
}

fn failed(error: impl std::fmt::Display) -> zbus::fdo::Error {
    zbus::fdo::Error::Failed(error.to_string())
}

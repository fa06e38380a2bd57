//! Looks at what the health gate asks for. What follows is decided in `tayberry_core::update::gate`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use tayberry_core::update::gate::{Check, Finding};
use tayberry_core::update::record::Phase;
use tayberry_format::boot_report::Data;
use tokio::task::JoinHandle;

use super::Handle;
use crate::device::authority::Authority;
use crate::device::{authority, boot, clock, front, network, systemd, whole_file};
use crate::loops::stack::{Ask, Works};
use crate::update::direct::Reader;

const AGENT: Check = Check { name: "agent", deadline: Duration::from_secs(300) };
/// As long as the others: one that failed is told at once, and one that is starting harms nobody by taking long.
const FRONT: Check = Check { name: "front", deadline: Duration::from_secs(240) };
const DATA: Check = Check { name: "data partition", deadline: Duration::from_secs(240) };
const STACK: Check = Check { name: "stack", deadline: Duration::from_secs(290) };
const TIME: Check = Check { name: "time", deadline: Duration::from_secs(240) };
const SLOT: Check = Check { name: "system partition", deadline: Duration::from_secs(280) };
/// Written and read back.
const PROBE: &str = "/var/lib/tayberry/health-probe";

/// What was begun once and takes its time.
pub(super) struct Looking {
    slot: Option<JoinHandle<Finding>>,
    read: Finding,
}

impl Looking {
    /// Begins to read every block of the slot.
    pub(super) fn begin() -> Self {
        let slot = tokio::task::spawn_blocking(|| found(every_block().map_err(|error| error.to_string())));
        Self { slot: Some(slot), read: Finding::Waiting("Its blocks were not read in time.".into()) }
    }

    /// Everything, as it is now.
    pub(super) async fn look(&mut self, handle: &Handle) -> Vec<(Check, Finding)> {
        if let Some(slot) = self.slot.take_if(|slot| slot.is_finished()) {
            self.read = slot.await.unwrap_or_else(|error| Finding::Failed(error.to_string()));
        }
        let data = match &handle.0.report.data {
            Data::Unavailable { why } => Finding::Failed(why.clone()),
            _ => found(tokio::task::spawn_blocking(probe).await.map_err(|error| error.to_string()).flatten()),
        };
        let mut checks = vec![
            (AGENT, Finding::Passed),
            (FRONT, front_serves(&handle.0.bus).await),
            (DATA, data),
            (TIME, time()),
            (SLOT, self.read.clone()),
        ];
        if matches!(handle.phase(), Phase::Trial(target) if target.stack_worked) {
            checks.push((STACK, stack(handle).await));
        }
        checks
    }
}

/// Whether a system that was committed does its work.
pub(super) async fn works(handle: &Handle) -> bool {
    front_serves(&handle.0.bus).await == Finding::Passed
}

fn found(result: Result<(), String>) -> Finding {
    result.map_or_else(Finding::Failed, |()| Finding::Passed)
}

/// Reads each block through the hash tree: a damaged one is an I/O error.
fn every_block() -> io::Result<()> {
    let device = boot::root_device_path().map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECT.bits()).open(device)?;
    let bytes = io::Seek::seek(&mut &file, io::SeekFrom::End(0))?;
    let mut reader = Reader::new(&file, 0, bytes);
    let read = io::copy(&mut reader, &mut io::sink())?;
    if read == bytes { Ok(()) } else { Err(io::Error::other(format!("only {read} of {bytes} bytes"))) }
}

/// Writes to the data partition, and reads it back.
fn probe() -> Result<(), String> {
    let words = |error: io::Error| format!("{PROBE}: {error}");
    let mark = clock::uptime().as_nanos().to_string();
    whole_file::replace(Path::new(PROBE), mark.as_bytes()).map_err(words)?;
    let mut read = String::new();
    File::open(PathBuf::from(PROBE)).and_then(|mut file| file.read_to_string(&mut read)).map_err(words)?;
    if read == mark { Ok(()) } else { Err(format!("{PROBE} reads back as something else")) }
}

/// The clock is never earlier than the build.
fn time() -> Finding {
    match clock::build() {
        Ok(build) if clock::now() >= build => Finding::Passed,
        Ok(_) => Finding::Waiting("The clock is earlier than the system's build.".into()),
        Err(error) => Finding::Failed(error.to_string()),
    }
}

/// Every service is healthy, and what people open answers.
async fn stack(handle: &Handle) -> Finding {
    let asks = match handle.0.stack.works().await {
        Works::NoStack => return Finding::Passed,
        Works::No(why) => return Finding::Waiting(why),
        Works::Yes(asks) => asks,
    };
    let asked = move || {
        let (name, pem) = (network::name(), authority()?.pem);
        asks.iter().try_for_each(|ask| match ask {
            Ask::Ready(path) => front::stack_answers(&name, &pem, path, 200..300),
            Ask::Answer(path) => front::stack_answers(&name, &pem, path, 100..500),
            Ask::Socket(path) => front::stack_opens_a_socket(&name, &pem, path),
        })
    };
    let asked = tokio::task::spawn_blocking(asked).await.map_err(|error| error.to_string());
    asked.flatten().map_or_else(Finding::Waiting, |()| Finding::Passed)
}

/// The front serves the ports, says systemd, and answers as a browser would have it.
async fn front_serves(bus: &zbus::Connection) -> Finding {
    match systemd::active_state(bus, "tayberry-front.service").await {
        Ok(state) if state == "active" => {
            let asked = tokio::task::spawn_blocking(ask_front).await.map_err(|error| error.to_string());
            asked.flatten().map_or_else(Finding::Waiting, |()| Finding::Passed)
        }
        Ok(state) => Finding::Waiting(format!("The front is {state}.")),
        Err(error) => Finding::Waiting(format!("systemd does not say how the front is: {error}.")),
    }
}

fn ask_front() -> Result<(), String> {
    front::answers(&network::name(), &authority()?.pem)
}

fn authority() -> Result<Authority, String> {
    let authority = authority::read(Path::new(authority::FILE)).map_err(|error| error.to_string())?;
    authority.ok_or_else(|| format!("{} is missing.", authority::FILE))
}

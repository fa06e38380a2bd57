//! The agent's life: opens what it keeps, serves the bus, runs the loops until it is told to stop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tayberry_core::liveness::Pulses;
use tayberry_core::timing::stages;
use tayberry_format::boot_report::Data;
use tayberry_format::claim::ClaimCode;
use tayberry_format::slot::Slot;
use tayberry_format::state::State;

use crate::desk::{Desk, Keys, Loops};
use crate::device::app_key::AppKey;
use crate::device::authority::{self, Authority, AuthorityError};
use crate::device::store::{FOLDER, Store, StoreError};
use crate::device::{boot, boot_counter, clock, last_words, random};
use crate::keeper::Keeper;
use crate::service::{Agent, NAME, PATH, Status};
use crate::{configure, loops};

/// An agent that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The facts about slots.
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record of updates.
    #[error(transparent)]
    Updates(#[from] loops::updates::RecordError),
    /// The certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The system bus.
    #[error("D-Bus: {0}")]
    Bus(#[from] zbus::Error),
    /// systemd, the clock, randomness.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Serves `io.tayberry.Agent1` until the process is told to stop.
///
/// # Errors
/// When something that it cannot do without is missing.
pub async fn serve() -> Result<(), AgentError> {
    let build = clock::build()?;
    clock::take_kept(build);
    let mut report = boot::report()?;
    report.root_hash = boot::root_hash()?;
    let repaired = loops::updates::repair::at_start(&report, &boot::facts(&report.disk)?);
    if repaired.restart {
        return loops::updates::restart_now(&zbus::Connection::system().await?)
            .await
            .map_err(AgentError::from);
    }
    let facts = boot::facts(&report.disk)?;
    let mut ends = report.steps.clone();
    ends.push(("agent".to_owned(), u64::try_from(clock::uptime().as_millis()).unwrap_or(u64::MAX)));
    let mut notices = configure::notices();
    if let Data::Unavailable { why } = &report.data {
        notices.insert(0, why.clone());
    }
    notices.extend(repaired.notice);
    notices.extend(last_words::take());
    notices.extend(left(&report.disk, facts.running));
    let (keeper, notice) = Keeper::open(Store::new(FOLDER))?;
    notices.extend(notice.filter(|notice| !notices.contains(notice)));
    keeper.change(claimable).await?;
    let (authority, why) = Authority::open(Path::new(authority::FILE), build)?;
    notices.extend(why.map(|why| format!("{why}. A new one was made: trust it anew in your browsers.")));
    let fingerprint = authority.fingerprint();
    let disk = report.disk.clone();
    let status = Status { start: facts, report, stages: stages(&ends) };
    let (opened, why) = open(&keeper, &status).await?;
    let Loops { network, updates, stack, domain, self_test, .. } = opened.clone();
    notices.extend(why);
    let keys = Keys { authority, app: AppKey::make()? };
    let desk =
        Arc::new(Desk::new(keeper.clone(), opened.clone(), keys, build, status.clone(), notices.clone()));
    let agent = Agent::new(status.clone(), desk.clone());
    let bus = zbus::connection::Builder::system().name(NAME).serve_at(PATH, agent).build().await?;
    let object = bus.object_server().interface::<_, Agent>(PATH).await?;
    let pulses = Pulses::default();
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    tracing::info!("slot {}, ready after {} ms", facts.running, clock::uptime().as_millis());
    tokio::select! {
        never = loops::console::run(&status, &notices, &keeper, &fingerprint, &network) => match never {},
        never = loops::claim_file::run(&disk, &keeper, &fingerprint) => match never {},
        never = loops::apply::run(&keeper) => match never {},
        never = loops::certificates::run(&desk, &object, &opened) => match never {},
        never = domain.run(|| desk.knows_the_time()) => match never {},
        never = at_the_device(&desk, &opened, &pulses) => match never {},
        never = self_test.run() => match never {},
        never = updates.run() => match never {},
        never = updates.run_alone() => match never {},
        never = updates.run_release() => match never {},
        never = loops::updates::tell(&updates, &object) => match never {},
        never = stack.run() => match never {},
        never = stack.follow_gateway() => match never {},
        never = loops::stack::tell(&stack, &object) => match never {},
        never = watchdog(&pulses) => match never {},
        signal = terminated() => signal.map_err(AgentError::from),
    }
}

/// Follows what a person does at the device itself, and looks after its parts.
async fn at_the_device(desk: &Desk, loops: &Loops, pulses: &Pulses) -> std::convert::Infallible {
    let panel = loops::panel::Panel::default();
    tokio::select! {
        never = loops::button::run(desk, &panel) => never,
        never = loops::power_key::run(desk, &panel) => never,
        never = loops::led::run(desk, &panel, &pulses.led) => never,
        never = loops::thermal::run(&loops.thermal, &pulses.thermal) => never,
        never = loops.hardware.run(&pulses.hardware) => never,
    }
}

/// The loops that answer for their parts, and what the owner must know about them. Each has a connection of its own: its signals do not
/// wait behind questions to the agent.
async fn open(keeper: &Keeper, status: &Status) -> Result<(Loops, Vec<String>), AgentError> {
    let network = loops::network::start(keeper.clone(), zbus::Connection::system().await?).await?;
    let owned = keeper.get().owner.is_some();
    let (stack, why) = loops::stack::open(zbus::Connection::system().await?, owned);
    stack.find_gateway().await?;
    let (report, slot) = (status.report.clone(), status.start.running);
    let bus = zbus::Connection::system().await?;
    let updates = loops::updates::open(report, slot, bus, keeper.clone(), stack.clone())?;
    let (domain, no_domain) = loops::domain::open();
    let self_test = loops::self_test::Handle::open(&status.report.disk, stack.clone());
    let (thermal, no_wish) = loops::thermal::open();
    let hardware = loops::hardware::Handle::new(&status.report.disk);
    Ok((
        Loops { network, updates, stack, domain, thermal, hardware, self_test },
        why.into_iter().chain(no_domain).chain(no_wish).collect(),
    ))
}

/// What the owner is told when the initramfs went to the other slot.
fn left(disk: &str, running: Slot) -> Option<String> {
    match boot_counter::read(disk) {
        Ok(counter) => counter.left.filter(|slot| *slot != running).map(|slot| {
            format!(
                "The system in slot {slot} is damaged and did not start; the device starts from the other slot now. The drive may be failing."
            )
        }),
        Err(error) => {
            tracing::warn!("the counter of starts: {error}");
            None
        }
    }
}

/// A device without an owner has a claim code.
fn claimable(state: &mut State) -> Result<(), StoreError> {
    if state.owner.is_none() && state.claim.is_none() {
        let random =
            random::bytes().map_err(|error| StoreError::Io { path: "/dev/urandom".into(), error })?;
        state.claim = Some(ClaimCode::from_random(random));
    }
    Ok(())
}

/// Tells systemd twice in each interval that every loop still turns (sd_watchdog_enabled(3)).
async fn watchdog(pulses: &Pulses) -> std::convert::Infallible {
    let interval = sd_notify::watchdog_enabled().map_or(Duration::from_secs(3600), |interval| interval / 2);
    let started = clock::uptime();
    loop {
        let late = pulses.late(started, clock::uptime());
        if !late.is_empty() {
            tracing::error!("hangs: {}. systemd starts the agent anew if that does not end", late.join(", "));
        } else if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]) {
            tracing::warn!("systemd does not listen: {error}");
        }
        tokio::time::sleep(interval).await;
    }
}

async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

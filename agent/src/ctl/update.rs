//! `tayberryctl update`: where updates are, and everything that can be done about them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tayberry_core::request::update::{InstallWish, Piece, RestartWish, UpdatePhase, UpdatePlan, Updates};
use tayberry_core::request::{Delivery, Request};

use super::{CtlError, ask, hand_over};
use crate::service::client::AgentProxy;

/// What to do; nothing shows where updates are.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask the repository what it offers
    Check,
    /// Fetch and write what the repository offers, and wait until that is done
    Install {
        /// Try a version once more that did not stay
        #[arg(long)]
        again: bool,
    },
    /// Write a bundle that lies on this device
    File {
        /// The bundle
        path: PathBuf,
        /// Try a version once more that did not stay
        #[arg(long)]
        again: bool,
    },
    /// Say what it takes for what is offered or was written to run: live or a restart, which services, how long
    Plan,
    /// Have it run what was written
    Restart {
        /// Restart the device, even if services could go on
        #[arg(long)]
        reboot: bool,
    },
    /// Stop what is under way, until the restart has begun
    Cancel,
    /// Go back to the system that ran before
    Rollback {
        /// Restart the device, even if services could go on
        #[arg(long)]
        reboot: bool,
    },
}

/// Does it.
///
/// # Errors
/// When the agent refuses or does not answer.
pub async fn run(agent: &AgentProxy<'_>, command: Option<&Command>) -> Result<Updates, CtlError> {
    match command {
        None | Some(Command::Plan) => ask(agent, &Request::Updates).await,
        Some(Command::Check) => ask(agent, &Request::CheckForUpdate).await,
        Some(Command::Install { again }) => {
            ask::<Updates>(agent, &Request::InstallUpdate(InstallWish { again: *again })).await?;
            installed(agent).await
        }
        Some(Command::File { path, again }) => hand_in(agent, path, *again).await,
        Some(Command::Restart { reboot }) => {
            ask(agent, &Request::RestartIntoUpdate(RestartWish { reboot: *reboot })).await
        }
        Some(Command::Cancel) => ask(agent, &Request::CancelUpdate).await,
        Some(Command::Rollback { reboot }) => {
            ask(agent, &Request::RollBack(RestartWish { reboot: *reboot })).await
        }
    }
}

/// Waits for the end of an install, which the agent tells of.
async fn installed(agent: &AgentProxy<'_>) -> Result<Updates, CtlError> {
    use futures_util::StreamExt;
    let mut changes = agent.receive_updates_changed().await;
    loop {
        let now: Updates = ask(agent, &Request::Updates).await?;
        match now.phase {
            UpdatePhase::Judging | UpdatePhase::Planning | UpdatePhase::Writing | UpdatePhase::Checking => {}
            UpdatePhase::Staged => return Ok(now),
            _ => {
                let last = now.last.filter(|last| !last.stayed).map(|last| last.sentence);
                return Err(CtlError::Refused(now.problem.or(last).unwrap_or_default()));
            }
        }
        changes.next().await;
    }
}

async fn hand_in(agent: &AgentProxy<'_>, path: &Path, again: bool) -> Result<Updates, CtlError> {
    let io = |error: std::io::Error| CtlError::File { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(io)?;
    let piece = Piece { offset: 0, bytes: file.metadata().map_err(io)?.len(), again };
    hand_over(agent, &Delivery::Update(piece), file).await
}

/// For people.
#[must_use]
pub fn words(updates: &Updates) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(text, "{name:13} {value}").unwrap_or_default();
    };
    line("version", &format!("{} in slot {}", updates.version, updates.slot));
    let target = updates.target.as_ref().map(|target| format!(", {target}")).unwrap_or_default();
    line("phase", &format!("{}{target}", phase(updates.phase)));
    if let Some(progress) = updates.progress {
        let left = progress.seconds_left.map(|left| format!(", {left} s left")).unwrap_or_default();
        let stall = if progress.stalled { ", stalled" } else { "" };
        line("progress", &format!("{} of {} bytes{left}{stall}", progress.done, progress.total));
    }
    for (name, value) in updates.plan.iter().flat_map(planned) {
        line(name, &value);
    }
    if let Some(available) = &updates.available {
        let part = format!("{} of {} bytes to fetch", available.download_bytes, available.full_bytes);
        line("available", &format!("{}, {part}", available.version));
        for (name, value) in available.plan.iter().flat_map(planned) {
            line(name, &value);
        }
    }
    for (name, value) in [
        ("problem", &updates.problem),
        ("repository", &updates.repository),
        ("in use", &updates.in_use),
        ("last", &updates.last.as_ref().map(|last| last.sentence.clone())),
        ("way back", &updates.previous),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    for (name, value) in updates.way_back.iter().flat_map(planned) {
        line(name, &value);
    }
    for kept in updates.last.iter().flat_map(|last| &last.log) {
        line("log", kept);
    }
    text
}

/// A plan, in lines.
fn planned(plan: &UpdatePlan) -> Vec<(&'static str, String)> {
    let mut lines = vec![if plan.live {
        ("plan", "live: services go on, and are replaced one after the other".to_owned())
    } else {
        ("plan", "the device restarts".to_owned())
    }];
    if !plan.why.is_empty() {
        lines.push(("because of", plan.why.join(", ")));
    }
    let services = plan.services.iter().map(|one| format!("{} ({})", one.service, one.change.word()));
    let services: Vec<String> = services.collect();
    lines.push(("services", if services.is_empty() { "none".to_owned() } else { services.join(", ") }));
    let away = plan.gap_seconds.map_or_else(
        || "not measured yet on this device".to_owned(),
        |gap| format!("{gap:.1} s at the last update of this kind"),
    );
    lines.push(("away for", away));
    lines
}

fn phase(phase: UpdatePhase) -> &'static str {
    match phase {
        UpdatePhase::Idle => "nothing is under way",
        UpdatePhase::Judging => "it is being judged",
        UpdatePhase::Planning => "it is compared with what is here",
        UpdatePhase::Writing => "it is being written",
        UpdatePhase::Checking => "it is read back",
        UpdatePhase::Staged => "it waits for a restart (tayberryctl update restart)",
        UpdatePhase::Restarting => "the device is restarting",
        UpdatePhase::Trial => "it runs on trial",
        UpdatePhase::Committing => "it becomes the default",
        UpdatePhase::GoingBack => "the device goes back to the old system",
    }
}

//! `tayberryctl stack`: what runs, what a compose file would change, and changing it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use futures_util::StreamExt;
use serde::Serialize;
use tayberry_core::request::stack::{
    Archive, ChangeKind, ComposeFile, Images, Registries, RegistryTrust, ServiceLog, StackData, StackPlan,
    StackState, WhichImage, WhichSecrets, WhichService, WhichStored, WhichVolume,
};
use tayberry_core::request::{Delivery, Request};
use tayberry_core::stack::env_file;
use tayberry_format::bundle::manifest::STAND_IN;

use super::{CtlError, ask, hand_over};
use crate::service::client::AgentProxy;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is declared, and how its services are
    Status,
    /// Show what a service said last
    Logs {
        /// The service
        service: String,
    },
    /// Show what a compose file would change
    Plan {
        /// The compose file
        file: PathBuf,
    },
    /// Declare a compose file, and wait until its services run
    Apply {
        /// The compose file
        file: PathBuf,
    },
    /// Declare the stack that comes with the system, and wait until its services run
    System,
    /// Declare what was declared before, and wait until its services run
    Rollback,
    /// Declare no stack; what services keep stays
    Remove,
    /// Start one service anew
    Restart {
        /// The service
        service: String,
    },
    /// Make secrets anew, and start the services anew that have them
    RenewSecrets {
        /// The secrets; all if none is named
        secrets: Vec<String>,
    },
    /// Take an archive of images, as `podman save` writes it
    Load {
        /// The archive
        archive: PathBuf,
    },
    /// Show the images that were fetched or loaded
    Images,
    /// Believe the certificate of a registry of one's own; without one, do not any more
    Trust {
        /// The registry: HOST or HOST:PORT, as names of its images begin
        registry: String,
        /// The certificate of the authority that signs its own, PEM
        certificate: Option<PathBuf>,
    },
    /// Show what services keep, and how much can still be written
    Data,
    /// Remove what a service kept that neither the stack nor the one before it has; it cannot be had back
    RemoveVolume {
        /// The service that kept it
        service: String,
        /// The volume
        volume: String,
    },
    /// Remove an image that neither the stack nor the one before it has
    RemoveImage {
        /// Its number or its name, as `stack data` shows them
        image: String,
    },
}

/// What there is to show.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// The stack.
    State(StackState),
    /// A plan.
    Plan(StackPlan),
    /// What a service said.
    Log(ServiceLog),
    /// What services keep.
    Data(StackData),
    /// Images.
    Images(Images),
    /// Registries.
    Registries(Registries),
}

/// Does it.
///
/// # Errors
/// When the agent refuses or does not answer, or a service does not start.
pub async fn run(agent: &AgentProxy<'_>, command: &Command) -> Result<Shown, CtlError> {
    Ok(match command {
        Command::Status => Shown::State(ask(agent, &Request::Stack).await?),
        Command::Logs { service } => {
            let which = WhichService { service: service.clone() };
            Shown::Log(ask(agent, &Request::StackLog(which)).await?)
        }
        Command::Plan { file } => Shown::Plan(ask(agent, &Request::PlanStack(read(file)?)).await?),
        Command::Apply { file } => changed(agent, &Request::ApplyStack(read(file)?)).await?,
        Command::System => changed(agent, &Request::ApplySystemStack).await?,
        Command::Rollback => changed(agent, &Request::RollBackStack).await?,
        Command::Remove => changed(agent, &Request::RemoveStack).await?,
        Command::Restart { service } => {
            let which = WhichService { service: service.clone() };
            changed(agent, &Request::RestartService(which)).await?
        }
        Command::RenewSecrets { secrets } => {
            let which = WhichSecrets { secrets: (!secrets.is_empty()).then(|| secrets.clone()) };
            changed(agent, &Request::RenewSecrets(which)).await?
        }
        Command::Load { archive } => {
            let io = |error| CtlError::File { path: archive.clone(), error };
            let file = std::fs::File::open(archive).map_err(io)?;
            let bytes = file.metadata().map_err(io)?.len();
            Shown::Images(hand_over(agent, &Delivery::Images(Archive { bytes }), file).await?)
        }
        Command::Images => Shown::Images(ask(agent, &Request::StackImages).await?),
        Command::Trust { registry, certificate } => {
            let certificate = certificate.as_deref().map(text).transpose()?;
            let trust = RegistryTrust { registry: registry.clone(), certificate };
            Shown::Registries(ask(agent, &Request::TrustRegistry(trust)).await?)
        }
        Command::Data => Shown::Data(ask(agent, &Request::StackData).await?),
        Command::RemoveVolume { service, volume } => {
            let which = WhichVolume { service: service.clone(), volume: volume.clone() };
            Shown::Data(ask(agent, &Request::RemoveStored(WhichStored::Volume(which))).await?)
        }
        Command::RemoveImage { image } => {
            let which = WhichImage { image: image.clone() };
            Shown::Data(ask(agent, &Request::RemoveStored(WhichStored::Image(which))).await?)
        }
    })
}

/// A compose file, and the files of environment beside it.
fn read(path: &Path) -> Result<ComposeFile, CtlError> {
    let compose = text(path)?;
    // What is wrong with it is said by the agent.
    let names = env_file::names(&compose).unwrap_or_default();
    let beside = |name: String| Ok::<_, CtlError>((name.clone(), text(&path.with_file_name(name))?));
    Ok(ComposeFile { env_files: names.into_iter().map(beside).collect::<Result<_, _>>()?, compose })
}

fn text(path: &Path) -> Result<String, CtlError> {
    std::fs::read_to_string(path).map_err(|error| CtlError::File { path: path.to_owned(), error })
}

/// Asks, and waits for the end, which the agent tells of.
async fn changed(agent: &AgentProxy<'_>, request: &Request) -> Result<Shown, CtlError> {
    let mut changes = agent.receive_stack_busy_changed().await;
    let mut now: StackState = ask(agent, request).await?;
    while now.busy {
        changes.next().await;
        now = ask(agent, &Request::Stack).await?;
    }
    now.problem.clone().map_or(Ok(Shown::State(now)), |problem| Err(CtlError::Refused(problem)))
}

/// For people.
#[must_use]
pub fn words(shown: &Shown) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").unwrap_or_default();
    match shown {
        Shown::Plan(plan) => {
            for one in &plan.changes {
                let sign = match one.change {
                    ChangeKind::Start => '+',
                    ChangeKind::Replace => '~',
                    ChangeKind::Stop => '-',
                    ChangeKind::Roll => '>',
                };
                line(format_args!("{sign} {}", one.service));
            }
            if plan.changes.is_empty() {
                line(format_args!("Everything is as the file says."));
            }
            for warning in &plan.warnings {
                line(format_args!("line {}: {}", warning.line, warning.sentence));
            }
        }
        Shown::Images(images) => images.images.iter().for_each(|name| line(format_args!("{name}"))),
        Shown::Registries(all) => all.registries.iter().for_each(|name| line(format_args!("{name}"))),
        Shown::Log(log) => log.lines.iter().for_each(|said| line(format_args!("{said}"))),
        Shown::Data(data) => {
            let mib = |bytes: u64| bytes >> 20;
            line(format_args!("{} of {} MiB are free", mib(data.free_bytes), mib(data.total_bytes)));
            let end = |declared| if declared { "" } else { "neither the stack nor the one before it has it" };
            for one in &data.volumes {
                let name = format!("{} {}", one.service, one.volume);
                line(format_args!("{name:32} {:8} MiB  {}", mib(one.bytes), end(one.declared)));
            }
            for one in &data.images {
                let name = one.names.first().unwrap_or(&one.id);
                line(format_args!("{name:32} {:8} MiB  {}", mib(one.bytes), end(one.declared)));
            }
        }
        Shown::State(now) => {
            if now.services.is_empty() {
                line(format_args!("No stack is declared (tayberryctl stack apply FILE)."));
            }
            for service in &now.services {
                let memory = service.memory_bytes.map_or(String::new(), |bytes| {
                    format!("{} of {} MiB", bytes >> 20, service.memory_limit_bytes >> 20)
                });
                // As on the pages: what only speaks MongoDB's protocol is never called MongoDB.
                let kind = if service.image.contains(STAND_IN) { " It stands in for MongoDB." } else { "" };
                line(format_args!("{:16} {:18} {}{kind}", service.name, memory, service.sentence));
            }
            if let Some(problem) = &now.problem {
                line(format_args!("problem: {problem}"));
            }
        }
    }
    text
}

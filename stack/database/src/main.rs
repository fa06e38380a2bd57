//! `tayberry-database PROGRAM ARGUMENT…`: first process of a container with a document database. It starts the program, sees to it
//! that its users have the passwords that stand in the secrets, and tells systemd once it answers. Wiring only.

mod access;
mod server;
mod users;

use std::process::{ExitCode, ExitStatus};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::access::{AccessError, Answer};
use crate::server::{Door, Program, Running, ServerError};
use crate::users::{Users, UsersError};

/// A database that does not serve.
#[derive(Debug, thiserror::Error)]
enum DatabaseError {
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("the passwords were set, and are refused")]
    Refused,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// How far a start came.
enum Start {
    /// It serves.
    Serves(Running),
    /// Its users have other passwords.
    Refuses(Running),
    /// It ended, by itself or because it was told to.
    Ended(ExitStatus),
}

/// Starts the program for everybody, and asks as its users would.
async fn open(program: &Program, users: &Users, end: &mut Signal) -> Result<Start, DatabaseError> {
    let mut running = program.start(if users.is_empty() { Door::Unlocked } else { Door::Locked })?;
    tokio::select! {
        answer = access::ask(users) => Ok(match answer? {
            Answer::Serves => Start::Serves(running),
            Answer::Refuses => Start::Refuses(running),
        }),
        status = running.ended() => Ok(Start::Ended(status?)),
        _ = end.recv() => Ok(Start::Ended(running.stop().await?)),
    }
}

/// Starts the program for this process alone, and sets the passwords. Some if it was told to end meanwhile.
async fn set(
    program: &Program,
    users: &Users,
    end: &mut Signal,
) -> Result<Option<ExitStatus>, DatabaseError> {
    let mut running = program.start(Door::Closed)?;
    let is_told = tokio::select! {
        set = access::set(users) => set.map(|()| false)?,
        status = running.ended() => return Err(ServerError::Ended(status?).into()),
        _ = end.recv() => true,
    };
    let status = running.stop().await?;
    Ok(is_told.then_some(status))
}

async fn run() -> Result<ExitStatus, DatabaseError> {
    let mut end = signal(SignalKind::terminate())?;
    let users = Users::from_environment()?;
    let program = Program::from_arguments(std::env::args_os().skip(1))?;
    tracing::info!("starts {}", program.name());
    let start = match open(&program, &users, &mut end).await? {
        Start::Refuses(running) => {
            running.stop().await?;
            tracing::info!("passwords are set anew");
            if let Some(status) = set(&program, &users, &mut end).await? {
                return Ok(status);
            }
            open(&program, &users, &mut end).await?
        }
        start => start,
    };
    let mut running = match start {
        Start::Serves(running) => running,
        Start::Ended(status) => return Ok(status),
        Start::Refuses(running) => {
            running.stop().await?;
            return Err(DatabaseError::Refused);
        }
    };
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    tokio::select! {
        status = running.ended() => Ok(status?),
        _ = end.recv() => Ok(running.stop().await?),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().without_time().with_writer(std::io::stderr).init();
    match run().await {
        // What ends by a signal has no code: 1 says that it failed.
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into(),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

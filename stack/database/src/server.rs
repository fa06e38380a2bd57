//! The program that serves: started for some or for all, and stopped cleanly.

use std::ffi::{OsStr, OsString};
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// A program that does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// None was named.
    #[error("name the program to start: mongod or secantusd-rs, and its arguments")]
    NoProgram,
    /// One whose arguments are not known.
    #[error("{0:?} is no database that is known here: there are mongod and secantusd-rs")]
    Unknown(OsString),
    /// It could not be started or waited for.
    #[error("{0:?}: {1}")]
    Io(OsString, std::io::Error),
    /// It ended while it was still needed.
    #[error("the database ended while its passwords were set: {0}")]
    Ended(ExitStatus),
}

/// Which database it is. They take the same requests, and other arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// MongoDB.
    Mongod,
    /// The stand-in.
    StandIn,
}

/// Who gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Everybody.
    Unlocked,
    /// Everybody with a password.
    Locked,
    /// Nobody but this container.
    Closed,
}

/// What is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    kind: Kind,
    program: OsString,
    arguments: Vec<OsString>,
}

/// One that was started. It is killed with this value.
pub(crate) struct Running {
    program: OsString,
    child: Child,
}

impl Program {
    /// The program and what it is always given.
    ///
    /// # Errors
    /// When there is none, or it is not known how one closes its doors.
    pub(crate) fn from_arguments(mut words: impl Iterator<Item = OsString>) -> Result<Self, ServerError> {
        let program = words.next().ok_or(ServerError::NoProgram)?;
        let name = std::path::Path::new(&program).file_name().and_then(OsStr::to_str);
        let kind = match name {
            Some("mongod") => Kind::Mongod,
            Some("secantusd-rs") => Kind::StandIn,
            _ => return Err(ServerError::Unknown(program)),
        };
        Ok(Self { kind, program, arguments: words.collect() })
    }

    /// What it is called: never MongoDB where it only speaks its protocol.
    pub(crate) const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Mongod => "MongoDB",
            Kind::StandIn => "the stand-in for MongoDB, which is not MongoDB",
        }
    }

    /// What it is given beside that (`mongod --help`, `secantusd-rs --help`).
    const fn door(kind: Kind, door: Door) -> &'static [&'static str] {
        match (kind, door) {
            (Kind::Mongod, Door::Unlocked) => &["--bind_ip_all"],
            (Kind::Mongod, Door::Locked) => &["--bind_ip_all", "--auth"],
            (Kind::Mongod, Door::Closed) => &["--bind_ip", "127.0.0.1"],
            (Kind::StandIn, Door::Unlocked) => &["--host", "0.0.0.0"],
            (Kind::StandIn, Door::Locked) => &["--host", "0.0.0.0", "--auth"],
            (Kind::StandIn, Door::Closed) => &["--host", "127.0.0.1"],
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(crate) fn start(&self, door: Door) -> Result<Running, ServerError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(Self::door(self.kind, door)).kill_on_drop(true);
        let child = command.spawn().map_err(|error| ServerError::Io(self.program.clone(), error))?;
        Ok(Running { program: self.program.clone(), child })
    }
}

impl Running {
    /// Waits until it ended.
    ///
    /// # Errors
    /// When that cannot be known.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus, ServerError> {
        self.child.wait().await.map_err(|error| ServerError::Io(self.program.clone(), error))
    }

    /// Tells it to end, and waits: what it has in memory goes to its disk. How long that may take is left to Podman, which kills it then.
    ///
    /// # Errors
    /// When it cannot be told.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus, ServerError> {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let told = kill(Pid::from_raw(pid), Signal::SIGTERM);
            told.map_err(|error| ServerError::Io(self.program.clone(), error.into()))?;
        }
        self.ended().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(words: &[&str]) -> Result<Program, ServerError> {
        Program::from_arguments(words.iter().map(OsString::from))
    }

    #[test]
    fn a_program_whose_doors_are_not_known_is_not_started() {
        assert!(matches!(program(&[]), Err(ServerError::NoProgram)));
        assert!(matches!(program(&["postgres"]), Err(ServerError::Unknown(_))));
        let known = program(&["/usr/bin/mongod", "--dbpath", "/data"]).unwrap();
        assert_eq!((known.kind, known.arguments.len()), (Kind::Mongod, 2));
    }

    #[test]
    fn no_door_is_open_to_others_without_a_password_unless_it_has_no_lock() {
        for kind in [Kind::Mongod, Kind::StandIn] {
            assert!(Program::door(kind, Door::Locked).contains(&"--auth"));
            assert!(Program::door(kind, Door::Closed).contains(&"127.0.0.1"));
            assert!(!Program::door(kind, Door::Closed).contains(&"--auth"));
        }
    }

    #[tokio::test]
    async fn it_is_stopped_by_being_told() {
        let sleep = Program {
            kind: Kind::StandIn,
            program: "sh".into(),
            arguments: vec!["-c".into(), "sleep 60".into()],
        };
        let status = sleep.start(Door::Unlocked).unwrap().stop().await.unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    }
}

//! What changes the stack: each is saved first, and begun then.

use std::time::Duration;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{ComposeFile, StackState, WhichSecrets, WhichService};
use tayberry_core::stack::record::{Declared, Own, Record};
use tayberry_core::stack::values::Name;
use tayberry_core::stack::{env_file, secret};

use super::{Handle, failed, store};
use crate::device::systemd::{self, Job};

/// How long a service may take to end and to run again.
const RESTART: Duration = Duration::from_secs(6 * 60);

impl Handle {
    /// Declares `file`, and begins.
    ///
    /// # Errors
    /// When it is refused or cannot be saved; then nothing changes.
    pub async fn apply(&self, mut file: ComposeFile) -> Result<StackState, Problem> {
        self.understood(&file)?;
        // What it does not name may be of the file before it, and a secret.
        let named = env_file::names(&file.compose).unwrap_or_default();
        file.env_files.retain(|name, _| named.contains(name));
        self.declare(|record| record.declare(Declared::Own(Own(file)))).await
    }

    /// Declares the stack that comes with the system, and begins.
    ///
    /// # Errors
    /// When that cannot be saved.
    pub async fn apply_system(&self) -> Result<StackState, Problem> {
        self.declare(|record| record.declare(Declared::System)).await
    }

    /// Declares none, and begins.
    ///
    /// # Errors
    /// When that cannot be saved.
    pub async fn remove(&self) -> Result<StackState, Problem> {
        self.declare(|record| record.declare(Declared::Nothing)).await
    }

    /// Declares what was declared before, and begins.
    ///
    /// # Errors
    /// When there is nothing to go back to, or it cannot be saved.
    pub async fn roll_back(&self) -> Result<StackState, Problem> {
        if self.record().previous.is_none() {
            return Err(Problem::new(Kind::NotAllowed, "No stack was declared before this one."));
        }
        self.declare(|record| {
            record.roll_back();
        })
        .await
    }

    /// Starts one service anew.
    ///
    /// # Errors
    /// When there is no such service, or it does not run then.
    pub async fn restart(&self, which: &WhichService) -> Result<StackState, Problem> {
        self.is_unchanging()?;
        let unit = self.unit(&which.service)?;
        let bad = systemd::run(&self.0.bus, Job::Restart, &[unit], RESTART).await;
        self.tell_of(&bad.map_err(|error| failed(&error))?).await.map_err(|error| failed(&error))?;
        self.state().await
    }

    /// Has secrets made anew, and begins.
    ///
    /// # Errors
    /// When one is not declared or is a text, or that cannot be saved; then nothing changes.
    pub async fn renew_secrets(&self, which: WhichSecrets) -> Result<StackState, Problem> {
        let stack = store::stack(&self.record().declared).map_err(|error| failed(&error))?;
        let names: Vec<Name> = stack.iter().flat_map(secret::random).cloned().collect();
        let is_there = |wanted: &String| names.iter().any(|name| name.to_string() == *wanted);
        if let Some(other) = which.secrets.iter().flatten().find(|name| !is_there(name)) {
            return Err(Problem::new(Kind::NotFound, format!("The stack has no random secret {other}.")));
        }
        let is_meant =
            |name: &&Name| which.secrets.as_ref().is_none_or(|wanted| wanted.contains(&name.to_string()));
        self.declare(|record| names.iter().filter(is_meant).for_each(|name| record.renew(name))).await
    }

    /// The device got its owner: it begins to serve, soon. What cannot be saved is begun at the next start.
    pub fn has_an_owner(&self) {
        let handle = self.clone();
        tokio::spawn(async move {
            if let Err(problem) = handle.declare_anyway(|record| *record = Record::new_owner()).await {
                tracing::error!("the stack was not begun: {problem:?}");
            }
        });
    }
}

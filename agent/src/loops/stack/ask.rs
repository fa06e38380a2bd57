//! What is told of the stack: what is declared, how it is, what a change would do.

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{
    ChangeKind, ComposeFile, ServiceChange, ServiceLog, StackPlan, StackSource, StackState, StackWarning,
};
use tayberry_core::stack::record::Declared;
use tayberry_core::stack::{Stack, doctor, health, plan, quadlet};

use super::{Ask, Handle, Works, failed, images, look, roll, store};
use crate::device::journal;

/// Lines of a service's log that are told.
const LINES: u32 = 200;

impl Handle {
    /// The stack now.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub async fn state(&self) -> Result<StackState, Problem> {
        let record = self.record().clone();
        let progress = self.0.progress.borrow().clone();
        let file = store::file(&record.declared).map_err(|error| failed(&error))?;
        let services = match store::stack(&record.declared) {
            Ok(Some(stack)) => self.services(&stack).await.map_err(|error| failed(&error))?,
            Ok(None) | Err(_) => Vec::new(),
        };
        let mut now = StackState {
            source: match record.declared {
                Declared::Nothing => StackSource::Nothing,
                Declared::System => StackSource::System,
                Declared::Own(_) => StackSource::Own,
            },
            env_files: file.as_ref().map(|file| file.env_files.clone()).unwrap_or_default(),
            compose: file.map(|file| file.compose),
            gateway_serves: self.gateway_serves(),
            can_roll_back: record.previous.is_some(),
            busy: progress.busy,
            problem: progress.problem,
            services,
        };
        // What did not start then, and runs by now, is no problem any more.
        if health::waits_for(&now).is_none() {
            now.problem = None;
        }
        now.problem = now.problem.or(progress.taken_back);
        Ok(now)
    }

    /// Whether it does its work.
    pub async fn works(&self) -> Works {
        let now = match self.state().await {
            Ok(now) => now,
            Err(problem) => return Works::No(problem.detail.unwrap_or(problem.title)),
        };
        match (now.source, health::waits_for(&now)) {
            (StackSource::Nothing, _) => Works::NoStack,
            (_, Some(why)) => Works::No(why),
            // It writes to both databases and reads back.
            (StackSource::System, None) => {
                Works::Yes(&[Ask::Ready("/api/ready"), Ask::Socket("/api/ready/socket")])
            }
            (StackSource::Own, None) if now.gateway_serves => Works::Yes(&[Ask::Answer("/")]),
            (StackSource::Own, None) => Works::Yes(&[]),
        }
    }

    /// What becomes of the services when another system takes the place of this one: `live`, or by a restart.
    #[must_use]
    pub fn under_another_system(&self, live: bool) -> Vec<ServiceChange> {
        let stack = store::stack(&self.record().declared).ok().flatten();
        let services = stack.into_iter().flat_map(|stack| stack.services);
        let change = |rolls| if live && rolls { ChangeKind::Roll } else { ChangeKind::Replace };
        services
            .map(|(name, service)| ServiceChange {
                service: name.to_string(),
                change: change(service.value.has_sides()),
            })
            .collect()
    }

    /// What a declared service said last.
    ///
    /// # Errors
    /// When there is no such service, or its log cannot be read.
    pub async fn log(&self, service: &str) -> Result<ServiceLog, Problem> {
        let unit = self.unit(service)?;
        let lines = journal::last(&unit, LINES).await.map_err(|error| failed(&error))?;
        Ok(ServiceLog { lines })
    }

    /// The unit of a declared service, on the side that is asked.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn unit(&self, service: &str) -> Result<String, Problem> {
        let stack = store::stack(&self.record().declared).map_err(|error| failed(&error))?;
        let mut names = stack.into_iter().flat_map(|stack| stack.services.into_keys());
        let name = names.find(|name| name.to_string() == service);
        let name = name.ok_or(Kind::NotFound)?;
        Ok(quadlet::unit(&name, roll::asked(&name)))
    }

    /// What a file says, or why it is refused.
    pub(super) fn understood(&self, file: &ComposeFile) -> Result<Stack, Problem> {
        let stack = Stack::parse_with(&file.compose, &file.env_files)
            .and_then(|stack| self.record().refuses(&stack).map(|()| stack));
        stack.map_err(|refusal| Problem::new(Kind::StackRefused, capital(&refusal.to_string())))
    }

    /// What `file` would change. Nothing is.
    ///
    /// # Errors
    /// When it is refused, or systemd does not answer.
    pub async fn plan(&self, file: &ComposeFile) -> Result<StackPlan, Problem> {
        let stack = self.understood(file)?;
        let next = self.plan_of(Some(&stack)).await.map_err(|error| failed(&error))?;
        let sources = images::sources(&stack).await;
        let warnings = doctor::look(&stack, look::memory(), &sources)
            .into_iter()
            .map(|finding| StackWarning { line: finding.line, sentence: finding.sentence })
            .collect();
        Ok(StackPlan { changes: plan::changes(&next), warnings })
    }
}

/// A sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str().trim_end_matches('.'))
    })
}

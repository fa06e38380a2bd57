//! Takes the steps to what is declared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tayberry_core::stack::compose::GATEWAY;
use tayberry_core::stack::health;
use tayberry_core::stack::plan::{Plan, Renewal, Step};
use tayberry_core::stack::quadlet::{self, FOLDER};
use tayberry_core::stack::side::service_of;

use super::{Handle, StackError, gateway, roll, store};
use crate::device::journal;
use crate::device::systemd::{self, Job, ManagerProxy};

/// How long services may take to start, with what they wait for: images may have to be fetched.
const START: Duration = Duration::from_secs(20 * 60);
/// How long services may take to stop.
const STOP: Duration = Duration::from_secs(2 * 60);

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The services are as they were declared.
    Done,
    /// Something else was declared meanwhile.
    Overtaken,
}

impl Handle {
    /// Brings the services to what is declared.
    pub(super) async fn reconcile(&self) -> Result<End, StackError> {
        let declared = self.record().declared.clone();
        let stack = store::stack(&declared)?;
        let mut news = false;
        if let Some(stack) = &stack {
            // A way back, or a newer system's stack, may lead to another format.
            self.record().refuses(stack)?;
            // The users of new services first: whoever has files must be known before there are any.
            let users = self.change(|record| {
                record.starts_on_data(stack);
                record.users(stack)
            });
            let users = users.await?;
            news = self.prepare_gateway(stack, gateway::first(&users)).await?;
        }
        for folder in stack.iter().flat_map(quadlet::folders) {
            fs::create_dir_all(&folder).map_err(|error| StackError::Io(folder, error))?;
        }
        if let Some(stack) = &stack {
            self.make_secrets(stack).await?;
        }
        let plan = self.plan_of(stack.as_ref()).await?;
        // One that is about to go need not read anything anew, and close connections for it.
        news &= !plan.rolls.iter().any(|roll| roll.service == GATEWAY);
        self.prune().await;
        self.hold(&plan.held).await;
        let begun = self.begin(&plan, news).await;
        self.go_on(&plan.held).await;
        if begun? == End::Overtaken {
            return Ok(End::Overtaken);
        }
        // One at a time, in their order. A declaration that comes now waits for that.
        let mut failed = None;
        for roll in &plan.rolls {
            if let Err(error) = self.roll(roll).await {
                if self.record().unproven {
                    return Err(error);
                }
                // What was declared before is the same: nothing is taken back, and the others need not wait for this one.
                tracing::error!("stack: {error}");
                failed.get_or_insert(error);
            }
        }
        self.prune().await;
        failed.map_or(Ok(End::Done), Err)
    }

    /// Takes the steps, renews what is renewed, and starts what is to be started.
    async fn begin(&self, plan: &Plan, news: bool) -> Result<End, StackError> {
        let since = Instant::now();
        for step in &plan.steps {
            self.take(step.clone()).await?;
        }
        if news {
            self.reload_gateway().await?;
        }
        let mut away = Duration::ZERO;
        for renewal in &plan.renewals {
            let since = Instant::now();
            if self.renew(renewal).await? == End::Overtaken {
                return Ok(End::Overtaken);
            }
            away = away.max(since.elapsed());
        }
        let end = self.start_unless_overtaken(&plan.starts).await?;
        if plan.steps.iter().any(|step| matches!(step, Step::Stop(_))) {
            away = since.elapsed();
        }
        if !away.is_zero() {
            self.0.away.send_replace(Some(away));
        }
        Ok(end)
    }

    /// Replaces a service in its place.
    async fn renew(&self, renewal: &Renewal) -> Result<End, StackError> {
        self.hold(&renewal.held).await;
        let renewed = async {
            for step in renewal.steps() {
                self.take(step).await?;
            }
            self.start_unless_overtaken(std::slice::from_ref(&renewal.unit)).await
        };
        let renewed = renewed.await;
        self.go_on(&renewal.held).await;
        renewed
    }

    /// An image may take minutes to come: who declares something else meanwhile need not wait for that.
    async fn start_unless_overtaken(&self, units: &[String]) -> Result<End, StackError> {
        tokio::select! {
            started = self.start(units) => started.map(|()| End::Done),
            () = self.0.wake.notified() => Ok(End::Overtaken),
        }
    }

    pub(super) async fn take(&self, step: Step) -> Result<(), StackError> {
        tracing::info!("stack: {}", words(&step));
        let at = |name: &str| Path::new(FOLDER).join(name);
        match step {
            Step::Stop(unit) => {
                // Were it running still, it would be left as it was, and nobody would know.
                let bad = systemd::run(&self.0.bus, Job::Stop, std::slice::from_ref(&unit), STOP).await?;
                if !bad.is_empty() {
                    return Err(StackError::NotStarted(format!(
                        "{unit} did not stop; declare the stack again."
                    )));
                }
            }
            Step::Remove(name) => match fs::remove_file(at(&name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StackError::Io(name, error));
                }
                _ => {}
            },
            Step::Write(file) => {
                let written = fs::create_dir_all(FOLDER).and_then(|()| fs::write(at(&file.name), &file.text));
                written.map_err(|error| StackError::Io(file.name, error))?;
            }
            Step::Reload => ManagerProxy::new(&self.0.bus).await?.reload().await?,
            Step::Ask(service, side) => roll::ask(&service, side)?,
        }
        Ok(())
    }

    /// All at once: systemd knows who waits for whom.
    pub(super) async fn start(&self, units: &[String]) -> Result<(), StackError> {
        if !units.is_empty() {
            tracing::info!("stack: start {}", units.join(", "));
        }
        let bad = systemd::run(&self.0.bus, Job::Start, units, START).await?;
        self.tell_of(&bad).await
    }

    /// Says of each unit whose job did not succeed why that is.
    pub(super) async fn tell_of(&self, bad: &BTreeMap<String, String>) -> Result<(), StackError> {
        let mut sentences = Vec::new();
        for (unit, result) in bad {
            let (facts, _) = systemd::facts(&self.0.bus, unit, 0).await?;
            let name = service_of(unit).unwrap_or(unit);
            let said = journal::last(unit, 1).await.ok().and_then(|lines| lines.into_iter().next_back());
            let said = said.map(|line| format!(" It said last: {line}")).unwrap_or_default();
            sentences.push(format!("{name}: {}{said}", sentence(&facts, result)));
        }
        if sentences.is_empty() { Ok(()) } else { Err(StackError::NotStarted(sentences.join(" "))) }
    }
}

fn sentence(facts: &health::Facts, result: &str) -> String {
    match result {
        "dependency" => "What it depends on did not start.".to_owned(),
        "unhealthy" => "Its health check is not passed.".to_owned(),
        _ => facts.health().1,
    }
}

fn words(step: &Step) -> String {
    match step {
        Step::Stop(unit) => format!("stop {unit}"),
        Step::Remove(name) => format!("remove {name}"),
        Step::Write(file) => format!("write {}", file.name),
        Step::Reload => "reload".to_owned(),
        Step::Ask(service, side) => format!("ask side {side:?} of {service}"),
    }
}

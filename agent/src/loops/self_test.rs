//! The watchdogs' test: begins when root asks, hangs one stage after the other, and goes on after each restart.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{ServiceHealth, ServiceState};
use tayberry_core::self_test::{SelfTest, Stage};
use tokio::sync::watch;

use crate::device::{clock, kernel_log, self_test, systemd};
use crate::loops::stack;

/// Whoever asked gets the answer before the first stage hangs.
const ANSWERED: Duration = Duration::from_secs(5);
/// In this time a start counts as good, and what hangs is brought back.
const PATIENCE: Duration = Duration::from_secs(600);
/// A service that does not come back in this time is not looked at any longer.
const SERVICE: Duration = Duration::from_secs(900);
/// The service that hangs: one of the system's stack, with a health check.
const CHECKED: &str = "api";
/// How often a service is looked at meanwhile.
const LOOK: Duration = Duration::from_secs(1);

/// The test's loop, and how it is asked.
#[derive(Clone)]
pub struct Handle {
    asked: watch::Sender<SelfTest>,
    disk: std::sync::Arc<str>,
    stack: stack::Handle,
}

impl Handle {
    /// With what was on the disk. An agent that starts is what a stage that hung comes back as.
    #[must_use]
    pub fn open(disk: &str, stack: stack::Handle) -> Self {
        let mut test = self_test::read().unwrap_or_else(|error| {
            tracing::warn!("the record of the self-test: {error}");
            SelfTest::default()
        });
        let boot = self_test::boot().unwrap_or_default();
        let hung = test.agent_started(clock::now(), &boot);
        let handle = Self { asked: watch::Sender::new(test.clone()), disk: disk.into(), stack };
        if hung && let Err(error) = handle.keep(&test) {
            tracing::warn!("the record of the self-test: {error}");
        }
        handle
    }

    /// What was tested, and what is to be. With `stages` a test of them begins; of all if there are none.
    ///
    /// # Errors
    /// When one is under way, or cannot be kept.
    pub fn ask(&self, stages: Option<&[Stage]>) -> Result<SelfTest, Problem> {
        let now = self.asked.borrow().clone();
        let Some(stages) = stages else { return Ok(now) };
        if now.goes_on() {
            return Err(Problem::new(Kind::NotAllowed, "A self-test is under way."));
        }
        let test = SelfTest::begin(stages);
        self.keep(&test).map_err(crate::desk::failed)?;
        Ok(test)
    }

    fn keep(&self, test: &SelfTest) -> std::io::Result<()> {
        self_test::write(test)?;
        self.asked.send_replace(test.clone());
        if !test.goes_on() {
            kernel_log::say("Self-test of the watchdogs: ended. `tayberryctl self-test status` says how.");
        }
        Ok(())
    }

    /// Tests, for ever.
    pub async fn run(&self) -> Infallible {
        let mut asked = self.asked.subscribe();
        loop {
            let mut test = asked.borrow_and_update().clone();
            if test.goes_on() {
                tokio::time::sleep(ANSWERED).await;
                if let Err(why) = self.step(&mut test).await {
                    test.skip(why);
                }
                if let Err(error) = self.keep(&test) {
                    tracing::error!("the self-test ends here: its record cannot be kept: {error}");
                    test = SelfTest::default();
                    self.asked.send_replace(test);
                }
            } else if asked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Saves what is to hang, and lets it. Returns for a service, or when nothing came of it.
    async fn step(&self, test: &mut SelfTest) -> Result<(), String> {
        let settled = tokio::time::timeout(PATIENCE, self.settles()).await;
        let boot = self_test::boot().map_err(|error| error.to_string())?;
        let Some(stage) = test.hang(clock::now(), &boot) else { return Ok(()) };
        settled.map_err(|_| "this start does not count as a good one".to_owned())?;
        if stage.needs_hardware() && !self_test::has_hardware() {
            return Err("there is no hardware watchdog".to_owned());
        }
        self.keep(test).map_err(|error| error.to_string())?;
        kernel_log::say(&format!("Self-test of the watchdogs: {} hangs now.", stage.name()));
        match stage {
            Stage::Service => self.service().await?,
            Stage::Agent => match self_test::agent() {},
            Stage::Systemd => self_test::unit("systemd").await.map_err(|error| error.to_string())?,
            Stage::Kernel => self_test::unit("kernel").await.map_err(|error| error.to_string())?,
            Stage::Initramfs => {
                self_test::initramfs(&self.disk).map_err(|error| error.to_string())?;
                restart().await.map_err(|error| error.to_string())?;
            }
        }
        if stage != Stage::Service {
            tokio::time::sleep(PATIENCE).await;
            return Err(format!("{} goes on all the same", stage.name()));
        }
        test.came_back(clock::now());
        Ok(())
    }

    /// Waits until nothing counts the starts so far as bad ones.
    async fn settles(&self) {
        loop {
            let disk = self.disk.clone();
            let settled = tokio::task::spawn_blocking(move || self_test::is_settled(&disk)).await;
            if settled.unwrap_or(false) {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Freezes a service whose health is checked, and waits until another process of it works.
    async fn service(&self) -> Result<(), String> {
        let state = self.stack.state().await.map_err(|problem| problem.title)?;
        let service = state.services.iter().find(|service| service.name == CHECKED);
        let service = service.filter(|service| service.health == ServiceHealth::Healthy);
        let before = service.ok_or_else(|| format!("the stack's {CHECKED} does not run"))?.restarts;
        let unit = self.stack.unit(CHECKED).map_err(|problem| problem.title)?;
        self_test::unit(unit.trim_end_matches(".service")).await.map_err(|error| error.to_string())?;
        let back = async {
            loop {
                tokio::time::sleep(LOOK).await;
                let state = self.stack.state().await.unwrap_or_default();
                let found = state.services.iter().find(|service| service.name == CHECKED);
                let works = |service: &ServiceState| service.health == ServiceHealth::Healthy;
                if found.is_some_and(|service| works(service) && service.restarts > before) {
                    return;
                }
            }
        };
        tokio::time::timeout(SERVICE, back).await.map_err(|_| format!("{CHECKED} did not come back"))
    }
}

async fn restart() -> zbus::Result<()> {
    systemd::reboot(&zbus::Connection::system().await?).await
}

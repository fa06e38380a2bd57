//! The watchdogs' test: begins when root asks, hangs one stage after the other, and goes on after each restart.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{ServiceHealth, ServiceState};
use tayberry_core::self_test::{SelfTest, Stage};
use tokio::sync::watch;

use crate::device::{clock, kernel_log, self_test, systemd};
use crate::loops::stack;

/// The device settles before the next stage hangs.
const SETTLES: Duration = Duration::from_secs(30);
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
        test.came_back(clock::now());
        Self { asked: watch::Sender::new(test), disk: disk.into(), stack }
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
        Ok(())
    }

    /// Tests, for ever.
    pub async fn run(&self) -> Infallible {
        let mut asked = self.asked.subscribe();
        loop {
            let mut test = asked.borrow_and_update().clone();
            if test.goes_on() {
                tokio::time::sleep(SETTLES).await;
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

    /// Saves what is to hang, and lets it. Returns only for a service, or when it cannot.
    async fn step(&self, test: &mut SelfTest) -> Result<(), String> {
        let Some(stage) = test.hang(clock::now()) else { return Ok(()) };
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
            // The hardware resets the board; without a watchdog somebody pulls the plug, and the record says how long that took.
            std::future::pending::<()>().await;
        }
        test.came_back(clock::now());
        Ok(())
    }

    /// Freezes a service whose health is checked, and waits until another process of it works.
    async fn service(&self) -> Result<(), String> {
        let state = self.stack.state().await.map_err(|problem| problem.title)?;
        let service = state.services.iter().find(|service| service.name == CHECKED);
        let service = service.filter(|service| service.health == ServiceHealth::Healthy);
        let before = service.ok_or_else(|| format!("the stack's {CHECKED} does not run"))?.restarts;
        self_test::unit(&format!("stack-{CHECKED}")).await.map_err(|error| error.to_string())?;
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

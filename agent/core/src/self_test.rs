//! The watchdogs' own test: each stage of the chain is made to hang on purpose, one after the other, and the time until the device works
//! again is measured. A function of a record and of time; hanging is left to the agent, to `tayberry-init` and to one unit.
//!
//! ```text
//! asked ─▶ waiting ──hang──▶ running ──the agent starts, or the service works──▶ done, next stage ─▶ … ─▶ ended
//! ```
//!
//! The record is saved before each hang: whoever comes after it knows what was tested, and when it began.

use serde::{Deserialize, Serialize};

/// What hangs, from the outside to the inside: none needs the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A service of the stack that does not answer any more; its health check has it killed.
    Service,
    /// The agent; systemd kills it (`WatchdogSec`).
    Agent,
    /// Process 1; the hardware resets the board (`RuntimeWatchdogSec`).
    Systemd,
    /// The kernel, which stands still after a panic; the hardware resets the board.
    Kernel,
    /// The first process of the initramfs, at the next start; the hardware resets the board.
    Initramfs,
}

/// All of them.
pub const STAGES: [Stage; 5] =
    [Stage::Service, Stage::Agent, Stage::Systemd, Stage::Kernel, Stage::Initramfs];

impl Stage {
    /// It comes back by another start of the board, and by nothing else.
    #[must_use]
    pub const fn needs_hardware(self) -> bool {
        matches!(self, Self::Systemd | Self::Kernel | Self::Initramfs)
    }

    /// Its name for people, as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Agent => "agent",
            Self::Systemd => "systemd",
            Self::Kernel => "kernel",
            Self::Initramfs => "initramfs",
        }
    }
}

/// A stage that hung, and came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub stage: Stage,
    /// Seconds from the hang until the agent, or the service, worked again, by the device's clock.
    pub seconds: u64,
    /// Why it could not be tested; the number means nothing then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why_not: Option<String>,
}

/// What hangs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which.
    pub stage: Stage,
    /// Since, in seconds since 1970.
    pub since: i64,
    /// The start of the device in which it was made to hang (random(4), `boot_id`).
    pub boot: String,
}

/// A test, as it is kept on the data partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// What is still to hang.
    pub waiting: Vec<Stage>,
    /// What hangs now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub running: Option<Running>,
    /// What came back.
    pub done: Vec<Measured>,
}

impl SelfTest {
    /// A new test of these stages, each once, in their order; of all if there are none.
    #[must_use]
    pub fn begin(stages: &[Stage]) -> Self {
        let wanted = |stage: &Stage| stages.is_empty() || stages.contains(stage);
        Self { waiting: STAGES.into_iter().filter(wanted).collect(), ..Self::default() }
    }

    /// Something is still to be done.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// The next stage hangs from `now` on. Saved before it does.
    pub fn hang(&mut self, now: i64, boot: &str) -> Option<Stage> {
        if self.running.is_some() || self.waiting.is_empty() {
            return None;
        }
        let stage = self.waiting.remove(0);
        self.running = Some(Running { stage, since: now, boot: boot.to_owned() });
        Some(stage)
    }

    /// An agent starts, in this start of the device: what hung came back if that is how it comes back. Returns whether anything did hang.
    pub fn agent_started(&mut self, now: i64, boot: &str) -> bool {
        let Some(running) = &self.running else { return false };
        let another = running.boot != boot;
        match (running.stage, another) {
            (Stage::Service, _) => self.skip("the agent was started anew meanwhile".into()),
            (Stage::Agent, true) => self.skip("the device was started anew meanwhile".into()),
            (stage, false) if stage.needs_hardware() => self.skip("the device was not started anew".into()),
            _ => self.came_back(now),
        }
        true
    }

    /// What hung works again.
    pub fn came_back(&mut self, now: i64) {
        if let Some(Running { stage, since, .. }) = self.running.take() {
            let seconds = u64::try_from(now - since).unwrap_or(0);
            self.done.push(Measured { stage, seconds, why_not: None });
        }
    }

    /// What was to hang cannot.
    pub fn skip(&mut self, why: String) {
        if let Some(Running { stage, .. }) = self.running.take() {
            self.done.push(Measured { stage, seconds: 0, why_not: Some(why) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_hangs_once_and_is_measured() {
        let mut test = SelfTest::begin(&[Stage::Initramfs, Stage::Agent]);
        assert_eq!(test.hang(100, "one"), Some(Stage::Agent));
        assert_eq!(test.hang(101, "one"), None, "one at a time");
        assert!(test.agent_started(140, "one"));
        assert!(!test.agent_started(141, "one"));
        assert_eq!(test.hang(150, "one"), Some(Stage::Initramfs));
        // The clock went back: unknown time at the next start.
        assert!(test.agent_started(20, "two"));
        assert!(!test.goes_on());
        let seconds: Vec<_> = test.done.iter().map(|one| (one.stage.name(), one.seconds)).collect();
        assert_eq!(seconds, [("agent", 40), ("initramfs", 0)]);
    }

    /// A stage that something else ended is no recovery.
    #[test]
    fn another_end_proves_nothing() {
        for (stage, boot, proves) in [
            (Stage::Service, "one", false),
            (Stage::Agent, "one", true),
            (Stage::Agent, "two", false),
            (Stage::Systemd, "one", false),
            (Stage::Systemd, "two", true),
            (Stage::Kernel, "one", false),
            (Stage::Initramfs, "one", false),
        ] {
            let mut test = SelfTest::begin(&[stage]);
            test.hang(1, "one");
            assert!(test.agent_started(9, boot));
            assert_eq!(test.done[0].why_not.is_none(), proves, "{stage:?} {boot}");
        }
    }

    #[test]
    fn all_are_tested_if_none_is_named_and_what_cannot_be_is_said() {
        let mut test = SelfTest::begin(&[]);
        assert_eq!(test.waiting, STAGES);
        assert_eq!(test.hang(1, "one"), Some(Stage::Service));
        test.skip("no service runs".into());
        assert_eq!(test.done[0].why_not.as_deref(), Some("no service runs"));
        let text = serde_json::to_string(&test).unwrap();
        assert_eq!(serde_json::from_str::<SelfTest>(&text).unwrap(), test);
    }
}

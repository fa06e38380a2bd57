//! How a service is, in a sentence, from what systemd says of its unit (org.freedesktop.systemd1(5)).

use super::compose::GATEWAY;
use super::gateway::BEFORE_RESTART;
use crate::request::stack::{ServiceHealth, StackSource, StackState};

/// What systemd says of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `ActiveState`.
    pub active: String,
    /// `SubState`.
    pub sub: String,
    /// `Result`: how it ended the last time.
    pub result: String,
    /// `ExecMainCode`: 1 when it ended by itself, 2 or 3 when a signal ended it (`si_code`, sigaction(2)).
    pub code: i32,
    /// `ExecMainStatus`: the exit code, or the signal.
    pub status: i32,
    /// `NRestarts`.
    pub restarts: u32,
    /// Memory at most, in bytes.
    pub memory_limit: u64,
}

impl Facts {
    /// How it is, and the sentence.
    #[must_use]
    pub fn health(&self) -> (ServiceHealth, String) {
        match (self.active.as_str(), self.sub.as_str()) {
            ("active" | "reloading", "exited") => (ServiceHealth::Healthy, "It has done its work.".into()),
            ("active" | "reloading", _) => (ServiceHealth::Healthy, "It runs.".into()),
            (_, sub) if sub.starts_with("auto-restart") || sub.ends_with(BEFORE_RESTART) => {
                let end = self.end();
                (ServiceHealth::Restarting, format!("{end} It is started again{}.", self.times()))
            }
            ("activating", _) if self.restarts > 0 => {
                let end = self.end();
                (ServiceHealth::Restarting, format!("{end} It is starting again{}.", self.times()))
            }
            ("activating", _) => (ServiceHealth::Starting, "It is starting.".into()),
            ("failed", _) => (ServiceHealth::Failed, format!("{} It is not started again.", self.end())),
            ("deactivating", _) => (ServiceHealth::Stopped, "It is stopping.".into()),
            _ => (ServiceHealth::Stopped, "It does not run.".into()),
        }
    }

    fn times(&self) -> String {
        if self.restarts > 1 { format!("; that was {} times so far", self.restarts) } else { String::new() }
    }

    /// How it ended.
    fn end(&self) -> String {
        match self.result.as_str() {
            "oom-kill" => {
                let limit = self.memory_limit >> 20;
                format!("It needed more memory than its {limit} MiB and was ended; raise its mem_limit.")
            }
            "timeout" => "It did not become healthy in time.".to_owned(),
            "watchdog" => "It no longer answered.".to_owned(),
            "start-limit-hit" => "It ended again and again.".to_owned(),
            _ if self.code == 1 => format!("It ended with code {}.", self.status),
            _ if self.code > 1 => format!("Signal {} ended it.", self.status),
            _ => "It did not start.".to_owned(),
        }
    }
}

/// What a stack still waits for before all of it does its work, a sentence; none when it does.
#[must_use]
pub fn waits_for(stack: &StackState) -> Option<String> {
    if stack.source == StackSource::Nothing {
        return None;
    }
    if let Some(ill) = stack.services.iter().find(|one| one.health != ServiceHealth::Healthy) {
        return Some(format!("{}: {}", ill.name, ill.sentence));
    }
    if stack.busy || stack.services.is_empty() {
        let begun = || "Its services are being started.".to_owned();
        return Some(stack.problem.clone().unwrap_or_else(begun));
    }
    let has_gateway = stack.services.iter().any(|one| one.name == GATEWAY);
    (has_gateway && !stack.gateway_serves).then(|| "Its gateway does not have the ports yet.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::stack::ServiceState;

    #[test]
    fn what_a_stack_waits_for() {
        let service = |name: &str, health| ServiceState {
            name: name.into(),
            image: String::new(),
            health,
            sentence: "It does not run.".into(),
            memory_bytes: None,
            memory_limit_bytes: 0,
            restarts: 0,
        };
        let mut stack = StackState::default();
        assert_eq!(waits_for(&stack), None, "there is none");
        stack.source = StackSource::Own;
        assert!(waits_for(&stack).unwrap().contains("being started"));
        stack.services =
            vec![service("gateway", ServiceHealth::Healthy), service("b", ServiceHealth::Stopped)];
        assert_eq!(waits_for(&stack).unwrap(), "b: It does not run.");
        stack.services[1].health = ServiceHealth::Healthy;
        assert!(waits_for(&stack).unwrap().contains("ports"));
        stack.gateway_serves = true;
        assert_eq!(waits_for(&stack), None);
        stack.problem = Some("b: It did not start.".into());
        assert_eq!(waits_for(&stack), None, "it did later");
        stack.services.clear();
        assert_eq!(waits_for(&stack).unwrap(), "b: It did not start.");
    }

    #[test]
    fn each_end_has_its_sentence() {
        let facts = |active: &str, sub: &str, result: &str, code, status, restarts| Facts {
            active: active.into(),
            sub: sub.into(),
            result: result.into(),
            code,
            status,
            restarts,
            memory_limit: 64 << 20,
        };
        for (facts, health, part) in [
            (facts("active", "running", "success", 0, 0, 0), ServiceHealth::Healthy, "It runs."),
            (facts("activating", "start", "success", 0, 0, 0), ServiceHealth::Starting, "starting"),
            (
                facts("activating", "auto-restart", "exit-code", 1, 3, 2),
                ServiceHealth::Restarting,
                "code 3. It is started again; that was 2 times",
            ),
            (
                facts("activating", "start", "signal", 2, 9, 1),
                ServiceHealth::Restarting,
                "Signal 9 ended it.",
            ),
            (
                facts("activating", "auto-restart", "oom-kill", 2, 9, 1),
                ServiceHealth::Restarting,
                "its 64 MiB",
            ),
            (
                facts("failed", "failed-before-auto-restart", "signal", 2, 9, 0),
                ServiceHealth::Restarting,
                "Signal 9 ended it. It is started again.",
            ),
            (facts("failed", "failed", "timeout", 1, 1, 0), ServiceHealth::Failed, "healthy in time"),
            (facts("inactive", "dead", "success", 0, 0, 0), ServiceHealth::Stopped, "does not run"),
            (facts("", "", "", 0, 0, 0), ServiceHealth::Stopped, "does not run"),
        ] {
            let (found, sentence) = facts.health();
            assert!(found == health && sentence.contains(part), "{facts:?}: {found:?} {sentence}");
        }
    }
}

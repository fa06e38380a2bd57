//! Sessions: what proved a claim code or a password, and for how long. They live in the agent's memory alone; a restart
//! of the agent ends them. Time is given, as a span since any fixed moment.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::request::owner::Role;

/// Bytes of a session's secret.
pub const SECRET: usize = 32;
/// Sessions that are remembered; beyond that the one that was unused longest ends.
const MOST: usize = 64;

/// How long a session lasts: unused, and in all.
const fn lasts(role: Role) -> (Duration, Duration) {
    const HOUR: Duration = Duration::from_secs(3600);
    match role {
        Role::Setup => (HOUR, HOUR.saturating_mul(8)),
        Role::Owner => (HOUR.saturating_mul(24), HOUR.saturating_mul(24 * 7)),
    }
}

/// Longest life of a session.
#[must_use]
pub const fn longest(role: Role) -> Duration {
    lasts(role).1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Session {
    role: Role,
    began: Duration,
    used: Duration,
}

impl Session {
    fn is_over(self, now: Duration) -> bool {
        let (idle, all) = lasts(self.role);
        now >= self.used + idle || now >= self.began + all
    }
}

/// Names a session without being its secret: what leaks of the memory cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The session of a secret, as it came with a request. Whether there is one, only [`Sessions::look`] tells.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

/// All sessions.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sessions(BTreeMap<SessionId, Session>);

impl Sessions {
    /// Begins a session; returns its secret. `random` must be fresh.
    pub fn begin(&mut self, random: [u8; SECRET], role: Role, now: Duration) -> String {
        self.0.retain(|_, session| !session.is_over(now));
        if self.0.len() >= MOST {
            let unused = self.0.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            unused.map(|id| self.0.remove(&id));
        }
        let secret = hex::encode(random);
        self.0.insert(SessionId::of(&secret), Session { role, began: now, used: now });
        secret
    }

    /// What a session may do, if it goes on; this counts as a use.
    pub fn look(&mut self, id: SessionId, now: Duration) -> Option<Role> {
        let session = self.0.get_mut(&id).filter(|session| !session.is_over(now))?;
        session.used = now;
        Some(session.role)
    }

    /// Ends one.
    pub fn end(&mut self, id: SessionId) {
        self.0.remove(&id);
    }

    /// Ends all but one, or all.
    pub fn end_others(&mut self, but: Option<SessionId>) {
        self.0.retain(|id, _| Some(*id) == but);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 3600)
    }

    #[test]
    fn sessions_end_unused_and_in_any_case() {
        let mut sessions = Sessions::default();
        let id = SessionId::of(&sessions.begin([1; 32], Role::Owner, hours(0)));
        assert_eq!(sessions.look(id, hours(23)), Some(Role::Owner));
        assert_eq!(sessions.look(id, hours(46)), Some(Role::Owner), "each use counts");
        assert_eq!(sessions.look(id, hours(71)), None, "unused for a day");
        let id = SessionId::of(&sessions.begin([2; 32], Role::Owner, hours(0)));
        for hour in (0..168).step_by(12) {
            assert_eq!(sessions.look(id, hours(hour)), Some(Role::Owner));
        }
        assert_eq!(sessions.look(id, hours(168)), None, "a week in all");
        let id = SessionId::of(&sessions.begin([3; 32], Role::Setup, hours(200)));
        assert_eq!(sessions.look(id, hours(201)), None);
    }

    #[test]
    fn a_wrong_secret_is_nobody_and_memory_is_bounded() {
        let mut sessions = Sessions::default();
        let first = sessions.begin([0; 32], Role::Owner, hours(0));
        assert_eq!(sessions.look(SessionId::of("0000"), hours(0)), None);
        for number in 1..=200 {
            sessions.begin([number; 32], Role::Owner, Duration::from_secs(u64::from(number)));
        }
        assert_eq!(sessions.0.len(), MOST);
        assert_eq!(sessions.look(SessionId::of(&first), hours(0)), None);
        let kept = SessionId::of(&hex::encode([200; 32]));
        sessions.end_others(Some(kept));
        assert_eq!(sessions.0.len(), 1);
        sessions.end(kept);
        assert_eq!(sessions, Sessions::default());
    }
}

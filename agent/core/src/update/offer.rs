//! Which of the versions on offer a device takes, and when it does so by itself.

use std::time::Duration;

use tayberry_format::bundle::channels::{Channels, Release};
use tayberry_format::bundle::version::Version;
use tayberry_format::owner::{Channel, UpdateSettings};

use crate::request::update::UpdatePhase;

/// How often a device asks its repository by itself.
pub const INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// The newest version of `channel` that leads on from `running` in one step; none when there is no newer one.
#[must_use]
pub fn choose<'a>(channels: &'a Channels, channel: &Channel, running: &Version) -> Option<&'a Release> {
    let releases = channels.channels.get(channel)?;
    let takes = |release: &&Release| {
        release.version > *running && release.from.as_ref().is_none_or(|from| from <= running)
    };
    releases.iter().filter(takes).max_by(|one, other| one.version.cmp(&other.version))
}

/// How often it asks again while that fails: a router that is restarted, a night without internet.
pub const RETRY: Duration = Duration::from_secs(15 * 60);
/// How often it tries to go on with an install that was cut off, once a look.
pub const TRIES: u32 = 30;

/// What is seen before the device acts by itself.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The owner's settings.
    pub settings: &'a UpdateSettings,
    /// There is a repository to ask.
    pub repository: bool,
    /// What is under way.
    pub phase: UpdatePhase,
    /// A version is on offer that may be taken without asking.
    pub offered: bool,
    /// The hour in the device's time zone.
    pub hour: u8,
    /// Since the repository was asked; none before that.
    pub asked: Option<Duration>,
    /// That failed.
    pub failed: bool,
    /// An install was cut off by a power cut or restart, and going on was tried so often; none if there was none.
    pub cut_off: Option<u32>,
}

/// What the device does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Wait,
    /// Ask the repository.
    Ask,
    /// Fetch and write what is on offer.
    Install,
    /// Restart into it.
    Restart,
}

/// Decides. What the owner began is finished whatever the settings say, but for the restart.
#[must_use]
pub fn act(seen: Seen<'_>) -> Act {
    let now = seen.settings.automatic && seen.settings.window.contains(seen.hour);
    let interval = if seen.failed { RETRY } else { INTERVAL };
    let stale = seen.asked.is_none_or(|asked| asked >= interval);
    match seen.phase {
        UpdatePhase::Idle if !seen.repository => Act::Wait,
        UpdatePhase::Idle if seen.cut_off.is_some_and(|tries| tries < TRIES) => Act::Install,
        UpdatePhase::Idle if now && seen.offered && !stale => Act::Install,
        UpdatePhase::Idle if seen.settings.automatic && stale => Act::Ask,
        UpdatePhase::Staged if now => Act::Restart,
        _ => Act::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_step_is_taken() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        let mut channels = Channels::default();
        let stable = Channel::default();
        for (one, from) in [("1.4", None), ("2.0", Some("1.4")), ("3.0", Some("2.0")), ("3.1", Some("2.0"))] {
            channels.offer(stable.clone(), Release { version: version(one), from: from.map(version) });
        }
        let takes = |running: &str| {
            choose(&channels, &stable, &version(running)).map(|release| release.version.to_string())
        };
        for (running, taken) in [
            ("1.0", Some("1.4")),
            ("1.4", Some("2.0")),
            ("1.9", Some("2.0")),
            ("2.0", Some("3.1")),
            ("3.0", Some("3.1")),
            ("3.1", None),
            ("4.0", None),
        ] {
            assert_eq!(takes(running).as_deref(), taken, "{running}");
        }
        assert_eq!(choose(&channels, &Channel::try_from("beta".to_owned()).unwrap(), &version("1.0")), None);
    }

    #[test]
    fn the_table() {
        use UpdatePhase::{Idle, Staged, Writing};
        let manual = UpdateSettings::default();
        let automatic = UpdateSettings { automatic: true, ..UpdateSettings::default() };
        let fresh = Some(Duration::from_secs(60));
        let seen = |settings, phase, hour, asked| Seen {
            settings,
            repository: true,
            phase,
            offered: true,
            hour,
            asked,
            failed: false,
            cut_off: None,
        };
        let rows = [
            ("the owner decides", seen(&manual, Idle, 3, None), Act::Wait),
            ("not yet asked", seen(&automatic, Idle, 12, None), Act::Ask),
            ("asked, outside of the window", seen(&automatic, Idle, 12, fresh), Act::Wait),
            ("within the window", seen(&automatic, Idle, 3, fresh), Act::Install),
            ("old news", seen(&automatic, Idle, 3, Some(INTERVAL)), Act::Ask),
            ("nothing new", Seen { offered: false, ..seen(&automatic, Idle, 3, fresh) }, Act::Wait),
            ("under way", seen(&automatic, Writing, 3, None), Act::Wait),
            ("written, at noon", seen(&automatic, Staged, 12, fresh), Act::Wait),
            ("written, at night", seen(&automatic, Staged, 4, fresh), Act::Restart),
            ("written, the owner restarts", seen(&manual, Staged, 4, fresh), Act::Wait),
            ("nobody to ask", Seen { repository: false, ..seen(&automatic, Idle, 3, None) }, Act::Wait),
            ("cut off", Seen { cut_off: Some(0), ..seen(&manual, Idle, 12, None) }, Act::Install),
            ("cut off, in vain", Seen { cut_off: Some(TRIES), ..seen(&manual, Idle, 12, None) }, Act::Wait),
            ("asked in vain", Seen { failed: true, ..seen(&automatic, Idle, 12, Some(RETRY)) }, Act::Ask),
            ("asked in vain just now", Seen { failed: true, ..seen(&automatic, Idle, 12, fresh) }, Act::Wait),
        ];
        for (name, seen, wanted) in rows {
            assert_eq!(act(seen), wanted, "{name}");
        }
    }
}

//! Speaks to the kernel log (and so to the console), and notes when each step ended.

use nix::time::{ClockId, clock_gettime};

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps(Vec<(String, u64)>);

impl Steps {
    pub(crate) fn done(&mut self, name: &str) {
        self.0.push((name.to_owned(), milliseconds()));
    }

    pub(crate) fn finish(self) -> Vec<(String, u64)> {
        self.0
    }
}

/// Milliseconds since the kernel started.
pub(crate) fn milliseconds() -> u64 {
    let time =
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(std::time::Duration::ZERO, std::time::Duration::from);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Says a sentence on the console. `<3>` makes it an error to the kernel, which prints those even with `quiet`.
/// Without `/dev/kmsg` there is nobody left to tell.
pub(crate) fn say(sentence: &str) {
    std::fs::write("/dev/kmsg", format!("<3>tayberry-init: {sentence}\n")).unwrap_or_default();
}

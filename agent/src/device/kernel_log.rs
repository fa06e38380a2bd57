//! Sentences for whoever stands before the screen: through the kernel's log, which is shown there whatever else runs.

/// Says one. Without `/dev/kmsg` there is nobody to tell. `<2>` is shown even with `quiet` (Linux, admin-guide/kernel-parameters).
pub fn say(sentence: &str) {
    std::fs::write("/dev/kmsg", format!("<2>tayberry: {sentence}\n"))
        .unwrap_or_else(|error| tracing::warn!("/dev/kmsg: {error}"));
}

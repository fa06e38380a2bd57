//! What the device shows at port 80 to an authority that looks whether a domain leads here (RFC 8555, section 8.3).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Answers by their tokens; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Mutex<BTreeMap<String, String>>>);

impl Answers {
    /// The answer to a token.
    #[must_use]
    pub fn to(&self, token: &str) -> Option<String> {
        self.lock().get(token).cloned()
    }

    /// Shows one.
    pub(super) fn show(&self, token: String, answer: String) {
        self.lock().insert(token, answer);
    }

    /// Shows none any more.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The key with which the device tells applications of the stack that its owner asks. It lives as long as the agent: tokens hold for
//! minutes, and no older one counts after a restart.

use std::io;
use std::path::Path;

use ring::signature::{Ed25519KeyPair, KeyPair};
use tayberry_core::{app_token, stack};

use crate::device::{random, whole_file};

/// The key.
pub struct AppKey(Ed25519KeyPair);

impl AppKey {
    /// Makes one, and puts its public half where services find it that ask for it.
    ///
    /// # Errors
    /// When there is no randomness, or it cannot be written.
    pub fn make() -> io::Result<Self> {
        let seed = random::bytes::<32>()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let folder = Path::new(stack::quadlet::KEYS);
        std::fs::create_dir_all(folder)?;
        let keys = app_token::keys(pair.public_key().as_ref());
        whole_file::show(&folder.join("keys.json"), keys.as_bytes(), 0o444)?;
        Ok(Self(pair))
    }

    /// A token that says that `owner` asks at `now`.
    #[must_use]
    pub fn token(&self, owner: &str, now: i64) -> String {
        let text = app_token::to_sign(owner, self.0.public_key().as_ref(), now);
        app_token::signed(&text, self.0.sign(text.as_bytes()).as_ref())
    }
}

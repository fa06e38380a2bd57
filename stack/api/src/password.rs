//! Hashes passwords: argon2id with the library's defaults (19 MiB, two passes: OWASP's first choice for little memory).

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

use crate::problem::Problem;

/// Longest password, in bytes.
pub(crate) const LONGEST: usize = 256;

/// Hashes; a PHC string.
///
/// # Errors
/// When there is no memory or no randomness.
pub(crate) async fn hash(password: String) -> Result<String, Problem> {
    let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
    let hash = tokio::task::spawn_blocking(hash).await.map_err(|error| Problem::failed(&error))?;
    hash.map_err(|error| Problem::failed(&error))
}

/// Whether `password` is the one of `hash`; without one as much time passes.
///
/// # Errors
/// When the hash cannot be read.
pub(crate) async fn verify(password: String, hash: Option<String>) -> Result<bool, Problem> {
    let Some(hash) = hash.filter(|_| password.len() <= LONGEST) else {
        self::hash("nobody's".to_owned()).await?;
        return Ok(false);
    };
    let verify = move || {
        let hash = PasswordHash::new(&hash)?;
        Ok::<_, argon2::password_hash::phc::Error>(
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
        )
    };
    let verified = tokio::task::spawn_blocking(verify).await.map_err(|error| Problem::failed(&error))?;
    verified.map_err(|error| Problem::failed(&error))
}

//! Hashes passwords: argon2id with the parameters that OWASP's Password Storage Cheat Sheet gives as its first choice for
//! little memory (19 MiB, two passes, one lane), which are the library's defaults.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

/// Longest password that is looked at, in bytes; hashing takes no longer for a long one, but reading does.
const LONGEST: usize = 1024;

/// A password that cannot be hashed, or a hash that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("argon2: {0}")]
pub struct PasswordError(String);

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError(error.to_string())
}

/// Hashes; a PHC string. Takes a few hundredths of a second and 19 MiB.
///
/// # Errors
/// When there is no memory or no randomness.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    Ok(Argon2::default().hash_password(password.as_bytes()).map_err(failed)?.to_string())
}

/// Whether `password` is the one of `hash`. One that is too long is not.
///
/// # Errors
/// When the hash cannot be read.
pub fn verify(password: &str, hash: &str) -> Result<bool, PasswordError> {
    if password.len() > LONGEST {
        return Ok(false);
    }
    let hash = PasswordHash::new(hash).map_err(failed)?;
    Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_verifies() {
        let hash = hash("quark-Teller-77-Mond").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("quark-Teller-77-Mond", &hash).unwrap());
        assert!(!verify("quark-Teller-77-Mont", &hash).unwrap());
        assert!(!verify(&"x".repeat(LONGEST + 1), "never read").unwrap());
        verify("x", "not a hash").unwrap_err();
    }
}

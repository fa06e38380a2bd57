//! The fingerprint by which a person recognises a device's authority: it is on the device's screen.

use sha2::{Digest, Sha256};

/// SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 32 pairs of hexadecimal digits, as the device shows it")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// Of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = NotAFingerprint;

    /// Colons, blanks and case do not count.
    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let digits: String = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotAFingerprint)?;
        Ok(Self(bytes))
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether to trust an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one that was named, or the one that is pinned already.
    Trust,
    /// Nobody has compared it yet.
    Ask,
    /// Another one is pinned: the device was reset, or it is another device. To be compared anew.
    AskAgain,
    /// It says another fingerprint than its certificate has.
    Inconsistent,
    /// It is not the one that was named.
    Another,
}

/// Decides. `certificate` is what the device's certificate hashes to, `said` what the device says, `named` what the
/// person says, `pinned` what was trusted so far.
#[must_use]
pub fn judge(
    certificate: Fingerprint,
    said: Fingerprint,
    named: Option<Fingerprint>,
    pinned: Option<Fingerprint>,
) -> Verdict {
    match (named, pinned) {
        _ if certificate != said => Verdict::Inconsistent,
        (Some(named), _) if named == certificate => Verdict::Trust,
        (Some(_), _) => Verdict::Another,
        (None, Some(pinned)) if pinned == certificate => Verdict::Trust,
        (None, Some(_)) => Verdict::AskAgain,
        (None, None) => Verdict::Ask,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_write_it_as_they_like() {
        let one = Fingerprint::of(b"certificate");
        let shown = one.to_string();
        assert_eq!(shown.len(), 95);
        for text in [shown.clone(), shown.to_lowercase(), shown.replace(':', ""), shown.replace(':', " ")] {
            assert_eq!(text.parse(), Ok(one));
        }
        for wrong in ["", "AB:CD", &shown[..93], &format!("{shown}:00"), &shown.replace(':', "-")] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NotAFingerprint), "{wrong}");
        }
    }

    #[test]
    fn only_what_was_compared_is_trusted() {
        let [a, b] = [Fingerprint::of(b"a"), Fingerprint::of(b"b")];
        let rows = [
            (a, a, None, None, Verdict::Ask),
            (a, a, Some(a), None, Verdict::Trust),
            (a, a, Some(a), Some(b), Verdict::Trust),
            (a, a, Some(b), None, Verdict::Another),
            (a, a, Some(b), Some(a), Verdict::Another),
            (a, a, None, Some(a), Verdict::Trust),
            (a, a, None, Some(b), Verdict::AskAgain),
            (a, b, Some(a), Some(a), Verdict::Inconsistent),
            (a, b, None, None, Verdict::Inconsistent),
        ];
        for (certificate, said, named, pinned, verdict) in rows {
            assert_eq!(judge(certificate, said, named, pinned), verdict);
        }
    }
}

//! The device's token: proof that its owner signed in there (RFC 7519, signed with Ed25519 as in RFC 8037). The device writes the keys
//! that count now to a file; a token of an older key is none.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;

/// Longest token, in bytes.
const LONGEST: usize = 2048;
/// Largest file of keys that is read, in bytes.
const MOST_BYTES: u64 = 64 << 10;
/// Whom it must be for.
const AUDIENCE: &str = "stack";
/// Who must have made it.
const ISSUER: &str = "tayberry";

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Claims {
    /// Name of the owner.
    pub(crate) sub: String,
    iss: String,
    aud: String,
    /// Seconds since 1970, as all times.
    exp: i64,
    iat: i64,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    crv: String,
    x: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// Reads the keys of a file; none where there is no good one.
fn keys(path: &Path) -> Vec<Vec<u8>> {
    if std::fs::metadata(path).is_ok_and(|found| found.len() > MOST_BYTES) {
        return Vec::new();
    }
    let keys = std::fs::read(path).ok().and_then(|text| serde_json::from_slice::<Keys>(&text).ok());
    let keys = keys.into_iter().flat_map(|keys| keys.keys);
    keys.filter(|key| key.crv == "Ed25519").filter_map(|key| BASE64.decode(key.x).ok()).collect()
}

/// What `token` says, if one of the keys in `file` signed it and it holds at `now`.
pub(crate) fn read(token: &str, file: &Path, now: i64) -> Option<Claims> {
    verify(token, &keys(file), now)
}

fn verify(token: &str, keys: &[Vec<u8>], now: i64) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST)?;
    let signature = BASE64.decode(signature).ok()?;
    let good =
        |key: &Vec<u8>| UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature).is_ok();
    if !keys.iter().any(good) {
        return None;
    }
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
    let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
    let ours = header.alg == "EdDSA" && claims.iss == ISSUER && claims.aud == AUDIENCE;
    (ours && claims.iat <= now && now < claims.exp).then_some(claims)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn token(key: &Ed25519KeyPair, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        format!("{signed}.{}", BASE64.encode(key.sign(signed.as_bytes())))
    }

    const HEADER: &str = r#"{"alg":"EdDSA"}"#;
    const CLAIMS: &str = r#"{"sub":"Ada","iss":"tayberry","aud":"stack","iat":100,"exp":200}"#;

    #[test]
    fn only_the_devices_own_token_counts_and_only_in_its_time() {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        let keys = [key.public_key().as_ref().to_vec()];
        let good = token(&key, HEADER, CLAIMS);
        assert_eq!(verify(&good, &keys, 150).unwrap().sub, "Ada");
        assert_eq!((verify(&good, &keys, 99), verify(&good, &keys, 200)), (None, None));
        assert_eq!(verify(&good, &[], 150), None);
        for bad in [
            token(&other, HEADER, CLAIMS),
            token(&key, r#"{"alg":"none"}"#, CLAIMS),
            token(&key, HEADER, &CLAIMS.replace("\"stack\"", "\"update\"")),
            token(&key, HEADER, "{}"),
            good.replace('.', ""),
            String::new(),
        ] {
            assert_eq!(verify(&bad, &keys, 150), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn noise_is_none(text in "[A-Za-z0-9._-]{0,80}") {
            prop_assert_eq!(verify(&text, &[vec![1; 32]], 0), None);
        }
    }
}

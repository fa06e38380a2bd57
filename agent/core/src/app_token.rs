//! Tokens for applications of the stack: the device says that its owner asks (RFC 7519, Ed25519 as in RFC 8037). They hold for minutes
//! and give no right over the device. Signing, and keeping the key, is left to the agent.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::json;

/// How long one holds.
pub const LASTS: Duration = Duration::from_secs(300);
/// How far the clocks of whoever reads it may differ, in seconds.
const SLACK_S: i64 = 30;

/// What is signed: that `owner` asks at `now`, in seconds since 1970.
#[must_use]
pub fn to_sign(owner: &str, key: &[u8], now: i64) -> String {
    let lasts = i64::try_from(LASTS.as_secs()).unwrap_or(i64::MAX);
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": name(key) });
    let claims = json!({
        "iss": "tayberry", "aud": "stack", "sub": owner, "role": "owner", "iat": now - SLACK_S, "exp": now.saturating_add(lasts),
    });
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

/// The token.
#[must_use]
pub fn signed(to_sign: &str, signature: &[u8]) -> String {
    format!("{to_sign}.{}", BASE64.encode(signature))
}

/// The file with the public key, for applications (RFC 7517).
#[must_use]
pub fn keys(key: &[u8]) -> String {
    let key = json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": name(key), "x": BASE64.encode(key),
    });
    json!({ "keys": [key] }).to_string()
}

fn name(key: &[u8]) -> String {
    key.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_and_until_when() {
        let text = to_sign("Ada", &[1; 32], 1000);
        let (header, claims) = text.split_once('.').unwrap();
        let read =
            |part: &str| serde_json::from_slice::<serde_json::Value>(&BASE64.decode(part).unwrap()).unwrap();
        let (header, claims) = (read(header), read(claims));
        assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &json!("0101010101010101")));
        assert_eq!(
            (&claims["sub"], &claims["aud"], &claims["exp"]),
            (&json!("Ada"), &json!("stack"), &json!(1300))
        );
        assert_eq!(signed("a.b", &[0xff]), "a.b._w");
        assert!(keys(&[1; 32]).contains("\"x\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\""));
    }
}

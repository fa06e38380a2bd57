//! Apple's configuration profile with the device's authority (Apple, "Configuration Profile Reference", payload
//! `com.apple.security.root`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Renders it. The same certificate gives the same profile, so that installing it again replaces it.
#[must_use]
pub fn render(der: &[u8], fingerprint: &str) -> String {
    let (certificate, short) = (STANDARD.encode(der), fingerprint.get(..11).unwrap_or(fingerprint));
    let (payload, profile) = (uuid(der, "payload"), uuid(der, "profile"));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadCertificateFileName</key><string>tayberry.crt</string>
      <key>PayloadContent</key><data>{certificate}</data>
      <key>PayloadDisplayName</key><string>Tayberry ({short})</string>
      <key>PayloadIdentifier</key><string>io.tayberry.authority.{payload}</string>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadUUID</key><string>{payload}</string>
      <key>PayloadVersion</key><integer>1</integer>
    </dict>
  </array>
  <key>PayloadDescription</key><string>Lets this iPhone or iPad trust your Tayberry device.</string>
  <key>PayloadDisplayName</key><string>Tayberry ({short})</string>
  <key>PayloadIdentifier</key><string>io.tayberry.{profile}</string>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadUUID</key><string>{profile}</string>
  <key>PayloadVersion</key><integer>1</integer>
</dict>
</plist>
"#
    )
}

/// A UUID that follows from the certificate (RFC 9562, version 8).
fn uuid(der: &[u8], purpose: &str) -> String {
    let mut bytes: [u8; 32] = Sha256::new().chain_update(purpose).chain_update(der).finalize().into();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode_upper(&bytes[..16]);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn golden() {
        let text = super::render(b"certificate", "AB:CD:EF:01:23:45");
        assert_eq!(text, include_str!("../fixtures/authority.mobileconfig"));
    }
}

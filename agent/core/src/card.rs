//! What a new device shows to whoever can see its screen, its serial console or its card: address, claim code, the
//! authority's fingerprint, and a QR code of all three. Showing and writing it is left to the agent.

use std::fmt::Write as _;

use qrcode::render::{svg, unicode};
use qrcode::types::QrError;
use qrcode::{EcLevel, QrCode};
use tayberry_format::claim::{BYTES, ClaimCode};

/// Characters of the fingerprint that the QR code carries: 128 bits, which nobody can find another certificate for.
const FINGERPRINT: usize = 32;

/// The colour of letters where a code is shown: it has to be dark on light in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// A console.
    Light,
    /// A text editor.
    Dark,
}

/// A device that waits for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card<'a> {
    /// Host name, without a domain.
    pub name: &'a str,
    /// The code.
    pub code: &'a ClaimCode,
    /// SHA-256 of the authority's certificate, with colons.
    pub fingerprint: &'a str,
}

impl Card<'_> {
    /// The address without secrets, as people type it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://{}.local", self.name)
    }

    /// The address that the QR code holds: what follows the `#` never leaves the browser.
    #[must_use]
    pub fn link(&self) -> String {
        let fingerprint: String = self.fingerprint.chars().filter(|c| *c != ':').take(FINGERPRINT).collect();
        format!("{}/#claim={}&fp={fingerprint}", self.address(), self.code.digits())
    }

    /// The QR code in half blocks, which every console has.
    ///
    /// # Errors
    /// When the name makes the address too long for a code.
    pub fn qr(&self, letters: Letters) -> Result<String, QrError> {
        let code = QrCode::with_error_correction_level(self.link(), EcLevel::L)?;
        let mut renderer = code.render::<unicode::Dense1x2>();
        if letters == Letters::Light {
            renderer.dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark);
        }
        Ok(renderer.build())
    }

    /// `CLAIM.txt`, in English and German, padded with newlines.
    #[must_use]
    pub fn file(&self) -> [u8; BYTES] {
        let mut text = String::new();
        // Writing to a String cannot fail.
        write!(
            text,
            "Tayberry\n\n  Address  {}\n  Code     {}\n\nOpen the address in a browser on the same network and enter the \
             code.\nDie Adresse im selben Netz im Browser oeffnen und den Code eingeben.\n\n  SHA-256  {}\n\n",
            self.address(),
            self.code,
            self.fingerprint
        )
        .unwrap_or_default();
        if let Ok(qr) = self.qr(Letters::Dark)
            && text.len() + qr.len() < BYTES
        {
            text.push_str(&qr);
        }
        block(&text)
    }
}

/// `CLAIM.txt` of a device that has an owner: nothing of the code is left.
#[must_use]
pub fn taken() -> [u8; BYTES] {
    block("Tayberry\n\nThis device has an owner.\nDieses Geraet hat einen Besitzer.\n")
}

fn block(text: &str) -> [u8; BYTES] {
    let mut block = [b'\n'; BYTES];
    block.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    block
}

/// A QR code as an SVG image.
///
/// # Errors
/// When the text is too long for a code.
pub fn svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(200, 200).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let code: ClaimCode = "12345678".to_owned().try_into().unwrap();
        let fingerprint = ["AB"; 32].join(":");
        let card = Card { name: "tayberry", code: &code, fingerprint: &fingerprint };
        assert_eq!(card.link(), "https://tayberry.local/#claim=12345678&fp=ABABABABABABABABABABABABABABABAB");
        let file = card.file();
        let text = std::str::from_utf8(&file).unwrap().trim_end();
        assert_eq!(format!("{text}\n"), include_str!("../fixtures/claim.txt"));
        assert!(!taken().windows(4).any(|bytes| bytes == b"1234"));
        assert!(svg("https://kitchen.local").unwrap().starts_with("<?xml"));
    }

    #[test]
    fn the_longest_name_fits() {
        let code: ClaimCode = "00000000".to_owned().try_into().unwrap();
        let name = "n".repeat(63);
        let fingerprint = ["AB"; 32].join(":");
        let file = Card { name: &name, code: &code, fingerprint: &fingerprint }.file();
        assert!(std::str::from_utf8(&file).unwrap().contains(&name));
    }
}

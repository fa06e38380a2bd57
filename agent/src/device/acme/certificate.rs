//! A certificate of a domain with its key: read from what an authority gave, and kept on the data partition.

use std::fs;
use std::io;
use std::path::Path;

use rcgen::{KeyPair, PublicKeyData};
use tayberry_core::domain::DomainName;
use tayberry_core::request::domain::DomainCertificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::device::whole_file;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 64 << 10;
/// Tag of a certificate (RFC 7468, section 5).
const TAG: &str = "CERTIFICATE";

/// A certificate that cannot be used or kept.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is none, or another one.
    #[error("the certificate of {0} cannot be used: {1}")]
    Unusable(DomainName, &'static str),
    /// The file.
    #[error("{path}: {error}")]
    Io {
        /// Its path.
        path: String,
        /// The reason.
        error: io::Error,
    },
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// For which domain, and how long.
    pub about: DomainCertificate,
    /// Its own first, then those between it and the authority; DER.
    pub chain: Vec<Vec<u8>>,
    /// The key, PKCS #8, DER.
    pub key: Vec<u8>,
}

impl Certificate {
    /// Reads what an authority gave: for that name, and for that key.
    ///
    /// # Errors
    /// When it is not.
    pub fn read(name: &DomainName, key: &str, chain: &str) -> Result<Self, CertificateError> {
        let unusable = |why| CertificateError::Unusable(name.clone(), why);
        let parts = pem::parse_many(chain).map_err(|_| unusable("it is not PEM"))?;
        let chain: Vec<Vec<u8>> =
            parts.into_iter().filter(|part| part.tag() == TAG).map(pem::Pem::into_contents).collect();
        let own = chain.first().ok_or_else(|| unusable("there is none"))?;
        let (_, read) = X509Certificate::from_der(own).map_err(|_| unusable("it is damaged"))?;
        let key = KeyPair::from_pem(key).map_err(|_| unusable("its key is damaged"))?;
        if read.public_key().raw != key.subject_public_key_info() {
            return Err(unusable("it is for another key"));
        }
        let names = read.subject_alternative_name().ok().flatten();
        let is_ours =
            |one: &GeneralName<'_>| matches!(one, GeneralName::DNSName(text) if *text == name.as_str());
        if !names.is_some_and(|names| names.value.general_names.iter().any(is_ours)) {
            return Err(unusable("it is for another name"));
        }
        let (not_before, not_after) =
            (read.validity().not_before.timestamp(), read.validity().not_after.timestamp());
        let about = DomainCertificate { name: name.clone(), not_before, not_after };
        Ok(Self { about, chain, key: key.serialize_der() })
    }

    /// The chain, PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        let parts: Vec<_> = self.chain.iter().map(|der| pem::Pem::new(TAG, der.as_slice())).collect();
        pem::encode_many(&parts)
    }

    /// The key, PEM.
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem::encode(&pem::Pem::new("PRIVATE KEY", self.key.as_slice()))
    }

    /// The kept one for `name`; none when there is no file.
    ///
    /// # Errors
    /// When it cannot be read, or is for another name.
    pub fn open(path: &Path, name: &DomainName) -> Result<Option<Self>, CertificateError> {
        let io = |error| CertificateError::Io { path: path.display().to_string(), error };
        let text = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found if found.as_ref().is_ok_and(|about| about.len() > LONGEST) => {
                return Err(CertificateError::Unusable(name.clone(), "the file is too long"));
            }
            _ => fs::read_to_string(path).map_err(io)?,
        };
        let end = text.find("-----BEGIN CERTIFICATE").unwrap_or(text.len());
        let (key, chain) = text.split_at(end);
        Self::read(name, key, chain).map(Some)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, path: &Path) -> Result<(), CertificateError> {
        let text = format!("{}{}", self.key_pem(), self.chain_pem());
        let kept = whole_file::replace(path, text.as_bytes());
        kept.map_err(|error| CertificateError::Io { path: path.display().to_string(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key and a certificate for `name`, PEM.
    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.signing_key.serialize_pem(), made.cert.pem())
    }

    fn name(text: &str) -> DomainName {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn what_was_given_is_for_this_name_and_key() {
        let shop = name("shop.example.org");
        let ((key, chain), (other_key, _)) = (made(shop.as_str()), made(shop.as_str()));
        let read = Certificate::read(&shop, &key, &chain).unwrap();
        assert_eq!((&read.about.name, read.chain.len()), (&shop, 1));
        assert!(read.about.not_before < read.about.not_after);
        let why = |key: &str, chain: &str, name: &DomainName| match Certificate::read(name, key, chain) {
            Err(CertificateError::Unusable(_, why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&other_key, &chain, &shop), "it is for another key");
        assert_eq!(why(&key, &chain, &name("example.org")), "it is for another name");
        assert_eq!(why(&key, &key, &shop), "there is none");
        assert_eq!(why("", &chain, &shop), "its key is damaged");
        assert_eq!(why(&key, &chain.replace("MII", "MIJ"), &shop), "it is damaged");
    }

    #[test]
    fn it_is_kept_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domain.pem");
        let shop = name("shop.example.org");
        assert_eq!(Certificate::open(&path, &shop).unwrap(), None);
        let (key, chain) = made(shop.as_str());
        let made = Certificate::read(&shop, &key, &chain).unwrap();
        made.keep(&path).unwrap();
        assert_eq!(Certificate::open(&path, &shop).unwrap(), Some(made));
        assert!(Certificate::open(&path, &name("example.org")).is_err());
        fs::write(&path, "nothing").unwrap();
        assert!(Certificate::open(&path, &shop).is_err());
    }
}

//! The device's own certificate authority: made once, kept on the data partition; its key never leaves the device. For
//! which names and how long certificates hold is decided in `tayberry-core`.

use std::io;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
    SerialNumber, SignatureAlgorithm,
};
use sha2::{Digest, Sha256};
use tayberry_core::certificate::{AUTHORITY, DOMAINS, Leaf};
use time::OffsetDateTime;

use crate::device::{random, whole_file};

/// Where it is kept: the key and the certificate, both as PEM (RFC 7468).
pub const FILE: &str = "/var/lib/tayberry/authority.pem";
/// Longest file that is read, in bytes.
const LONGEST: u64 = 16 << 10;
/// Length of an uncompressed point of P-256 (SEC 1, section 2.3.3).
pub const PUBLIC_KEY: usize = 65;

/// An authority that cannot be made, kept or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The file.
    #[error("{FILE}: {0}")]
    Io(#[from] io::Error),
    /// The file holds something else.
    #[error("{FILE} is damaged: {0}")]
    Damaged(&'static str),
    /// Making a key or certificate.
    #[error("certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A time that no certificate can say.
    #[error("certificates: {0}")]
    Time(#[from] time::error::ComponentRange),
    /// Not a public key.
    #[error("the front's key is none")]
    NoKey,
}

/// The authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, DER.
    pub der: Vec<u8>,
    /// Its certificate, PEM.
    pub pem: String,
}

impl Authority {
    /// The kept authority, or a new one. The second value is why there is a new one although there was one.
    ///
    /// # Errors
    /// When a new one cannot be made or kept.
    pub fn open(path: &Path, build: i64) -> Result<(Self, Option<AuthorityError>), AuthorityError> {
        let why = match read(path) {
            Ok(Some(authority)) => return Ok((authority, None)),
            Ok(None) => None,
            Err(damaged) => Some(damaged),
        };
        let (key, pem) = make(build)?;
        whole_file::replace(path, format!("{}{pem}", key.serialize_pem()).as_bytes())?;
        Ok((Self::from_parts(key, &pem)?, why))
    }

    /// One that is kept nowhere: for a device in rescue that cannot read its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(build: i64) -> Result<Self, AuthorityError> {
        let (key, pem) = make(build)?;
        Self::from_parts(key, &pem)
    }

    fn from_parts(key: KeyPair, pem: &str) -> Result<Self, AuthorityError> {
        let der = pem::parse(pem).map_err(|_| AuthorityError::Damaged("no certificate"))?.into_contents();
        let issuer = Issuer::new(params(&key, 0)?, key);
        Ok(Self { issuer, der, pem: pem.to_owned() })
    }

    /// SHA-256 of the certificate: pairs of capital hexadecimal digits with colons, as browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let pairs: Vec<String> = Sha256::digest(&self.der).iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// Signs a certificate of `leaf` for a public key of P-256; DER.
    ///
    /// # Errors
    /// When the key is none.
    pub fn sign(&self, leaf: &Leaf, public_key: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        let key = Point(public_key.try_into().map_err(|_| AuthorityError::NoKey)?);
        let mut params = CertificateParams::new(leaf.names.clone())?;
        params.subject_alt_names.extend(leaf.addresses.iter().map(|address| SanType::IpAddress(*address)));
        params.distinguished_name = named(leaf.names.first().map_or("tayberry", String::as_str));
        (params.not_before, params.not_after) = (moment(leaf.not_before)?, moment(leaf.not_after)?);
        params.serial_number = Some(SerialNumber::from_slice(&random::bytes::<16>()?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(&key, &self.issuer)?.der().to_vec())
    }
}

/// A key, and its certificate as PEM.
fn make(build: i64) -> Result<(KeyPair, String), AuthorityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let pem = params(&key, build)?.self_signed(&key)?.pem();
    Ok((key, pem))
}

/// A public key of P-256.
struct Point([u8; PUBLIC_KEY]);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// What the authority's certificate says. All but the dates follows from the key.
fn params(key: &KeyPair, build: i64) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    // Two devices in one list of authorities must be told apart.
    let id = hex::encode_upper(&Sha256::digest(key.public_key_raw())[..3]);
    params.distinguished_name = named(&format!("Tayberry {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let domains = DOMAINS.map(|domain| GeneralSubtree::DnsName(domain.to_owned()));
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: domains.to_vec(), excluded_subtrees: Vec::new() });
    (params.not_before, params.not_after) = (moment(build)?, moment(build + AUTHORITY)?);
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn moment(seconds: i64) -> Result<OffsetDateTime, time::error::ComponentRange> {
    OffsetDateTime::from_unix_timestamp(seconds)
}

/// The kept authority; none when there is no file.
///
/// # Errors
/// When the file cannot be read, or is damaged.
pub fn read(path: &Path) -> Result<Option<Authority>, AuthorityError> {
    let text = match std::fs::metadata(path) {
        Ok(about) if about.len() > LONGEST => return Err(AuthorityError::Damaged("too long")),
        Ok(_) => std::fs::read_to_string(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let begin = text.find("-----BEGIN CERTIFICATE").ok_or(AuthorityError::Damaged("no certificate"))?;
    let (key, certificate) = text.split_at(begin);
    Authority::from_parts(KeyPair::from_pem(key)?, certificate).map(Some)
}

#[cfg(test)]
mod tests {
    use tayberry_core::certificate::{Facts, wanted};
    use tayberry_core::request::status::TimeSource;

    use super::*;

    const BUILD: i64 = 1_795_000_000;

    #[test]
    fn it_is_made_once_and_signs_what_openssl_accepts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.pem");
        let (first, why) = Authority::open(&path, BUILD).unwrap();
        assert!(why.is_none());
        let (again, why) = Authority::open(&path, BUILD + 1).unwrap();
        assert!(why.is_none());
        assert_eq!((first.fingerprint(), first.fingerprint().len()), (again.fingerprint(), 95));
        let facts = Facts {
            hostnames: vec!["kitchen".into(), "kitchen2".into()],
            addresses: vec![[192, 168, 1, 20].into()],
            source: TimeSource::Clock,
            now: BUILD + 100_000,
            build: BUILD,
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        // Signed by the authority as it was read back.
        let leaf = again.sign(&wanted(&facts), key.public_key_raw()).unwrap();
        let (ca, leaf_file) = (folder.path().join("ca.pem"), folder.path().join("leaf.pem"));
        std::fs::write(&ca, &first.pem).unwrap();
        std::fs::write(&leaf_file, pem::encode(&pem::Pem::new("CERTIFICATE", leaf))).unwrap();
        let verify = |extra: &[&str]| {
            let mut openssl = std::process::Command::new("openssl");
            openssl.args([
                "verify",
                "-attime",
                &facts.now.to_string(),
                "-purpose",
                "sslserver",
                "-x509_strict",
            ]);
            openssl.args(extra).arg("-CAfile").arg(&ca).arg(&leaf_file);
            openssl.output().unwrap()
        };
        let good = verify(&["-verify_hostname", "kitchen.local"]);
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
        assert!(verify(&["-verify_ip", "192.168.1.20"]).status.success());
        assert!(!verify(&["-verify_hostname", "attic.local"]).status.success());
        // Names that somebody could buy are refused, whoever signs them.
        let mut other = wanted(&facts);
        other.names = vec!["www.example.com".into()];
        let leaf = again.sign(&other, key.public_key_raw()).unwrap();
        std::fs::write(&leaf_file, pem::encode(&pem::Pem::new("CERTIFICATE", leaf))).unwrap();
        assert!(!verify(&[]).status.success());
    }

    #[test]
    fn a_damaged_one_is_replaced_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.pem");
        std::fs::write(&path, "nothing").unwrap();
        let (_, why) = Authority::open(&path, BUILD).unwrap();
        assert!(matches!(why, Some(AuthorityError::Damaged(_))));
        assert!(Authority::open(&path, BUILD).unwrap().1.is_none());
    }
}

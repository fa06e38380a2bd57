//! Registries of one's own network, which are believed by their own certificates (containers-certs.d(5)).

use std::fs;
use std::io;
use std::path::Path;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{Registries, RegistryTrust};
use ureq::tls::Certificate;

use super::{Handle, failed};
use crate::device::whole_file;

/// `/etc/containers/certs.d` leads here.
pub(super) const FOLDER: &str = "/var/lib/tayberry/registries";
/// Name of the authority's certificate in the folder of a registry.
const FILE: &str = "ca.crt";
/// Longest certificate, in bytes.
const MOST_BYTES: usize = 16 << 10;

impl Handle {
    /// Those that are believed by their own certificates.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn registries(&self) -> Result<Registries, Problem> {
        list(Path::new(FOLDER)).map_err(|error| failed(&format!("{FOLDER}: {error}")))
    }

    /// Believes one, or does not any more.
    ///
    /// # Errors
    /// When its name or certificate is none, or it cannot be kept.
    pub fn trust_registry(&self, trust: &RegistryTrust) -> Result<Registries, Problem> {
        change(Path::new(FOLDER), trust)?;
        self.registries()
    }
}

fn list(folder: &Path) -> io::Result<Registries> {
    let mut registries = Vec::new();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        entries => {
            for entry in entries? {
                registries.push(entry?.file_name().to_string_lossy().into_owned());
            }
        }
    }
    registries.sort();
    Ok(Registries { registries })
}

fn change(folder: &Path, trust: &RegistryTrust) -> Result<(), Problem> {
    let name = &trust.registry;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter);
    if name.is_empty() || name.len() > 255 || name.starts_with('.') || !name.chars().all(allowed) {
        let why = format!("{name:?} is no registry: write HOST or HOST:PORT, as names of its images begin.");
        return Err(Problem::new(Kind::NotAllowed, why));
    }
    let place = folder.join(name);
    let words = |error: io::Error| failed(&format!("{}: {error}", place.display()));
    let Some(certificate) = &trust.certificate else {
        return match fs::remove_dir_all(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Kind::NotFound.into()),
            removed => removed.map_err(words),
        };
    };
    if certificate.len() > MOST_BYTES || Certificate::from_pem(certificate.as_bytes()).is_err() {
        return Err(Problem::new(Kind::NotAllowed, "That is no certificate in PEM."));
    }
    fs::create_dir_all(&place)
        .and_then(|()| whole_file::replace(&place.join(FILE), certificate.as_bytes()))
        .map_err(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_believed_until_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let trust = |registry: &str, certificate: Option<&str>| {
            let trust =
                RegistryTrust { registry: registry.into(), certificate: certificate.map(str::to_owned) };
            change(folder.path(), &trust).map_err(|problem| problem.kind)
        };
        let authority = crate::device::authority::Authority::new(0).unwrap();
        let pem = authority.pem.as_str();
        trust("shed.local:5000", Some(pem)).unwrap();
        assert_eq!(list(folder.path()).unwrap().registries, ["shed.local:5000"]);
        for (name, certificate) in [("../x", pem), ("", pem), ("a/b", pem), ("shed", "no certificate")] {
            assert_eq!(trust(name, Some(certificate)), Err(Kind::NotAllowed), "{name}");
        }
        trust("shed.local:5000", None).unwrap();
        assert_eq!(trust("shed.local:5000", None), Err(Kind::NotFound));
        assert!(list(folder.path()).unwrap().registries.is_empty());
    }
}

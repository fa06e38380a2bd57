//! Signing keys: Ed25519, each in a file of its own, encrypted with a passphrase (PKCS #8 with scrypt and AES-256, RFC 8018,
//! which other programs read too). A key that never leaves its hardware is a file that names the program which signs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use async_trait::async_trait;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use pkcs8::der::zeroize::Zeroizing;
use pkcs8::der::{Decode, pem::LineEnding};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument};
use serde::Deserialize;
use tough::key_source::KeySource;
use tough::schema::key::{Ed25519Key, Ed25519Scheme, Key};
use tough::sign::Sign;

use crate::publish::{PublishError, at};

/// Shortest passphrase in characters.
const SHORTEST: usize = 10;
/// Length of a signature in bytes (RFC 8032).
const SIGNATURE: usize = 64;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// What opens the key files of a folder.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// This one.
    ///
    /// # Errors
    /// When it is too short to protect anything.
    pub fn new(text: String) -> Result<Self, PublishError> {
        let text = Zeroizing::new(text);
        if text.chars().count() < SHORTEST { Err(PublishError::Short(SHORTEST)) } else { Ok(Self(text)) }
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

/// Makes a key and its file, which must not exist. Returns the public part.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn make(path: &Path, passphrase: &Passphrase) -> Result<Key, PublishError> {
    let refuse = |why: String| PublishError::Key { path: path.to_owned(), why };
    let pair = Ed25519KeyPair::generate().map_err(|error| refuse(error.to_string()))?;
    let plain = pair.to_pkcs8v1().map_err(|error| refuse(error.to_string()))?;
    let info = PrivateKeyInfoRef::from_der(plain.as_ref()).map_err(|error| refuse(error.to_string()))?;
    let sealed = info.encrypt(passphrase.0.as_bytes()).map_err(|error| refuse(error.to_string()))?;
    let pem =
        sealed.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(|error| refuse(error.to_string()))?;
    crate::files::write_private(path, &pem).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => PublishError::Exists(path.to_owned()),
        _ => at(path)(error),
    })?;
    Ok(pair.tuf_key())
}

/// A program that signs: a hardware token, an agent, another machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    /// The program and its arguments. It gets what is to be signed on standard input, and answers with 64 bytes.
    command: Vec<String>,
    /// The public key, hexadecimal.
    public: String,
}

/// A key file.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    passphrase: Passphrase,
}

impl KeyFile {
    /// The file of `role` in `folder`: `ROLE.pem`, or `ROLE.signer.toml` for a program.
    #[must_use]
    pub fn of(folder: &Path, role: &str, passphrase: &Passphrase) -> Self {
        let signer = folder.join(format!("{role}.signer.toml"));
        let path = if signer.exists() { signer } else { folder.join(format!("{role}.pem")) };
        Self { path, passphrase: passphrase.clone() }
    }

    /// Opens it.
    ///
    /// # Errors
    /// When it is not a key, or the passphrase is another one.
    pub fn open(&self) -> Result<Box<dyn Sign>, PublishError> {
        let refuse = |why: String| PublishError::Key { path: self.path.clone(), why };
        let text = Zeroizing::new(std::fs::read_to_string(&self.path).map_err(at(&self.path))?);
        if self.path.extension().is_some_and(|extension| extension == "toml") {
            let signer: Signer = toml::from_str(&text).map_err(|error| refuse(error.message().to_owned()))?;
            return Ok(Box::new(Program::new(signer).map_err(refuse)?));
        }
        let (_, sealed) = SecretDocument::from_pem(&text).map_err(|error| refuse(error.to_string()))?;
        let sealed = EncryptedPrivateKeyInfoRef::from_der(sealed.as_bytes())
            .map_err(|error| refuse(error.to_string()))?;
        let plain = sealed.decrypt(self.passphrase.0.as_bytes());
        let plain =
            plain.map_err(|_| refuse("the passphrase is another one, or the file is damaged".into()))?;
        let pair = Ed25519KeyPair::from_pkcs8(plain.as_bytes()).map_err(|error| refuse(error.to_string()))?;
        Ok(Box::new(pair))
    }
}

#[async_trait]
impl KeySource for KeyFile {
    async fn as_sign(&self) -> Result<Box<dyn Sign>, Boxed> {
        Ok(self.open()?)
    }

    async fn write(&self, _value: &str, _key_id: &str) -> Result<(), Boxed> {
        Err("keys are never replaced".into())
    }
}

/// A key that a program holds.
#[derive(Debug)]
struct Program {
    command: Vec<String>,
    public: Vec<u8>,
}

impl Program {
    fn new(signer: Signer) -> Result<Self, String> {
        let public = hex::decode(&signer.public).ok().filter(|key| key.len() == 32);
        let public = public.ok_or("public is not 64 hexadecimal digits")?;
        if signer.command.is_empty() {
            return Err("command names no program".into());
        }
        Ok(Self { command: signer.command, public })
    }

    fn run(&self, message: &[u8]) -> Result<Vec<u8>, PublishError> {
        let program = self.command.first().cloned().unwrap_or_default();
        let refuse = |why: String| PublishError::Signer { program: program.clone(), why };
        let mut command = Command::new(&program);
        command.args(self.command.get(1..).unwrap_or_default()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| refuse(error.to_string()))?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(message).map_err(|error| refuse(error.to_string()))?;
        }
        let output = child.wait_with_output().map_err(|error| refuse(error.to_string()))?;
        if !output.status.success() || output.stdout.len() != SIGNATURE {
            return Err(refuse(format!(
                "{}, {} bytes instead of a signature",
                output.status,
                output.stdout.len()
            )));
        }
        Ok(output.stdout)
    }
}

#[async_trait]
impl Sign for Program {
    fn tuf_key(&self) -> Key {
        let keyval = Ed25519Key { public: self.public.clone().into(), _extra: Default::default() };
        Key::Ed25519 { keyval, scheme: Ed25519Scheme::Ed25519, _extra: Default::default() }
    }

    async fn sign(&self, message: &[u8], _rng: &(dyn SecureRandom + Sync)) -> Result<Vec<u8>, Boxed> {
        Ok(self.run(message)?)
    }
}

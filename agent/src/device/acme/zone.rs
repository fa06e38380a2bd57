//! Writes the proof of a domain into its zone: changes by RFC 2136, signed by RFC 8945, over TCP.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, RData, Record, RecordSet, TSigner};
use tayberry_core::domain::{DomainName, host_and_port};
use tayberry_core::request::domain::{DnsServer, KeyAlgorithm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::device::clock;

/// How long the name server may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the proof may be remembered by others, in seconds.
const LIFE: u32 = 60;
/// How far the clocks may be apart, in seconds (RFC 8945, section 10).
const FUDGE: u16 = 300;

/// A zone that was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The server.
    #[error("the name server {server} does not answer: {error}")]
    Io {
        /// The server.
        server: String,
        /// The reason.
        error: io::Error,
    },
    /// A name or a key that the protocol cannot carry.
    #[error("the name server cannot be asked: {0}")]
    Words(String),
    /// The server's answer.
    #[error("the name server {server} refuses to change {zone}: {why}")]
    Refused {
        /// The server.
        server: String,
        /// The zone.
        zone: DomainName,
        /// What it says.
        why: String,
    },
}

/// The place of a domain's proof in its zone.
pub(super) struct Zone {
    server: DnsServer,
    signer: TSigner,
    origin: Name,
    /// Where the authority looks (RFC 8555, section 8.4).
    place: Name,
}

impl Zone {
    /// That of `name`.
    ///
    /// # Errors
    /// When the protocol cannot carry a name or the key.
    pub(super) fn open(server: &DnsServer, name: &DomainName) -> Result<Self, ZoneError> {
        let words = |error: &dyn std::fmt::Display| ZoneError::Words(error.to_string());
        let read = |text: &str| -> Result<Name, ZoneError> {
            let mut name = Name::from_ascii(text).map_err(|error| words(&error))?;
            name.set_fqdn(true);
            Ok(name)
        };
        let secret = STANDARD.decode(server.secret.as_deref().unwrap_or_default());
        let secret = secret.map_err(|error| words(&error))?;
        let algorithm = match server.algorithm {
            KeyAlgorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
            KeyAlgorithm::HmacSha384 => TsigAlgorithm::HmacSha384,
            KeyAlgorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
        };
        let signer = TSigner::new(secret, algorithm, read(&server.key)?, FUDGE);
        Ok(Self {
            signer: signer.map_err(|error| words(&error))?,
            origin: read(server.zone.as_str())?,
            place: read(&format!("_acme-challenge.{name}"))?,
            server: server.clone(),
        })
    }

    /// Writes the proof; what an earlier try left there goes.
    ///
    /// # Errors
    /// When the server refuses, or does not answer.
    pub(super) async fn write(&self, proof: &str) -> Result<(), ZoneError> {
        self.clear().await?;
        let mut records = RecordSet::from(self.record(proof));
        records.set_ttl(LIFE);
        self.change(update_message::append(records, self.origin.clone(), false, false)).await
    }

    /// Removes it.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn clear(&self) -> Result<(), ZoneError> {
        self.change(update_message::delete_rrset(self.record(""), self.origin.clone(), false)).await
    }

    fn record(&self, proof: &str) -> Record {
        Record::from_rdata(self.place.clone(), LIFE, RData::TXT(TXT::new(vec![proof.to_owned()])))
    }

    async fn change(&self, mut message: Message) -> Result<(), ZoneError> {
        let words = |error: &dyn std::fmt::Display| ZoneError::Words(error.to_string());
        let now = u64::try_from(clock::now()).unwrap_or_default();
        let verifier = message.finalize(&self.signer, now).map_err(|error| words(&error))?;
        let bytes = message.to_vec().map_err(|error| words(&error))?;
        let io = |error| ZoneError::Io { server: self.server.server.clone(), error };
        let late = |_| io(io::ErrorKind::TimedOut.into());
        let answer = tokio::time::timeout(PATIENCE, self.ask(&bytes)).await.map_err(late)?.map_err(io)?;
        let refused = |why: String| ZoneError::Refused {
            server: self.server.server.clone(),
            zone: self.server.zone.clone(),
            why,
        };
        let read = Message::from_vec(&answer).map_err(|error| refused(error.to_string()))?;
        match read.response_code {
            ResponseCode::NoError => {}
            code => {
                return Err(refused(format!("{code}. Is the key known there, and may it change this name?")));
            }
        }
        // Who does not know the key could say so to whatever is asked.
        let known = verifier.map_or(Ok(()), |mut verifier| verifier.verify(&answer).map(|_| ()));
        known.map_err(|error| refused(format!("its answer is not signed with the key: {error}")))
    }

    /// A message has its length before it (RFC 1035, section 4.2.2).
    async fn ask(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let (host, port) = host_and_port(&self.server.server);
        let mut stream = TcpStream::connect((host, port.unwrap_or_default())).await?;
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        let mut answer = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

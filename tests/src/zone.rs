//! A name server of the test's: its one zone is changed by who signs with its key (RFC 2136, RFC 8945).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{DNSClass, Name, RData, TSigResponseContext, TSigner};

use crate::JourneyError;

/// The zone.
#[derive(Clone)]
pub struct Zone {
    signer: TSigner,
    texts: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Zone {
    /// An empty one, which is changed with `secret` under the name `key`.
    ///
    /// # Errors
    /// When that is no key.
    pub fn new(key: &str, secret: &[u8]) -> Result<Self, JourneyError> {
        let failed = |error: &dyn std::fmt::Display| JourneyError::Failed(error.to_string());
        let name = Name::from_ascii(key).map_err(|error| failed(&error))?;
        let signer = TSigner::new(secret.to_vec(), TsigAlgorithm::HmacSha256, name, 300);
        Ok(Self {
            signer: signer.map_err(|error| failed(&error))?,
            texts: Arc::default(),
            seen: Arc::default(),
        })
    }

    /// The texts at a name now.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.get(name).cloned().unwrap_or_default()
    }

    /// Every text that was ever written.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers one message.
    pub(crate) fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut bytes)?;
        let answer = self.answer(&bytes).map_err(std::io::Error::other)?;
        let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat())
    }

    fn answer(&self, bytes: &[u8]) -> Result<Vec<u8>, hickory_proto::ProtoError> {
        let asked = Message::from_vec(bytes)?;
        let mut answer = Message::new(asked.id, MessageType::Response, OpCode::Update);
        // The device's clock stood still while it was saved: its time is taken as it is.
        let Ok((mac, time, _)) = self.signer.verify_message_byte(bytes, None, true) else {
            answer.metadata.response_code = ResponseCode::NotAuth;
            return answer.to_vec();
        };
        // Zone, prerequisites and updates are where queries, answers and authorities are else.
        for record in &asked.authorities {
            let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            let name = record.name.to_ascii().trim_end_matches('.').to_owned();
            match (record.dns_class, &record.data) {
                (DNSClass::ANY, _) => drop(texts.remove(&name)),
                (DNSClass::IN, RData::TXT(text)) => {
                    self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_string());
                    texts.entry(name).or_default().push(text.to_string());
                }
                _ => answer.metadata.response_code = ResponseCode::Refused,
            }
        }
        let context = TSigResponseContext::new(asked.id, time, self.signer.clone(), mac, None);
        let signature = context.sign(&answer.to_vec()?)?;
        answer.set_signature(signature);
        answer.to_vec()
    }
}

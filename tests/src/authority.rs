//! A certificate authority of the test's (ACME, RFC 8555): it believes no request that is not signed, and gives no certificate before it
//! has looked at the proof.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair, SanType,
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tayberry::emulate::board::OUTSIDE;

use crate::JourneyError;
use crate::secure::{Answer, Asked, Secure};
use crate::zone::Zone;

/// How long a proof may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An order: its name, how far it is, and what came of it.
struct Order {
    name: String,
    status: &'static str,
    why: String,
    chain: String,
}

#[derive(Default)]
struct Books {
    nonces: BTreeSet<String>,
    counted: u32,
    /// Keys of accounts.
    accounts: Vec<Value>,
    orders: Vec<Order>,
}

/// The authority.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    books: Mutex<Books>,
    issuer: Issuer<'static, KeyPair>,
    root: String,
    zone: Zone,
    /// Port of this machine behind which port 80 of the domain is.
    http: AtomicU16,
}

/// Where it listens, and what it is believed by.
pub struct Opened {
    /// The authority.
    pub authority: Authority,
    /// Its port on loopback.
    pub port: u16,
    /// The certificate of its web server, PEM.
    pub trust: String,
}

impl Authority {
    /// Opens one that looks for proofs in `zone`, and where it is told to. What is no HTTPS is the zone's.
    ///
    /// # Errors
    /// When no port is free, or no certificate can be made.
    pub fn open(zone: Zone) -> Result<Opened, JourneyError> {
        let failed = |error: rcgen::Error| JourneyError::Failed(error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).map_err(failed)?.pem();
        let issuer = Issuer::new(params, key);
        let inner =
            Inner { books: Mutex::default(), issuer, root, zone: zone.clone(), http: AtomicU16::new(0) };
        let authority = Self(Arc::new(inner));
        let answers = authority.clone();
        let Secure { port, certificate } =
            Secure::open(move |asked| answers.answer(&asked), move |stream| zone.serve(stream))?;
        Ok(Opened { authority, port, trust: certificate })
    }

    /// Address of its directory, as the device sees it.
    #[must_use]
    pub fn directory() -> String {
        address("directory")
    }

    /// Port 80 of the domain is behind this port of this machine.
    pub fn looks_at(&self, http: u16) {
        self.0.http.store(http, Ordering::SeqCst);
    }

    /// Whether a browser that believes this authority and no other gets an answer from `name` behind `port` of this machine.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn is_believed(&self, name: &str, port: u16) -> Result<bool, JourneyError> {
        let mut root = tempfile::NamedTempFile::new()?;
        root.write_all(self.0.root.as_bytes())?;
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--max-time", "60", "--output", "/dev/null", "--cacert"]).arg(root.path());
        curl.args(["--resolve", &format!("{name}:{port}:127.0.0.1"), &format!("https://{name}:{port}/")]);
        Ok(curl.status()?.success())
    }

    /// How many orders it took.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.books().orders.len()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let (status, place, body) = match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/directory") => {
                let of = |name| address(name);
                let body = json!({ "newNonce": of("nonce"), "newAccount": of("new-account"), "newOrder": of("new-order") });
                ("200 OK", None, body.to_string())
            }
            ("HEAD" | "GET", "/nonce") => ("200 OK", None, String::new()),
            ("POST", path) => match self.signed(path, &asked.body) {
                Ok((account, payload)) => self.act(path, account, &payload),
                Err(why) => refused("malformed", why),
            },
            _ => ("404 Not Found", None, String::new()),
        };
        let mut headers =
            vec![("Replay-Nonce", self.nonce()), ("Content-Type", "application/json".to_owned())];
        headers.extend(place.map(|place| ("Location", place)));
        Answer { status, headers, body: body.into_bytes() }
    }

    fn nonce(&self) -> String {
        let mut books = self.books();
        books.counted += 1;
        let nonce = format!("nonce{}", books.counted);
        books.nonces.insert(nonce.clone());
        nonce
    }

    /// Who asks, and what for: the signature, the address and the nonce must be right (RFC 8555, section 6).
    fn signed(&self, path: &str, body: &[u8]) -> Result<(usize, Value), &'static str> {
        let jws: Value = serde_json::from_slice(body).map_err(|_| "no JSON")?;
        let part = |name: &str| jws[name].as_str().unwrap_or_default();
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "no base64");
        let head: Value = serde_json::from_slice(&decoded(part("protected"))?).map_err(|_| "no head")?;
        if head["url"] != address(&path[1..]) || head["alg"] != "ES256" {
            return Err("signed for another address");
        }
        if !self.books().nonces.remove(head["nonce"].as_str().unwrap_or_default()) {
            return Err("a nonce that was never given");
        }
        let key = match (path, head["kid"].as_str()) {
            ("/new-account", None) => head["jwk"].clone(),
            (_, Some(kid)) => {
                let number = kid.rsplit('/').next().and_then(|number| number.parse::<usize>().ok());
                number
                    .and_then(|number| self.books().accounts.get(number).cloned())
                    .ok_or("no such account")?
            }
            _ => return Err("signed by nobody"),
        };
        let [x, y] = ["x", "y"].map(|name| decoded(key[name].as_str().unwrap_or_default()));
        let point = [&[4][..], &x?, &y?].concat();
        let text = format!("{}.{}", part("protected"), part("payload"));
        let right = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(text.as_bytes(), &decoded(part("signature"))?);
        right.map_err(|_| "the signature is wrong")?;
        let mut books = self.books();
        let account = books.accounts.iter().position(|one| *one == key).unwrap_or_else(|| {
            books.accounts.push(key);
            books.accounts.len() - 1
        });
        let payload = decoded(part("payload"))?;
        Ok((account, serde_json::from_slice(&payload).unwrap_or_default()))
    }

    fn act(&self, path: &str, account: usize, payload: &Value) -> (&'static str, Option<String>, String) {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let number = parts.get(1).and_then(|number| number.parse().ok()).unwrap_or_default();
        match parts[0] {
            "new-account" if payload["termsOfServiceAgreed"] != true => {
                refused("userActionRequired", "the terms are not agreed to")
            }
            "new-account" => {
                let place = address(&format!("account/{account}"));
                ("201 Created", Some(place), json!({ "status": "valid" }).to_string())
            }
            "new-order" => {
                let name = payload["identifiers"][0]["value"].as_str().unwrap_or_default().to_owned();
                let mut books = self.books();
                let number = books.orders.len();
                books.orders.push(Order {
                    name,
                    status: "pending",
                    why: String::new(),
                    chain: String::new(),
                });
                let place = address(&format!("order/{number}"));
                ("201 Created", Some(place), order(number, &books.orders[number]).to_string())
            }
            "order" => self.tell(number, |one| order(number, one)),
            "authorization" => self.tell(number, |one| authorization(number, one)),
            "challenge" => {
                let kind = parts.get(2).copied().unwrap_or_default();
                let proved = self.prove(account, number, kind);
                if let Some(one) = self.books().orders.get_mut(number) {
                    one.status = if proved.is_ok() { "ready" } else { "invalid" };
                    one.why = proved.err().unwrap_or_default();
                }
                self.tell(number, |one| challenge(number, one, kind))
            }
            "finalize" => match self.sign(number, payload) {
                Ok(()) => self.tell(number, |one| order(number, one)),
                Err(why) => refused("badCSR", &why),
            },
            "certificate" => {
                let chain = self.books().orders.get(number).map(|one| one.chain.clone());
                ("200 OK", None, chain.unwrap_or_default())
            }
            _ => ("404 Not Found", None, String::new()),
        }
    }

    fn tell(&self, number: usize, of: impl Fn(&Order) -> Value) -> (&'static str, Option<String>, String) {
        match self.books().orders.get(number) {
            Some(one) => ("200 OK", None, of(one).to_string()),
            None => ("404 Not Found", None, String::new()),
        }
    }

    /// Looks at the proof.
    fn prove(&self, account: usize, number: usize, kind: &str) -> Result<(), String> {
        let (key, name) = {
            let books = self.books();
            (books.accounts[account].clone(), books.orders[number].name.clone())
        };
        // RFC 7638, section 3.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key["x"], key["y"]);
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        let wanted = format!("{}.{thumbprint}", token(number));
        let found = if kind == "http-01" {
            let answer = self.fetch(&name, &token(number)).map_err(|error| error.to_string())?;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            vec![if head.starts_with("HTTP/1.1 200") { body.to_owned() } else { head.to_owned() }]
        } else {
            self.0.zone.texts(&format!("_acme-challenge.{name}"))
        };
        let wanted = if kind == "http-01" { wanted } else { URL_SAFE_NO_PAD.encode(Sha256::digest(wanted)) };
        if found == [wanted.clone()] {
            Ok(())
        } else {
            Err(format!("{name} says {found:?} instead of {wanted}"))
        }
    }

    fn fetch(&self, name: &str, token: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.http.load(Ordering::SeqCst)))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let path = format!("/.well-known/acme-challenge/{token}");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(64 << 10).read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn sign(&self, number: usize, payload: &Value) -> Result<(), String> {
        let request = URL_SAFE_NO_PAD.decode(payload["csr"].as_str().unwrap_or_default());
        let request = request.map_err(|error| error.to_string())?;
        let mut request =
            CertificateSigningRequestParams::from_der(&request.into()).map_err(|error| error.to_string())?;
        let mut books = self.books();
        let one = books.orders.get_mut(number).ok_or("no such order")?;
        let names: Vec<&str> = request.params.subject_alt_names.iter().filter_map(dns).collect();
        if names != [one.name.as_str()] || one.status != "ready" {
            return Err(format!("{names:?} of an order that is {}", one.status));
        }
        // The device's clock stood still while it was saved: it must not be too new.
        (request.params.not_before, request.params.not_after) =
            (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2036, 1, 1));
        let signed = request.signed_by(&self.0.issuer).map_err(|error| error.to_string())?;
        one.chain = signed.pem();
        one.status = "valid";
        Ok(())
    }
}

fn dns(name: &SanType) -> Option<&str> {
    match name {
        SanType::DnsName(name) => Some(name.as_str()),
        _ => None,
    }
}

fn address(path: &str) -> String {
    format!("https://{OUTSIDE}/{path}")
}

fn token(number: usize) -> String {
    format!("token-of-order-{number}")
}

fn refused(kind: &str, why: &str) -> (&'static str, Option<String>, String) {
    let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": why });
    ("400 Bad Request", None, problem.to_string())
}

fn order(number: usize, one: &Order) -> Value {
    let of = |name: &str| address(&format!("{name}/{number}"));
    let mut told = json!({
        "status": one.status, "authorizations": [of("authorization")], "finalize": of("finalize"),
        "identifiers": [{ "type": "dns", "value": one.name }],
    });
    if one.status == "valid" {
        told["certificate"] = of("certificate").into();
    }
    told
}

fn authorization(number: usize, one: &Order) -> Value {
    let status = if one.status == "ready" { "valid" } else { one.status };
    let challenges = ["http-01", "dns-01"].map(|kind| challenge(number, one, kind));
    json!({
        "status": status, "identifier": { "type": "dns", "value": one.name },
        "challenges": challenges,
    })
}

fn challenge(number: usize, one: &Order, kind: &str) -> Value {
    let status = if one.status == "ready" { "valid" } else { one.status };
    let mut told = json!({
        "type": kind, "status": status, "token": token(number), "url": address(&format!("challenge/{number}/{kind}")),
    });
    if one.status == "invalid" {
        told["error"] = json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": one.why });
    }
    told
}

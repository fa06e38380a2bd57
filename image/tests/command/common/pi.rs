//! A device of paper: HTTPS with an authority of its own, and as much of the API as the command line asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tayberry::device::fingerprint::Fingerprint;

/// What the device holds.
#[derive(Default)]
pub(crate) struct Memory {
    /// The answers of the setup; none before.
    pub(crate) owner: Option<Value>,
    /// Tokens that are good.
    pub(crate) tokens: Vec<String>,
    /// Sessions that are good.
    pub(crate) sessions: Vec<String>,
    /// Everything that was asked: method and route.
    pub(crate) asked: Vec<String>,
    /// Says another fingerprint than it has.
    pub(crate) lies: bool,
    name: String,
    made: usize,
}

/// A running device.
pub(crate) struct Pi {
    pub(crate) port: u16,
    pub(crate) fingerprint: String,
    pub(crate) memory: Arc<Mutex<Memory>>,
}

impl Pi {
    /// Starts one that answers as `names`.
    pub(crate) fn start(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let local = vec![GeneralSubtree::DnsName("local".into())];
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: local, excluded_subtrees: Vec::new() });
        let authority = params.self_signed(&key).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf_key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &Issuer::new(params, key)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(leaf.der().to_vec())],
                PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fingerprint = Fingerprint::of(authority.der()).to_string();
        let memory = Arc::new(Mutex::new(Memory { name: "tayberry".into(), ..Memory::default() }));
        let (pem, config) = (authority.pem(), Arc::new(config));
        let pi = Self { port, fingerprint: fingerprint.clone(), memory: memory.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that does not trust us hangs up.
                drop(serve(stream.unwrap(), &config, &memory, &pem, &fingerprint));
            }
        });
        pi
    }
}

/// How long a client may take to hang up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    memory: &Mutex<Memory>,
    pem: &str,
    fingerprint: &str,
) -> std::io::Result<()> {
    let tls = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(tls, stream));
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end() {
            "" => break,
            text => head.push(text.to_owned()),
        }
    }
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut memory = memory.lock().unwrap();
    let request = Request {
        line: head[0].trim_end_matches(" HTTP/1.1").replace("/api/v1", ""),
        cookie: header("cookie"),
        csrf: header("x-tayberry-csrf"),
        token: header("authorization"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    memory.asked.push(request.line.clone());
    let (status, cookie, answer) = memory.answer(&request, pem, fingerprint);
    let text = if answer.is_null() { String::new() } else { answer.to_string() };
    let cookie = cookie.map(|value| {
        format!("Set-Cookie: __Host-tayberry={value}; Path=/; Secure; HttpOnly; SameSite=Strict\r\n")
    });
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status} x\r\n{}Connection: close\r\nContent-Length: {}\r\n\r\n{text}",
        cookie.unwrap_or_default(),
        text.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    drop(memory);
    // A socket that is closed with something unread resets the connection, and the answer with it.
    stream.sock.shutdown(Shutdown::Write)?;
    stream.sock.set_read_timeout(Some(PATIENCE))?;
    std::io::copy(&mut stream.sock, &mut std::io::sink()).map(|_| ())
}

struct Request {
    line: String,
    cookie: Option<String>,
    csrf: Option<String>,
    token: Option<String>,
    body: Value,
}

type Answer = (u16, Option<String>, Value);

fn problem(status: u16, kind: &str, title: &str) -> Answer {
    (status, None, json!({ "type": "/problems/x", "kind": kind, "title": title, "status": status }))
}

impl Memory {
    fn begin(&mut self, role: &str) -> Answer {
        self.made += 1;
        let secret = format!("{role}{}", self.made);
        self.sessions = vec![secret.clone()];
        (200, Some(secret.clone()), json!({ "role": role, "csrf": format!("csrf-{secret}") }))
    }

    /// Whether a session asks, with the value that only our own page knows.
    fn session(&self, request: &Request, role: &str) -> bool {
        let Some(secret) = request.cookie.as_ref().and_then(|cookie| cookie.strip_prefix("__Host-tayberry="))
        else {
            return false;
        };
        let reads = request.line.starts_with("GET");
        secret.starts_with(role)
            && self.sessions.iter().any(|good| good == secret)
            && (reads || request.csrf.as_deref() == Some(&format!("csrf-{secret}")))
    }

    fn answer(&mut self, request: &Request, pem: &str, fingerprint: &str) -> Answer {
        match request.line.as_str() {
            "GET /authority" => {
                let said =
                    if self.lies { fingerprint.replace('A', "B") + "" } else { fingerprint.to_owned() };
                (200, None, json!({ "pem": pem, "fingerprint": said }))
            }
            "GET /overview" => {
                (200, None, json!({ "name": self.name, "authority_fingerprint": fingerprint }))
            }
            line if line.starts_with("POST /claim") || line.starts_with("POST /setup") => {
                self.setup(request, fingerprint)
            }
            line if line.contains("/session") || line.contains("/tokens") => self.owner(request),
            _ => self.with_token(request),
        }
    }

    fn setup(&mut self, request: &Request, fingerprint: &str) -> Answer {
        let body = &request.body;
        match request.line.as_str() {
            "POST /claim" if self.owner.is_some() => {
                problem(409, "already-owned", "This device has an owner already")
            }
            "POST /claim" if body["code"] == "12345678" && body["now"].is_u64() => self.begin("setup"),
            "POST /claim" => problem(403, "wrong-code", "This is not the claim code"),
            "POST /setup/recovery-codes" if self.session(request, "setup") => {
                let codes = ["0000-0000-0000-0000", "ABCD-EFGH-JKMN-PQRS"];
                (200, None, json!({ "codes": codes, "ask_code": 1, "ask_characters": [0, 5, 15] }))
            }
            "POST /setup/finish" if self.session(request, "setup") => {
                if body["recovery_characters"] != "AFS" {
                    return problem(422, "recovery-not-kept", "The recovery code reads otherwise");
                }
                if body["password"] == "password" {
                    return problem(422, "weak-password", "This password is too easy to guess");
                }
                self.owner = Some(body.clone());
                let name = body["name"].as_str().unwrap().to_owned();
                let address = format!("https://{name}.local");
                self.name = name;
                let (status, cookie, _) = self.begin("owner");
                (
                    status,
                    cookie,
                    json!({ "address": address, "qr_svg": "", "authority_fingerprint": fingerprint }),
                )
            }
            _ => problem(401, "sign-in-first", "Sign in first"),
        }
    }

    fn owner(&mut self, request: &Request) -> Answer {
        let body = &request.body;
        match request.line.as_str() {
            "GET /session" if self.session(request, "owner") => {
                (200, None, json!({ "role": "owner", "csrf": format!("csrf-{}", self.sessions[0]) }))
            }
            "DELETE /session" if self.session(request, "") => {
                self.sessions.clear();
                (204, Some(String::new()), Value::Null)
            }
            "POST /session" => match &self.owner {
                Some(owner) if owner["owner"] == body["name"] && owner["password"] == body["password"] => {
                    self.begin("owner")
                }
                _ => problem(401, "wrong-password", "Name or password is wrong"),
            },
            "POST /tokens" if self.session(request, "owner") => {
                self.made += 1;
                let id = self.made.to_string();
                self.tokens.push(id.clone());
                (201, None, json!({ "token": { "id": id }, "secret": format!("tayberry_{id}") }))
            }
            line if line.starts_with("DELETE /tokens/") && self.session(request, "owner") => {
                self.tokens.retain(|id| !line.ends_with(&format!("/{id}")));
                (204, None, Value::Null)
            }
            _ => problem(401, "sign-in-first", "Sign in first"),
        }
    }

    fn with_token(&mut self, request: &Request) -> Answer {
        let body = &request.body;
        let token = request.token.as_ref().and_then(|line| line.strip_prefix("Bearer tayberry_"));
        let signed_in = token.is_some_and(|id| self.tokens.iter().any(|good| good == id));
        match request.line.as_str() {
            "GET /status" if signed_in => {
                (200, None, json!({ "name": self.name, "health": "good", "notices": [] }))
            }
            "GET /settings" if signed_in => (200, None, json!({ "name": self.name, "channel": "stable" })),
            "PATCH /settings" if signed_in => {
                if let Some(name) = body["name"].as_str() {
                    name.clone_into(&mut self.name);
                }
                (200, None, json!({ "name": self.name, "channel": "stable" }))
            }
            _ => problem(401, "sign-in-first", "Sign in first"),
        }
    }
}

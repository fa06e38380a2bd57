//! The console of the system's stack from outside: people who sign in and write, as a browser would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tayberry::emulate::board::Spec;
use tayberry_firmware::Medium;

use crate::device::free_port;
use crate::load::{HELD, Load, PATIENCE, Target};
use crate::update::Owned;
use crate::web::{Answer, Client, OWNER, PASSWORD, until};
use crate::{Fixture, JourneyError};

/// How long five services may take to start on a busy machine without hardware virtualisation.
pub const SERVICES: Duration = Duration::from_secs(420);

/// The names of the services.
pub const ALL: [&str; 5] = ["api", "gateway", "mongo", "redis", "web"];

/// A person's browser at the port of browsers.
#[derive(Debug, Clone)]
pub struct Visitor {
    client: Client,
    jar: String,
    csrf: String,
}

impl Visitor {
    /// Somebody with cookies of their own.
    #[must_use]
    pub fn new(client: Client, jar: &str) -> Self {
        Self { client, jar: jar.to_owned(), csrf: String::new() }
    }

    /// Asks under any path; `body` none for GET.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, JourneyError> {
        let text = body.map(Value::to_string);
        let header = if path.starts_with("/system/") { "X-Tayberry-Csrf" } else { "X-Console-Csrf" };
        let csrf = format!("{header}: {}", self.csrf);
        let mut arguments = vec!["--cacert", "authority.pem", "--request", method, "--header", &csrf];
        arguments.extend(["--cookie", &self.jar, "--cookie-jar", &self.jar]);
        if let Some(text) = &text {
            arguments.extend(["--header", "Content-Type: application/json", "--data-binary", text]);
        }
        let answer = self.client.curl(&arguments, path)?;
        if let Some(csrf) = answer.body["csrf"].as_str() {
            csrf.clone_into(&mut self.csrf);
        }
        Ok(answer)
    }

    /// Asks, and insists on a status; returns the body.
    ///
    /// # Errors
    /// When it is another one.
    pub fn expect(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, JourneyError> {
        let answer = self.ask(method, path, body)?;
        if answer.status == status {
            return Ok(answer.body);
        }
        Err(JourneyError::Failed(format!(
            "{method} {path}: {} instead of {status}: {}",
            answer.status, answer.text
        )))
    }

    /// Signs in as the owner: at the device, and with its token at the console.
    ///
    /// # Errors
    /// When one of them refuses.
    pub fn sign_in_as_owner(&mut self) -> Result<(), JourneyError> {
        let credentials = json!({ "name": OWNER, "password": PASSWORD });
        self.expect(200, "POST", "/system/api/v1/session", Some(&credentials))?;
        let token = self.expect(200, "POST", "/system/api/v1/session/token", None)?;
        let proof = json!({ "token": token["token"] });
        let who = self.expect(200, "POST", "/api/session", Some(&proof))?;
        if (&who["name"], &who["role"]) == (&json!(OWNER), &json!("owner")) {
            return Ok(());
        }
        Err(JourneyError::Failed(who.to_string()))
    }

    /// What proves who this is: the cookie's secret, and the value for changes.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub fn proof(&self) -> Result<(String, String), JourneyError> {
        let jar = std::fs::read_to_string(self.client.file(&self.jar))?;
        let line = jar.lines().find(|line| line.contains("__Host-console"));
        let secret = line.and_then(|line| line.split_whitespace().next_back());
        let secret = secret.ok_or_else(|| JourneyError::Failed("nobody is signed in".to_owned()))?;
        Ok((secret.to_owned(), self.csrf.clone()))
    }

    /// How many dashboards this person has.
    ///
    /// # Errors
    /// When they are not told.
    pub fn count(&mut self) -> Result<u64, JourneyError> {
        let (mut count, mut after) = (0, String::new());
        loop {
            let page = self.expect(200, "GET", &format!("/api/dashboards?after={after}"), None)?;
            let page = page.as_array().cloned().unwrap_or_default();
            let Some(last) = page.last() else { return Ok(count) };
            count += u64::try_from(page.len()).unwrap_or_default();
            last["_id"].as_str().unwrap_or_default().clone_into(&mut after);
        }
    }
}

/// Somebody who writes without a pause, and counts what was acknowledged.
pub struct Writer {
    acknowledged: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), JourneyError>>,
}

impl Writer {
    /// Begins.
    #[must_use]
    pub fn begin(mut visitor: Visitor) -> Self {
        let (acknowledged, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let refused = Arc::new(AtomicU64::new(0));
        let (count, no, end) = (acknowledged.clone(), refused.clone(), ends.clone());
        let thread = std::thread::spawn(move || {
            let dashboard = json!({ "title": "written", "tiles": ["memory"] });
            while !end.load(Ordering::SeqCst) {
                let written = visitor.ask("POST", "/api/dashboards", Some(&dashboard))?.status == 201;
                if written { &count } else { &no }.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        });
        Self { acknowledged, refused, ends, thread }
    }

    /// So many were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// So many were not.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// Waits until some more were.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn until_more(&self, more: u64) -> Result<(), JourneyError> {
        let wanted = self.acknowledged() + more;
        until("more acknowledged writes", SERVICES, || Ok((self.acknowledged() >= wanted).then_some(())))
    }

    /// Ends, and says how many were acknowledged in all.
    ///
    /// # Errors
    /// When curl could not be run.
    pub fn end(self) -> Result<u64, JourneyError> {
        self.ends.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| JourneyError::Failed("the writer panicked".to_owned()))??;
        Ok(self.acknowledged.load(Ordering::SeqCst))
    }
}

/// A device that serves the system's stack.
pub struct Serving {
    /// The device, and its owner's script at the port that is always the device's.
    pub owned: Owned,
    /// The owner's browser, not signed in yet.
    pub owner: Visitor,
    /// Port of this machine behind which the port of browsers is.
    pub port: u16,
    /// The same of further ports.
    pub past: Vec<u16>,
}

impl Serving {
    /// Switches one on and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(fixture: &Fixture, medium: Medium) -> Result<Self, JourneyError> {
        Self::start_with(fixture, medium, &[80], |_| ())
    }

    /// The same, with further ports of the device to be reached, and a board that `prepare` changes.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(
        fixture: &Fixture,
        medium: Medium,
        more: &[u16],
        prepare: impl FnOnce(&mut Spec),
    ) -> Result<Self, JourneyError> {
        let port = free_port()?;
        let past = more.iter().map(|_| free_port()).collect::<Result<Vec<_>, _>>()?;
        let owned = Owned::serving(fixture, medium, |spec| {
            spec.forwards.push((port, 443));
            spec.forwards.extend(past.iter().copied().zip(more.iter().copied()));
            prepare(spec);
        })?;
        let owner = Visitor::new(owned.script.at(port), "owner");
        let mut serving = Self { owned, owner, port, past };
        serving.until_healthy()?;
        Ok(serving)
    }

    /// People come, so many requests a second, and so many listen. The owner must have signed in.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub fn visitors(&self, rate: u32, listeners: usize) -> Result<Load, JourneyError> {
        Load::begin(self.target(&["/", "/api/health"], PATIENCE)?, rate, listeners)
    }

    /// People who ask for what a database keeps, one a second: they may have to wait for it, and are not refused.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub fn readers(&self) -> Result<Load, JourneyError> {
        Load::begin(self.target(&["/api/preferences"], HELD)?, 1, 0)
    }

    fn target(&self, paths: &[&str], patience: Duration) -> Result<Target, JourneyError> {
        Ok(Target {
            port: self.port,
            name: "attic.local".to_owned(),
            authority: std::fs::read(self.owned.script.authority())?,
            session: self.owner.proof()?.0,
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            patience,
        })
    }

    /// Waits until all services are healthy, and the gateway serves. Returns the stack.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn until_healthy(&mut self) -> Result<Value, JourneyError> {
        let mut last = Value::Null;
        let healthy = until("a healthy stack", SERVICES, || {
            let now = self.owned.script.ask("GET", "/stack", None)?;
            last = now.body;
            let services = last["services"].as_array().cloned().unwrap_or_default();
            let healthy = services.iter().filter(|one| one["health"] == "healthy").count() == ALL.len();
            let settled = now.status == 200 && healthy && last["busy"] == false;
            Ok((settled && last["gateway_serves"] == true).then(|| last.clone()))
        });
        healthy.map_err(|error| {
            JourneyError::Failed(format!("{error}: {last}\n{}", self.owned.device.console_end()))
        })
    }
}

//! The device's web port from outside, with curl as a script would use it: the certificate is verified against the
//! device's own authority, under its name.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::JourneyError;
use crate::device::{BOOT, Device};

/// How often a page is asked for that is not there yet.
const POLL: Duration = Duration::from_millis(500);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// The body; null where it is not JSON.
    pub body: Value,
    /// Everything as it came, or curl's own words.
    pub text: String,
}

/// One browser or script: it keeps its cookies.
#[derive(Debug, Clone)]
pub struct Client {
    port: u16,
    name: String,
    folder: PathBuf,
    jar: String,
    csrf: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
}

impl Client {
    /// A client of the device whose port 8443 is `port` here. Learns the authority as a person would: from the device.
    ///
    /// # Errors
    /// When the page does not answer in time.
    pub fn new(device: &Device, port: u16, name: &str) -> Result<Self, JourneyError> {
        let folder = device.folder().join(format!("client-{name}-{port}"));
        std::fs::create_dir_all(&folder)?;
        let client = Self {
            port,
            name: name.to_owned(),
            folder,
            jar: "cookies".to_owned(),
            csrf: String::new(),
            token: None,
        };
        let deadline = Instant::now() + BOOT;
        loop {
            let answer =
                client.curl(&["--insecure", "--output", "authority.pem"], "/api/v1/authority.pem")?;
            if answer.status == 200 {
                return Ok(client);
            }
            if Instant::now() > deadline {
                let end = device.console_end();
                return Err(JourneyError::Failed(format!("no page: {}\n{end}", answer.text)));
            }
            wait();
        }
    }

    /// Another browser of the same person: no cookies.
    #[must_use]
    pub fn another(&self, jar: &str) -> Self {
        Self { jar: jar.to_owned(), csrf: String::new(), token: None, ..self.clone() }
    }

    /// The same browser after the device got another name; its authority stays.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// The same browser at another port of the device.
    #[must_use]
    pub fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// Asks like another site's page, which cannot know the value.
    pub fn forget_csrf(&mut self) {
        self.csrf.clear();
    }

    /// Asks the API; `body` none for GET.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, JourneyError> {
        let text = body.map(Value::to_string);
        let mut arguments = vec!["--request", method];
        if let Some(text) = &text {
            arguments.extend(["--header", "Content-Type: application/json", "--data-binary", text]);
        }
        let answer = self.prove(&arguments, path)?;
        if let Some(csrf) = answer.body["csrf"].as_str() {
            csrf.clone_into(&mut self.csrf);
        }
        Ok(answer)
    }

    /// Sends a file as the body, within `patience`.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn send(&self, file: &Path, path: &str, patience: Duration) -> Result<Answer, JourneyError> {
        let (file, seconds) = (file.display().to_string(), patience.as_secs().to_string());
        let arguments = ["--max-time", &seconds, "--request", "POST", "--upload-file", &file];
        self.prove(&[&arguments[..], &["--header", "Content-Type: application/octet-stream"]].concat(), path)
    }

    /// Keeps the answer's body as a file.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn fetch(&self, path: &str, file: &Path) -> Result<Answer, JourneyError> {
        self.prove(&["--output", &file.display().to_string()], path)
    }

    /// Follows events as they come, into a file, until it is killed.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn follow(&self, path: &str, file: &Path) -> Result<Child, JourneyError> {
        let mut command = self.proven(&["--no-buffer", "--max-time", "0"], path);
        Ok(command.stdout(std::fs::File::create(file)?).spawn()?)
    }

    /// Runs curl with everything that proves who asks.
    fn prove(&self, arguments: &[&str], path: &str) -> Result<Answer, JourneyError> {
        answer(&mut self.proven(arguments, path))
    }

    fn proven(&self, arguments: &[&str], path: &str) -> Command {
        let csrf = format!("X-Tayberry-Csrf: {}", self.csrf);
        let mut all = vec!["--cacert", "authority.pem", "--header", &csrf];
        all.extend(["--cookie", &self.jar, "--cookie-jar", &self.jar]);
        let bearer = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}"));
        if let Some(bearer) = &bearer {
            all.extend(["--header", bearer]);
        }
        all.extend(arguments);
        self.command(&all, &format!("/api/v1{path}"))
    }

    /// Runs curl; the certificate has to be that of the device's name.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn curl(&self, arguments: &[&str], path: &str) -> Result<Answer, JourneyError> {
        answer(&mut self.command(arguments, path))
    }

    fn command(&self, arguments: &[&str], path: &str) -> Command {
        let resolve = format!("{}:{}:127.0.0.1", self.name, self.port);
        let mut curl = Command::new("curl");
        curl.current_dir(&self.folder)
            .args(["--silent", "--show-error", "--max-time", "90", "--resolve", &resolve])
            .args(["--write-out", "\n%{http_code}"])
            .args(arguments)
            .arg(format!("https://{}:{}{path}", self.name, self.port));
        curl
    }

    /// Whether the certificate that is shown now holds for so many more days.
    ///
    /// # Errors
    /// When openssl cannot be run, or the certificate is not the authority's.
    pub fn certificate_lasts(&self, days: u64) -> Result<bool, JourneyError> {
        let shown = Command::new("openssl")
            .current_dir(&self.folder)
            .args(["s_client", "-verify_return_error", "-CAfile", "authority.pem", "-servername", &self.name])
            .args(["-connect", &format!("127.0.0.1:{}", self.port)])
            .stdin(std::process::Stdio::null())
            .output()?;
        let leaf = self.folder.join("leaf.pem");
        std::fs::write(&leaf, &shown.stdout)?;
        if !shown.status.success() {
            let words = String::from_utf8_lossy(&shown.stderr).into_owned();
            return Err(JourneyError::Failed(format!("the certificate is not trusted: {words}")));
        }
        let seconds = (days * 86_400).to_string();
        let mut openssl = Command::new("openssl");
        let end = openssl.args(["x509", "-noout", "-checkend", &seconds, "-in"]).arg(&leaf);
        Ok(end.output()?.status.success())
    }

    /// A file of the client's, such as its cookies.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The authority as it was downloaded.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Goes through the whole setup; the device is called `name` afterwards. Returns the recovery codes.
    ///
    /// # Errors
    /// When a step is refused.
    pub fn set_up(&mut self, code: &str, name: &str) -> Result<Vec<String>, JourneyError> {
        let codes = self.finish(code, name)?;
        // A device with another name than before may not answer under the old one any more.
        let asked = self.ask("GET", "/session", None)?;
        if asked.status == 200 || asked.text.contains("subject name") {
            return Ok(codes);
        }
        Err(JourneyError::Failed(asked.text))
    }

    /// The same up to the moment in which the device has an owner.
    ///
    /// # Errors
    /// When a step is refused.
    pub fn finish(&mut self, code: &str, name: &str) -> Result<Vec<String>, JourneyError> {
        self.expect(200, "POST", "/claim", Some(&json!({ "code": code })))?;
        let codes = self.expect(200, "POST", "/setup/recovery-codes", None)?;
        self.expect(200, "POST", "/setup/finish", Some(&answers(&codes, name)))?;
        let codes = codes["codes"].as_array().cloned().unwrap_or_default();
        Ok(codes.iter().filter_map(|code| code.as_str().map(str::to_owned)).collect())
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
}

fn answer(curl: &mut Command) -> Result<Answer, JourneyError> {
    let output = curl.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    let words = String::from_utf8_lossy(&output.stderr);
    Ok(Answer {
        status: status.parse().unwrap_or_default(),
        body: serde_json::from_str(body).unwrap_or_default(),
        text: format!("{body}{words}"),
    })
}

/// The owner of every device under test.
pub const OWNER: &str = "Margarete";
/// The owner's password.
pub const PASSWORD: &str = "quark-Teller-77-Mond";

/// Good answers to the setup, given the codes that were shown.
#[must_use]
pub fn answers(codes: &Value, name: &str) -> Value {
    let index =
        |value: &Value| value.as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or_default();
    let code = codes["codes"][index(&codes["ask_code"])].as_str().unwrap_or_default();
    let letters: Vec<char> = code.chars().filter(|c| *c != '-').collect();
    let asked = codes["ask_characters"].as_array().cloned().unwrap_or_default();
    let characters: String = asked.iter().filter_map(|place| letters.get(index(place))).collect();
    json!({
        "language": "de", "owner": OWNER, "password": PASSWORD, "recovery_characters": characters,
        "name": name, "timezone": "Europe/Berlin", "channel": "stable",
    })
}

/// The one place where a journey waits between two looks at a condition.
fn wait() {
    #[allow(clippy::disallowed_methods, reason = "between two looks at a condition with a deadline")]
    std::thread::sleep(POLL);
}

/// Looks until `look` finds something.
///
/// # Errors
/// When it does not within `patience`; `what` says what was looked for.
pub fn until<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>, JourneyError>,
) -> Result<T, JourneyError> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(JourneyError::Failed(format!("{what} did not happen")));
        }
        wait();
    }
}

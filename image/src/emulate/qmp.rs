//! QEMU's machine protocol (QEMU documentation, interop/qmp-spec): commands out, answers and events in.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::emulate::{EmulateError, at};

/// How long QEMU may take to answer; it does so between two slices of emulated time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub struct Qmp {
    stream: UnixStream,
    answers: Receiver<Value>,
}

impl Qmp {
    /// Connects as soon as QEMU listens. Events go to `events` by their name and data.
    ///
    /// # Errors
    /// When QEMU does not listen in time, or `alive` says that it ended.
    pub fn connect(
        path: &Path,
        alive: &mut dyn FnMut() -> bool,
        events: Sender<(String, Value)>,
    ) -> Result<Self, EmulateError> {
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < deadline && alive() => {}
                Err(error) => return Err(at(path)(error)),
            }
            #[allow(
                clippy::disallowed_methods,
                reason = "a socket that is not there yet cannot be waited on"
            )]
            std::thread::sleep(Duration::from_millis(10));
        };
        let (answer, answers) = channel();
        let reader = BufReader::new(stream.try_clone().map_err(at(path))?);
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
                let sent = match message.get("event").and_then(Value::as_str) {
                    Some(event) => {
                        let data = message.get("data").cloned().unwrap_or(Value::Null);
                        events.send((event.to_owned(), data)).is_ok()
                    }
                    None if message.get("QMP").is_some() => true,
                    None => answer.send(message).is_ok(),
                };
                if !sent {
                    break;
                }
            }
        });
        let mut qmp = Self { stream, answers };
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Runs a command; returns its answer.
    ///
    /// # Errors
    /// When QEMU refuses, ended, or does not answer in time.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, EmulateError> {
        let line = json!({ "execute": command, "arguments": arguments });
        let failed = |error: std::io::Error| EmulateError::Qmp(format!("{command}: {error}"));
        self.stream.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
        let answer = self
            .answers
            .recv_timeout(PATIENCE)
            .map_err(|_| EmulateError::Qmp(format!("{command}: no answer")))?;
        match answer.get("return") {
            Some(value) => Ok(value.clone()),
            None => Err(EmulateError::Qmp(format!("{command}: {}", answer["error"]["desc"]))),
        }
    }
}

//! Requests to the agent over the device's system bus, as JSON: the same that pages and scripts send by HTTPS.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::JourneyError;
use crate::bus::Bus;

/// How often a state is asked for.
const POLL: Duration = Duration::from_millis(500);

/// Who asks, and at which address of the device.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The proof, such as `session SECRET`; root's word without one.
    pub credential: String,
    /// Address of the device at which the request arrived.
    pub local: Option<IpAddr>,
}

impl Bus {
    /// Asks; the answer, or the kind of problem and its sentence.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn ask_as(
        &self,
        caller: &Caller,
        request: &Value,
    ) -> Result<Result<Value, (String, String)>, JourneyError> {
        let local = caller.local.map(|address| address.to_string()).unwrap_or_default();
        let answer = self.agent().await?.ask(("", &local), &caller.credential, &request.to_string()).await?;
        let failed = |error: serde_json::Error| JourneyError::Failed(format!("{answer}: {error}"));
        let outcome: Value = serde_json::from_str(&answer).map_err(failed)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(match (outcome.get("answer"), &outcome["problem"]) {
            (Some(answer), _) => Ok(answer.clone()),
            (None, problem) => Err((text(&problem["kind"]), text(&problem["detail"]))),
        })
    }

    /// Asks as root, and expects an answer.
    ///
    /// # Errors
    /// When there is a problem instead.
    pub async fn ask(&self, request: &Value) -> Result<Value, JourneyError> {
        let answer = self.ask_as(&Caller::default(), request).await?;
        answer.map_err(|problem| JourneyError::Failed(format!("{request}: {problem:?}")))
    }

    /// Asks until `found` has found something in the answer.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub async fn ask_until<T>(
        &self,
        request: &Value,
        patience: Duration,
        found: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, JourneyError> {
        let deadline = Instant::now() + patience;
        loop {
            let answer = self.ask(request).await?;
            if let Some(found) = found(&answer) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(JourneyError::Failed(format!("{request} still answers {answer}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

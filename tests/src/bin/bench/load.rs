//! How much a server answers, asked by several at once (wrk).

use std::process::Command;

use system_tests::JourneyError;

use crate::failed;

/// How long each server is asked.
const SPAN: &str = "20s";
/// Connections that ask at the same time.
const CONNECTIONS: &str = "8";

/// What a server answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Requests per second.
    pub(crate) per_second: f64,
    /// 99 of 100 are answered within so many milliseconds.
    pub(crate) p99_ms: f64,
}

/// Asks `address`; with a body, it is put there.
///
/// # Errors
/// When wrk cannot be run, or a request was not answered well.
pub(crate) fn load(address: &str, headers: &[String], body: Option<&str>) -> Result<Load, JourneyError> {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c", CONNECTIONS, "-d", SPAN, "--timeout", "30s", "--latency"]);
    headers.iter().for_each(|header| {
        command.args(["-H", header]);
    });
    let script = tempfile::Builder::new().suffix(".lua").tempfile()?;
    if let Some(body) = body {
        let text = format!(
            "wrk.method = \"PUT\"\nwrk.body = '{body}'\nwrk.headers[\"Content-Type\"] = \"application/json\"\n"
        );
        std::fs::write(script.path(), text)?;
        command.arg("-s").arg(script.path());
    }
    let output = command.arg(address).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(failed(format!("{address} was not always answered:\n{text}")));
    }
    let after = |word: &str| {
        text.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default()
    };
    let per_second = after("Requests/sec:").parse().map_err(|_| failed(format!("wrk said:\n{text}")))?;
    let slowest = after("99%");
    let digits: f64 = slowest.trim_end_matches(char::is_alphabetic).parse().map_err(failed)?;
    let unit = match slowest {
        text if text.ends_with("us") => 0.001,
        text if text.ends_with("ms") => 1.0,
        _ => 1000.0,
    };
    Ok(Load { per_second, p99_ms: digits * unit })
}

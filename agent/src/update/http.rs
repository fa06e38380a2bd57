//! Asks a repository's web server: whole small files, and ranges of large ones. Nothing of what comes is believed here.

use std::io::{self, Read};
use std::ops::Range;
use std::time::Duration;

use ureq::http::{StatusCode, header};
use ureq::{Agent, Body};

/// How long a connection may take, and each read from it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the answer's head may take.
const HEAD: Duration = Duration::from_secs(30);
/// How long an answer's body may take in all: a part of 4 MiB at 2 KiB a second.
const BODY: Duration = Duration::from_secs(2048);
/// Redirections at most.
const REDIRECTS: u32 = 5;

/// An answer that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing came, or it broke off. Worth another try.
    #[error("{url}: {error}")]
    Network {
        /// The address.
        url: String,
        /// The reason.
        error: Box<ureq::Error>,
    },
    /// It broke off in the middle. Worth another try.
    #[error("{url} broke off: {error}")]
    BrokeOff {
        /// The address.
        url: String,
        /// The reason.
        error: io::Error,
    },
    /// There is no such file.
    #[error("{0} does not exist")]
    Missing(String),
    /// The server refuses.
    #[error("{url}: the server answers {status}")]
    Status {
        /// The address.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// It is longer than it may be.
    #[error("{url} has more than {most} bytes")]
    TooLong {
        /// The address.
        url: String,
        /// The limit.
        most: u64,
    },
    /// It sends something else than what it was asked for.
    #[error("{0}: the server does not send the part of the file that it is asked for")]
    OtherRange(String),
}

impl HttpError {
    /// Whether another try may help.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Network { .. } | Self::BrokeOff { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Missing(_) | Self::TooLong { .. } | Self::OtherRange(_) => false,
        }
    }
}

/// Asks. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Agent);

impl Default for Client {
    fn default() -> Self {
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .user_agent(concat!("tayberry/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(HEAD))
            .timeout_per_read(Some(PATIENCE))
            .timeout_recv_body(Some(BODY))
            .build();
        Self(settings.into())
    }
}

impl Client {
    /// A whole file.
    ///
    /// # Errors
    /// When it cannot be had, or has more than `most` bytes.
    pub fn whole(&self, url: &str, most: u64) -> Result<Vec<u8>, HttpError> {
        let mut answer = self.ask(url, None)?;
        if answer.status() != StatusCode::OK {
            return Err(refused(url, answer.status()));
        }
        let mut bytes = Vec::new();
        let read = answer.body_mut().as_reader().take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| HttpError::BrokeOff { url: url.to_owned(), error })?;
        if bytes.len() as u64 > most {
            return Err(HttpError::TooLong { url: url.to_owned(), most });
        }
        Ok(bytes)
    }

    /// A part of a file.
    ///
    /// # Errors
    /// When it cannot be had, or the server sends another one.
    pub fn range(&self, url: &str, range: Range<u64>) -> Result<Vec<u8>, HttpError> {
        let mut answer = self.ask(url, Some(&range))?;
        if answer.status() == StatusCode::OK {
            return Err(HttpError::OtherRange(url.to_owned()));
        }
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(refused(url, answer.status()));
        }
        let place = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let wanted = format!("bytes {}-{}/", range.start, range.end - 1);
        if !place.is_some_and(|place| place.starts_with(&wanted)) {
            return Err(HttpError::OtherRange(url.to_owned()));
        }
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        let read = answer.body_mut().as_reader().read_exact(&mut bytes);
        read.map_err(|error| HttpError::BrokeOff { url: url.to_owned(), error })?;
        Ok(bytes)
    }

    fn ask(&self, url: &str, range: Option<&Range<u64>>) -> Result<ureq::http::Response<Body>, HttpError> {
        let mut request = self.0.get(url);
        if let Some(range) = range {
            request = request.header(header::RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        let network = |error| HttpError::Network { url: url.to_owned(), error: Box::new(error) };
        request.call().map_err(network)
    }
}

fn refused(url: &str, status: StatusCode) -> HttpError {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => HttpError::Missing(url.to_owned()),
        _ => HttpError::Status { url: url.to_owned(), status },
    }
}

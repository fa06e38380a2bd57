//! A mirror on loopback that answers as a test wants it: whole files, broken connections, no files.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How a file is sent.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    /// The connection breaks off after so many bytes: one entry a request, then files come whole.
    pub(crate) cuts: Vec<usize>,
    /// Requests for a part get the whole file.
    pub(crate) no_ranges: bool,
    /// What it is said to be.
    pub(crate) kind: Option<&'static str>,
}

impl Answer {
    pub(crate) fn whole(body: &[u8]) -> Self {
        Self { body: body.to_owned(), ..Self::default() }
    }
}

/// Path and first byte that was asked for.
type Request = (String, Option<usize>);

/// The mirror. It answers until the test process ends.
pub(crate) struct Mirror {
    pub(crate) url: String,
    /// Every request so far.
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Mirror {
    /// Serves `files` by their path below the mirror's address.
    pub(crate) fn start(files: BTreeMap<String, Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/debian", listener.local_addr().unwrap());
        let requests = Arc::default();
        let mirror = Self { url, requests: Arc::clone(&requests) };
        let files = Arc::new(Mutex::new(files));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, requests) = (Arc::clone(&files), Arc::clone(&requests));
                // A client that goes away is its own concern.
                std::thread::spawn(move || drop(answer(&stream, &files, &requests)));
            }
        });
        mirror
    }
}

fn answer(
    mut stream: &TcpStream,
    files: &Mutex<BTreeMap<String, Answer>>,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let mut from = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    requests.lock().unwrap().push((path.clone(), from));
    let (body, cut, no_ranges, kind) = match files.lock().unwrap().get_mut(&path) {
        None => {
            return stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        Some(file) => {
            let cut = (!file.cuts.is_empty()).then(|| file.cuts.remove(0));
            (file.body.clone(), cut, file.no_ranges, file.kind)
        }
    };
    let from = from.filter(|_| !no_ranges);
    let rest = &body[from.unwrap_or(0).min(body.len())..];
    let status = match from {
        Some(from) => {
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{}", body.len() - 1, body.len())
        }
        None => "200 OK".to_owned(),
    };
    let kind = kind.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
    write!(stream, "HTTP/1.1 {status}\r\n{kind}Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len())?;
    stream.write_all(&rest[..cut.unwrap_or(rest.len()).min(rest.len())])
}

//! Against a server that behaves badly in turns.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::update::upload::Upload;

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Manner {
    Good,
    HangsUp,
    Short,
    Busy,
    Whole,
    Other,
    Gone,
}

/// Serves `bytes`; request number n is treated in the n-th manner, all later ones well. Counts the requests.
fn server(bytes: Vec<u8>, manners: &'static [Manner]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/pack", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let mut range = None;
            for line in lines.by_ref().take_while(|line| !line.is_empty()) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                    let (from, to) = value.split_once('-').unwrap();
                    range = Some(from.parse::<usize>().unwrap()..to.parse::<usize>().unwrap() + 1);
                }
            }
            let Some(range) = range else { continue };
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let manner = manners.get(number).copied().unwrap_or(Manner::Good);
            answer(stream, &bytes, range, manner);
        }
    });
    (url, count)
}

fn answer(mut stream: std::net::TcpStream, bytes: &[u8], range: Range<usize>, manner: Manner) {
    let part = &bytes[range.clone()];
    let head = |status: &str, start: usize, length: usize| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Range: bytes {start}-{}/{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            start + length.max(1) - 1,
            bytes.len()
        )
    };
    let (head, body) = match manner {
        Manner::Good => (head("206 Partial Content", range.start, part.len()), part),
        Manner::HangsUp => return,
        Manner::Short => (head("206 Partial Content", range.start, part.len()), &part[..part.len() / 2]),
        Manner::Busy => (head("503 Service Unavailable", 0, 0), &part[..0]),
        Manner::Whole => (head("200 OK", 0, bytes.len()), bytes),
        Manner::Other => (head("206 Partial Content", range.start + 1, part.len()), part),
        Manner::Gone => (head("404 Not Found", 0, 0), &part[..0]),
    };
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap_or_default();
}

fn pack() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| n.to_le_bytes()[1] ^ n.to_le_bytes()[2]).collect()
}

fn ranges(url: &str, wanted: &[Range<u64>]) -> Ranges {
    let (_, _, shared) = Upload::new(0);
    Ranges::new(Client::default(), url.to_owned(), wanted.to_vec(), shared)
}

#[test]
fn parts_come_in_order_and_what_was_not_planned_is_fetched_by_itself() {
    let (url, count) = server(pack(), &[]);
    let wanted = [1000..200_000, 200_000..400_000, 700_000..900_000, 2_000_000..2_900_000];
    let mut parts = ranges(&url, &wanted);
    // The second lies across two parts, the third in none of them.
    for (at, length) in
        [(1000, 50_000), (190_000, 20_000), (500_000, 10), (700_000, 200_000), (2_500_000, 400_000)]
    {
        let mut out = vec![0; length];
        parts.read(at as u64, &mut out).unwrap();
        assert!(out == pack()[at..at + length], "{at}");
    }
    assert_eq!(count.load(Ordering::SeqCst), wanted.len() + 1);
}

#[test]
fn what_passes_is_tried_again() {
    let (url, count) = server(pack(), &[Manner::HangsUp, Manner::Short, Manner::Busy]);
    let mut parts = ranges(&url, std::slice::from_ref(&(0..1_000_000)));
    let mut out = vec![0; 1_000_000];
    parts.read(0, &mut out).unwrap();
    assert!(out == pack()[..1_000_000]);
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[test]
fn what_does_not_pass_is_said() {
    for (manners, part) in [
        (&[Manner::Whole][..], "does not send the part"),
        (&[Manner::Other], "does not send the part"),
        (&[Manner::Gone], "does not exist"),
    ] {
        let (url, _) = server(pack(), manners);
        let mut parts = ranges(&url, std::slice::from_ref(&(0..1000)));
        let said = parts.read(0, &mut [0; 1000]).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn the_owner_need_not_wait() {
    static NEVER: [Manner; 100] = [Manner::HangsUp; 100];
    let (url, count) = server(pack(), &NEVER);
    let mut parts = ranges(&url, std::slice::from_ref(&(0..1000)));
    let shared = parts.shared.clone();
    thread::spawn(move || {
        while count.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        shared.cancel();
    });
    assert!(parts.read(0, &mut [0; 1000]).is_err());
}

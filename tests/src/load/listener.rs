//! Somebody who listens to the console's events, and connects again at once when the connection ends.

use std::time::Instant;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::connection::{Why, connect, tls};
use super::{Book, PATIENCE, Target};

/// Listens until the end.
pub(super) async fn listen(target: Target, book: Book, mut ended: watch::Receiver<bool>) {
    let mut gone = Instant::now();
    let mut is_first = true;
    while !*ended.borrow() {
        let opened = tokio::time::timeout(PATIENCE, once(&target, &book, (is_first, gone), &mut ended)).await;
        let heard = match opened {
            Ok(Ok(heard)) => heard,
            Ok(Err(why)) => return book.failed(format!("a WebSocket: {why}")),
            Err(_) => return book.failed("a WebSocket was not opened in time".to_owned()),
        };
        let code = heard.await;
        let mut record = book.open();
        record.sum.listening -= 1;
        let Some(code) = code else { return };
        (gone, is_first) = (Instant::now(), false);
        *record.sum.closed.entry(code).or_default() += 1;
    }
}

/// Opens one. What follows is how it ends: with its close code, or none at the end of it all.
async fn once<'a>(
    target: &Target,
    book: &Book,
    (is_first, gone): (bool, Instant),
    ended: &'a mut watch::Receiver<bool>,
) -> Result<impl Future<Output = Option<u16>> + use<'a>, Why> {
    let stream = connect(target.port, &target.name, &tls(&target.authority, b"http/1.1")?).await?;
    let mut request = format!("wss://{}:{}/api/live", target.name, target.port).into_client_request()?;
    request.headers_mut().insert("Cookie", target.cookie().parse()?);
    let (mut socket, _) = client_async(request, stream).await?;
    let mut record = book.open();
    record.sum.listening += 1;
    if !is_first {
        record.sum.back = record.sum.back.max(gone.elapsed());
    }
    drop(record);
    Ok(async move {
        loop {
            tokio::select! {
                heard = socket.next() => match heard {
                    Some(Ok(Message::Close(frame))) => return Some(frame.map_or(0, |frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Some(0),
                },
                _ = ended.changed() => return None,
            }
        }
    })
}

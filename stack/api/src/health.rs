//! Asks the service beside this process whether it answers: the container has no other program that could.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks.
///
/// # Errors
/// With what is wrong, a sentence.
pub(crate) async fn ask(port: u16) -> Result<(), String> {
    let asked = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"GET /api/health HTTP/1.0\r\n\r\n").await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        Ok::<_, std::io::Error>(head)
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(head)) if head.ends_with(b" 200") => Ok(()),
        Ok(Ok(_)) => Err("It answers something else.".to_owned()),
        Ok(Err(error)) => Err(format!("It does not answer: {error}.")),
        Err(_) => Err(format!("It did not answer within {} s.", PATIENCE.as_secs())),
    }
}

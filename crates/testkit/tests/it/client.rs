//! A client that shows the bytes as they came: no HTTP library to smooth them over.

use std::io;

use testkit::fake::FakeProvider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Client {
    socket: TcpStream,
    pub received: Vec<u8>,
}

impl Client {
    pub async fn connect(fake: &FakeProvider) -> Self {
        let socket = TcpStream::connect(fake.addr()).await.unwrap();
        Self { socket, received: Vec::new() }
    }

    /// Asks the fake to close after its answer, so that `rest` has an end.
    pub async fn send(&mut self, method: &str, path: &str, key: &str, body: &str) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: fake\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        self.socket.write_all(request.as_bytes()).await.unwrap();
    }

    pub async fn chat(&mut self, body: &str) {
        self.send("POST", "/v1/chat/completions", "sk-good", body).await;
    }

    /// Reads until the bytes end so.
    pub async fn until(&mut self, end: &str) {
        while !self.received.ends_with(end.as_bytes()) {
            let read = self.socket.read_buf(&mut self.received).await.unwrap();
            assert_ne!(read, 0, "closed before {end:?}: {}", self.text());
        }
    }

    /// Reads to the end of the connection and returns everything received.
    pub async fn rest(&mut self) -> io::Result<String> {
        self.socket.read_to_end(&mut self.received).await?;
        Ok(self.text())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

pub async fn chat(fake: &FakeProvider, body: &str) -> String {
    let mut client = Client::connect(fake).await;
    client.chat(body).await;
    client.rest().await.unwrap()
}

pub async fn get(fake: &FakeProvider, path: &str, key: &str) -> String {
    let mut client = Client::connect(fake).await;
    client.send("GET", path, key, "").await;
    client.rest().await.unwrap()
}

/// What follows the headers.
pub fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

/// The chunks of a chunked body, and whether it was ended properly.
pub fn chunks(response: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let start = response.windows(4).position(|four| four == b"\r\n\r\n");
    let mut rest = &response[start.unwrap() + 4..];
    let mut chunks = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (chunks, true);
        }
        chunks.push(rest[line + 2..][..size].to_vec());
        rest = &rest[line + 2 + size + 2..];
    }
    (chunks, false)
}

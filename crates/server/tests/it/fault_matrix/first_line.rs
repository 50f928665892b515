//! The first line of an answer, which no client of HTTP shows: it is ours, whatever the provider's says.

use model::Dialect;
use testkit::fake::Reply;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::pair::Pair;
use super::site::Site;
use super::upstream::{KEY, Upstream, http};

#[tokio::test]
async fn the_first_line_is_our_own() {
    let pair = Pair { caller: Dialect::Chat, upstream: Upstream(Dialect::Chat) };
    let site = Site::open(pair, "").await;
    let kind = "content-type: application/json\r\ncontent-length: 2";
    for (status, line) in [
        (200, "HTTP/1.1 200 OK\r\n"),
        (201, "HTTP/1.1 201 Created\r\n"),
        (400, "HTTP/1.1 400 Bad Request\r\n"),
        (429, "HTTP/1.1 429 Too Many Requests\r\n"),
        (504, "HTTP/1.1 504 Gateway Timeout\r\n"),
    ] {
        site.fake.always(Reply::raw(http(&format!("{status} {KEY}\r\n{kind}"), "{}")));

        let answer = raw(&site).await;

        assert!(answer.starts_with(line), "{answer}");
        assert!(site.canaries.scan("the answer", answer.as_bytes()).is_empty(), "{answer}");
    }
}

async fn raw(site: &Site) -> String {
    let body = r#"{"model":"openai.m","messages":[]}"#;
    let head = format!("authorization: Bearer {}\r\ncontent-length: {}", site.key, body.len());
    let path = "/v1/chat/completions";
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n\r\n{body}");
    let mut socket = TcpStream::connect(site.app.address()).await.expect("a connection");
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("read");
    answer
}

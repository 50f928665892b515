//! The application behind the gateway: asks, reads to the last byte or hangs up before, and keeps a journal of both.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock::now_ms;
use crate::journal::Journal;

/// A line of the client's journal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Asked {
        id: u64,
        model: String,
        at_ms: i64,
    },
    /// The head of an answer.
    Begun {
        id: u64,
        request: String,
    },
    /// The last byte, on the disk before it is counted.
    Completed {
        id: u64,
        at_ms: i64,
    },
    Refused {
        id: u64,
        status: u16,
        code: String,
        at_ms: i64,
    },
    /// The gateway broke off.
    Broken {
        id: u64,
        at_ms: i64,
    },
    /// The client did.
    HungUp {
        id: u64,
        /// What it had read by then.
        bytes: usize,
        /// Of whole events.
        tokens: u64,
        at_ms: i64,
    },
}

/// A request; the provider uses all of `tokens`.
pub struct Ask {
    pub id: u64,
    pub model: String,
    pub streamed: bool,
    pub tokens: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Broken,
    Completed,
    HungUp,
    Refused { status: u16, code: String },
}

/// When to hang up.
#[derive(Clone, Copy)]
pub enum Leave {
    AfterBytes(usize),
    /// Before anything came.
    Within(Duration),
}

#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    key: String,
    journal: Journal,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "the harness is an application, not the gateway")]
    pub fn new(key: String, journal: Journal) -> Self {
        // Sent again behind our back, a request would be two calls under one number.
        let pool = Pool::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
        Self { pool, key, journal }
    }

    /// To the end of the answer.
    pub async fn ask(
        &self,
        gateway: &str,
        ask: &Ask,
        begun: impl FnOnce(),
    ) -> anyhow::Result<Heard> {
        let id = ask.id;
        self.journal.note(&ask.asked());
        let answer = match self.pool.request(self.request(gateway, ask)?).await {
            Ok(answer) => answer,
            Err(_) => return Ok(self.broken(id)),
        };
        let status = answer.status();
        self.head(id, answer.headers());
        if status == StatusCode::OK {
            begun();
        }
        let Ok(body) = whole(answer.into_body()).await else { return Ok(self.broken(id)) };
        let is_whole = !ask.streamed || body.ends_with(b"data: [DONE]\n\n");
        let at_ms = now_ms();
        match status {
            StatusCode::OK if is_whole => {
                self.journal.put(&Told::Completed { id, at_ms }).await?;
                Ok(Heard::Completed)
            }
            StatusCode::OK => Ok(self.broken(id)),
            _ => {
                let (code, status) = (code(&body), status.as_u16());
                self.journal.note(&Told::Refused { id, status, code: code.clone(), at_ms });
                Ok(Heard::Refused { status, code })
            }
        }
    }

    /// On a connection of its own, which it closes in the middle.
    pub async fn hang_up(&self, gateway: &str, ask: &Ask, leave: Leave) -> anyhow::Result<Heard> {
        let id = ask.id;
        let address = gateway.strip_prefix("http://").context("an http URL")?;
        self.journal.note(&ask.asked());
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(self.raw(address, ask).as_bytes()).await?;
        let mut heard = Vec::new();
        match leave {
            Leave::Within(time) => tokio::time::sleep(time).await,
            Leave::AfterBytes(count) => {
                let mut socket = (&mut socket).take(u64::try_from(count).unwrap_or(u64::MAX));
                socket.read_to_end(&mut heard).await?;
                let text = String::from_utf8_lossy(&heard);
                if let Some((_, rest)) = text.split_once(REQUEST_ID_LINE)
                    && let Some((request, _)) = rest.split_once('\r')
                {
                    self.journal.note(&Told::Begun { id, request: request.to_owned() });
                }
                if heard.len() < count {
                    let is_whole = text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n");
                    anyhow::ensure!(is_whole, "the gateway broke off request {id}: {text}");
                    self.journal.put(&Told::Completed { id, at_ms: now_ms() }).await?;
                    return Ok(Heard::Completed);
                }
            }
        }
        let at_ms = now_ms();
        drop(socket);
        let tokens = tokens(&String::from_utf8_lossy(&heard));
        self.journal.note(&Told::HungUp { id, bytes: heard.len(), tokens, at_ms });
        Ok(Heard::HungUp)
    }

    fn request(&self, gateway: &str, ask: &Ask) -> anyhow::Result<Request<Full<Bytes>>> {
        let request = Request::post(format!("{gateway}{PATH}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json");
        Ok(request.body(Full::from(ask.body().to_string()))?)
    }

    fn raw(&self, address: &str, ask: &Ask) -> String {
        let (body, key) = (ask.body().to_string(), &self.key);
        let length = body.len();
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
    }

    fn head(&self, id: u64, headers: &HeaderMap) {
        let request = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        if let Some(request) = request {
            self.journal.note(&Told::Begun { id, request: request.to_owned() });
        }
    }

    fn broken(&self, id: u64) -> Heard {
        self.journal.note(&Told::Broken { id, at_ms: now_ms() });
        Heard::Broken
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken => f.write_str("broken"),
            Self::Completed => f.write_str("completed"),
            Self::HungUp => f.write_str("hung up"),
            Self::Refused { status, code } => write!(f, "{status} {code}"),
        }
    }
}

impl Ask {
    fn asked(&self) -> Told {
        Told::Asked { id: self.id, model: self.model.clone(), at_ms: now_ms() }
    }

    fn body(&self) -> Value {
        json!({
            "model": format!("openai/{}", self.model), "user": self.id.to_string(),
            "max_tokens": self.tokens, "stream": self.streamed,
            "messages": [{ "role": "user", "content": "is it all written down?" }],
        })
    }
}

async fn whole(body: Incoming) -> Result<Bytes, hyper::Error> {
    Ok(body.collect().await?.to_bytes())
}

/// Those that arrived with their event's end.
fn tokens(heard: &str) -> u64 {
    let events = heard.split("\n\n").filter(|event| event.contains(TOKEN)).count();
    let is_cut = heard.rsplit("\n\n").next().is_some_and(|last| last.contains(TOKEN));
    u64::try_from(events.saturating_sub(usize::from(is_cut))).unwrap_or_default()
}

fn code(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body.pointer("/error/code").and_then(Value::as_str);
    code.unwrap_or("(none)").to_owned()
}

/// As the provider writes each.
const TOKEN: &str = "\"content\":\" yes\"";
const PATH: &str = "/v1/chat/completions";
const REQUEST_ID: &str = "x-keystile-request-id";
const REQUEST_ID_LINE: &str = "\r\nx-keystile-request-id: ";

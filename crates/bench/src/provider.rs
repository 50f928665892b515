//! A provider that keeps books: every call and every token it sent is in its journal. It uses the whole of `max_tokens`,
//! and bills the request's number as its input, so that a row of the ledger tells which call it is.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::clock::now_ms;
use crate::journal::Journal;

/// A line of the provider's journal. `id` is the number the client gave its request.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// On the disk before the first byte of the answer. `limit` is what `max_tokens` allows.
    Call { id: u64, model: String, limit: u64, at_ms: i64 },
    /// One more event of a stream, given to the socket.
    Sent { id: u64, tokens: u64, at_ms: i64 },
    /// The whole answer.
    Ended { id: u64, tokens: u64, at_ms: i64 },
    /// The gateway closed the connection before.
    Left { id: u64, tokens: u64, at_ms: i64 },
}

/// How it takes its time.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Between two events of a stream.
    pub event: Duration,
    /// Before a plain answer.
    pub think: Duration,
}

/// Listens on loopback until dropped; every task it started ends with it.
#[must_use = "dropping it closes its socket"]
pub struct Provider {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

struct Shop {
    journal: Journal,
    pace: Pace,
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

impl Provider {
    pub async fn start(journal: Journal, pace: Pace) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(Shop { journal, pace })));
        Ok(Self { address, _tasks: tasks })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Ends, with every connection, when its task is dropped.
async fn accept(listener: TcpListener, shop: Arc<Shop>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(serve(socket, Arc::clone(&shop)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(socket: TcpStream, shop: Arc<Shop>) {
    // A socket that is gone already needs no options.
    drop(socket.set_nodelay(true));
    let service = service_fn(move |request| {
        let shop = Arc::clone(&shop);
        async move { answer(request, &shop).await }
    });
    // An error is a client that left, which the journal has.
    drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
}

async fn answer(request: Request<Incoming>, shop: &Shop) -> anyhow::Result<Response<Body>> {
    if request.method() != Method::POST {
        return Ok(plain(StatusCode::OK, &json!({ "object": "list", "data": [] })));
    }
    let body = request.into_body().collect().await?.to_bytes();
    let Some(order) = Order::read(&body) else {
        let error = json!({ "error": { "message": "no number in `user`", "code": "bench" } });
        return Ok(plain(StatusCode::BAD_REQUEST, &error));
    };
    let mut serving = Serving::begin(order, shop.journal.clone()).await?;
    if serving.order.stream {
        return Ok(stream(serving, shop.pace.event));
    }
    tokio::time::sleep(shop.pace.think).await;
    let answer = serving.order.completion();
    serving.tokens = serving.order.tokens;
    serving.end();
    Ok(plain(StatusCode::OK, &answer))
}

/// What was asked for.
struct Order {
    id: u64,
    model: String,
    stream: bool,
    tokens: u64,
}

impl Order {
    fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let limit = body.get("max_tokens").or_else(|| body.get("max_completion_tokens"));
        Some(Self {
            id: body.get("user")?.as_str()?.parse().ok()?,
            model: body.get("model")?.as_str()?.to_owned(),
            stream: body.get("stream").is_some_and(|stream| *stream == true),
            tokens: limit.and_then(Value::as_u64).unwrap_or(1),
        })
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.id, "completion_tokens": self.tokens,
            "total_tokens": self.id.saturating_add(self.tokens),
        })
    }

    fn completion(&self) -> Value {
        let message = json!({ "role": "assistant", "content": "yes" });
        json!({
            "id": "chatcmpl-bench", "object": "chat.completion", "created": 1, "model": self.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
            "usage": self.usage(),
        })
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> String {
        let chunk = json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1,
            "model": self.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        });
        format!("data: {chunk}\n\n")
    }

    fn last_chunks(&self) -> String {
        let usage = json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1,
            "model": self.model, "choices": [], "usage": self.usage(),
        });
        format!("{}data: {usage}\n\ndata: [DONE]\n\n", self.chunk(&json!({}), Some("stop")))
    }
}

/// An answer under way; dropped before its end, the gateway has left.
struct Serving {
    order: Order,
    journal: Journal,
    tokens: u64,
    is_begun: bool,
    is_over: bool,
}

impl Serving {
    async fn begin(order: Order, journal: Journal) -> anyhow::Result<Self> {
        let (id, limit, model) = (order.id, order.tokens, order.model.clone());
        let call = Served::Call { id, model, limit, at_ms: now_ms() };
        // From here on its end is written too, however it ends.
        let serving = Self { order, journal, tokens: 0, is_begun: false, is_over: false };
        serving.journal.put(&call).await?;
        Ok(serving)
    }

    /// The next piece of a stream.
    async fn next(&mut self, pause: Duration) -> Option<String> {
        if self.is_over {
            return None;
        }
        if !self.is_begun {
            self.is_begun = true;
            return Some(self.order.chunk(&json!({ "role": "assistant", "content": "" }), None));
        }
        if self.tokens >= self.order.tokens {
            self.end();
            return Some(self.order.last_chunks());
        }
        tokio::time::sleep(pause).await;
        self.tokens = self.tokens.saturating_add(1);
        let (id, tokens) = (self.order.id, self.tokens);
        self.journal.note(&Served::Sent { id, tokens, at_ms: now_ms() });
        Some(self.order.chunk(&json!({ "content": " yes" }), None))
    }

    fn end(&mut self) {
        self.is_over = true;
        let (id, tokens) = (self.order.id, self.tokens);
        self.journal.note(&Served::Ended { id, tokens, at_ms: now_ms() });
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.is_over {
            let (id, tokens) = (self.order.id, self.tokens);
            self.journal.note(&Served::Left { id, tokens, at_ms: now_ms() });
        }
    }
}

fn stream(serving: Serving, pause: Duration) -> Response<Body> {
    let pieces = stream::unfold(serving, move |mut serving| async move {
        let piece = serving.next(pause).await?;
        Some((Ok(Frame::data(Bytes::from(piece))), serving))
    });
    let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode, json: &Value) -> Response<Body> {
    let mut response = Response::new(Full::from(json.to_string()).boxed_unsync());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

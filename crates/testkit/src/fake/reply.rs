//! What a test can have the fake answer. A value: nothing here touches a socket.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::echo::{self, EchoAs};
use super::gate::Gate;
use super::seen::SeenRequest;
use super::{answer, anthropic, gemini, openai};

/// One scripted answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) before_headers: Option<Step>,
    pub(super) answer: Answer,
    /// None keeps the answer's own.
    status: Option<StatusCode>,
    headers: HeaderMap,
}

/// One step of a body, or of raw bytes.
#[derive(Clone, Debug)]
pub enum Step {
    /// Written and flushed on its own; in a streamed body, a chunk of its own.
    Bytes(Bytes),
    /// Closes the connection without ending the body: the client sees an unexpected end.
    Cut,
    /// As `Cut`, but with RST: the client sees a reset.
    Reset,
    /// These bytes again and again, with this pause after each; ends as `Stall` does.
    Drip(Bytes, Duration),
    /// Goes on after a while.
    Pause(Duration),
    /// In place of headers, over HTTP/2: the provider says that it did nothing. Otherwise as `Cut`.
    Refuse,
    /// Never goes on; ends when the client hangs up or the fake is dropped.
    Stall,
    /// Goes on when the test opens the gate.
    Wait(Gate),
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Echo(EchoAs),
    Raw(Vec<Step>),
    Standard,
    Steps { steps: Vec<Step>, streamed: bool },
}

/// An answer ready to go out.
pub(super) struct Rendered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub steps: Vec<Step>,
    pub streamed: bool,
}

/// OpenAI's `x-ratelimit-*` headers; the resets are Go durations.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    pub limit_requests: u64,
    pub remaining_requests: u64,
    pub reset_requests: &'static str,
    pub limit_tokens: u64,
    pub remaining_tokens: u64,
    pub reset_tokens: &'static str,
}

impl Reply {
    /// What the fake answers when nothing is scripted; for adding headers, a status or a gate.
    pub fn standard() -> Self {
        Self::of(Answer::Standard)
    }

    /// 200 with this JSON.
    pub fn json(json: &Value) -> Self {
        Self::error(200, json)
    }

    pub fn error(status: u16, json: &Value) -> Self {
        Self::text(status, "application/json", json.to_string())
    }

    /// OpenAI's envelope, the shape most providers share.
    pub fn openai_error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Self {
        Self::error(status, &openai::envelope(kind, code, message))
    }

    /// Anthropic's envelope.
    pub fn anthropic_error(status: u16, kind: &str, message: &str) -> Self {
        Self::error(status, &anthropic::envelope(kind, message))
    }

    /// Google's envelope; the name of the status goes with its number.
    pub fn google_error(status: u16, message: &str) -> Self {
        Self::error(status, &gemini::envelope(valid(status), message))
    }

    /// OpenAI's 401, with the ends of the key in its message.
    pub fn invalid_key(key: &str) -> Self {
        Self::error(401, &openai::invalid_key(key))
    }

    /// A whole body of any type, such as a proxy's HTML page.
    pub fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::steps(status, content_type, vec![Step::Bytes(body.into())], false)
    }

    /// A status and no body.
    pub fn empty(status: u16) -> Self {
        let mut reply = Self::of(Answer::Steps { steps: Vec::new(), streamed: false });
        reply.status = Some(valid(status));
        reply
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::empty(status).with_header(LOCATION.as_str(), location)
    }

    /// 200, `text/event-stream`, chunked.
    pub fn stream(steps: Vec<Step>) -> Self {
        Self::steps(200, "text/event-stream; charset=utf-8", steps, true)
    }

    /// As `stream`, each element written as a chunk of its own.
    pub fn stream_of(chunks: Vec<Bytes>) -> Self {
        Self::stream(chunks.into_iter().map(Step::Bytes).collect())
    }

    /// A JSON answer in steps: chunked, so that it may stall or be cut.
    pub fn json_steps(steps: Vec<Step>) -> Self {
        Self::steps(200, "application/json", steps, true)
    }

    pub fn stall_before_headers() -> Self {
        Self::standard().before_headers(Step::Stall)
    }

    pub fn cut_before_headers() -> Self {
        Self::standard().before_headers(Step::Cut)
    }

    pub fn reset_before_headers() -> Self {
        Self::standard().before_headers(Step::Reset)
    }

    pub fn refused_stream() -> Self {
        Self::standard().before_headers(Step::Refuse)
    }

    /// 200 with a chat answer whose content, a few extra fields and several headers hold all that
    /// the request sent, the Authorization value too.
    pub fn echo() -> Self {
        Self::of(Answer::Echo(EchoAs::Json))
    }

    /// As `echo`, as a stream.
    pub fn echo_stream() -> Self {
        Self::of(Answer::Echo(EchoAs::Stream))
    }

    /// As `echo`, as an error of this status with all of it in the message.
    pub fn echo_error(status: u16) -> Self {
        Self::of(Answer::Echo(EchoAs::Error(valid(status))))
    }

    /// These bytes on the socket in place of HTTP, once the request was read; then it is closed.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::raw_steps(vec![Step::Bytes(bytes.into())])
    }

    pub fn raw_steps(steps: Vec<Step>) -> Self {
        Self::of(Answer::Raw(steps))
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(valid(status));
        self
    }

    /// Replaces a header of the same name.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        self.headers.insert(name, value);
        self
    }

    pub fn with_rate_limits(self, limits: RateLimits) -> Self {
        let count = |count: u64| count.to_string();
        self.with_header("x-ratelimit-limit-requests", &count(limits.limit_requests))
            .with_header("x-ratelimit-remaining-requests", &count(limits.remaining_requests))
            .with_header("x-ratelimit-reset-requests", limits.reset_requests)
            .with_header("x-ratelimit-limit-tokens", &count(limits.limit_tokens))
            .with_header("x-ratelimit-remaining-tokens", &count(limits.remaining_tokens))
            .with_header("x-ratelimit-reset-tokens", limits.reset_tokens)
    }

    /// Not even the headers go out before the gate opens.
    pub fn held_by(self, gate: &Gate) -> Self {
        self.before_headers(Step::Wait(gate.clone()))
    }

    pub(super) fn render(self, request: &SeenRequest) -> Rendered {
        let mut rendered = match self.answer {
            Answer::Echo(form) => echo::answer(request, form),
            Answer::Raw(steps) => Rendered::new(StatusCode::OK, steps, true),
            Answer::Standard => answer::answer(request),
            Answer::Steps { steps, streamed } => Rendered::new(StatusCode::OK, steps, streamed),
        };
        rendered.status = self.status.unwrap_or(rendered.status);
        rendered.headers.extend(self.headers);
        rendered
    }

    fn before_headers(mut self, step: Step) -> Self {
        self.before_headers = Some(step);
        self
    }

    fn steps(status: u16, content_type: &str, steps: Vec<Step>, streamed: bool) -> Self {
        Self::of(Answer::Steps { steps, streamed })
            .with_status(status)
            .with_header(CONTENT_TYPE.as_str(), content_type)
    }

    fn of(answer: Answer) -> Self {
        Self { before_headers: None, answer, status: None, headers: HeaderMap::new() }
    }
}

impl Step {
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Rendered {
    pub fn new(status: StatusCode, steps: Vec<Step>, streamed: bool) -> Self {
        Self { status, headers: HeaderMap::new(), steps, streamed }
    }

    pub fn json(status: StatusCode, json: impl Into<Bytes>) -> Self {
        Self::new(status, vec![Step::Bytes(json.into())], false).typed("application/json")
    }

    pub fn stream(bytes: Vec<Bytes>) -> Self {
        let steps = bytes.into_iter().map(Step::Bytes).collect();
        Self::new(StatusCode::OK, steps, true).typed("text/event-stream; charset=utf-8")
    }

    pub fn typed(mut self, content_type: &'static str) -> Self {
        let value = HeaderValue::from_static(content_type);
        self.headers.insert(CONTENT_TYPE, value);
        self
    }
}

impl RateLimits {
    /// A minute's window with this much of it left.
    pub const fn remaining(requests: u64, tokens: u64) -> Self {
        Self {
            limit_requests: 500,
            remaining_requests: requests,
            reset_requests: "120ms",
            limit_tokens: 200_000,
            remaining_tokens: tokens,
            reset_tokens: "6m0s",
        }
    }
}

fn valid(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("an HTTP status")
}

//! What a provider of each dialect says, whole and in events, and how it refuses. It repeats the key wherever it can.

use bytes::Bytes;
use model::Dialect;
use serde_json::{Value, json};
use testkit::fake::{
    Reply, chat_json_bytes, chat_stream_bytes, gemini_json_bytes, gemini_stream_bytes,
    messages_json_bytes, messages_stream_bytes, responses_json_bytes, responses_stream_bytes,
};

pub const KEY: &str = "sk-canary-7pT2vX9qLm4Wz8Rk5Hb3Nc6Yd1Gf0Js";
/// As many as the fake says unasked.
pub const WORDS: usize = 5;

/// A provider that speaks this dialect.
#[derive(Clone, Copy)]
pub struct Upstream(pub Dialect);

impl Upstream {
    pub const fn provider(self) -> &'static str {
        match self.0 {
            Dialect::Anthropic => "anthropic",
            Dialect::Chat | Dialect::Responses => "openai",
            Dialect::Gemini => "gemini",
        }
    }

    pub fn json(self) -> Bytes {
        match self.0 {
            Dialect::Anthropic => messages_json_bytes(WORDS),
            Dialect::Chat => chat_json_bytes(WORDS),
            Dialect::Gemini => gemini_json_bytes(WORDS),
            Dialect::Responses => responses_json_bytes(WORDS),
        }
    }

    pub fn stream(self) -> Bytes {
        match self.0 {
            Dialect::Anthropic => messages_stream_bytes(WORDS),
            Dialect::Chat => chat_stream_bytes(WORDS, true),
            Dialect::Gemini => gemini_stream_bytes(WORDS),
            Dialect::Responses => responses_stream_bytes(WORDS),
        }
    }

    /// Each with its blank line.
    pub fn events(self) -> Vec<Bytes> {
        let text = String::from_utf8(self.stream().into()).expect("UTF-8");
        text.split_inclusive("\n\n").map(|event| Bytes::from(event.to_owned())).collect()
    }

    /// What comes before the first piece of the answer.
    pub fn preamble(self) -> Bytes {
        if self.0 == Dialect::Gemini {
            let usage = json!({ "promptTokenCount": 19 });
            let event = json!({ "usageMetadata": usage, "responseId": "fake0001" });
            return format!("data: {event}\n\n").into();
        }
        self.until("Hello")
    }

    /// With the first pieces of the answer, and no more.
    pub fn begun(self) -> Bytes {
        self.until(" the")
    }

    /// An event with a piece of the answer.
    pub fn piece(self) -> Bytes {
        self.begun().slice(self.until(" from").len()..)
    }

    /// All but the event that says that the answer is complete, and what comes after it.
    pub fn unended(self) -> Bytes {
        self.until(self.end())
    }

    /// The stream up to the middle of the event that says that the answer is complete.
    pub fn half_ended(self) -> Bytes {
        let unended = self.unended().len();
        let stream = self.stream();
        let end = stream.windows(2).skip(unended).position(|pair| pair == b"\n\n");
        stream.slice(..unended + end.expect("the end of an event") / 2)
    }

    pub fn error(self, status: u16, words: &str) -> Reply {
        Reply::error(status, &self.envelope(status, words))
    }

    /// A key that is no good, in the words that the provider has for it.
    pub fn bad_key(self) -> Reply {
        match self.0 {
            Dialect::Anthropic => Reply::anthropic_error(401, "authentication_error", KEY),
            Dialect::Chat | Dialect::Responses => Reply::invalid_key(KEY),
            Dialect::Gemini => self.error_because(400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        }
    }

    /// An account that is out of money.
    pub fn no_credit(self) -> Reply {
        match self.0 {
            Dialect::Anthropic => Reply::anthropic_error(400, "billing_error", &words()),
            Dialect::Chat | Dialect::Responses => {
                let code = Some("insufficient_quota");
                Reply::openai_error(429, "insufficient_quota", code, &words())
            }
            Dialect::Gemini => self.error_because(400, "FAILED_PRECONDITION", "x"),
        }
    }

    /// The error that an answer is whose status says that there is none.
    pub fn embedded_error(self) -> Reply {
        Reply::json(&self.envelope(500, &words()))
    }

    /// The same as an event of a stream.
    pub fn error_event(self) -> Bytes {
        let (name, event) = match self.0 {
            Dialect::Anthropic | Dialect::Gemini => ("error", self.envelope(503, &words())),
            Dialect::Chat => return format!("data: {}\n\n", self.envelope(500, &words())).into(),
            Dialect::Responses => {
                let error = json!({ "code": "server_error", "message": words() });
                let response = json!({ "id": "r", "status": "failed", "error": error });
                let event = json!({ "type": "response.failed", "response": response });
                ("response.failed", event)
            }
        };
        match self.0 {
            Dialect::Gemini => format!("data: {event}\n\n").into(),
            _ => format!("event: {name}\ndata: {event}\n\n").into(),
        }
    }

    fn envelope(self, status: u16, words: &str) -> Value {
        match self.0 {
            Dialect::Anthropic => {
                let kind = match status {
                    400 | 409 | 422 => "invalid_request_error",
                    403 => "permission_error",
                    404 => "not_found_error",
                    413 => "request_too_large",
                    429 => "rate_limit_error",
                    503 | 529 => "overloaded_error",
                    _ => "api_error",
                };
                let error = json!({ "type": kind, "message": words });
                json!({ "type": "error", "error": error, "request_id": KEY })
            }
            Dialect::Chat | Dialect::Responses => {
                let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
                json!({ "error": {
                    "message": words, "type": kind, "param": KEY, "code": null, "x_echo": KEY,
                }})
            }
            Dialect::Gemini => {
                let name = match status {
                    401 => "UNAUTHENTICATED",
                    403 => "PERMISSION_DENIED",
                    404 => "NOT_FOUND",
                    429 => "RESOURCE_EXHAUSTED",
                    503 => "UNAVAILABLE",
                    _ if status < 500 => "INVALID_ARGUMENT",
                    _ => "INTERNAL",
                };
                json!({ "error": {
                    "code": status, "message": words, "status": name,
                    "details": [{ "@type": "x", "metadata": { "consumer": KEY } }],
                }})
            }
        }
    }

    fn error_because(self, status: u16, name: &str, reason: &str) -> Reply {
        let mut json = self.envelope(status, &words());
        json["error"]["status"] = name.into();
        json["error"]["details"] = json!([{ "@type": "x", "reason": reason, "domain": KEY }]);
        Reply::error(status, &json)
    }

    /// What in the stream says that the answer is complete.
    const fn end(self) -> &'static str {
        match self.0 {
            Dialect::Anthropic => "\"message_delta\"",
            Dialect::Chat => "\"finish_reason\":\"stop\"",
            Dialect::Gemini => "\"finishReason\"",
            Dialect::Responses => "\"response.completed\"",
        }
    }

    /// Whole events, up to the first one that holds this.
    fn until(self, needle: &str) -> Bytes {
        let holds =
            |event: &Bytes| event.windows(needle.len()).any(|window| window == needle.as_bytes());
        let events = self.events();
        let at = events.iter().position(holds).expect("such an event");
        events[..at].concat().into()
    }
}

/// What a provider may say to people, if it is careless.
pub fn words() -> String {
    format!("these are the provider's words, and {KEY} is among them")
}

/// An answer as it is on the wire.
pub fn http(head: &str, body: impl AsRef<[u8]>) -> Bytes {
    [b"HTTP/1.1 ", head.as_bytes(), b"\r\n\r\n", body.as_ref()].concat().into()
}

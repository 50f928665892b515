//! A caller of each dialect: how it asks, and what it makes of an answer, as its SDKs would. Knows no faults.

use model::Dialect;
use serde_json::{Value, json};
use testkit::http::{Call, Client, Whole};

pub fn ask(api: &Client, dialect: Dialect, model: &str, streamed: bool) -> Call {
    let messages = json!([{ "role": "user", "content": "hello" }]);
    let (path, mut body) = match dialect {
        Dialect::Anthropic => ("/v1/messages", json!({ "max_tokens": 64, "messages": messages })),
        Dialect::Chat => ("/v1/chat/completions", json!({ "messages": messages })),
        Dialect::Gemini => {
            let verb = if streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hello" }] }] });
            return api.post(&format!("/v1beta/models/{model}:{verb}"), &body);
        }
        Dialect::Responses => ("/v1/responses", json!({ "input": "hello" })),
    };
    body["model"] = model.into();
    body["stream"] = streamed.into();
    api.post(path, &body)
}

/// The code of a refusal; `None` where it has not the shape that the dialect's SDKs read.
pub fn refusal(dialect: Dialect, answer: &Whole) -> Option<String> {
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = &json["error"];
    let id = answer.header("x-keystile-request-id")?;
    let has_shape = match dialect {
        Dialect::Anthropic => {
            json["type"] == "error" && error["type"].is_string() && json["request_id"] == id
        }
        Dialect::Chat | Dialect::Responses => {
            error["type"].is_string() && error.get("param").is_some() && json["request_id"] == id
        }
        Dialect::Gemini => {
            let names_id = error["details"][0]["metadata"]["request_id"] == id;
            error["code"] == answer.status.as_u16() && error["status"].is_string() && names_id
        }
    };
    let is_json = answer.header("content-type") == Some("application/json");
    let says_something = error["message"].as_str()?.len() > 20;
    code(dialect, error).filter(|_| is_json && has_shape && says_something)
}

/// What is said in a plain answer.
pub fn words(dialect: Dialect, body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let text = match dialect {
        Dialect::Anthropic => "/content/0/text",
        Dialect::Chat => "/choices/0/message/content",
        Dialect::Gemini => "/candidates/0/content/parts/0/text",
        Dialect::Responses => "/output/0/content/0/text",
    };
    json.pointer(text)?.as_str().map(str::to_owned)
}

/// What a caller takes from a stream.
#[derive(Default)]
pub struct Heard {
    pub words: String,
    /// It was told that the answer is complete.
    pub is_ended: bool,
    /// The code of the error that the last event is.
    pub error: Option<String>,
}

pub fn heard(dialect: Dialect, body: &[u8]) -> Heard {
    let mut heard = Heard::default();
    for data in events(&String::from_utf8_lossy(body)) {
        if data == "[DONE]" {
            heard.is_ended |= dialect == Dialect::Chat;
        }
        let Ok(event) = serde_json::from_str::<Value>(&data) else { continue };
        heard.words.push_str(piece(dialect, &event));
        heard.is_ended |= is_end(dialect, &event);
        heard.error = error(dialect, &event);
    }
    heard
}

/// The data of each event, by the rules of the format.
fn events(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let data = |event: &str| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    };
    text.split("\n\n").map(data).collect()
}

fn piece(dialect: Dialect, event: &Value) -> &str {
    let text = match dialect {
        Dialect::Anthropic => event.pointer("/delta/text"),
        Dialect::Chat => event.pointer("/choices/0/delta/content"),
        Dialect::Gemini => event.pointer("/candidates/0/content/parts/0/text"),
        Dialect::Responses => {
            event.get("delta").filter(|_| event["type"] == "response.output_text.delta")
        }
    };
    text.and_then(Value::as_str).unwrap_or_default()
}

fn is_end(dialect: Dialect, event: &Value) -> bool {
    match dialect {
        Dialect::Anthropic => event["type"] == "message_stop",
        // Told by something that is no JSON.
        Dialect::Chat => false,
        Dialect::Gemini => event["candidates"][0]["finishReason"].is_string(),
        Dialect::Responses => event["type"] == "response.completed",
    }
}

fn error(dialect: Dialect, event: &Value) -> Option<String> {
    let (is_error, error) = match dialect {
        Dialect::Anthropic => (event["type"] == "error", &event["error"]),
        Dialect::Chat | Dialect::Gemini => (event["error"].is_object(), &event["error"]),
        // Translated, the answer was begun by us, and fails as a whole.
        Dialect::Responses if event["type"] == "response.failed" => {
            (true, &event["response"]["error"])
        }
        Dialect::Responses => (event["type"] == "error", event),
    };
    is_error.then(|| code(dialect, error).unwrap_or_else(|| "none of ours".to_owned()))
}

/// Ours, wherever the dialect has room for it.
fn code(dialect: Dialect, error: &Value) -> Option<String> {
    let code = match dialect {
        Dialect::Anthropic | Dialect::Chat | Dialect::Responses => &error["code"],
        Dialect::Gemini => &error["details"][0]["reason"],
    };
    code.as_str().map(str::to_lowercase)
}

//! Anthropic's messages, as it answers and as it refuses. As strict as Anthropic where a translator can go wrong.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::reply::Rendered;
use super::seen::SeenRequest;
use super::talk::{Asked, Choice, Said, Tool, Turn, text_of};
use super::words::{CACHED_TOKENS, PROMPT_TOKENS, SIGNATURE, THOUGHT};

pub const ANTHROPIC_MODELS: [&str; 2] = ["claude-sonnet-4-5", "claude-haiku-4-5"];

const ID: &str = "msg_fake0001";
const REQUEST_ID: &str = "req_fake0001";

/// The canonical stream, `n_content` tokens long.
pub fn messages_stream_bytes(n_content: usize) -> Bytes {
    events(&canonical(n_content)).concat().into()
}

/// The canonical answer without streaming.
pub fn messages_json_bytes(n_content: usize) -> Bytes {
    json(&canonical(n_content)).into()
}

fn canonical(n_content: usize) -> Turn<'static> {
    let said = Said::words(n_content);
    Turn { body: &Value::Null, model: ANTHROPIC_MODELS[0], said, thinks: false }
}

pub(super) fn add_headers(answer: &mut Rendered) {
    answer.headers.insert("request-id", HeaderValue::from_static(REQUEST_ID));
    let organization = HeaderValue::from_static("org-fake");
    answer.headers.insert("anthropic-organization-id", organization);
}

pub(super) fn refusal() -> Rendered {
    error(StatusCode::UNAUTHORIZED, "invalid x-api-key")
}

pub(super) fn error(status: StatusCode, message: &str) -> Rendered {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    };
    Rendered::json(status, envelope(kind, message).to_string())
}

/// Anthropic's error envelope.
pub(super) fn envelope(kind: &str, message: &str) -> Value {
    let error = json!({ "type": kind, "message": message });
    json!({ "type": "error", "error": error, "request_id": REQUEST_ID })
}

/// What is no conversation.
pub(super) fn other(request: &SeenRequest) -> Rendered {
    let path = request.path();
    if request.method == Method::POST && path.ends_with("/count_tokens") {
        let json = json!({ "input_tokens": PROMPT_TOKENS });
        return Rendered::json(StatusCode::OK, json.to_string());
    }
    if request.method == Method::GET && path.ends_with("/models") {
        return Rendered::json(StatusCode::OK, models().to_string());
    }
    error(StatusCode::NOT_FOUND, "Not found")
}

fn models() -> Value {
    let data: Vec<Value> = ANTHROPIC_MODELS
        .iter()
        .map(|id| {
            let created = "2025-10-01T00:00:00Z";
            json!({ "type": "model", "id": id, "display_name": id, "created_at": created })
        })
        .collect();
    let [first, last] = ANTHROPIC_MODELS;
    json!({ "data": data, "has_more": false, "first_id": first, "last_id": last })
}

pub(super) fn complaint(request: &SeenRequest, body: &Value) -> Option<String> {
    let complain = |text: &str| Some(text.to_owned());
    if request.header("anthropic-version").is_none() {
        return complain("anthropic-version: header is required");
    }
    let Some(max_tokens) = body["max_tokens"].as_u64() else {
        return complain("max_tokens: Field required");
    };
    let budget = body["thinking"]["budget_tokens"].as_u64();
    if budget.is_some_and(|budget| budget < 1_024 || budget >= max_tokens) {
        return complain("thinking.budget_tokens: must be at least 1024 and less than max_tokens");
    }
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if messages.first().is_none_or(|message| message["role"] != "user") {
        return complain("messages: first message must use the \"user\" role");
    }
    let blocks = messages.iter().flat_map(blocks);
    if blocks.filter(|block| block["type"] == "text").any(|block| block["text"] == "") {
        return complain("messages: text content blocks must be non-empty");
    }
    let pairs = messages.iter().zip(messages.iter().skip(1));
    pairs.map(|(message, next)| unanswered(message, next)).find_map(|complaint| complaint)
}

/// Every call must have its result in the very next message.
fn unanswered(message: &Value, next: &Value) -> Option<String> {
    let calls = blocks(message).iter().filter(|block| block["type"] == "tool_use");
    let mut ids = calls.map(|call| &call["id"]);
    let is_answered = |id: &Value| blocks(next).iter().any(|block| block["tool_use_id"] == *id);
    let open = ids.find(|id| !is_answered(id))?;
    Some(format!("messages: `tool_use` ids were found without `tool_result` blocks: {open}"))
}

fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn read(body: &Value) -> Asked {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let last = last.unwrap_or(&Value::Null);
    let tools = body["tools"].as_array().into_iter().flatten();
    let choice = &body["tool_choice"];
    let format = &body["output_config"]["format"];
    Asked {
        words: text_of(&last["content"]),
        has_result: blocks(last).iter().any(|block| block["type"] == "tool_result"),
        tools: tools
            .filter(|tool| !tool["input_schema"].is_null())
            .filter_map(|tool| Tool::of(&tool["name"], &tool["input_schema"]))
            .collect(),
        choice: match choice["type"].as_str() {
            Some("any") => Choice::Forced(None),
            Some("none") => Choice::None,
            Some("tool") => Choice::Forced(choice["name"].as_str().map(str::to_owned)),
            _ => Choice::Auto,
        },
        schema: (format["type"] == "json_schema").then(|| format["schema"].clone()),
        thinks: matches!(body["thinking"]["type"].as_str(), Some("adaptive" | "enabled")),
    }
}

pub(super) fn json(turn: &Turn) -> String {
    let mut message = message(turn);
    message["content"] = content(turn);
    message["stop_reason"] = stop_reason(turn).into();
    message["usage"] = usage(turn, turn.tokens());
    message.to_string()
}

pub(super) fn events(turn: &Turn) -> Vec<String> {
    let mut begun = message(turn);
    begun["usage"] = usage(turn, 1);
    let mut events = vec![event("message_start", json!({ "message": begun }))];

    for (index, block) in content(turn).as_array().into_iter().flatten().enumerate() {
        let start = json!({ "index": index, "content_block": empty(block) });
        events.push(event("content_block_start", start));
        if index == 0 {
            events.push(event("ping", json!({})));
        }
        let deltas = deltas(turn, index, block).into_iter();
        events.extend(
            deltas.map(|delta| {
                event("content_block_delta", json!({ "index": index, "delta": delta }))
            }),
        );
        events.push(event("content_block_stop", json!({ "index": index })));
    }

    let delta = json!({ "stop_reason": stop_reason(turn), "stop_sequence": null });
    let last = json!({ "delta": delta, "usage": usage(turn, turn.tokens()) });
    events.push(event("message_delta", last));
    events.push(event("message_stop", json!({})));
    events
}

fn event(kind: &str, mut event: Value) -> String {
    event["type"] = kind.into();
    format!("event: {kind}\ndata: {event}\n\n")
}

/// Without what was said.
fn message(turn: &Turn) -> Value {
    json!({
        "id": ID, "type": "message", "role": "assistant", "model": turn.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "x_unknown": { "kept": true },
    })
}

fn content(turn: &Turn) -> Value {
    let mut blocks = Vec::new();
    if turn.thinks {
        let thought = THOUGHT.concat();
        blocks.push(json!({ "type": "thinking", "thinking": thought, "signature": SIGNATURE }));
    }
    match &turn.said {
        Said::Calls(calls) => {
            blocks.extend(calls.iter().enumerate().map(|(nth, call)| {
                let id = format!("toolu_fake{nth:04}");
                json!({ "type": "tool_use", "id": id, "name": call.name, "input": call.arguments })
            }));
        }
        Said::Words(words) => blocks.push(json!({ "type": "text", "text": words.concat() })),
    }
    blocks.into()
}

/// A block as it begins.
fn empty(block: &Value) -> Value {
    let mut block = block.clone();
    for (member, nothing) in [
        ("text", json!("")),
        ("thinking", json!("")),
        ("signature", json!("")),
        ("input", json!({})),
    ] {
        if let Some(value) = block.get_mut(member) {
            *value = nothing;
        }
    }
    block
}

fn deltas(turn: &Turn, index: usize, block: &Value) -> Vec<Value> {
    if block["type"] == "thinking" {
        let thoughts = THOUGHT.map(|it| json!({ "type": "thinking_delta", "thinking": it }));
        let signature = json!({ "type": "signature_delta", "signature": SIGNATURE });
        return thoughts.into_iter().chain([signature]).collect();
    }
    match &turn.said {
        Said::Calls(calls) => {
            let pieces = calls[index - usize::from(turn.thinks)].pieces();
            let delta =
                |piece: String| json!({ "type": "input_json_delta", "partial_json": piece });
            // It begins with an empty one.
            [String::new()].into_iter().chain(pieces).map(delta).collect()
        }
        Said::Words(words) => {
            words.iter().map(|word| json!({ "type": "text_delta", "text": word })).collect()
        }
    }
}

const fn stop_reason(turn: &Turn) -> &'static str {
    match turn.said {
        Said::Calls(_) => "tool_use",
        Said::Words(_) => "end_turn",
    }
}

/// What came from the cache is not part of `input_tokens` here.
fn usage(turn: &Turn, output: u64) -> Value {
    let mut usage = json!({
        "input_tokens": PROMPT_TOKENS - CACHED_TOKENS, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED_TOKENS,
        "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": output, "service_tier": "standard",
    });
    if turn.thinks {
        usage["output_tokens_details"] = json!({ "thinking_tokens": turn.reasoning_tokens() });
    }
    usage
}

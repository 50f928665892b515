//! OpenAI's answers in their recorded shape and order, as text: key order and spacing are part of
//! what a gateway must not disturb. Every answer holds an `x_unknown` field that must survive.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::reply::Rendered;
use super::seen::SeenRequest;

pub const MODELS: [&str; 3] = ["gpt-5", "gpt-5-mini", "gpt-4.1-mini"];

/// What every answer says it read.
pub const PROMPT_TOKENS: u64 = 19;
/// How many of those came from the cache.
pub const CACHED_TOKENS: u64 = 4;

/// One token each; not all ASCII, so that a split can fall inside a character.
const WORDS: [&str; 5] = ["Hello", " from", " the", " fäke", " 🦀"];
const STANDARD_TOKENS: usize = WORDS.len();

const ID: &str = "chatcmpl-CfakeB9pQ4rT7vXzKeystile1";
const CREATED: i64 = 1_774_000_800;
const FINGERPRINT: &str = "fp_3a1c5e7f90";
const DEFAULT_MODEL: &str = "gpt-5-mini";

/// What the fake answers when nothing is scripted.
pub(super) fn answer(request: &SeenRequest) -> Rendered {
    let mut answer = match refusal(request) {
        Some(refusal) => refusal,
        None if request.method == Method::POST => chat(request),
        None => probe(request),
    };
    for (name, value) in [
        ("x-request-id", "req_fake00000000000000000000000001"),
        ("openai-organization", "org-fake"),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", "7"),
    ] {
        answer.headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The canonical stream: the role, `n_content` tokens, the end, the usage if asked for, `[DONE]`.
pub fn chat_stream_bytes(n_content: usize, include_usage: bool) -> Bytes {
    stream_events(DEFAULT_MODEL, n_content, include_usage).concat().into()
}

/// The canonical answer without streaming, `n_content` tokens long.
pub fn chat_json_bytes(n_content: usize) -> Bytes {
    chat_json(DEFAULT_MODEL, n_content).into()
}

/// The text that `n_content` tokens of the canonical answer make.
pub fn chat_content(n_content: usize) -> String {
    WORDS.into_iter().cycle().take(n_content).collect()
}

/// OpenAI's error envelope.
pub(super) fn envelope(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

pub(super) fn invalid_key(key: &str) -> Value {
    let message = format!(
        "Incorrect API key provided: {}. You can find your API key at \
         https://platform.openai.com/account/api-keys.",
        shortened(key)
    );
    envelope("invalid_request_error", Some("invalid_api_key"), &message)
}

/// As OpenAI does: eight characters, stars, the last four.
fn shortened(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    if characters.len() <= 12 {
        return key.to_owned();
    }
    let (start, rest) = characters.split_at(8);
    let (hidden, end) = rest.split_at(rest.len() - 4);
    let shown = |part: &[char]| part.iter().collect::<String>();
    format!("{}{}{}", shown(start), "*".repeat(hidden.len()), shown(end))
}

fn refusal(request: &SeenRequest) -> Option<Rendered> {
    let refused = |status, json: Value| Some(Rendered::json(status, json.to_string()));
    match request.bearer() {
        None | Some("") => refused(
            StatusCode::UNAUTHORIZED,
            envelope("invalid_request_error", None, "You didn't provide an API key."),
        ),
        Some(key) if key.starts_with("bad") => refused(StatusCode::UNAUTHORIZED, invalid_key(key)),
        Some(_) => None,
    }
}

fn probe(request: &SeenRequest) -> Rendered {
    let path = request.path();
    let json = match path.strip_prefix("/v1").unwrap_or(path) {
        "/api-key" => json!({
            "redacted_api_key": "xai-...fake", "name": "fake", "api_key_blocked": false,
            "api_key_disabled": false, "team_blocked": false,
            "acls": ["api-key:model:*", "api-key:endpoint:*"],
        }),
        "/key" => json!({ "data": {
            "label": "sk-or-v1-fak...ake", "limit": null, "limit_remaining": null,
            "usage": 0, "is_free_tier": false,
        }}),
        "/models" => models(),
        "/user/balance" => json!({ "is_available": true, "balance_infos": [{
            "currency": "USD", "total_balance": "110.00",
            "granted_balance": "10.00", "topped_up_balance": "100.00",
        }]}),
        "/users/me/balance" => json!({ "code": 0, "status": true, "scode": "0x0", "data": {
            "available_balance": 49.58, "voucher_balance": 46.58, "cash_balance": 3.0,
        }}),
        _ => return no_such_path(request),
    };
    Rendered::json(StatusCode::OK, json.to_string())
}

fn models() -> Value {
    let data: Vec<Value> = MODELS
        .iter()
        .map(|id| json!({ "id": id, "object": "model", "created": CREATED, "owned_by": "openai" }))
        .collect();
    json!({ "object": "list", "data": data })
}

fn chat(request: &SeenRequest) -> Rendered {
    if !request.path().ends_with("/chat/completions") {
        return no_such_path(request);
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return bad_request("We could not parse the JSON body of your request.");
    };
    let Some(model) = body["model"].as_str() else {
        return bad_request("you must provide a model parameter");
    };
    let streams = body["stream"].as_bool().unwrap_or(false);
    if !streams && !body["stream_options"].is_null() {
        return bad_request("The 'stream_options' parameter is only allowed when 'stream' is on.");
    }
    if !streams {
        return Rendered::json(StatusCode::OK, chat_json(model, STANDARD_TOKENS));
    }
    let include_usage = body["stream_options"]["include_usage"] == true;
    let events = stream_events(model, STANDARD_TOKENS, include_usage);
    Rendered::stream(events.into_iter().map(Bytes::from).collect())
}

fn no_such_path(request: &SeenRequest) -> Rendered {
    let message = format!("Invalid URL ({} {})", request.method, request.path());
    let json = envelope("invalid_request_error", None, &message);
    Rendered::json(StatusCode::NOT_FOUND, json.to_string())
}

fn bad_request(message: &str) -> Rendered {
    let json = envelope("invalid_request_error", None, message);
    Rendered::json(StatusCode::BAD_REQUEST, json.to_string())
}

fn chat_json(model: &str, n_content: usize) -> String {
    chat_json_saying(model, &chat_content(n_content), n_content)
}

pub(super) fn chat_json_saying(model: &str, content: &str, n_content: usize) -> String {
    let (model, content, usage) = (quoted(model), quoted(content), usage(n_content));
    format!(
        r#"{{
  "id": "{ID}",
  "object": "chat.completion",
  "created": {CREATED},
  "model": {model},
  "choices": [
    {{
      "index": 0,
      "message": {{
        "role": "assistant",
        "content": {content},
        "refusal": null,
        "annotations": []
      }},
      "logprobs": null,
      "finish_reason": "stop"
    }}
  ],
  "usage": {usage},
  "service_tier": "default",
  "system_fingerprint": "{FINGERPRINT}",
  "x_unknown": {{"kept": true}}
}}
"#
    )
}

/// Each event with its blank line, in order.
fn stream_events(model: &str, n_content: usize, include_usage: bool) -> Vec<String> {
    let words: Vec<&str> = WORDS.into_iter().cycle().take(n_content).collect();
    stream_events_saying(model, &words, include_usage)
}

pub(super) fn stream_events_saying(
    model: &str,
    words: &[&str],
    include_usage: bool,
) -> Vec<String> {
    let no_usage = if include_usage { r#","usage":null"# } else { "" };
    let one = |delta: &str, finish: &str| {
        let choices =
            format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}"#);
        event(model, &choices, no_usage)
    };

    let mut events = Vec::with_capacity(words.len() + 4);
    events.push(one(r#"{"role":"assistant","content":"","refusal":null}"#, "null"));
    for word in words {
        events.push(one(&format!(r#"{{"content":{}}}"#, quoted(word)), "null"));
    }
    events.push(one("{}", r#""stop""#));
    if include_usage {
        let usage = format!(r#","usage":{}"#, usage(words.len()));
        events.push(event(model, "", &usage));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn event(model: &str, choices: &str, usage: &str) -> String {
    let model = quoted(model);
    format!(
        r#"data: {{"id":"{ID}","object":"chat.completion.chunk","created":{CREATED},"model":{model},"service_tier":"default","system_fingerprint":"{FINGERPRINT}","choices":[{choices}]{usage},"obfuscation":"kQ3x","x_unknown":{{"kept":true}}}}"#
    ) + "\n\n"
}

fn usage(completion: usize) -> String {
    let total = PROMPT_TOKENS + completion as u64;
    format!(
        r#"{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{completion},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{CACHED_TOKENS},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

//! Gemini's own routes, as it answers and as it refuses. As strict as Gemini about the proofs of its thoughts.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::embeddings::vector;
use super::reply::Rendered;
use super::seen::SeenRequest;
use super::talk::{Asked, Choice, Said, Tool, Turn, any_object, text_of};
use super::words::{CACHED_TOKENS, PROMPT_TOKENS, SIGNATURE, THOUGHT};

pub const GEMINI_MODELS: [&str; 2] = ["gemini-3-flash-preview", "gemini-2.5-flash"];

const DIMENSIONS: u64 = 8;

/// The canonical stream, `n_content` tokens long.
pub fn gemini_stream_bytes(n_content: usize) -> Bytes {
    events(&canonical(n_content)).concat().into()
}

/// The canonical answer without streaming.
pub fn gemini_json_bytes(n_content: usize) -> Bytes {
    json(&canonical(n_content)).into()
}

fn canonical(n_content: usize) -> Turn<'static> {
    let said = Said::words(n_content);
    Turn { body: &Value::Null, model: GEMINI_MODELS[0], said, thinks: false }
}

/// `generateContent` of `/v1beta/models/gemini-3:generateContent`.
pub(super) fn verb(path: &str) -> Option<&str> {
    let (before, verb) = path.rsplit_once(':')?;
    before.contains("/models/").then_some(verb)
}

/// Empty where the path names none.
pub(super) fn model(path: &str) -> &str {
    let named = path.rsplit_once("/models/").map(|(_, rest)| rest).unwrap_or_default();
    named.split(':').next().unwrap_or_default()
}

pub(super) fn refusal(key: &str) -> Rendered {
    if key.is_empty() {
        let message = "Method doesn't allow unregistered callers. Please use API Key.";
        return error(StatusCode::FORBIDDEN, message);
    }
    let message = "API key not valid. Please pass a valid API key.";
    let mut json = envelope(StatusCode::BAD_REQUEST, message);
    json["error"]["details"] = json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": { "service": "generativelanguage.googleapis.com" },
    }]);
    Rendered::json(StatusCode::BAD_REQUEST, json.to_string())
}

pub(super) fn error(status: StatusCode, message: &str) -> Rendered {
    Rendered::json(status, envelope(status, message).to_string())
}

/// Google's error envelope.
pub(super) fn envelope(status: StatusCode, message: &str) -> Value {
    let name = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        400..500 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    };
    json!({ "error": { "code": status.as_u16(), "message": message, "status": name } })
}

/// What is no conversation.
pub(super) fn other(request: &SeenRequest) -> Rendered {
    let path = request.path();
    let is_get = request.method == Method::GET;
    let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    let json = match verb(path) {
        None if is_get && path.ends_with("/models") => models(),
        Some("countTokens") => json!({ "totalTokens": PROMPT_TOKENS }),
        Some("embedContent") => json!({ "embedding": embedding(&body) }),
        Some("batchEmbedContents") => {
            let requests = body["requests"].as_array().into_iter().flatten();
            json!({ "embeddings": requests.map(embedding).collect::<Vec<_>>() })
        }
        _ => return error(StatusCode::NOT_FOUND, "Requested entity was not found."),
    };
    Rendered::json(StatusCode::OK, json.to_string())
}

fn models() -> Value {
    let models = GEMINI_MODELS.map(|id| {
        json!({
            "name": format!("models/{id}"), "displayName": id, "version": "001",
            "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        })
    });
    json!({ "models": models })
}

fn embedding(body: &Value) -> Value {
    let asked = member(body, "outputDimensionality");
    json!({ "values": vector(asked.as_u64().unwrap_or(DIMENSIONS)) })
}

pub(super) fn complaint(request: &SeenRequest, model: &str, body: &Value) -> Option<String> {
    let streams = request.path().ends_with(":streamGenerateContent");
    if streams && !request.path_and_query.contains("alt=sse") {
        return Some("this fake streams with alt=sse only".to_owned());
    }
    let contents = contents(body);
    if contents.is_empty() {
        return Some("contents: is not specified".to_owned());
    }
    let model_turns = contents.iter().filter(|content| content["role"] == "model");
    let mut first_calls = model_turns.filter_map(|content| {
        let parts = content["parts"].as_array()?;
        parts.iter().find(|part| !member(part, "functionCall").is_null())
    });
    let unsigned = first_calls.any(|part| member(part, "thoughtSignature").is_null());
    let message = "Function call is missing a thought_signature in functionCall parts.";
    (model.starts_with("gemini-3") && unsigned).then(|| message.to_owned())
}

fn contents(body: &Value) -> &[Value] {
    body["contents"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn read(body: &Value) -> Asked {
    let last = contents(body).last().unwrap_or(&Value::Null);
    let parts = last["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tools = body["tools"].as_array().into_iter().flatten();
    let functions =
        tools.filter_map(|tool| member(tool, "functionDeclarations").as_array()).flatten();
    let calling = member(member(body, "toolConfig"), "functionCallingConfig");
    let config = member(body, "generationConfig");
    let wants_json = member(config, "responseMimeType") == "application/json";
    Asked {
        words: text_of(&last["parts"]),
        has_result: parts.iter().any(|part| !member(part, "functionResponse").is_null()),
        tools: functions
            .filter_map(|it| {
                let schema = schema(it, ["parametersJsonSchema", "parameters"]);
                Tool::of(&it["name"], schema.unwrap_or(&Value::Null))
            })
            .collect(),
        choice: match calling["mode"].as_str() {
            Some("ANY") => {
                let name = member(calling, "allowedFunctionNames")[0].as_str();
                Choice::Forced(name.map(str::to_owned))
            }
            Some("NONE") => Choice::None,
            _ => Choice::Auto,
        },
        schema: schema(config, ["responseJsonSchema", "responseSchema"])
            .cloned()
            .or_else(|| wants_json.then(any_object)),
        thinks: thinks(member(config, "thinkingConfig")),
    }
}

/// The first of these that is there.
fn schema<'a>(of: &'a Value, names: [&str; 2]) -> Option<&'a Value> {
    names.into_iter().map(|name| member(of, name)).find(|schema| !schema.is_null())
}

/// As Google reads JSON: `toolConfig`, or `tool_config`. Its own SDK for Python mixes them.
fn member<'a>(of: &'a Value, camel: &str) -> &'a Value {
    let mut snake = String::new();
    for character in camel.chars() {
        if character.is_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    of.get(camel).unwrap_or(&of[snake.as_str()])
}

fn thinks(config: &Value) -> bool {
    let is_off =
        *member(config, "thinkingBudget") == 0 || *member(config, "thinkingLevel") == "minimal";
    config.is_object() && !is_off
}

pub(super) fn json(turn: &Turn) -> String {
    answer(turn, parts(turn), true).to_string()
}

/// One for each part, the usage in each, and no terminator.
pub(super) fn events(turn: &Turn) -> Vec<String> {
    let mut parts = match &turn.said {
        Said::Calls(_) => parts(turn),
        Said::Words(words) => {
            let words = words.iter().map(|word| json!({ "text": word }));
            thought(turn).into_iter().chain(words).collect()
        }
    };
    let last = parts.pop();
    let ends = parts.into_iter().map(|part| (part, false)).chain(last.map(|part| (part, true)));
    ends.map(|(part, is_last)| format!("data: {}\n\n", answer(turn, vec![part], is_last))).collect()
}

fn thought(turn: &Turn) -> Option<Value> {
    let config = member(member(turn.body, "generationConfig"), "thinkingConfig");
    let is_shown = *member(config, "includeThoughts") == true;
    (turn.thinks && is_shown).then(|| json!({ "text": THOUGHT.concat(), "thought": true }))
}

fn parts(turn: &Turn) -> Vec<Value> {
    let mut parts: Vec<Value> = thought(turn).into_iter().collect();
    match &turn.said {
        Said::Calls(calls) => {
            parts.extend(calls.iter().enumerate().map(|(nth, call)| {
                let call = json!({ "name": call.name, "args": call.arguments });
                let mut part = json!({ "functionCall": call });
                // Of parallel calls, the first alone is signed.
                if nth == 0 {
                    part["thoughtSignature"] = SIGNATURE.into();
                }
                part
            }));
        }
        Said::Words(words) => parts.push(json!({ "text": words.concat() })),
    }
    parts
}

fn answer(turn: &Turn, parts: Vec<Value>, is_last: bool) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if is_last {
        candidate["finishReason"] = "STOP".into();
    }
    json!({
        "candidates": [candidate], "usageMetadata": usage(turn), "modelVersion": turn.model,
        "responseId": "fake0001", "xUnknown": { "kept": true },
    })
}

/// What was thought is not part of the candidates' tokens here.
fn usage(turn: &Turn) -> Value {
    let mut usage = json!({
        "promptTokenCount": PROMPT_TOKENS, "cachedContentTokenCount": CACHED_TOKENS,
        "candidatesTokenCount": turn.said.tokens(),
        "totalTokenCount": PROMPT_TOKENS + turn.tokens(),
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": PROMPT_TOKENS }],
    });
    if turn.thinks {
        usage["thoughtsTokenCount"] = turn.reasoning_tokens().into();
    }
    usage
}

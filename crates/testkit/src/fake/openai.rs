//! What OpenAI's routes have in common: the envelope of errors, headers, and the list of models. What is no
//! conversation is told apart here.

use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::reply::Rendered;
use super::seen::SeenRequest;
use super::words::CREATED;
use super::{embeddings, media, texts};

pub const MODELS: [&str; 3] = ["gpt-5", "gpt-5-mini", "gpt-4.1-mini"];
pub(super) const DEFAULT_MODEL: &str = "gpt-5-mini";

pub(super) fn add_headers(answer: &mut Rendered) {
    for (name, value) in [
        ("x-request-id", "req_fake00000000000000000000000001"),
        ("openai-organization", "org-fake"),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", "7"),
    ] {
        answer.headers.insert(name, HeaderValue::from_static(value));
    }
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

pub(super) fn refusal(request: &SeenRequest, key: &str) -> Rendered {
    let json = match key {
        "" => envelope("invalid_request_error", None, "You didn't provide an API key."),
        key => invalid_key(key),
    };
    refused(request, StatusCode::UNAUTHORIZED, json)
}

pub(super) fn error(request: &SeenRequest, status: StatusCode, message: &str) -> Rendered {
    let code = (status == StatusCode::NOT_FOUND).then_some("model_not_found");
    refused(request, status, envelope("invalid_request_error", code, message))
}

/// Google's layer for this dialect puts its errors into an array, of its own shape.
fn refused(request: &SeenRequest, status: StatusCode, json: Value) -> Rendered {
    if !request.path().contains("/v1beta/openai/") {
        return Rendered::json(status, json.to_string());
    }
    let (status, name) = match status {
        StatusCode::NOT_FOUND => (status, "NOT_FOUND"),
        _ => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
    };
    let message = &json["error"]["message"];
    let error = json!({ "code": status.as_u16(), "message": message, "status": name });
    Rendered::json(status, json!([{ "error": error }]).to_string())
}

/// What is no conversation.
pub(super) fn other(request: &SeenRequest) -> Rendered {
    let path = request.path();
    if request.method != Method::POST {
        return probe(request);
    }
    let is = |end: &str| path.ends_with(end);
    if is("/audio/transcriptions") || is("/audio/translations") {
        return media::transcription(request);
    }
    if is("/images/edits") {
        return media::image_edit(request);
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return bad_request(request, "We could not parse the JSON body of your request.");
    };
    let needs_model = !is("/moderations");
    if needs_model && body["model"].as_str().is_none_or(str::is_empty) {
        return bad_request(request, "you must provide a model parameter");
    }
    if is("/embeddings") {
        embeddings::answer(&body)
    } else if is("/completions") {
        texts::completion(&body)
    } else if is("/moderations") {
        texts::moderation(&body)
    } else if is("/rerank") {
        texts::rerank(&body)
    } else if is("/images/generations") {
        media::image(&body)
    } else if is("/audio/speech") {
        media::speech()
    } else {
        no_such_path(request)
    }
}

pub(super) fn bad_request(request: &SeenRequest, message: &str) -> Rendered {
    error(request, StatusCode::BAD_REQUEST, message)
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

fn no_such_path(request: &SeenRequest) -> Rendered {
    let message = format!("Invalid URL ({} {})", request.method, request.path());
    refused(request, StatusCode::NOT_FOUND, envelope("invalid_request_error", None, &message))
}

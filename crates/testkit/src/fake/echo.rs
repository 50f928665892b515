//! The provider that repeats everything it was told: for showing that no key comes back out.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::answer::Dialect;
use super::form::Form;
use super::openai::{self, DEFAULT_MODEL};
use super::reply::Rendered;
use super::seen::SeenRequest;
use super::talk::{Said, Turn};

#[derive(Clone, Copy, Debug)]
pub(super) enum EchoAs {
    Error(StatusCode),
    Json,
    Stream,
}

pub(super) fn answer(request: &SeenRequest, echo: EchoAs) -> Rendered {
    let heard = heard(request);
    let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    let form = Form::of(request).unwrap_or(Form::Chat);
    let model = Some(form.model(request, &body)).filter(|model| !model.is_empty());
    let said = Said::Words(vec![heard.clone()]);
    let turn =
        Turn { body: &body, model: model.as_deref().unwrap_or(DEFAULT_MODEL), said, thinks: false };
    let mut answer = match echo {
        EchoAs::Error(status) => error(request, status, &heard),
        EchoAs::Json => Rendered::json(StatusCode::OK, json(request, form, &turn, &heard)),
        EchoAs::Stream => Rendered::stream(stream(request, form, &turn, &heard)),
    };
    add_headers(request, &mut answer);
    answer
}

/// All of the request as one JSON text.
fn heard(request: &SeenRequest) -> String {
    let headers: Vec<Value> = request
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    // The body first: what shortens a text should keep all of it.
    json!({
        "body": String::from_utf8_lossy(&request.body),
        "headers": headers,
        "method": request.method.as_str(),
        "path": request.path_and_query,
    })
    .to_string()
}

fn error(request: &SeenRequest, status: StatusCode, heard: &str) -> Rendered {
    match Dialect::of(request) {
        Dialect::OpenAi => {
            let json = openai::envelope("invalid_request_error", request.key(), heard);
            Rendered::json(status, json.to_string())
        }
        other => other.error(request, status, heard),
    }
}

/// In the content, and in fields no gateway knows.
fn json(request: &SeenRequest, form: Form, turn: &Turn, heard: &str) -> String {
    let mut answer: Value = serde_json::from_str(&form.json(turn)).expect("our own JSON");
    answer["x_echo"] = heard.into();
    answer["user"] = credentials(request).into();
    answer.to_string()
}

/// In a content delta, in a comment and in a field of an event no client knows.
fn stream(request: &SeenRequest, form: Form, turn: &Turn, heard: &str) -> Vec<Bytes> {
    let comment = format!(": {}\n\n", credentials(request));
    let unknown = format!("event: x-echo\ndata: {}\n\n", json!({ "x_echo": heard }));
    let mut pieces = vec![comment];
    pieces.extend(form.events(turn));
    // Before the last, where a client still reads.
    pieces.insert(pieces.len() - 1, unknown);
    pieces.into_iter().map(Bytes::from).collect()
}

/// Under headers of our own and under names that a gateway is tempted to pass on or to log.
fn add_headers(request: &SeenRequest, answer: &mut Rendered) {
    for (name, value) in &request.headers {
        let name = HeaderName::try_from(format!("x-echo-{name}")).expect("a name made longer");
        answer.headers.append(name, value.clone());
    }
    let path = HeaderValue::try_from(&request.path_and_query).expect("a path that was a header");
    answer.headers.insert("x-echo-path", path);

    let credentials = credentials(request);
    let key = request.key().unwrap_or_default();
    for (name, value) in [
        ("x-request-id", key.to_owned()),
        ("openai-organization", key.to_owned()),
        ("www-authenticate", credentials.to_owned()),
        ("set-cookie", format!("key={key}")),
        ("server-timing", format!("auth;desc=\"{credentials}\"")),
    ] {
        let value = HeaderValue::try_from(value).expect("a value that was a header");
        answer.headers.insert(name, value);
    }
}

/// The header that brought the key, as it was.
fn credentials(request: &SeenRequest) -> &str {
    let value = request.header("authorization").or_else(|| request.key());
    value.unwrap_or_default()
}

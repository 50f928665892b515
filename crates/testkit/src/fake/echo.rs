//! The provider that repeats everything it was told: for showing that no key comes back out.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::openai;
use super::reply::Rendered;
use super::seen::SeenRequest;

#[derive(Clone, Copy, Debug)]
pub(super) enum EchoAs {
    Error(StatusCode),
    Json,
    Stream,
}

pub(super) fn answer(request: &SeenRequest, form: EchoAs) -> Rendered {
    let heard = heard(request);
    let mut answer = match form {
        EchoAs::Error(status) => {
            let kind = "invalid_request_error";
            let json = openai::envelope(kind, request.bearer(), &heard);
            Rendered::json(status, json.to_string())
        }
        EchoAs::Json => Rendered::json(StatusCode::OK, json(request, &heard)),
        EchoAs::Stream => Rendered::stream(stream(request, &heard)),
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
    json!({
        "method": request.method.as_str(),
        "path": request.path_and_query,
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
    })
    .to_string()
}

/// In the content, and in fields no gateway knows.
fn json(request: &SeenRequest, heard: &str) -> String {
    let answer = openai::chat_json_saying(&model(request), heard, 1);
    let mut answer: Value = serde_json::from_str(&answer).expect("our own JSON");
    answer["x_echo"] = heard.into();
    answer["user"] = authorization(request).into();
    answer.to_string()
}

/// In a content delta, in a comment and in a field of an event no client knows.
fn stream(request: &SeenRequest, heard: &str) -> Vec<Bytes> {
    let comment = format!(": {}\n\n", authorization(request));
    let unknown = format!("event: x-echo\ndata: {}\n\n", json!({ "x_echo": heard }));
    let mut pieces = vec![comment];
    pieces.extend(openai::stream_events_saying(&model(request), &[heard], true));
    // Before `[DONE]`, where a client still reads.
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

    let authorization = authorization(request);
    let key = request.bearer().unwrap_or_default();
    for (name, value) in [
        ("x-request-id", key.to_owned()),
        ("openai-organization", key.to_owned()),
        ("www-authenticate", authorization.to_owned()),
        ("set-cookie", format!("key={key}")),
        ("server-timing", format!("auth;desc=\"{authorization}\"")),
    ] {
        let value = HeaderValue::try_from(value).expect("a value that was a header");
        answer.headers.insert(name, value);
    }
}

fn authorization(request: &SeenRequest) -> &str {
    request.header("authorization").unwrap_or_default()
}

fn model(request: &SeenRequest) -> String {
    let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    body["model"].as_str().unwrap_or("gpt-5-mini").to_owned()
}

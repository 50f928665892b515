//! What the fake answers when nothing is scripted: is the key good, what is asked, and in which dialect.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

use super::form::Form;
use super::reply::Rendered;
use super::seen::SeenRequest;
use super::talk::Turn;
use super::{anthropic, gemini, openai};

/// How keys travel and errors look.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    Anthropic,
    Gemini,
    OpenAi,
}

pub(super) fn answer(request: &SeenRequest) -> Rendered {
    let dialect = Dialect::of(request);
    let mut answer = match (dialect.refusal(request), Form::of(request)) {
        (Some(refusal), _) => refusal,
        (None, Some(form)) => converse(request, dialect, form),
        (None, None) => dialect.other(request),
    };
    match dialect {
        Dialect::Anthropic => anthropic::add_headers(&mut answer),
        Dialect::Gemini => {}
        Dialect::OpenAi => openai::add_headers(&mut answer),
    }
    answer
}

fn converse(request: &SeenRequest, dialect: Dialect, form: Form) -> Rendered {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        let message = "We could not parse the JSON body of your request.";
        return dialect.error(request, StatusCode::BAD_REQUEST, message);
    };
    let model = form.model(request, &body);
    if let Some(message) = form.complaint(request, &model, &body) {
        return dialect.error(request, StatusCode::BAD_REQUEST, &message);
    }
    // What a provider says of a model that it does not have.
    if model.starts_with("no-such") {
        let message = format!("model: {model}");
        return dialect.error(request, StatusCode::NOT_FOUND, &message);
    }
    let asked = form.read(&body);
    let (said, thinks) = (asked.said(), asked.thinks);
    let turn = Turn { body: &body, model: &model, said, thinks };
    if !form.streams(request, &body) {
        return Rendered::json(StatusCode::OK, form.json(&turn));
    }
    Rendered::stream(form.events(&turn).into_iter().map(Bytes::from).collect())
}

impl Dialect {
    pub fn of(request: &SeenRequest) -> Self {
        let path = request.path();
        let lists = request.method == Method::GET && path.contains("/models");
        let has = |header| request.headers.contains_key(header);
        match Form::at(path) {
            Some(Form::Generate) => Self::Gemini,
            Some(Form::Messages) => Self::Anthropic,
            Some(Form::Chat | Form::Responses) => Self::OpenAi,
            None if path.contains("/v1beta/models") || gemini::verb(path).is_some() => Self::Gemini,
            None if path.ends_with("/messages/count_tokens") => Self::Anthropic,
            None if lists && has("anthropic-version") => Self::Anthropic,
            None if lists && has("x-goog-api-key") => Self::Gemini,
            None => Self::OpenAi,
        }
    }

    /// An error of this status, in a kind that goes with it.
    pub fn error(self, request: &SeenRequest, status: StatusCode, message: &str) -> Rendered {
        match self {
            Self::Anthropic => anthropic::error(status, message),
            Self::Gemini => gemini::error(status, message),
            Self::OpenAi => openai::error(request, status, message),
        }
    }

    fn refusal(self, request: &SeenRequest) -> Option<Rendered> {
        let key = match self {
            Self::Anthropic => request.header("x-api-key").or_else(|| request.bearer()),
            Self::Gemini => request.header("x-goog-api-key"),
            Self::OpenAi => request.bearer(),
        };
        let key = key.unwrap_or_default();
        if !key.is_empty() && !key.starts_with("bad") {
            return None;
        }
        Some(match self {
            Self::Anthropic => anthropic::refusal(),
            Self::Gemini => gemini::refusal(key),
            Self::OpenAi => openai::refusal(request, key),
        })
    }

    /// What is no conversation.
    fn other(self, request: &SeenRequest) -> Rendered {
        match self {
            Self::Anthropic => anthropic::other(request),
            Self::Gemini => gemini::other(request),
            Self::OpenAi => openai::other(request),
        }
    }
}

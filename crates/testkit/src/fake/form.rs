//! The four forms of a conversation, by the end of their paths: what stands before it is tolerated, be it `/v1`,
//! `/anthropic` or nothing.

use http::Method;
use serde_json::Value;

use super::seen::SeenRequest;
use super::talk::{Asked, Turn};
use super::{anthropic, chat, gemini, responses};

#[derive(Clone, Copy)]
pub(super) enum Form {
    Chat,
    Generate,
    Messages,
    Responses,
}

impl Form {
    pub fn of(request: &SeenRequest) -> Option<Self> {
        Self::at(request.path()).filter(|_| request.method == Method::POST)
    }

    pub fn at(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            return Some(Self::Chat);
        }
        if path.ends_with("/messages") {
            return Some(Self::Messages);
        }
        if path.ends_with("/responses") {
            return Some(Self::Responses);
        }
        let verb = gemini::verb(path);
        verb.is_some_and(|verb| verb.ends_with("enerateContent")).then_some(Self::Generate)
    }

    /// What a request of any form names; empty where it names none.
    pub fn model_of(request: &SeenRequest) -> String {
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        Self::of(request).map(|form| form.model(request, &body)).unwrap_or_default()
    }

    /// Empty where none is named.
    pub fn model(self, request: &SeenRequest, body: &Value) -> String {
        let named = body["model"].as_str().unwrap_or_default();
        match self {
            Self::Generate => gemini::model(request.path()).to_owned(),
            Self::Chat | Self::Messages | Self::Responses => named.to_owned(),
        }
    }

    pub fn streams(self, request: &SeenRequest, body: &Value) -> bool {
        match self {
            Self::Generate => request.path().ends_with(":streamGenerateContent"),
            Self::Chat | Self::Messages | Self::Responses => body["stream"] == true,
        }
    }

    /// What the provider would not take, and why.
    pub fn complaint(self, request: &SeenRequest, model: &str, body: &Value) -> Option<String> {
        if model.is_empty() {
            return Some("you must provide a model parameter".to_owned());
        }
        match self {
            Self::Chat => chat::complaint(body),
            Self::Generate => gemini::complaint(request, model, body),
            Self::Messages => anthropic::complaint(request, body),
            Self::Responses => responses::complaint(body),
        }
    }

    pub fn read(self, body: &Value) -> Asked {
        match self {
            Self::Chat => chat::read(body),
            Self::Generate => gemini::read(body),
            Self::Messages => anthropic::read(body),
            Self::Responses => responses::read(body),
        }
    }

    pub fn json(self, turn: &Turn) -> String {
        match self {
            Self::Chat => chat::json(turn),
            Self::Generate => gemini::json(turn),
            Self::Messages => anthropic::json(turn),
            Self::Responses => responses::json(turn),
        }
    }

    /// Each event with its blank line, in order.
    pub fn events(self, turn: &Turn) -> Vec<String> {
        match self {
            Self::Chat => chat::events(turn),
            Self::Generate => gemini::events(turn),
            Self::Messages => anthropic::events(turn),
            Self::Responses => responses::events(turn),
        }
    }
}

//! What a provider said when it refused, out of whatever it said it in. Knows no status codes and draws no conclusions.
//! The words stay the provider's: whoever shows them scrubs them first.

use std::fmt;

use serde_json::Value;

/// The parts of a provider's error that may be looked at. Everything else it sent is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UpstreamErrorBody {
    pub code: Option<String>,
    /// What most call `type`.
    pub kind: Option<String>,
    /// One line, free of control characters and markup, `MESSAGE_CHARS_MAX` long at most.
    pub message: Option<String>,
    pub param: Option<String>,
    /// Codes from everywhere else: Google's status, reasons and quota ids, Anthropic's and OpenRouter's details.
    pub reasons: Vec<String>,
}

impl UpstreamErrorBody {
    /// Everything a table of codes could know, numbers as text.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        let named = self.code.iter().chain(&self.kind);
        named.chain(&self.reasons).map(String::as_str)
    }
}

/// Without the message: providers repeat parts of keys in it.
impl fmt::Debug for UpstreamErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamErrorBody")
            .field("code", &self.code)
            .field("kind", &self.kind)
            .field("param", &self.param)
            .field("reasons", &self.reasons)
            .finish_non_exhaustive()
    }
}

/// Never fails: what is not understood is an error without particulars.
pub fn parse(bytes: &[u8]) -> UpstreamErrorBody {
    let mut error = UpstreamErrorBody::default();
    if bytes.len() > BODY_BYTES_MAX {
        return error;
    }
    let text = String::from_utf8_lossy(bytes);
    match serde_json::from_str::<Value>(text.trim()) {
        Ok(value) => error.read(&value, NESTING_MAX),
        // What begins like JSON is a piece of something, not a message to people.
        Err(_) if text.trim_start().starts_with(['{', '[', '"']) => {}
        Err(_) => error.message = message(&text),
    }
    error
}

impl UpstreamErrorBody {
    fn read(&mut self, value: &Value, nesting: u8) {
        let Some(nesting) = nesting.checked_sub(1) else {
            return;
        };
        match value {
            // Google's compatible route lists its one error.
            Value::Array(items) => {
                if let Some(first) = items.first() {
                    self.read(first, nesting);
                }
            }
            Value::Object(_) => {
                self.read_fields(value);
                for inner in WRAPPERS.iter().filter_map(|name| value.get(name)) {
                    self.read(inner, nesting);
                }
                if let Some(choices) = value.get("choices").and_then(Value::as_array) {
                    choices.iter().for_each(|choice| self.read_choice(choice, nesting));
                }
            }
            // xAI's whole error; beside a message of its own it is a mere label.
            Value::String(text) => self.message = self.message.take().or_else(|| message(text)),
            _ => {}
        }
    }

    /// An inner object speaks over the one around it: Anthropic's outer `type` only says that this is an error.
    fn read_fields(&mut self, object: &Value) {
        let first = |names: &[&str]| names.iter().find_map(|name| code(object.get(name)?));
        self.code = first(&["code", "status_code"]).or(self.code.take());
        self.kind = first(&["type"]).or(self.kind.take());
        self.param =
            first(&["param"]).or_else(|| location(object.get("loc")?)).or(self.param.take());
        self.message = ["message", "msg", "status_msg"]
            .iter()
            .find_map(|name| message(object.get(name)?.as_str()?))
            .or(self.message.take());
        self.reasons.extend(first(&["status"]));
        self.reasons.extend(first(&["raw_status_code"]));
        self.read_reasons(object);
    }

    fn read_reasons(&mut self, object: &Value) {
        let details = object.get("details").into_iter().flat_map(one_or_many);
        for detail in details.chain(object.get("metadata")) {
            let own = REASONS.iter().filter_map(|name| code(detail.get(name)?));
            self.reasons.extend(own);
            let violations = detail.get("violations").into_iter().flat_map(one_or_many);
            let quotas = violations.filter_map(|violation| code(violation.get("quotaId")?));
            self.reasons.extend(quotas);
        }
        self.reasons.truncate(REASONS_MAX);
    }

    /// OpenRouter's streams end a choice with an error.
    fn read_choice(&mut self, choice: &Value, nesting: u8) {
        if let Some(error) = choice.get("error") {
            self.read(error, nesting);
        }
        if choice.get("finish_reason").and_then(Value::as_str) == Some("error") {
            self.kind.get_or_insert_with(|| "error".to_owned());
        }
    }
}

fn one_or_many(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A code may be a number or a sentence; it is one short line either way.
fn code(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => line(text, CODE_CHARS_MAX),
        _ => None,
    }
}

/// FastAPI's path to the field that was wrong.
fn location(value: &Value) -> Option<String> {
    let steps: Vec<String> = value.as_array()?.iter().filter_map(code).collect();
    line(&steps.join("."), CODE_CHARS_MAX)
}

/// Words for people. A page is not one: it comes from something between us and the provider.
fn message(text: &str) -> Option<String> {
    let lower = text.trim_start().to_ascii_lowercase();
    let page = lower.starts_with('<') || lower.contains("<html") || lower.contains("<!doctype");
    if page { None } else { line(text, MESSAGE_CHARS_MAX) }
}

fn line(text: &str, chars_max: usize) -> Option<String> {
    let spaced = text.trim().chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let line: String = spaced.filter(|c| !c.is_control()).take(chars_max).collect();
    (!line.is_empty()).then_some(line)
}

/// Longest message passed on.
pub const MESSAGE_CHARS_MAX: usize = 500;
const CODE_CHARS_MAX: usize = 100;
const REASONS_MAX: usize = 16;
/// A longer body explains nothing, and a tree of it would cost a multiple.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The deepest known: a list of one object whose `message` holds `detail`, a list of objects.
const NESTING_MAX: u8 = 6;
/// Members that hold the error proper, or more of it.
const WRAPPERS: [&str; 5] = ["base_resp", "message", "error", "errors", "detail"];
const REASONS: [&str; 4] = ["reason", "error_code", "error_type", "provider_code"];

#[cfg(test)]
mod tests;

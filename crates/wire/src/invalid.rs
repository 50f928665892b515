//! A body that is not what it should be, in words for its author.

use crate::json::Flaw;

/// A body we do not forward, in words for its author. Repeats nothing of it but the name of an unknown wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidBody {
    pub param: Option<&'static str>,
    pub message: String,
}

impl InvalidBody {
    pub fn new(param: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { param, message: message.into() }
    }

    /// A flaw of the body itself, or of the object called `param` in it.
    pub(crate) fn flaw(param: Option<&'static str>, flaw: Flaw) -> Self {
        let what = param.map_or_else(|| "the body".to_owned(), |name| format!("`{name}`"));
        let message = match flaw {
            Flaw::NotAnObject => format!("{what} must be a JSON object"),
            Flaw::NotJson { line, column } => {
                format!("{what} is not valid JSON at line {line}, column {column}")
            }
            Flaw::Trailing { line, column } => {
                format!("{what} goes on after its JSON object, at line {line}, column {column}")
            }
            Flaw::Truncated => format!("{what} ends before its JSON does"),
            Flaw::Twice(name) => {
                let message = match param {
                    Some(parent) => format!("`{parent}.{name}` is given twice"),
                    None => format!("`{name}` is given twice"),
                };
                return Self::new(param.or(Some(name)), message);
            }
            Flaw::Unknown(name) if is_a_name(&name) => format!("{what} has no field {name:?}"),
            // It may be a key that was pasted into the wrong place.
            Flaw::Unknown(_) => format!("{what} has a field that is not known here"),
        };
        Self::new(param, message)
    }
}

impl From<InvalidBody> for model::Refusal {
    fn from(invalid: InvalidBody) -> Self {
        let mut refusal = Self::new(model::Code::InvalidRequest, invalid.message);
        refusal.param = invalid.param;
        refusal
    }
}

fn is_a_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

const NAME_BYTES_MAX: usize = 32;

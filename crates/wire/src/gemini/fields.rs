//! One JSON object of a request, read member by member in both of protobuf's spellings, `topP` and `top_p`. What nobody
//! asked for is refused by name.

use serde_json::{Map, Number, Value};

use crate::InvalidBody;
use crate::hub;
use crate::json::{self, Reading};

pub(super) struct Fields {
    /// The member of the body this lies in; none for the body itself.
    param: Option<&'static str>,
    /// How its members are named to the caller, up to their own names: `generationConfig.`
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    pub fn of_body(body: &[u8]) -> Result<Self, InvalidBody> {
        let members = serde_json::from_slice(body).map_err(|_| flaw_of(body))?;
        Ok(Self { param: None, path: String::new(), members })
    }

    /// The object a member is.
    pub fn object(&mut self, name: &'static str) -> Result<Option<Self>, InvalidBody> {
        self.take(name).map(|value| self.inner(name, value)).transpose()
    }

    /// The objects of a list. Google takes a single one for a list of one, and its guides write it so.
    pub fn objects(&mut self, name: &'static str) -> Result<Vec<Self>, InvalidBody> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => {
                values.into_iter().map(|value| self.inner(name, value)).collect()
            }
            Some(value) => Ok(vec![self.inner(name, value)?]),
        }
    }

    /// Whatever a member is; `null` is the same as nothing.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.members.remove(name).or_else(|| self.members.remove(&snake_case(name)));
        value.filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, InvalidBody> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    pub fn required_text(&mut self, name: &'static str) -> Result<String, InvalidBody> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "a string"))
    }

    pub fn texts(&mut self, name: &'static str) -> Result<Vec<String>, InvalidBody> {
        let value = self.take(name).unwrap_or_else(|| Value::Array(Vec::new()));
        serde_json::from_value(value).map_err(|_| self.wrong(name, "a list of strings"))
    }

    pub fn flag(&mut self, name: &'static str) -> Result<bool, InvalidBody> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    pub fn number(&mut self, name: &'static str) -> Result<Option<Number>, InvalidBody> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    /// A whole number, also one written as `40.0`: SDKs have `topK` as a float.
    pub fn whole(&mut self, name: &'static str) -> Result<Option<i64>, InvalidBody> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let text = number.to_string();
        let whole = text.strip_suffix(".0").unwrap_or(&text).parse();
        whole.map(Some).map_err(|_| self.wrong(name, "a whole number"))
    }

    pub fn count(&mut self, name: &'static str) -> Result<Option<u64>, InvalidBody> {
        let whole = self.whole(name)?.map(u64::try_from).transpose();
        whole.map_err(|_| self.wrong(name, "a whole number, not below zero"))
    }

    /// What the caller is told was done without.
    pub fn leave_out(&mut self, names: &[&str], left_out: &mut Vec<String>) {
        for name in names {
            if self.take(name).is_some() {
                note(left_out, format!("{}{name}", self.path));
            }
        }
    }

    /// What only Google's own service does.
    pub fn refuse(&mut self, names: &[&'static str]) -> Result<(), InvalidBody> {
        match names.iter().find(|name| self.take(name).is_some()) {
            Some(name) => Err(self.impossible(name)),
            None => Ok(()),
        }
    }

    /// To be called last: what is left now is not known here.
    pub fn finish(self) -> Result<(), InvalidBody> {
        let Some((name, _)) = self.members.into_iter().find(|(_, value)| !value.is_null()) else {
            return Ok(());
        };
        let what = match self.path.strip_suffix('.') {
            Some(path) => format!("`{path}`"),
            None => "the body".to_owned(),
        };
        let message = if is_a_name(&name) {
            format!("{what} has no field {name:?} here, or has it twice")
        } else {
            // It may be a key that was pasted into the wrong place.
            format!("{what} has a field that is not known here")
        };
        Err(InvalidBody::new(self.param, message))
    }

    pub fn wrong(&self, name: &'static str, expected: &str) -> InvalidBody {
        let message = format!("`{}{name}` must be {expected}", self.path);
        InvalidBody::new(self.param.or(Some(name)), message)
    }

    pub fn impossible(&self, name: &'static str) -> InvalidBody {
        let message = format!(
            "`{}{name}` cannot be had from this provider: leave it out, or choose a model of a provider that speaks Gemini's own API",
            self.path
        );
        InvalidBody::new(self.param.or(Some(name)), message)
    }

    fn inner(&self, name: &'static str, value: Value) -> Result<Self, InvalidBody> {
        let Value::Object(members) = value else {
            return Err(self.wrong(name, "a JSON object"));
        };
        let path = format!("{}{name}.", self.path);
        Ok(Self { param: self.param.or(Some(name)), path, members })
    }
}

/// Adds a name once.
pub(super) fn note(left_out: &mut Vec<String>, name: impl AsRef<str>) {
    hub::leave_out(left_out, name.as_ref());
}

fn flaw_of(body: &[u8]) -> InvalidBody {
    let Ok(text) = std::str::from_utf8(body) else {
        return InvalidBody::new(None, "the body is not UTF-8");
    };
    match json::members(text, &[], Reading::Lenient) {
        Err(flaw) => InvalidBody::flaw(None, flaw),
        Ok([]) => InvalidBody::new(None, "the body holds a number or a text that cannot be read"),
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Keys have digits or dashes in them.
fn is_a_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

const NAME_BYTES_MAX: usize = 40;

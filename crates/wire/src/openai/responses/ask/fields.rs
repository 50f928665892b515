//! One object of a request, taken apart member by member, so that what nobody took is refused by its name.

use serde_json::{Map, Number, Value};

use crate::InvalidBody;
use crate::hub;

/// Take what is known, then `end`. A `null` is the same as nothing.
pub(super) struct Fields {
    /// The member of the body it stands in; none for the body itself.
    param: Option<&'static str>,
    /// Where it stands, as `input[3].content[0]`; empty for the body itself.
    place: String,
    members: Map<String, Value>,
}

impl Fields {
    pub fn body(bytes: &[u8]) -> Result<Self, InvalidBody> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = format!("the body is not valid JSON at line {line}, column {column}");
            InvalidBody::new(None, message)
        })?;
        match value {
            Value::Object(members) => Ok(Self { param: None, place: String::new(), members }),
            _ => Err(InvalidBody::new(None, "the body must be a JSON object")),
        }
    }

    pub fn of(value: Value, param: &'static str, place: String) -> Result<Self, InvalidBody> {
        match value {
            Value::Object(members) => Ok(Self { param: Some(param), place, members }),
            _ => Err(InvalidBody::new(Some(param), format!("`{place}` must be an object"))),
        }
    }

    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, InvalidBody> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.must_be(name, "a string")),
        }
    }

    pub fn needed_text(&mut self, name: &'static str) -> Result<String, InvalidBody> {
        self.text(name)?.ok_or_else(|| self.must_be(name, "a string"))
    }

    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, InvalidBody> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.must_be(name, "true or false")),
        }
    }

    pub fn number(&mut self, name: &'static str) -> Result<Option<Number>, InvalidBody> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.must_be(name, "a number")),
        }
    }

    pub fn count(&mut self, name: &'static str) -> Result<Option<u64>, InvalidBody> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| self.must_be(name, "a whole number"))
    }

    pub fn list(&mut self, name: &'static str) -> Result<Vec<Value>, InvalidBody> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.must_be(name, "a list")),
        }
    }

    /// An object in this one.
    pub fn object(&mut self, name: &'static str) -> Result<Option<Self>, InvalidBody> {
        let Some(value) = self.take(name) else { return Ok(None) };
        Self::of(value, self.param_of(name), self.place_of(name)).map(Some)
    }

    /// The objects of a list in this one.
    pub fn objects(&mut self, name: &'static str) -> Result<Vec<Self>, InvalidBody> {
        let (param, place) = (self.param_of(name), self.place_of(name));
        let listed = self.list(name)?.into_iter().enumerate();
        listed.map(|(at, value)| Self::of(value, param, format!("{place}[{at}]"))).collect()
    }

    /// What says nothing to a provider, as the ids of what it once answered.
    pub fn skip(&mut self, names: &[&str]) {
        for name in names {
            self.members.remove(*name);
        }
    }

    /// What can be done without: told by name where it says anything.
    pub fn leave_out(&mut self, names: &[&'static str], left_out: &mut Vec<String>) {
        for name in names {
            if self.take(name).is_some_and(|value| is_telling(&value)) {
                leave_out(
                    self.param.map_or_else(|| (*name).to_owned(), |p| format!("{p}.{name}")),
                    left_out,
                );
            }
        }
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    /// Of a member that is not what it should be.
    pub fn must_be(&self, name: &'static str, what: &str) -> InvalidBody {
        self.refused(name, format!("`{}` must be {what}", self.place_of(name)))
    }

    /// Of a member that means something only this dialect's providers can do.
    pub fn cannot_be_had(&self, name: &'static str) -> InvalidBody {
        let place = self.place_of(name);
        self.refused(name, format!("`{place}` {NOT_HERE}"))
    }

    /// All that was known has been taken.
    pub fn end(self) -> Result<(), InvalidBody> {
        let Some(stranger) = self.members.keys().next() else { return Ok(()) };
        let place =
            if self.place.is_empty() { "the body".into() } else { format!("`{}`", self.place) };
        // A name like no other may be a key that was pasted into the wrong place.
        let is_a_name = stranger.len() <= NAME_BYTES_MAX
            && stranger.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let message = if is_a_name {
            format!("{place} has a field {stranger:?} that {NOT_HERE}")
        } else {
            format!("{place} has a field that is not known here")
        };
        Err(InvalidBody::new(self.param, message))
    }

    fn refused(&self, name: &'static str, message: String) -> InvalidBody {
        InvalidBody::new(Some(self.param_of(name)), message)
    }

    fn param_of(&self, name: &'static str) -> &'static str {
        self.param.unwrap_or(name)
    }

    fn place_of(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }
}

pub(super) fn leave_out(name: String, left_out: &mut Vec<String>) {
    hub::leave_out(left_out, &name);
}

fn is_telling(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// What to do about it, the same for all.
pub(super) const NOT_HERE: &str = "cannot be had from this model's provider: leave it out, or choose a model of a provider \
    that speaks OpenAI's responses";
const NAME_BYTES_MAX: usize = 64;

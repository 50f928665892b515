//! A tool's arguments: taken out of the message before the library gets it, because the library logs what it gets. What is
//! wrong with them is said without repeating them, too: they may hold a key.

use model::{Code, Refusal};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ask::harmless;

/// Put among the request's extensions, where the tools find them.
pub struct Arguments(Value);

impl Arguments {
    /// Leaves the message without them; there are none in most.
    pub fn take(message: &mut Value) -> Self {
        let arguments = message.pointer_mut("/params/arguments").map(Value::take);
        if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
            params.remove("arguments");
        }
        Self(arguments.unwrap_or_else(|| Value::Object(serde_json::Map::new())))
    }

    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        // A list would be read as if its items were named by their order.
        if !self.0.is_object() {
            let public = "the tool's arguments cannot be read: they are no object";
            return Err(Refusal::new(Code::InvalidRequest, public));
        }
        T::deserialize(&self.0).map_err(|error| {
            let what = harmless(error.to_string());
            let what = what.unwrap_or_else(|| "one has the wrong type".to_owned());
            let public = format!("the tool's arguments cannot be read: {what}");
            Refusal::new(Code::InvalidRequest, public)
        })
    }
}

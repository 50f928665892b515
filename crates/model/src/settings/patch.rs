//! Changing some fields of a set of settings: absent is unchanged, null is the default again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields that a request wants changed.
pub type Patch = Map<String, Value>;

/// Names the field and never its value: a key may have been pasted into it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    #[error("the field \"{0}\" does not take such a value")]
    Misfit(String),
    #[error("there is no such field; fields are {0}")]
    Unknown(String),
}

/// `current` with the changes of `patch`, if each field exists and takes its value.
pub fn patched<T>(current: &T, patch: Patch) -> Result<T, PatchError>
where
    T: Default + Serialize + DeserializeOwned,
{
    let mut fields = object(current);
    let known: Vec<String> = object(&T::default()).keys().cloned().collect();
    for (name, value) in patch {
        if !known.contains(&name) {
            return Err(PatchError::Unknown(known.join(", ")));
        }
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name.clone(), value);
        }
        if serde_json::from_value::<T>(Value::Object(fields.clone())).is_err() {
            return Err(PatchError::Misfit(name));
        }
    }
    serde_json::from_value(Value::Object(fields))
        .map_err(|_| PatchError::Misfit("settings".to_owned()))
}

/// Settings are structs, which are written as objects.
fn object(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::{CapPeriod, Settings};

    fn patch(value: Value) -> Patch {
        serde_json::from_value(value).expect("an object")
    }

    #[test]
    fn absent_is_unchanged_and_null_is_the_default_again() {
        let capped = patch(json!({ "spend_cap_micro_usd": 5, "cap_period": "daily" }));
        let capped = patched(&Settings::default(), capped).expect("fits");
        assert_eq!(capped.spend_cap_micro_usd, Some(5));

        let open = patch(json!({ "spend_cap_micro_usd": null }));
        let open = patched(&capped, open).expect("fits");

        assert_eq!((open.spend_cap_micro_usd, open.cap_period), (None, CapPeriod::Daily));
    }

    #[test]
    fn a_wrong_field_or_value_is_named_and_not_repeated() {
        let misfit = patched(&Settings::default(), patch(json!({ "rpm_limit": "sk-secret" })));
        assert_eq!(misfit, Err(PatchError::Misfit("rpm_limit".to_owned())));

        let unknown = patched(&Settings::default(), patch(json!({ "sk-secret": 1 })));
        assert!(unknown.is_err_and(|error| !error.to_string().contains("sk-secret")));
    }
}

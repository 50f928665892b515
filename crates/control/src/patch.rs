//! What a request wants changed, field by field: absent is unchanged, null is the default again.

use model::Refusal;
use model::settings::{Patch, PatchError, patched};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// Takes one field out, before the rest is applied to settings. `None`: not mentioned.
pub fn take<T: DeserializeOwned>(
    patch: &mut Patch,
    field: &'static str,
) -> Result<Option<T>, Refusal> {
    let Some(value) = patch.remove(field) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|_| {
        let public = format!("the field \"{field}\" does not take such a value");
        Refusal::invalid(field, public)
    })
}

/// For a field of a struct: `None` is not mentioned. Null is whatever `T` makes of it: nothing where `T` is an `Option`.
pub fn mentioned<'de, T, D>(value: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(value).map(Some)
}

/// The rest of a patch, applied to a whole set of settings.
pub fn apply<T>(current: &T, patch: Patch) -> Result<T, Refusal>
where
    T: Default + Serialize + DeserializeOwned,
{
    patched(current, patch).map_err(|error| {
        let what = match error {
            PatchError::Misfit(_) => "the request body cannot be read",
            PatchError::Unknown(_) => "the request body holds an unknown field",
        };
        Refusal::new(model::Code::InvalidRequest, format!("{what}: {error}"))
    })
}

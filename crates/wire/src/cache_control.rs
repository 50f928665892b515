//! Anthropic's cache points, in its own dialect and in OpenAI's as OpenRouter extends it.

use serde_json::{Value, json};

use crate::hub::CachePoint;

/// Whatever else it says, it stands there.
pub(crate) fn read(told: Option<Value>) -> CachePoint {
    match told.as_ref().map(|told| told.get("ttl").and_then(Value::as_str)) {
        None => CachePoint::None,
        Some(Some("1h")) => CachePoint::Hour,
        Some(_) => CachePoint::Usual,
    }
}

pub(crate) fn write(cache_point: CachePoint) -> Option<Value> {
    match cache_point {
        CachePoint::Hour => Some(json!({"type": "ephemeral", "ttl": "1h"})),
        CachePoint::None => None,
        CachePoint::Usual => Some(json!({"type": "ephemeral"})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_and_five_minutes_need_no_word() {
        let (plain, hour) =
            (json!({"type": "ephemeral"}), json!({"type": "ephemeral", "ttl": "1h"}));
        let five_minutes = json!({"type": "ephemeral", "ttl": "5m"});
        for (told, written) in [
            (Some(hour.clone()), Some(hour)),
            (Some(plain.clone()), Some(plain.clone())),
            (Some(five_minutes), Some(plain.clone())),
            (Some(json!("x")), Some(plain)),
            (None, None),
        ] {
            assert_eq!(write(read(told.clone())), written, "{told:?}");
        }
    }
}

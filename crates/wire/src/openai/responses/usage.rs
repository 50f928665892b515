//! What a call used, in this dialect's words. Knows no prices.

use model::Usage;
use serde_json::{Value, json};

use crate::openai::usage::{UsageBlock, usage_of};

/// `None` for anything that counts nothing.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    let count = |name: &str| whole(usage.pointer(name)?);
    let block = UsageBlock {
        prompt_tokens: count("/input_tokens"),
        completion_tokens: count("/output_tokens"),
        total_tokens: count("/total_tokens"),
        cached_tokens: count("/input_tokens_details/cached_tokens"),
        cache_write_tokens: count("/input_tokens_details/cache_write_tokens"),
        audio_tokens: count("/input_tokens_details/audio_tokens"),
        reasoning_tokens: count("/output_tokens_details/reasoning_tokens"),
        reported_pico_usd: None,
    };
    (block != UsageBlock::default()).then(|| usage_of(block))
}

/// What was not told is nothing: SDKs insist on numbers.
pub(super) fn write(usage: &Usage) -> Value {
    let input = usage.input_tokens.unwrap_or_default();
    let output = usage.output_tokens.unwrap_or_default();
    json!({
        "input_tokens": input,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens.unwrap_or_default(),
            "cache_write_tokens": usage.cache_write_tokens.unwrap_or_default(),
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens.unwrap_or_default()},
        "total_tokens": input.saturating_add(output),
    })
}

/// A whole number, also one written as `12.0`.
fn whole(value: &Value) -> Option<u64> {
    let with_point = || {
        let text = value.as_number()?.to_string();
        let (whole, rest) = text.split_once('.')?;
        rest.bytes().all(|digit| digit == b'0').then(|| whole.parse().ok())?
    };
    value.as_u64().or_else(with_point)
}

//! What a provider's usage block means, whoever the provider is. Knows no prices.

use model::Usage;
use serde_json::value::RawValue;

use crate::json::{self, Reading};
use crate::reported;

/// The counts of a chat-completions usage block under the names providers use. Absent and unreadable are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageBlock {
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub total_tokens: Option<u64>,
    /// `prompt_tokens_details.cached_tokens`, `prompt_cache_hit_tokens` (DeepSeek) or `cached_tokens` (Moonshot).
    pub cached_tokens: Option<u64>,
    /// `prompt_tokens_details.cache_write_tokens`, or Moonshot's `cache_write_tokens`.
    pub cache_write_tokens: Option<u64>,
    /// `prompt_tokens_details.audio_tokens`.
    pub audio_tokens: Option<u64>,
    /// `completion_tokens_details.reasoning_tokens`.
    pub reasoning_tokens: Option<u64>,
    pub reported_pico_usd: Option<u64>,
}

impl UsageBlock {
    /// `None` for anything that counts nothing: `null`, an empty object, a text.
    pub fn read(value: &RawValue) -> Option<Self> {
        let [
            prompt,
            completion,
            total,
            prompt_details,
            completion_details,
            cache_hit,
            cached,
            cache_write,
        ] = json::members(value.get(), &COUNTS, Reading::Lenient).ok()?;
        let detail = |details: Option<&RawValue>, name| {
            let [found] = json::members(details?.get(), &[name], Reading::Lenient).ok()?;
            count(found)
        };
        let block = Self {
            prompt_tokens: count(prompt),
            completion_tokens: count(completion),
            total_tokens: count(total),
            // Some send two of these names, one of them as zero.
            cached_tokens: detail(prompt_details, "cached_tokens")
                .max(count(cache_hit))
                .max(count(cached)),
            cache_write_tokens: detail(prompt_details, "cache_write_tokens")
                .max(count(cache_write)),
            audio_tokens: detail(prompt_details, "audio_tokens"),
            reasoning_tokens: detail(completion_details, "reasoning_tokens"),
            reported_pico_usd: None,
        };
        let reported_pico_usd = reported::cost(value);
        (block != Self::default()).then_some(Self { reported_pico_usd, ..block })
    }
}

/// One meaning for all: input includes what was cached, output includes reasoning.
///
/// Gemini's and xAI's completion leaves reasoning out; their total gives it away. The total is believed only upwards:
/// where it is too small or missing, the completion stands. No part is ever larger than its whole.
pub fn usage_of(block: UsageBlock) -> Usage {
    let beyond_prompt = block
        .total_tokens
        .zip(block.prompt_tokens)
        .map(|(total, prompt)| total.saturating_sub(prompt));
    let output_tokens = match (beyond_prompt, block.completion_tokens, block.reasoning_tokens) {
        (Some(_), completion, _) => completion.max(beyond_prompt),
        // No total to tell, but so much reasoning cannot be inside.
        (None, Some(completion), Some(reasoning)) if reasoning > completion => {
            Some(completion.saturating_add(reasoning))
        }
        (None, completion, _) => completion,
    };
    let part = |part: Option<u64>, whole: Option<u64>| {
        part.map(|part| whole.map_or(part, |whole| part.min(whole)))
    };
    Usage {
        input_tokens: block.prompt_tokens,
        cached_tokens: part(block.cached_tokens, block.prompt_tokens),
        cache_write_tokens: part(block.cache_write_tokens, block.prompt_tokens),
        audio_input_tokens: part(block.audio_tokens, block.prompt_tokens)
            .filter(|heard| *heard > 0),
        output_tokens,
        reasoning_tokens: part(block.reasoning_tokens, output_tokens),
        reported_pico_usd: block.reported_pico_usd,
        ..Usage::default()
    }
}

/// A whole number, also one written as `12.0`; anything else was not told.
fn count(value: Option<&RawValue>) -> Option<u64> {
    let text = value?.get();
    let whole = text.split_once('.').map_or(text, |(whole, rest)| {
        if rest.bytes().all(|digit| digit == b'0') { whole } else { text }
    });
    whole.parse().ok()
}

const COUNTS: [&str; 8] = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "cache_write_tokens",
];

#[cfg(test)]
mod tests;

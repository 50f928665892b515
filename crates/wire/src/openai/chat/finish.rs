//! How an answer ends: why, and what it used.

use model::Usage;
use serde::Serialize;

use crate::hub::Stop;

/// What a `finish_reason` means, in whatever provider's word. What is not known is a plain end.
pub(super) fn stop(reason: &str) -> Stop {
    match reason.to_ascii_lowercase().as_str() {
        "content_filter" | "refusal" | "safety" | "sensitive" => Stop::Filtered,
        "function_call" | "tool_calls" | "tool_use" => Stop::ToolCalls,
        "length" | "max_tokens" | "model_context_window_exceeded" | "model_length" => Stop::Length,
        _ => Stop::End,
    }
}

/// Some say `stop` although they call tools, and some `tool_calls` although they do not.
pub(super) fn settled(stop: Stop, calls_tools: bool) -> Stop {
    match (stop, calls_tools) {
        (Stop::End | Stop::Sequence(_), true) => Stop::ToolCalls,
        (Stop::ToolCalls, false) => Stop::End,
        (stop, _) => stop,
    }
}

pub(super) const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Filtered => "content_filter",
        Stop::Length => "length",
        Stop::ToolCalls => "tool_calls",
    }
}

/// A `usage` block. The SDKs insist on the three numbers, so what was not told is zero there.
#[derive(Serialize)]
pub(super) struct Block {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for Block {
    fn from(usage: Usage) -> Self {
        let prompt_tokens = usage.input_tokens.unwrap_or_default();
        let completion_tokens = usage.output_tokens.unwrap_or_default();
        let cached = usage.cached_tokens.or(usage.cache_write_tokens.map(|_| 0));
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            prompt_tokens_details: cached.map(|cached_tokens| PromptDetails {
                cached_tokens,
                cache_write_tokens: usage.cache_write_tokens,
            }),
            completion_tokens_details: usage
                .reasoning_tokens
                .map(|reasoning_tokens| CompletionDetails { reasoning_tokens }),
        }
    }
}

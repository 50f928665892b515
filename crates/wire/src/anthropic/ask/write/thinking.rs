//! How a model is told to think: by an effort, or by a number of tokens, as its catalogue entry says.

use model::catalogue::Thinking as Way;
use serde_json::{Value, json};

use crate::hub::{Ask, Effort, Part, Reasoning, Target, Turn, leave_out};

#[derive(Default)]
pub(super) struct Thinking {
    /// The request's `thinking`.
    pub member: Option<Value>,
    /// `output_config.effort`.
    pub effort: Option<&'static str>,
    /// The model will think, as far as is known.
    pub is_on: bool,
}

/// Nothing is sent to a model nobody knows, and a model that must call a tool cannot think first.
pub(super) fn write(
    ask: &Ask,
    target: &Target<'_>,
    output_tokens_max: u64,
    is_forced: bool,
    left_out: &mut Vec<String>,
) -> Thinking {
    let traits = target.traits.copied().unwrap_or_default();
    // Those that cannot be forced to call a tool cannot be kept from thinking either.
    let always = traits.no_forced_tool;
    let unasked = Thinking { is_on: always, ..Thinking::default() };
    let Some(reasoning) = ask.reasoning else {
        return unasked;
    };
    let is_off = reasoning.effort == Some(Effort::None);
    let thinking = match traits.thinking {
        Some(Way::Adaptive) if is_off => (!always).then(off),
        // Of these a model thinks only when told to.
        Some(Way::Budget) if is_off => Some(Thinking::default()),
        _ if is_forced => None,
        Some(Way::Adaptive) => Some(adaptive(reasoning)),
        Some(Way::Budget) if lacks_thoughts(&ask.turns) => None,
        Some(Way::Budget) => budget(reasoning, output_tokens_max),
        None => None,
    };
    thinking.unwrap_or_else(|| {
        leave_out(left_out, "reasoning");
        unasked
    })
}

/// Some of these think unless told not to.
fn off() -> Thinking {
    Thinking { member: Some(json!({"type": "disabled"})), ..Thinking::default() }
}

fn adaptive(reasoning: Reasoning) -> Thinking {
    let display = if reasoning.shown { "summarized" } else { "omitted" };
    let effort = reasoning.effort.or(reasoning.budget_tokens.map(Effort::of_budget));
    Thinking {
        member: Some(json!({"type": "adaptive", "display": display})),
        effort: effort.map(|effort| match effort {
            Effort::None | Effort::Minimal => Effort::Low.as_str(),
            _ => effort.as_str(),
        }),
        is_on: true,
    }
}

/// The answer must fit beside the thoughts: what does not fit is halved, and what is too little to think is nothing.
fn budget(reasoning: Reasoning, output_tokens_max: u64) -> Option<Thinking> {
    let by_effort = reasoning.effort.unwrap_or(Effort::Medium).budget_tokens();
    let wanted = reasoning.budget_tokens.or(by_effort)?.max(BUDGET_TOKENS_MIN);
    let tokens = if wanted < output_tokens_max { wanted } else { output_tokens_max / 2 };
    (tokens >= BUDGET_TOKENS_MIN).then(|| Thinking {
        member: Some(json!({"type": "enabled", "budget_tokens": tokens})),
        effort: None,
        is_on: true,
    })
}

/// A model with a budget insists on the thoughts that led to its last tool call. A conversation that came from elsewhere
/// has none; where there are some, the provider judges.
fn lacks_thoughts(turns: &[Turn]) -> bool {
    let mut answers = turns.iter().rev().filter_map(|turn| match turn {
        Turn::Assistant(parts) => Some(parts),
        Turn::System(_) | Turn::User(_) => None,
    });
    let last_called = answers
        .clone()
        .next()
        .is_some_and(|parts| parts.iter().any(|part| matches!(part, Part::ToolCall(_))));
    let is_proof =
        |part: &Part| matches!(part, Part::Thought(thought) if super::messages::is_known(thought));
    last_called && !answers.any(|parts| parts.iter().any(is_proof))
}

const BUDGET_TOKENS_MIN: u64 = 1_024;

//! The most that a call can use: by its bytes, what they reach for, its limits and its model. Rather too much than too little.

use model::{Bound, Operation};
use wire::SEARCHES_MAX;

use crate::Gateway;
use crate::parse::Call;
use crate::plan::Candidate;

/// What must be held for a call to begin, and what is held for it to run as long as its model can.
pub fn bounds(gw: &Gateway, call: &Call<'_>, candidate: &Candidate<'_>) -> (Bound, Bound) {
    let reach = call.reach();
    let of_model = if looks_around(&candidate.model) { SEARCHES_MAX } else { 0 };
    let most = Bound {
        input_tokens: input(gw, call, candidate),
        output_tokens: output(gw, call, candidate),
        searches: reach.searches.saturating_add(of_model),
        tiers: reach.tiers,
    };
    let answers = call.payload.answers();
    let least = match call.asked.output_tokens_max {
        Some(limit) => limit,
        None => most.output_tokens.min(OUTPUT_TOKENS_LEAST.saturating_mul(answers)),
    };
    (Bound { output_tokens: least, ..most }, most)
}

/// Text is bounded by its bytes: a token is at least one. What only a name stands for in it may fill the model's window.
fn input(gw: &Gateway, call: &Call<'_>, candidate: &Candidate<'_>) -> u64 {
    let reach = call.reach();
    let bytes = u64::try_from(call.asked.body_bytes).unwrap_or(u64::MAX);
    let text = bytes.saturating_sub(reach.picture_bytes);
    let pictures = reach.pictures.saturating_mul(gw.catalogue.image_tokens(&candidate.provider.id));
    let described = u64::from(reach.has_tools).saturating_add(reach.client_tools);
    let hidden = described.saturating_mul(TOOL_TOKENS);
    let told = text.saturating_add(pictures).saturating_add(hidden);
    let facts = gw.catalogue.model(&candidate.provider.id, &candidate.model);
    let window = facts.and_then(|facts| facts.context);
    if reach.is_open || looks_around(&candidate.model) {
        return window.unwrap_or_else(|| told.max(WINDOW_UNKNOWN));
    }
    match window.and_then(|window| window.checked_mul(windows(call, candidate)?)) {
        Some(most) => told.min(most),
        None => told,
    }
}

/// How many times a call may fill its model's window; `None` where each of many texts may.
fn windows(call: &Call<'_>, candidate: &Candidate<'_>) -> Option<u64> {
    match candidate.way.operation {
        Operation::Completions => Some(call.payload.answers()),
        operation => answers_in_text(operation).then_some(1),
    }
}

/// Of all answers together.
fn output(gw: &Gateway, call: &Call<'_>, candidate: &Candidate<'_>) -> u64 {
    if !answers_in_text(candidate.way.operation) {
        return 0;
    }
    // What the oldest of OpenAI's routes writes where nothing is said.
    let each = match candidate.way.operation {
        Operation::Completions => COMPLETION,
        _ => output_of(gw, candidate).unwrap_or(OUTPUT_UNKNOWN),
    };
    let all = || each.saturating_mul(call.payload.answers());
    call.asked.output_tokens_max.unwrap_or_else(all)
}

/// What its model writes at most where no limit is sent, 0 where it writes no text. `None` where one must be sent, as what
/// OpenAI's oldest route writes unasked is not the same everywhere.
pub fn output_of(gw: &Gateway, candidate: &Candidate<'_>) -> Option<u64> {
    match candidate.way.operation {
        Operation::Completions => return None,
        operation if !answers_in_text(operation) => return Some(0),
        _ => {}
    }
    let facts = gw.catalogue.model(&candidate.provider.id, &candidate.model)?;
    facts.output.or(facts.context)
}

const fn answers_in_text(operation: Operation) -> bool {
    use Operation as Op;
    matches!(
        operation,
        Op::ChatCompletions
            | Op::Completions
            | Op::GenerateContent
            | Op::Messages
            | Op::Passthrough
            | Op::Responses
    )
}

/// Models that search whether or not they are asked to.
fn looks_around(model: &str) -> bool {
    LOOKING_AROUND.iter().any(|mark| model.contains(mark))
}

/// OpenAI's, OpenRouter's and Groq's.
const LOOKING_AROUND: [&str; 4] = ["-search-", ":online", "compound-beta", "groq/compound"];
/// Of a model that nobody knows.
const WINDOW_UNKNOWN: u64 = 1_000_000;
const OUTPUT_UNKNOWN: u64 = 32_768;
const COMPLETION: u64 = 16;
/// What providers write themselves where there are tools, and of each that they describe.
const TOOL_TOKENS: u64 = 1024;
/// A call whose caller sets no limit is not begun for less.
const OUTPUT_TOKENS_LEAST: u64 = 256;

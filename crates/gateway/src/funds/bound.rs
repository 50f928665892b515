//! The most that a call can use: by its bytes, its limits and its model. Rather too much than too little.

use memchr::memmem;
use model::{Bound, Operation};

use crate::Gateway;
use crate::parse::Call;
use crate::plan::Candidate;

/// What must be held for a call to begin, and what is held for it to run as long as its model can.
pub fn bounds(gw: &Gateway, call: &Call<'_>, candidate: &Candidate<'_>) -> (Bound, Bound) {
    let most = Bound {
        input_tokens: input(gw, call, candidate),
        output_tokens: output(gw, call, candidate),
        searches: searches(call.payload.body()),
        tier: tier(call.payload.body()),
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
    let facts = gw.catalogue.model(&candidate.provider.id, &candidate.model);
    let window = facts.and_then(|facts| facts.context);
    let body = call.payload.body();
    let holds = |word: &str| memmem::find(body, word.as_bytes()).is_some();
    if ELSEWHERE.iter().any(|word| holds(word)) {
        return window.unwrap_or(WINDOW_UNKNOWN);
    }
    let bytes = u64::try_from(call.asked.body_bytes).unwrap_or(u64::MAX);
    let hidden = if holds("\"tools\"") { TOOLS_TOKENS } else { 0 };
    let bound = bytes.saturating_add(hidden);
    window.map_or(bound, |window| bound.min(window))
}

/// Of all answers together.
fn output(gw: &Gateway, call: &Call<'_>, candidate: &Candidate<'_>) -> u64 {
    if !answers_in_text(candidate.way.operation) {
        return 0;
    }
    let of_model = output_of(gw, candidate).unwrap_or(OUTPUT_UNKNOWN);
    // What the oldest of OpenAI's routes writes where nothing is said.
    let usual = if call.asked.operation == Operation::Completions { COMPLETION } else { of_model };
    let all = || usual.saturating_mul(call.payload.answers());
    call.asked.output_tokens_max.unwrap_or_else(all)
}

/// What its model can write; 0 where it writes no text.
pub fn output_of(gw: &Gateway, candidate: &Candidate<'_>) -> Option<u64> {
    if !answers_in_text(candidate.way.operation) {
        return Some(0);
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

fn searches(body: &[u8]) -> u64 {
    if memmem::find(body, b"search").is_some() { SEARCHES_MAX } else { 0 }
}

/// A dearer way of being served is only held for where the body may ask for it.
fn tier(body: &[u8]) -> Option<model::ServiceTier> {
    use model::ServiceTier::{Fast, Priority, Ultrafast};
    let asks = |word: &str| memmem::find(body, word.as_bytes()).is_some();
    if !asks("service_tier") && !asks("\"speed\"") && !asks("\\u00") {
        return None;
    }
    let dear = [("ultrafast", Ultrafast), ("priority", Priority), ("fast", Fast)];
    dear.into_iter().find(|(word, _)| asks(word)).map(|(_, tier)| tier).or(Some(Priority))
}

/// Stored answers, files, searches and whatever lies behind an address; or any name spelled so that it cannot be seen.
const ELSEWHERE: [&str; 18] = [
    "\"previous_response_id\"",
    "\"conversation\"",
    "\"prompt\":{",
    "\"file_id\"",
    "\"fileData\"",
    "\"file_data\"",
    "\"file_uri\"",
    "\"fileUri\"",
    "\"file_url\"",
    "\"cachedContent\"",
    "\"cached_content\"",
    "\"container\"",
    "\"vector_store_ids\"",
    "\"item_reference\"",
    "search",
    "\"http",
    "\"gs://",
    "\\u00",
];

/// Of a model that nobody knows.
const WINDOW_UNKNOWN: u64 = 1_000_000;
const OUTPUT_UNKNOWN: u64 = 32_768;
const COMPLETION: u64 = 16;
/// What providers write themselves where there are tools.
const TOOLS_TOKENS: u64 = 1024;
const SEARCHES_MAX: u64 = 10;
/// A call whose caller sets no limit is not begun for less.
const OUTPUT_TOKENS_LEAST: u64 = 256;

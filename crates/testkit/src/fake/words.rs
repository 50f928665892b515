//! What the fake says and counts, whatever dialect it says it in.

/// What every answer says it read.
pub const PROMPT_TOKENS: u64 = 19;
/// How many of those came from the cache.
pub const CACHED_TOKENS: u64 = 4;
/// How many it thinks before it answers, where it was asked to think. Part of the answer's tokens.
pub const REASONING_TOKENS: u64 = THOUGHT.len() as u64;

/// One token each; not all ASCII, so that a split can fall inside a character.
const WORDS: [&str; 5] = ["Hello", " from", " the", " fäke", " 🦀"];
pub(super) const STANDARD_TOKENS: usize = WORDS.len();

pub(super) const THOUGHT: [&str; 3] = ["They", " greet", " me."];

/// A provider's proof of a thought, to be sent back as it is.
pub(super) const SIGNATURE: &str = "c2lnbmVkLWJ5LXRoZS1mYWtl";

/// When all answers were made, in seconds since 1970.
pub(super) const CREATED: i64 = 1_774_000_800;

/// The text that `n_content` tokens of the canonical answer make.
pub fn chat_content(n_content: usize) -> String {
    words(n_content).concat()
}

pub(super) fn words(n_content: usize) -> Vec<String> {
    WORDS.into_iter().cycle().take(n_content).map(str::to_owned).collect()
}

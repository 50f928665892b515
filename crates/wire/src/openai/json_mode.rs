//! An answer that is any JSON object: who asks for one must speak of JSON, or OpenAI and DeepSeek refuse.

use crate::hub::{Part, Text, Turn};

pub(super) fn is_spoken_of(system: &[Text], turns: &[Turn]) -> bool {
    let says_so = |text: &Text| text.text.to_ascii_lowercase().contains("json");
    system.iter().any(says_so)
        || turns.iter().any(|turn| match turn {
            Turn::System(texts) => texts.iter().any(says_so),
            Turn::Assistant(parts) | Turn::User(parts) => {
                parts.iter().any(|part| matches!(part, Part::Text(text) if says_so(text)))
            }
        })
}

/// For those who did not.
pub(super) const INSTRUCTION: &str = "Answer with one JSON object.";

//! How hard the model shall think: in OpenAI's word for it, OpenRouter's, Groq's, or Anthropic's as others took it over.

use crate::InvalidBody;
use crate::hub::{Effort, Reasoning};
use crate::members::Members;

/// All of them together; where two speak of the same thing, the plainest counts. `None` where nobody said anything.
pub(super) fn read(body: &mut Members) -> Result<Option<Reasoning>, InvalidBody> {
    let mut effort = read_effort(body, "reasoning_effort")?;
    let mut budget_tokens = None;
    let mut shown = body.yes("include_reasoning")?;
    if body.text("reasoning_format")?.as_deref() == Some("hidden") {
        shown = Some(false);
    }
    if let Some(mut reasoning) = body.inner("reasoning", "reasoning")? {
        budget_tokens = reasoning.count("max_tokens")?;
        effort = effort.or(read_effort(&mut reasoning, "effort")?);
        effort = effort.or(switched(reasoning.yes("enabled")?, budget_tokens));
        if reasoning.yes("exclude")? == Some(true) {
            shown = Some(false);
        }
        reasoning.end()?;
    }
    if let Some(mut thinking) = body.inner("thinking", "thinking")? {
        let on = match thinking.needed_text("type")?.as_str() {
            "adaptive" | "enabled" => true,
            "disabled" => false,
            _ => return Err(thinking.invalid("type", "\"enabled\", \"adaptive\" or \"disabled\"")),
        };
        budget_tokens = budget_tokens.or(thinking.count("budget_tokens")?);
        effort = effort.or(switched(Some(on), budget_tokens));
        thinking.end()?;
    }
    if effort.is_none() && budget_tokens.is_none() && shown != Some(true) {
        return Ok(None);
    }
    let shown = shown.unwrap_or(true) && effort != Some(Effort::None);
    Ok(Some(Reasoning { effort, budget_tokens, shown }))
}

fn read_effort(members: &mut Members, name: &'static str) -> Result<Option<Effort>, InvalidBody> {
    let Some(word) = members.text(name)? else { return Ok(None) };
    let effort = Effort::parse(&word).ok_or_else(|| {
        let words = Effort::ALL.map(|effort| format!("{:?}", effort.as_str()));
        members.invalid(name, &format!("one of {}", words.join(", ")))
    });
    effort.map(Some)
}

/// Thinking that is only switched on is as hard as providers do it by default; a budget says it better.
fn switched(on: Option<bool>, budget_tokens: Option<u64>) -> Option<Effort> {
    match (on?, budget_tokens) {
        (false, _) => Some(Effort::None),
        (true, None) => Some(Effort::Medium),
        (true, Some(_)) => None,
    }
}

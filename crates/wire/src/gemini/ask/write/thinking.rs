//! How much to think: a level from the third generation on, a number of tokens before.

use serde_json::{Map, Value};

use super::model_name::ModelName;
use crate::gemini::fields::note;
use crate::hub::{Effort, Reasoning};

pub(super) fn write(
    reasoning: Reasoning,
    model: ModelName<'_>,
    left_out: &mut Vec<String>,
) -> Option<Value> {
    let mut config = Map::new();
    let amount = if model.is_third_generation() {
        level(reasoning, model, left_out).map(|level| ("thinkingLevel", level.into()))
    } else {
        budget(reasoning, model, left_out).map(|budget| ("thinkingBudget", budget.into()))
    };
    config.extend(amount.map(|(name, value)| (name.to_owned(), value)));
    if reasoning.shown {
        config.insert("includeThoughts".to_owned(), true.into());
    }
    (!config.is_empty()).then_some(Value::Object(config))
}

/// Every model knows low and high, all that are still served medium; minimal only the lite ones for sure.
fn level(
    reasoning: Reasoning,
    model: ModelName<'_>,
    left_out: &mut Vec<String>,
) -> Option<&'static str> {
    let effort = reasoning.effort.or(reasoning.budget_tokens.map(Effort::of_budget))?;
    if effort == Effort::None {
        // It cannot be had without any thought.
        note(left_out, "reasoning_effort");
    }
    Some(match effort {
        Effort::None | Effort::Minimal if model.is_lite() => "minimal",
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::Xhigh | Effort::Max => "high",
    })
}

/// Within what the model takes. The largest one cannot be had without any thought.
fn budget(reasoning: Reasoning, model: ModelName<'_>, left_out: &mut Vec<String>) -> Option<u64> {
    let asked = match (reasoning.budget_tokens, reasoning.effort) {
        (Some(budget), _) => budget,
        (None, Some(effort)) => effort.budget_tokens().unwrap_or(0),
        (None, None) => return None,
    };
    if model.is_pro() {
        if asked == 0 {
            note(left_out, "reasoning_effort");
        }
        return Some(asked.clamp(PRO_BUDGET_MIN, PRO_BUDGET_MAX));
    }
    let least = if model.is_lite() { LITE_BUDGET_MIN } else { 1 };
    Some(if asked == 0 { 0 } else { asked.clamp(least, FLASH_BUDGET_MAX) })
}

const PRO_BUDGET_MIN: u64 = 128;
const PRO_BUDGET_MAX: u64 = 32_768;
const LITE_BUDGET_MIN: u64 = 512;
const FLASH_BUDGET_MAX: u64 = 24_576;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn becomes(model: &str, reasoning: Reasoning, expected: &Value, told: &[&str]) {
        let mut left_out = Vec::new();

        let config = write(reasoning, ModelName::new(model), &mut left_out);

        assert_eq!(config.unwrap_or_default(), *expected, "{model}");
        assert_eq!(left_out, told, "{model}");
    }

    fn effort(effort: Effort) -> Reasoning {
        Reasoning { effort: Some(effort), ..Reasoning::default() }
    }

    fn tokens(tokens: u64) -> Reasoning {
        Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() }
    }

    #[test]
    fn the_third_generation_has_levels() {
        let level = |level: &str| json!({"thinkingLevel": level});
        becomes("gemini-3.1-pro-preview", effort(Effort::Medium), &level("medium"), &[]);
        becomes("gemini-3.8-flash", effort(Effort::Minimal), &level("low"), &[]);
        becomes("gemini-3.5-flash-lite", effort(Effort::Minimal), &level("minimal"), &[]);
        becomes("gemini-3.8-flash", effort(Effort::Max), &level("high"), &[]);
        becomes("gemini-3.8-flash", effort(Effort::None), &level("low"), &["reasoning_effort"]);
        becomes("gemini-3.8-flash", tokens(31_999), &level("high"), &[]);
        becomes("gemini-3.8-flash", tokens(1_024), &level("low"), &[]);
    }

    #[test]
    fn those_before_have_budgets_within_bounds() {
        let budget = |tokens: u64| json!({"thinkingBudget": tokens});
        becomes("gemini-2.5-flash", effort(Effort::Medium), &budget(2_048), &[]);
        becomes("gemini-2.5-flash", tokens(31_999), &budget(24_576), &[]);
        becomes("gemini-2.5-flash", effort(Effort::None), &budget(0), &[]);
        becomes("gemini-2.5-flash-lite", tokens(1), &budget(512), &[]);
        becomes("gemini-2.5-pro", tokens(31_999), &budget(31_999), &[]);
        becomes("gemini-2.5-pro", effort(Effort::None), &budget(128), &["reasoning_effort"]);
    }

    #[test]
    fn thoughts_are_shown_on_request_only() {
        let shown = Reasoning { shown: true, ..Reasoning::default() };
        becomes("gemini-3.8-flash", shown, &json!({"includeThoughts": true}), &[]);
        becomes("gemini-2.5-pro", shown, &json!({"includeThoughts": true}), &[]);
        becomes("gemini-2.5-pro", Reasoning::default(), &Value::Null, &[]);
    }
}

//! What Google's usage block means. Knows no prices.

use model::Usage;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json::{self, Reading};

/// `None` for anything that counts nothing: `null`, an empty object, a text.
///
/// Google's candidates leave thoughts out, and its prompt what its own tools brought in; the total gives away where that
/// is otherwise. It is believed only upwards. No part is ever larger than its whole.
pub(super) fn read(block: &RawValue) -> Option<Usage> {
    let counts = json::members(block.get(), &COUNTS, Reading::Lenient).ok()?;
    let [_, prompt, cached, candidates, tool_use, thoughts, total] = counts.map(count);
    let [details, ..] = counts;
    let input_tokens = sum(prompt, tool_use);
    let thoughts_inside =
        thoughts.is_some() && thoughts <= candidates && sum(input_tokens, candidates) == total;
    let told = if thoughts_inside { candidates } else { sum(candidates, thoughts) };
    let beyond_input = total.zip(input_tokens).map(|(total, input)| total.saturating_sub(input));
    let output_tokens = told.max(beyond_input);
    let part = |part: Option<u64>, whole: Option<u64>| {
        part.map(|part| whole.map_or(part, |whole| part.min(whole)))
    };
    let usage = Usage {
        input_tokens,
        cached_tokens: part(cached, input_tokens),
        audio_input_tokens: part(details.and_then(heard), input_tokens),
        output_tokens,
        reasoning_tokens: part(thoughts, output_tokens),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// The same the other way about. Google has no word for what was written to a cache.
pub(super) fn write(usage: &Usage) -> Value {
    let candidates = usage
        .output_tokens
        .map(|output| output.saturating_sub(usage.reasoning_tokens.unwrap_or_default()));
    let counts = [
        ("promptTokenCount", usage.input_tokens),
        ("cachedContentTokenCount", usage.cached_tokens),
        ("candidatesTokenCount", candidates),
        ("thoughtsTokenCount", usage.reasoning_tokens),
        ("totalTokenCount", sum(usage.input_tokens, usage.output_tokens)),
    ];
    let told =
        counts.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?.into())));
    Value::Object(told.collect::<Map<_, _>>())
}

/// Sound, among what the prompt was made of.
fn heard(details: &RawValue) -> Option<u64> {
    let parts: Vec<&RawValue> = serde_json::from_str(details.get()).ok()?;
    let heard = parts.into_iter().filter_map(|part| {
        let [modality, tokens] =
            json::members(part.get(), &["modality", "tokenCount"], Reading::Lenient).ok()?;
        modality.filter(|modality| modality.get() == "\"AUDIO\"").and(count(tokens))
    });
    heard.reduce(u64::saturating_add)
}

/// Of what was told; of nothing it is nothing.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

fn count(value: Option<&RawValue>) -> Option<u64> {
    value?.get().parse().ok()
}

const COUNTS: [&str; 7] = [
    "promptTokensDetails",
    "promptTokenCount",
    "cachedContentTokenCount",
    "candidatesTokenCount",
    "toolUsePromptTokenCount",
    "thoughtsTokenCount",
    "totalTokenCount",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(block: &str) -> Option<Usage> {
        super::read(serde_json::from_str(block).expect("JSON"))
    }

    fn counted(input: u64, output: u64) -> Usage {
        Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
    }

    #[test]
    fn thoughts_are_output_that_the_candidates_leave_out() {
        let block = r#"{"promptTokenCount":35,"candidatesTokenCount":12,"thoughtsTokenCount":62,"totalTokenCount":109,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":35}]}"#;

        assert_eq!(read(block), Some(Usage { reasoning_tokens: Some(62), ..counted(35, 74) }));
    }

    #[test]
    fn sound_is_part_of_the_prompt() {
        let block = r#"{"promptTokenCount":35,"candidatesTokenCount":1,"totalTokenCount":36,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":5},{"modality":"AUDIO","tokenCount":30}]}"#;

        let usage = read(block);

        assert_eq!(usage, Some(Usage { audio_input_tokens: Some(30), ..counted(35, 1) }));
    }

    #[test]
    fn a_total_without_room_for_thoughts_has_them_inside() {
        let block = r#"{"promptTokenCount":35,"candidatesTokenCount":74,"thoughtsTokenCount":62,"totalTokenCount":109}"#;

        assert_eq!(read(block), Some(Usage { reasoning_tokens: Some(62), ..counted(35, 74) }));
    }

    #[test]
    fn what_its_own_tools_brought_in_is_input() {
        let block = r#"{"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":7,"thoughtsTokenCount":3,
            "totalTokenCount":25,"cachedContentTokenCount":4}"#;

        let expected =
            Usage { cached_tokens: Some(4), reasoning_tokens: Some(3), ..counted(15, 10) };
        assert_eq!(read(block), Some(expected));
    }

    #[test]
    fn the_total_is_believed_only_upwards() {
        assert_eq!(read(r#"{"promptTokenCount":10,"totalTokenCount":30}"#), Some(counted(10, 20)));
        assert_eq!(
            read(r#"{"promptTokenCount":10,"candidatesTokenCount":9,"totalTokenCount":3}"#),
            Some(counted(10, 9))
        );
        assert_eq!(
            read(
                r#"{"promptTokenCount":10,"candidatesTokenCount":18446744073709551615,"thoughtsTokenCount":9}"#
            ),
            Some(Usage { reasoning_tokens: Some(9), ..counted(10, u64::MAX) })
        );
    }

    #[test]
    fn nothing_counted_is_no_usage() {
        for block in ["null", "{}", "[]", "\"\"", r#"{"trafficType":"ON_DEMAND"}"#] {
            assert_eq!(read(block), None, "{block}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let usage = Usage { cached_tokens: Some(8), reasoning_tokens: Some(5), ..counted(20, 11) };

        let block = write(&usage);

        assert_eq!(block["candidatesTokenCount"], 6);
        assert_eq!(block["totalTokenCount"], 31);
        assert_eq!(read(&block.to_string()), Some(usage));
        assert_eq!(write(&Usage::default()), serde_json::json!({}));
    }
}

//! Usage blocks as recorded from each provider.

use model::Usage;
use serde_json::value::RawValue;

use super::{UsageBlock, usage_of};

fn read(text: &str) -> Option<UsageBlock> {
    let value: &RawValue = serde_json::from_str(text).expect("JSON");
    UsageBlock::read(value)
}

/// Provider, block, then input, cached, output, reasoning.
type Row = (&'static str, &'static str, [Option<u64>; 4]);

const ROWS: &[Row] = &[
    (
        "openai",
        r#"{"prompt_tokens":12345,"completion_tokens":678,"total_tokens":13023,
            "prompt_tokens_details":{"cached_tokens":8192,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":512}}"#,
        [Some(12345), Some(8192), Some(678), Some(512)],
    ),
    (
        "openai plain",
        r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}"#,
        [Some(9), None, Some(2), None],
    ),
    (
        "embeddings",
        r#"{"prompt_tokens":1234,"total_tokens":1234}"#,
        [Some(1234), None, Some(0), None],
    ),
    (
        "gemini, thinking outside the completion",
        r#"{"prompt_tokens":35,"completion_tokens":12,"total_tokens":109}"#,
        [Some(35), None, Some(74), None],
    ),
    (
        "xai, reasoning outside the completion",
        r#"{"prompt_tokens":200000,"completion_tokens":300,"total_tokens":201000,
            "prompt_tokens_details":{"cached_tokens":1000},"completion_tokens_details":{"reasoning_tokens":700},"cost_in_usd_ticks":8090000000}"#,
        [Some(200_000), Some(1000), Some(1000), Some(700)],
    ),
    (
        "xai, recorded",
        r#"{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        [Some(12), None, Some(291), Some(290)],
    ),
    (
        "xai, reasoning inside after all",
        r#"{"prompt_tokens":12,"completion_tokens":291,"total_tokens":303,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        [Some(12), None, Some(291), Some(290)],
    ),
    (
        "xai without a total",
        r#"{"prompt_tokens":12,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        [Some(12), None, Some(291), Some(290)],
    ),
    (
        "nothing but reasoning, and no total",
        r#"{"prompt_tokens":12,"completion_tokens":290,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        [Some(12), None, Some(290), Some(290)],
    ),
    (
        "deepseek",
        r#"{"prompt_tokens":10007,"completion_tokens":333,"total_tokens":10340,"prompt_cache_hit_tokens":9984,
            "prompt_cache_miss_tokens":23,"completion_tokens_details":{"reasoning_tokens":300}}"#,
        [Some(10007), Some(9984), Some(333), Some(300)],
    ),
    (
        "moonshot",
        r#"{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,"cached_tokens":64,"prompt_tokens_details":{"cached_tokens":0}}"#,
        [Some(100), Some(64), Some(7), None],
    ),
    (
        "groq, with times",
        r#"{"queue_time":0.01,"prompt_tokens":20,"prompt_time":0.001,"completion_tokens":5,"completion_time":0.02,"total_tokens":25,"total_time":0.03}"#,
        [Some(20), None, Some(5), None],
    ),
    (
        "openrouter",
        r#"{"prompt_tokens":1949,"completion_tokens":1000,"total_tokens":2949,"cost":0.00123456789,"is_byok":false,
            "prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":null}}"#,
        [Some(1949), None, Some(1000), None],
    ),
    (
        "floats",
        r#"{"prompt_tokens":3.0,"completion_tokens":4.5,"total_tokens":-1}"#,
        [Some(3), None, None, None],
    ),
    (
        "a total that is too small",
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":5}"#,
        [Some(10), None, Some(5), None],
    ),
    (
        "parts larger than their whole",
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"cached_tokens":11,"completion_tokens_details":{"reasoning_tokens":6}}"#,
        [Some(10), Some(10), Some(5), Some(5)],
    ),
    (
        "the largest numbers",
        r#"{"prompt_tokens":18446744073709551615,"completion_tokens":18446744073709551615,"total_tokens":18446744073709551616}"#,
        [Some(u64::MAX), None, Some(u64::MAX), None],
    ),
];

#[test]
fn every_block_gets_one_meaning() {
    for (name, text, [input_tokens, cached_tokens, output_tokens, reasoning_tokens]) in ROWS {
        let usage = usage_of(read(text).expect(name));

        let expected = Usage {
            input_tokens: *input_tokens,
            cached_tokens: *cached_tokens,
            output_tokens: *output_tokens,
            reasoning_tokens: *reasoning_tokens,
            reported_pico_usd: usage.reported_pico_usd,
            ..Usage::default()
        };
        assert_eq!(usage, expected, "{name}");
        let reports = matches!(*name, "openrouter" | "xai, reasoning outside the completion");
        assert_eq!(usage.reported_pico_usd.is_some(), reports, "{name}");
    }
}

#[test]
fn what_counts_nothing_is_no_usage() {
    for text in [
        "null",
        "{}",
        "[]",
        "\"prompt_tokens\"",
        "7",
        "{\"prompt_tokens\":\"many\"}",
        "{\"cost\":1}",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn sound_is_part_of_the_input() {
    let block = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"audio_tokens":7}}"#;

    let heard = |block: &str| usage_of(read(block).expect("counts")).audio_input_tokens;

    assert_eq!(heard(block), Some(7));
    assert_eq!(heard(&block.replace(":7", ":0")), None);
    assert_eq!(heard(&block.replace(":7", ":70")), Some(10));
}

#[test]
fn what_was_written_to_a_cache_is_told_under_either_name() {
    for text in [
        r#"{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,"cached_tokens":64,"cache_write_tokens":30}"#,
        r#"{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":64,"cache_write_tokens":30}}"#,
    ] {
        let usage = usage_of(read(text).expect(text));

        assert_eq!((usage.cached_tokens, usage.cache_write_tokens), (Some(64), Some(30)), "{text}");
        assert_eq!(usage.cache_write_long_tokens, None);
    }
}

//! What was billed, out of what the block says.

use model::Usage;
use serde_json::json;

use super::{Counts, UsageBlock};

#[test]
fn input_includes_what_was_cached_and_what_was_written_to_the_cache() {
    let counts = Counts::of(&json!({
        "input_tokens": 3,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 5},
        "service_tier": "standard",
    }));

    assert_eq!(
        counts.usage(),
        Some(Usage {
            input_tokens: Some(1103),
            cached_tokens: Some(1000),
            cache_write_tokens: Some(100),
            cache_write_long_tokens: Some(40),
            output_tokens: Some(7),
            reasoning_tokens: Some(5),
            ..Usage::default()
        })
    );
}

#[test]
fn the_iterations_of_a_call_are_added_up() {
    let counts = Counts::of(&json!({
        "input_tokens": 45,
        "output_tokens": 12,
        "cache_read_input_tokens": 0,
        "iterations": [
            {"type": "compaction", "input_tokens": 1800, "output_tokens": 35},
            {"type": "message", "input_tokens": 45, "output_tokens": 12, "cache_read_input_tokens": 5},
        ],
    }));

    let usage = counts.usage().expect("counts");

    assert_eq!(usage.input_tokens, Some(1850));
    assert_eq!(usage.cached_tokens, Some(5));
    assert_eq!(usage.output_tokens, Some(47));
}

#[test]
fn the_later_count_replaces_the_earlier_unless_it_is_a_zero() {
    let mut counts = Counts::of(&json!({"input_tokens": 9, "output_tokens": 1}));

    counts.update(Counts::of(&json!({"input_tokens": 0, "output_tokens": 20})));

    let usage = counts.usage().expect("counts");
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(9), Some(20)));
}

#[test]
fn what_counts_nothing_is_no_usage() {
    for value in [json!(null), json!({}), json!("a"), json!({"input_tokens": "9"}), json!([1])] {
        assert_eq!(Counts::of(&value).usage(), None, "{value}");
    }
}

#[test]
fn a_block_that_is_written_reads_back_as_the_same_usage() {
    let usage = Usage {
        input_tokens: Some(1103),
        cached_tokens: Some(1000),
        cache_write_tokens: Some(100),
        cache_write_long_tokens: Some(40),
        output_tokens: Some(7),
        reasoning_tokens: Some(5),
        ..Usage::default()
    };

    let block = serde_json::to_value(UsageBlock::from(usage)).expect("JSON");

    assert_eq!(block["input_tokens"], 3);
    assert_eq!(Counts::of(&block).usage(), Some(usage));
}

#[test]
fn parts_larger_than_their_whole_leave_nothing() {
    let usage = Usage { input_tokens: Some(5), cached_tokens: Some(9), ..Usage::default() };

    let block = serde_json::to_value(UsageBlock::from(usage)).expect("JSON");

    assert_eq!(block["input_tokens"], 0);
}

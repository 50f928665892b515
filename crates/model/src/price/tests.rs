//! Prices as they are written, and what real answers cost.

use super::*;
use crate::{Catalogue, MicroUsd};

#[test]
fn a_price_is_read_to_the_last_digit() {
    for (text, pico) in [
        ("0", 0),
        ("2", 2_000_000),
        ("2.5", 2_500_000),
        ("0.075", 75_000),
        ("0.0375", 37_500),
        ("0.083333", 83_333),
        ("0.000001", 1),
        ("10000", 10_000_000_000),
    ] {
        assert_eq!(text.parse(), Ok(TokenPrice(pico)), "{text}");
    }
    for text in ["", ".5", "1.", "1.0000001", "-1", "+1", "1e3", "1,5", "10000.000001", "1.2.3"] {
        assert_eq!(text.parse::<TokenPrice>(), Err(InvalidPrice), "{text}");
    }
    assert_eq!("9".repeat(30).parse::<TokenPrice>(), Err(InvalidPrice));
}

/// Input, of it read from a cache, written, of that for longer; output.
const fn usage(input: u64, cached: u64, written: u64, written_long: u64, output: u64) -> Usage {
    Usage {
        input_tokens: Some(input),
        cached_tokens: Some(cached),
        cache_write_tokens: Some(written),
        cache_write_long_tokens: Some(written_long),
        output_tokens: Some(output),
        audio_input_tokens: None,
        reasoning_tokens: None,
        searches: None,
        tier: None,
        geo: None,
        reported_pico_usd: None,
        estimated: false,
    }
}

fn cost(provider: &str, model: &str, usage: &Usage) -> Option<PicoUsd> {
    let catalogue = Catalogue::shipped().expect("valid");
    let provider = catalogue.provider(provider).expect("known");
    catalogue.model(&provider.id, model)?.price.as_ref()?.cost(usage)
}

/// Each was worked out by two other programs as well.
#[test]
fn known_answers_cost_what_they_are_known_to_cost() {
    for (provider, model, usage, pico, micro) in [
        ("openai", "gpt-5.4-mini", usage(12_345, 8_192, 0, 0, 678), 6_780_150_000, 6_780),
        (
            "openai",
            "gpt-6.1-sol",
            usage(300_000, 200_000, 50_000, 0, 4_000),
            550_000_000_000,
            550_000,
        ),
        ("openai", "gpt-6.1-sol", usage(272_000, 0, 0, 0, 1), 544_010_000_000, 544_010),
        (
            "anthropic",
            "claude-sonnet-5-5",
            usage(46_781, 41_230, 3_500, 2_000, 1_203),
            32_005_000_000,
            32_005,
        ),
        ("anthropic", "claude-haiku-5-5", usage(100_001, 100_000, 0, 0, 10), 5_025_500_000, 5_026),
        (
            "gemini",
            "gemini-2.5-pro",
            usage(210_000, 150_000, 0, 0, 3_000),
            232_500_000_000,
            232_500,
        ),
        ("xai", "grok-4.7", usage(200_000, 1_000, 0, 0, 1_000), 809_000_000_000, 809_000),
        ("deepseek", "deepseek-flash", usage(10_007, 9_984, 0, 0, 333), 233_202_000, 233),
        ("openai", "gpt-4o", usage(1, 0, 0, 0, 0), 2_500_000, 3),
        ("anthropic", "claude-haiku-5-5", usage(4, 3, 0, 0, 0), 130_000, 0),
    ] {
        let cost = cost(provider, model, &usage);

        assert_eq!(cost, Some(PicoUsd(pico)), "{model}");
        assert_eq!(cost.map(PicoUsd::rounded), Some(MicroUsd(micro)), "{model}");
    }
}

#[test]
fn what_was_not_told_has_no_cost_unless_it_is_free() {
    let input_only = Usage { input_tokens: Some(1_234), ..Usage::default() };
    let output_only = Usage { output_tokens: Some(1_234), ..Usage::default() };

    let embedding = cost("openai", "text-embedding-3-small", &input_only);
    assert_eq!(embedding, Some(PicoUsd(24_680_000)));
    assert_eq!(cost("openai", "omni-moderation-latest", &Usage::default()), Some(PicoUsd(0)));
    assert_eq!(cost("openai", "gpt-4o", &input_only), None);
    assert_eq!(cost("openai", "gpt-4o", &output_only), None);
    assert_eq!(cost("openai", "no-such-model", &usage(10, 0, 0, 0, 10)), None);
}

#[test]
fn an_absent_price_is_the_next_more_general_one() {
    let price = |text: &str| toml::from_str::<Price>(text).expect("a price");
    let all = usage(100, 10, 30, 20, 0);
    let general = price("usd = { input = '2', output = '0' }");
    let written = price("usd = { input = '2', output = '0', cached = '1', write = '3' }");
    let long = price(
        "usd = { input = '2', output = '0', cached = '0.1' }\nlong = { above = 99, usd = { input = '4', output = '0' } }",
    );

    assert_eq!(general.cost(&all), Some(PicoUsd(200_000_000)));
    assert_eq!(written.cost(&all), Some(PicoUsd(60 * 2_000_000 + 10 * 1_000_000 + 30 * 3_000_000)));
    assert_eq!(long.cost(&all), Some(PicoUsd(400_000_000)), "not the short cached price");
}

#[test]
fn absurd_numbers_neither_wrap_nor_panic() {
    let most = TokenPrice(u64::MAX);
    let price = Price::flat(Rates { input: most, output: most, ..Rates::default() });

    assert_eq!(price.cost(&usage(u64::MAX, 0, 0, 0, u64::MAX)), None);
    let parts = usage(10, u64::MAX, u64::MAX, u64::MAX, 0);
    assert!(cost("openai", "gpt-4o", &parts).is_some_and(|cost| cost.0 > 0));
}

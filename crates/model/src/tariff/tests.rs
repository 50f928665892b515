//! What the door promises: the worst is never passed, and what is bought fits.

use super::*;
use crate::{Catalogue, Geo};

fn tariff(provider: &str, model: &str, at: &str) -> Tariff {
    let catalogue = Catalogue::shipped().expect("valid");
    let provider = catalogue.provider(provider).expect("known").id.clone();
    catalogue.tariff(&provider, model, time(at)).expect("priced")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

const NOW: &str = "2026-11-21T12:00:00Z";

fn used(input: u64, output: u64) -> Usage {
    Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
}

#[test]
fn what_the_provider_says_it_cost_is_what_it_cost() {
    let usage = Usage { reported_pico_usd: Some(7), ..used(1_000, 1_000) };

    let cost = tariff("openai", "gpt-4o", NOW).cost(&usage, time(NOW));

    assert_eq!(cost, Some(PicoUsd(7)));
}

#[test]
fn a_workspaces_own_price_is_its_word() {
    let over = PriceOverride {
        input_pico_usd: 10,
        output_pico_usd: 100,
        cache_read_pico_usd: Some(1),
        cache_write_pico_usd: None,
    };
    let usage = Usage { cached_tokens: Some(4), searches: Some(2), ..used(10, 3) };

    let tariff = Tariff::of_override(&over);

    assert_eq!(tariff.version(), "workspace");
    assert_eq!(tariff.cost(&usage, time(NOW)), Some(PicoUsd(6 * 10 + 4 + 3 * 100)));
}

#[test]
fn the_worst_is_never_passed_and_what_it_buys_fits() {
    for (provider, model) in [
        ("openai", "gpt-6.1-sol"),
        ("openai", "gpt-5.4-mini"),
        ("anthropic", "claude-opus-5-5"),
        ("deepseek", "deepseek-flash"),
        ("gemini", "gemini-2.5-flash"),
        ("xai", "grok-4.7"),
    ] {
        let tariff = tariff(provider, model, NOW);
        for tier in [None, Some(ServiceTier::Priority), Some(ServiceTier::Flex)] {
            for input in [0, 1, 199_999, 200_000, 300_001] {
                let bound = Bound { input_tokens: input, output_tokens: 77, searches: 0, tier };
                let worst = tariff.worst(&bound);

                for at in [NOW, "2026-11-23T02:00:00Z"] {
                    for part in [None, Some(input), Some(input / 2)] {
                        let parts = [
                            Usage { cached_tokens: part, ..used(input, 77) },
                            Usage { cache_write_tokens: part, ..used(input, 77) },
                            Usage {
                                cache_write_tokens: part,
                                cache_write_long_tokens: part,
                                ..used(input, 77)
                            },
                            Usage { audio_input_tokens: part, ..used(input, 77) },
                        ];
                        for usage in parts {
                            for tier in [None, tier, Some(ServiceTier::Batch)] {
                                for geo in [None, Some(Geo::Us)] {
                                    let usage = Usage { tier, geo, ..usage };
                                    let cost = tariff.cost(&usage, time(at)).expect("told");
                                    assert!(cost <= worst, "{model} {bound:?} {usage:?}");
                                }
                            }
                        }
                    }
                }
                let bought = tariff.output_for(worst, &bound).expect("output costs");
                assert_eq!(bought, 77, "{model} {bound:?}");
                let less = tariff.output_for(PicoUsd(worst.0 - 1), &bound);
                assert!(less < Some(77), "{model} {bound:?}: {less:?}");
            }
        }
    }
}

#[test]
fn nothing_is_bought_for_less_than_the_input_and_free_output_has_no_number() {
    let bound = Bound { input_tokens: 1_000, ..Bound::default() };

    assert_eq!(tariff("openai", "gpt-4o", NOW).output_for(PicoUsd(1), &bound), Some(0));
    let free = tariff("openai", "text-embedding-3-small", NOW).output_for(PicoUsd(1), &bound);
    assert_eq!(free, None);
}

#[test]
fn absurd_bounds_cost_more_than_anybody_has() {
    let bound = Bound { input_tokens: u64::MAX, output_tokens: u64::MAX, ..Bound::default() };
    let over = PriceOverride { input_pico_usd: u64::MAX, ..PriceOverride::default() };

    let worst = Tariff::of_override(&over).worst(&bound);

    assert!(worst.rounded().0 == i64::MAX, "{worst:?}");
}

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

/// Of every model there is, at every hour and place, whatever became of its input; and every answer in the tier asked for, in
/// the usual one, or in one for those who wait.
#[test]
fn the_worst_is_never_passed_and_what_it_buys_fits() {
    let catalogue = Catalogue::shipped().expect("valid");
    for provider in catalogue.providers() {
        for (name, _) in catalogue.models(&provider.id) {
            for at in [NOW, "2027-03-01T00:00:00Z"] {
                let Some(tariff) = catalogue.tariff(&provider.id, name, time(at)) else { continue };
                let tiers = tariff.price().tiers.keys().copied().map(Tiers::One);
                for tiers in tiers.chain([Tiers::Any, Tiers::Usual]) {
                    for input_tokens in [0, 1, 200_000, 600_001] {
                        let bound = Bound { input_tokens, output_tokens: 77, searches: 2, tiers };
                        keeps_within(&tariff, &bound);
                    }
                }
            }
        }
    }
}

fn keeps_within(tariff: &Tariff, bound: &Bound) {
    let worst = tariff.worst(bound);
    for usage in usages(bound) {
        for at in [NOW, "2026-11-23T02:00:00Z"] {
            let Some(cost) = tariff.cost(&usage, time(at)) else { continue };
            assert!(cost <= worst, "{cost:?} > {worst:?}: {bound:?} {usage:?}");
        }
    }
    let Some(bought) = tariff.output_for(worst, bound) else { return };
    assert_eq!(bought, 77, "{bound:?}");
    let less = tariff.output_for(PicoUsd(worst.0 - 1), bound);
    assert!(less < Some(77), "{bound:?}: {less:?}");
}

fn usages(bound: &Bound) -> Vec<Usage> {
    let all = Usage { searches: Some(bound.searches), ..used(bound.input_tokens, 77) };
    let part = Some(bound.input_tokens);
    let parts = [
        all,
        Usage { cached_tokens: part, ..all },
        Usage { cache_write_tokens: part, ..all },
        Usage { cache_write_tokens: part, cache_write_long_tokens: part, ..all },
        Usage { audio_input_tokens: part, ..all },
        Usage { input_tokens: part.map(|all| all / 2), ..all },
        Usage { searches: None, ..all },
    ];
    let patient = [Some(ServiceTier::Batch), Some(ServiceTier::Flex)];
    let tiers: Vec<_> = bound.tiers.all().chain(patient).collect();
    let in_tiers = parts
        .into_iter()
        .flat_map(|usage| tiers.iter().map(move |tier| Usage { tier: *tier, ..usage }));
    in_tiers.flat_map(|usage| [usage, Usage { geo: Some(Geo::Us), ..usage }]).collect()
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

#[test]
fn an_announced_price_holds_from_its_day_on() {
    for (model, before, after, old, new) in [
        ("gemini-4-argon", "2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z", 12, 24),
        ("gemini-3.8-flash", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", 4_500, 9_000),
    ] {
        for (at, usd) in [(NOW, old), (before, old), (after, new), ("2030-01-01T00:00:00Z", new)] {
            let cost = tariff("gemini", model, at).cost(&used(1_000, 1_000), time(at));
            let unit = if usd > 100 { 1_000_000 } else { 1_000_000_000 };
            assert_eq!(cost, Some(PicoUsd(usd * unit)), "{model} {at}");
        }
    }
}

#[test]
fn busy_hours_are_those_of_working_days_by_the_end_of_the_call() {
    let tariff = tariff("deepseek", "deepseek-flash", NOW);
    for (at, times) in [
        ("2026-11-23T00:59:59Z", 1),
        ("2026-11-23T01:00:00Z", 2),
        ("2026-11-23T03:59:59Z", 2),
        ("2026-11-23T04:00:00Z", 1),
        ("2026-11-27T09:59:59Z", 2),
        ("2026-11-27T10:00:00Z", 1),
        ("2026-11-22T02:00:00Z", 1),
        ("2026-10-05T02:00:00Z", 1),
        ("2026-10-08T02:00:00Z", 2),
        ("2026-10-10T02:00:00Z", 1),
    ] {
        let cost = tariff.cost(&used(0, 1), time(at));
        assert_eq!(cost, Some(PicoUsd(600_000 * times)), "{at}");
    }
}

#[test]
fn a_tier_costs_what_it_costs_and_a_search_is_no_token() {
    let mini = tariff("openai", "gpt-5.4-mini", NOW);
    let cost = |tier, searches| {
        mini.cost(&Usage { tier, searches, ..used(1_000, 0) }, time(NOW)).map(|cost| cost.0)
    };

    assert_eq!(cost(None, None), Some(750_000_000));
    assert_eq!(cost(Some(ServiceTier::Flex), None), Some(375_000_000));
    assert_eq!(cost(Some(ServiceTier::Priority), None), Some(1_500_000_000));
    assert_eq!(cost(Some(ServiceTier::Ultrafast), None), Some(750_000_000), "no price of its own");
    assert_eq!(cost(None, Some(2)), Some(20_750_000_000));
}

/// That it has no long price, nobody promised.
#[test]
fn a_tier_without_a_long_price_costs_no_less_than_a_long_call_does() {
    let pro = tariff("openai", "gpt-5.5-pro", NOW);
    let cost = |input: u64, tier| pro.cost(&Usage { tier, ..used(input, 0) }, time(NOW));

    let flex = Some(ServiceTier::Flex);
    assert_eq!(cost(272_000, flex), Some(PicoUsd(272_000 * 15_000_000)));
    assert_eq!(cost(272_001, flex), Some(PicoUsd(272_001 * 60_000_000)));
    assert_eq!(cost(272_001, flex), cost(272_001, None));
}

#[test]
fn a_search_without_a_known_price_makes_the_cost_unknown() {
    let zai = tariff("zai", "glm-5.3", NOW);

    assert_eq!(zai.cost(&Usage { searches: Some(1), ..used(1, 1) }, time(NOW)), None);
    assert!(zai.cost(&Usage { searches: Some(0), ..used(1, 1) }, time(NOW)).is_some());
}

#[test]
fn a_price_says_whose_word_it_is() {
    assert_eq!(tariff("openai", "gpt-4o", NOW).version(), "catalogue@2026-11-09");
}

#[test]
fn whoever_asks_for_a_tier_pays_for_that_one_or_for_the_dearest() {
    let priced = tariff("openai", "gpt-4o", NOW);
    let worst = |tiers| {
        let bound = Bound { input_tokens: 1_000_000, tiers, ..Bound::default() };
        priced.worst(&bound).rounded().0
    };

    assert_eq!(worst(Tiers::Usual), 2_500_000);
    assert_eq!(worst(Tiers::One(ServiceTier::Flex)), 2_500_000);
    assert_eq!(worst(Tiers::One(ServiceTier::Priority)), 4_250_000);
    assert_eq!(worst(Tiers::Any), 4_250_000);
    let both = Tiers::One(ServiceTier::Flex).and(Tiers::One(ServiceTier::Priority));
    assert_eq!((both, Tiers::Usual.and(Tiers::Any)), (Tiers::Any, Tiers::Any));
}

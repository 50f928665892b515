//! What a usage block itself says the call cost, under the names providers have for it. Reads no number as a float.

use model::decimal;
use serde_json::value::RawValue;

use crate::json::{self, Reading};

/// In pico-USD. `None` where it says nothing, or not all of it.
pub(crate) fn cost(block: &RawValue) -> Option<u64> {
    let [ticks, cost, is_byok, details] =
        json::members(block.get(), &NAMES, Reading::Lenient).ok()?;
    if let Some(ticks) = ticks.and_then(|ticks| decimal::units(ticks.get(), 0)) {
        return ticks.checked_mul(PICO_PER_TICK);
    }
    let usd = |value: &RawValue| decimal::units(value.get(), PICO_PLACES);
    let cost = usd(cost?)?;
    if is_byok.is_none_or(|is_byok| is_byok.get() != "true") {
        return Some(cost);
    }
    // What went through a key of one's own is billed by its provider, and the cost is a fee on top.
    let [upstream] =
        json::members(details?.get(), &["upstream_inference_cost"], Reading::Lenient).ok()?;
    cost.checked_add(usd(upstream?)?)
}

/// xAI's; OpenRouter's.
const NAMES: [&str; 4] = ["cost_in_usd_ticks", "cost", "is_byok", "cost_details"];
/// A tick is 10^-10 USD.
const PICO_PER_TICK: u64 = 100;
const PICO_PLACES: i32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_read_to_the_last_digit() {
        for (block, expected) in [
            (r#"{"cost_in_usd_ticks":8090000000}"#, Some(809_000_000_000)),
            (r#"{"cost_in_usd_ticks":0,"cost":1}"#, Some(0)),
            (r#"{"cost":0.00123456789,"is_byok":false}"#, Some(1_234_567_890)),
            (r#"{"cost":1.5e-05}"#, Some(15_000_000)),
            (r#"{"cost":0}"#, Some(0)),
            (
                r#"{"cost":0.0001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.002}}"#,
                Some(2_100_000_000),
            ),
            (r#"{"cost":0.0001,"cost_details":{"upstream_inference_cost":9}}"#, Some(100_000_000)),
        ] {
            assert_eq!(cost(serde_json::from_str(block).expect("JSON")), expected, "{block}");
        }
    }

    #[test]
    fn half_a_word_is_none() {
        for block in [
            "{}",
            "null",
            r#"{"cost":null}"#,
            r#"{"cost":-1}"#,
            r#"{"cost":"0.1"}"#,
            r#"{"cost":{"total_cost":0.1}}"#,
            r#"{"cost_in_usd_ticks":18446744073709551615}"#,
            r#"{"cost":0.0001,"is_byok":true}"#,
            r#"{"cost":0.0001,"is_byok":true,"cost_details":{"upstream_inference_cost":null}}"#,
        ] {
            assert_eq!(cost(serde_json::from_str(block).expect("JSON")), None, "{block}");
        }
    }
}

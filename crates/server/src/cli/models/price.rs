//! `keystile models price`: what a call would cost, by the same tariff that the ledger uses.

use model::{Catalogue, PicoUsd, ServiceTier, Timestamp, Usage};
use serde_json::json;

use super::{document, named, now};
use crate::cli::failure::Failure;
use crate::cli::output::{Format, printable, table};

#[derive(clap::Args)]
pub struct Arguments {
    /// Which model, as provider/model
    #[arg(value_name = "PROVIDER/MODEL")]
    name: String,
    /// All tokens of the input
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    input: u64,
    /// Those of them read from a cache
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    cached: u64,
    /// Those of them written to a cache
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    written: u64,
    /// All tokens of the output, reasoning included
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    output: u64,
    /// Web searches of the provider's
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    searches: u64,
    /// The service tier: batch, fast, flex, priority or ultrafast [default: the usual one]
    #[arg(long, value_name = "TIER")]
    tier: Option<ServiceTier>,
    /// When the call ends, as in 2026-12-01T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

pub fn run(arguments: &Arguments, catalogue: &Catalogue, format: Format) -> anyhow::Result<()> {
    let (provider, name) = named(catalogue, &arguments.name)?;
    let at = arguments.at.unwrap_or_else(now);
    let tariff = catalogue.tariff(&provider.id, name, at);
    let unknown = |what| {
        Failure::Absent(format!("no price is known for {what}{}", printable(&arguments.name)))
    };
    let tariff = tariff.ok_or_else(|| unknown(""))?;
    let parts = arguments.cached.saturating_add(arguments.written);
    if parts > arguments.input {
        let public = "the input includes what is cached and written, so it cannot be less";
        return Err(Failure::Usage(public.to_owned()).into());
    }
    let cost = tariff.cost(&arguments.usage(), at).ok_or_else(|| unknown("searches with "))?;
    let (usd, micro_usd) = (usd(cost), cost.rounded());
    if format == Format::Json {
        return document(&json!({
            "model": format!("{}/{name}", provider.id),
            "at": at,
            "price": tariff.version(),
            "usd": usd,
            "micro_usd": micro_usd,
        }));
    }
    let rows = [
        ["usd".to_owned(), usd],
        ["micro_usd".to_owned(), micro_usd.to_string()],
        ["price".to_owned(), tariff.version().to_owned()],
        ["at".to_owned(), at.to_string()],
    ];
    table(["FIELD", "VALUE"], rows.into_iter())
}

impl Arguments {
    fn usage(&self) -> Usage {
        Usage {
            input_tokens: Some(self.input),
            cached_tokens: Some(self.cached),
            cache_write_tokens: Some(self.written),
            output_tokens: Some(self.output),
            searches: Some(self.searches),
            tier: self.tier,
            ..Usage::default()
        }
    }
}

/// To the last digit, without zeros that say nothing.
fn usd(cost: PicoUsd) -> String {
    let (whole, pico) = (cost.0 / PICO_PER_USD, cost.0 % PICO_PER_USD);
    let text = format!("{whole}.{pico:012}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const PICO_PER_USD: i128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_shown_to_its_last_digit() {
        for (pico, text) in [
            (0, "0"),
            (1, "0.000000000001"),
            (6_780_150_000, "0.00678015"),
            (10_000_000_000_000, "10"),
            (2_500_000_000_000, "2.5"),
        ] {
            assert_eq!(usd(PicoUsd(pico)), text);
        }
    }
}

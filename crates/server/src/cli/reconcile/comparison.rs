//! Two sides of the same usage, and how far they are apart: in whole tokens and pico-dollars, and in percent of what the
//! provider says.

use super::Days;
use super::decimal::scaled;

/// `None` is "not told", which is not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub input: Option<i128>,
    pub output: Option<i128>,
    pub cost_pico_usd: Option<i128>,
}

/// In millionths of a percent.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance(i128);

#[derive(Debug)]
pub struct Drift {
    pub key: String,
    pub day: String,
    pub what: &'static str,
    pub billed: i128,
    pub used: i128,
    pub fits: bool,
}

type Measure = fn(&Totals) -> Option<i128>;

const PLACES: i32 = 6;
const PERCENT: i128 = 100 * 1_000_000;
const PICO_PER_MICRO: i128 = 1_000_000;
const MONEY: &str = "usd";

impl Tolerance {
    pub fn parse(text: &str) -> Option<Self> {
        scaled(text.trim_end_matches('%'), PLACES).filter(|value| *value >= 0).map(Self)
    }
}

impl Totals {
    pub fn add(&mut self, more: &Self) {
        let add = |sum: &mut Option<i128>, value: Option<i128>| {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or_default().saturating_add(value));
            }
        };
        add(&mut self.input, more.input);
        add(&mut self.output, more.output);
        add(&mut self.cost_pico_usd, more.cost_pico_usd);
    }
}

pub fn pico(micro: i64) -> i128 {
    i128::from(micro).saturating_mul(PICO_PER_MICRO)
}

/// Only what the file tells at all is compared; a day that it leaves out, it says nothing was used on.
pub fn compare(billed: &Days, used: &Days, tolerance: Tolerance) -> Vec<Drift> {
    let told = |of: Measure| billed.values().any(|day| of(day).is_some());
    let measures: [(&'static str, Measure, i128); 3] = [
        ("input", |day| day.input, 0),
        ("output", |day| day.output, 0),
        // The ledger shows whole micro-dollars, rounded once.
        (MONEY, |day| day.cost_pico_usd, PICO_PER_MICRO / 2),
    ];
    let mut days: Vec<_> = billed.keys().chain(used.keys()).collect();
    days.sort();
    days.dedup();
    let mut drifts = Vec::new();
    for day in days {
        for (what, of, slack) in measures.iter().filter(|(_, of, _)| told(*of)) {
            let amount = |side: &Days| side.get(day).and_then(of).unwrap_or_default();
            let (billed, used) = (amount(billed), amount(used));
            let apart = used.saturating_sub(billed).saturating_abs();
            let allowed = billed.saturating_abs().saturating_mul(tolerance.0) / PERCENT;
            let fits = apart <= allowed.saturating_add(*slack);
            let (key, day) = day.clone();
            drifts.push(Drift { key, day, what, billed, used, fits });
        }
    }
    drifts
}

impl Drift {
    /// What the ledger has beyond what the provider says.
    pub const fn apart(&self) -> i128 {
        self.used.saturating_sub(self.billed)
    }

    /// With two places; `None` where the provider says that there was nothing.
    pub fn percent(&self) -> Option<String> {
        let hundredths = self.apart().saturating_mul(10_000).checked_div(self.billed.abs())?;
        Some(fraction(hundredths, 100, 2))
    }

    /// Money in dollars, tokens as they are.
    pub fn shown(&self, amount: i128) -> String {
        match self.what {
            MONEY => fraction(amount / PICO_PER_MICRO, PICO_PER_MICRO, 6),
            _ => amount.to_string(),
        }
    }
}

fn fraction(value: i128, unit: i128, places: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.abs().div_euclid(unit), value.abs().rem_euclid(unit));
    format!("{sign}{whole}.{rest:0places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(cost_pico_usd: i128) -> Days {
        let totals = Totals { cost_pico_usd: Some(cost_pico_usd), ..Totals::default() };
        [(("pk".to_owned(), "2026-11-01".to_owned()), totals)].into()
    }

    #[test]
    fn the_tolerance_is_a_part_of_what_the_provider_says() {
        for (billed, used, tolerance, fits, percent) in [
            (10_000_000_000, 10_050_000_000, "0.5", true, Some("0.50")),
            (10_000_000_000, 10_051_000_000, "0.5", false, Some("0.51")),
            (10_000_000_000, 9_949_000_000, "0.5", false, Some("-0.51")),
            (10_000_400_000, 10_000_000_000, "0", true, Some("0.00")),
            (0, 1_000_000, "50", false, None),
            (0, 0, "0", true, None),
        ] {
            let tolerance = Tolerance::parse(tolerance).expect("a percentage");

            let drifts = compare(&day(billed), &day(used), tolerance);

            let [drift] = drifts.as_slice() else { panic!("{drifts:?}") };
            assert_eq!(
                (drift.fits, drift.percent().as_deref()),
                (fits, percent),
                "{billed} {used}"
            );
        }
        assert!(Tolerance::parse("-1").is_none() && Tolerance::parse("much").is_none());
    }

    #[test]
    fn a_day_that_only_the_ledger_knows_is_compared_with_nothing() {
        let drifts = compare(
            &day(0),
            &[(
                ("pk".to_owned(), "2026-11-02".to_owned()),
                Totals { cost_pico_usd: Some(5_000_000), ..Totals::default() },
            )]
            .into(),
            Tolerance(0),
        );

        assert_eq!(drifts.iter().filter(|drift| !drift.fits).count(), 1);
    }
}

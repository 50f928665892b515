//! The medians side by side, the ratios, and what was promised of them. Measures nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Round, Sample, Shape, Way};
use crate::proc::Memory;
use crate::report::Report;

pub struct Table {
    lines: Vec<Line>,
}

#[derive(Serialize)]
pub struct Line {
    pub what: &'static str,
    pub direct: Option<f64>,
    pub floor: Option<f64>,
    pub keystile: Option<f64>,
    /// Keystile's by the floor's: the median of all rounds' ratios, not the ratio of medians.
    pub ratio: Option<f64>,
    pub promised: Option<Promise>,
}

/// Of the ratio, or of Keystile's figure where there is none.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    AtLeast(f64),
    AtMost(f64),
}

/// What one line is about in one round.
type Figure = fn(&BTreeMap<Way, Sample>, Way) -> Option<f64>;

impl Table {
    pub fn new(
        rounds: &[Round],
        idle: &BTreeMap<Way, Memory>,
        grown: &BTreeMap<Way, Memory>,
    ) -> Self {
        let mut lines: Vec<_> = LINES
            .iter()
            .map(|(what, shape, figure, promised)| {
                Line::new(what, rounds, *shape, *figure, *promised)
            })
            .collect();
        lines.push(Line::memory("memory before, MiB", idle, |memory| memory.resident));
        lines.push(Line::memory("memory after, MiB", grown, |memory| memory.resident));
        lines.push(Line::memory("memory at most, MiB", grown, |memory| memory.peak));
        Self { lines }
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub fn judge(&self, report: &mut Report) {
        for line in &self.lines {
            let Some((ratio, promised)) = line.ratio.zip(line.promised) else { continue };
            report.check(promised.holds(ratio), || {
                format!(
                    "{}: {ratio:.2} times the floor's, promised {}",
                    line.what,
                    promised.words()
                )
            });
        }
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("| {:<W$} | direct | floor | Keystile | ratio | promised |\n", "");
        text.push_str(&format!(
            "|-{}-|-------:|------:|---------:|------:|---------:|\n",
            "-".repeat(W)
        ));
        for line in &self.lines {
            let [direct, floor, keystile] = [line.direct, line.floor, line.keystile].map(number);
            let ratio = line.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            let promised = line.promised.map(Promise::words).unwrap_or_default();
            text.push_str(&format!(
                "| {:<W$} | {direct:>6} | {floor:>5} | {keystile:>8} | {ratio:>5} | {promised:>8} |\n",
                line.what
            ));
        }
        text
    }
}

impl Line {
    fn new(
        what: &'static str,
        rounds: &[Round],
        shape: Shape,
        figure: Figure,
        promised: Option<Promise>,
    ) -> Self {
        let samples = || rounds.iter().filter_map(|round| round.get(&shape));
        let of = |way| median(samples().filter_map(|samples| figure(samples, way)).collect());
        let ratios = samples().filter_map(|samples| {
            let floor = figure(samples, Way::Floor).filter(|floor| *floor > 0.0)?;
            Some(figure(samples, Way::Keystile)? / floor)
        });
        let ratio = median(ratios.collect());
        let (direct, floor, keystile) = (of(Way::Direct), of(Way::Floor), of(Way::Keystile));
        Self { what, direct, floor, keystile, ratio, promised }
    }

    fn memory(what: &'static str, memory: &BTreeMap<Way, Memory>, kib: fn(&Memory) -> u64) -> Self {
        let of = |way| memory.get(&way).map(|memory| kib(memory) as f64 / 1024.0);
        let (floor, keystile) = (of(Way::Floor), of(Way::Keystile));
        Self { what, direct: None, floor, keystile, ratio: None, promised: None }
    }
}

impl Promise {
    pub fn holds(self, found: f64) -> bool {
        match self {
            Self::AtLeast(least) => found >= least,
            Self::AtMost(most) => found <= most,
        }
    }

    pub fn words(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::AtMost(most) => format!("≤ {most}"),
        }
    }
}

/// The upper one of two: nothing is made up in between.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

fn number(figure: Option<f64>) -> String {
    match figure {
        None => String::new(),
        Some(figure) if figure < 100.0 => format!("{figure:.1}"),
        Some(figure) => format!("{figure:.0}"),
    }
}

/// CPU microseconds for one request are milliseconds for a thousand.
fn cpu(samples: &BTreeMap<Way, Sample>, way: Way) -> Option<f64> {
    samples.get(&way)?.cpu_us
}

fn per_second(samples: &BTreeMap<Way, Sample>, way: Way) -> Option<f64> {
    Some(samples.get(&way)?.per_second)
}

fn p50(samples: &BTreeMap<Way, Sample>, way: Way) -> Option<f64> {
    Some(samples.get(&way)?.whole_us.p50)
}

fn p99(samples: &BTreeMap<Way, Sample>, way: Way) -> Option<f64> {
    Some(samples.get(&way)?.whole_us.p99)
}

fn first_p50(samples: &BTreeMap<Way, Sample>, way: Way) -> Option<f64> {
    Some(samples.get(&way)?.first_us.p50)
}

/// Beyond what it takes without anything in between.
fn added_p50(samples: &BTreeMap<Way, Sample>, way: Way) -> Option<f64> {
    let added = p50(samples, way)? - p50(samples, Way::Direct)?;
    (way != Way::Direct).then_some(added)
}

const LINES: [(&str, Shape, Figure, Option<Promise>); 14] = {
    use Promise::{AtLeast, AtMost};
    use Shape::{Plain1, Plain8, Plain64, Streams8};
    [
        ("CPU for 1 000 requests, 8 connections, ms", Plain8, cpu, Some(AtMost(1.6))),
        ("CPU for 1 000 requests, 64 connections, ms", Plain64, cpu, Some(AtMost(2.1))),
        ("CPU for 1 000 streams of events, ms", Streams8, cpu, Some(AtMost(1.2))),
        ("requests a second, 8 connections", Plain8, per_second, None),
        ("requests a second, 64 connections", Plain64, per_second, Some(AtLeast(0.6))),
        ("streams a second, 8 connections", Streams8, per_second, None),
        ("added to the median, 1 connection, µs", Plain1, added_p50, Some(AtMost(2.0))),
        ("median, 1 connection, µs", Plain1, p50, None),
        ("99th percentile, 1 connection, µs", Plain1, p99, None),
        ("median, 8 connections, µs", Plain8, p50, None),
        ("99th percentile, 8 connections, µs", Plain8, p99, None),
        ("median, 64 connections, µs", Plain64, p50, None),
        ("99th percentile, 64 connections, µs", Plain64, p99, None),
        ("stream's first byte, median, µs", Streams8, first_p50, None),
    ]
};
/// Wide enough for every name.
const W: usize = 42;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_one_of_the_figures() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![3.0, 1.0]), Some(3.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn what_is_not_held_is_told() {
        let line = |ratio| Line {
            what: "CPU",
            direct: None,
            floor: Some(1.0),
            keystile: Some(ratio),
            ratio: Some(ratio),
            promised: Some(Promise::AtMost(1.6)),
        };
        let table = Table { lines: vec![line(1.6), line(1.7)] };
        let mut report = Report::new();

        table.judge(&mut report);

        assert_eq!(report.wrongs(), ["CPU: 1.70 times the floor's, promised ≤ 1.6"]);
    }
}

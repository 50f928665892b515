//! `bench compare`: the same requests straight to a provider, through the floor, and through the gateway with everything on;
//! in turns, several rounds, and the medians side by side.

pub mod floor;
mod svg;
mod table;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::Common;
use crate::fast_provider::Answers;
use crate::gateway::Database;
use crate::proc::{Memory, Process};
use crate::report::Report;
use crate::subject::Subject;
use crate::volley::{Spread, Target, Volley};

use floor::Floor;
use table::Table;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// One round of a few hundred requests, by which nothing is judged but that every answer was the right one
    #[arg(long)]
    quick: bool,
    /// Everything on but the cap
    #[arg(long)]
    uncapped: bool,
    /// The length of a request's body
    #[arg(long, default_value_t = 512)]
    body_bytes: usize,
    #[command(flatten)]
    answers: Answers,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// Where the picture goes
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What is asked, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Plain1,
    Plain8,
    Plain64,
    Streams8,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Direct,
    Floor,
    Keystile,
}

/// One way, one shape, one round.
#[derive(Clone, Copy, Serialize)]
struct Sample {
    /// Of the process in between, for each request, in microseconds.
    cpu_us: Option<f64>,
    per_second: f64,
    first_us: Spread,
    whole_us: Spread,
    memory_kib: Option<Memory>,
}

type Round = BTreeMap<Shape, BTreeMap<Way, Sample>>;

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let started = Subject::start(arguments.database, &arguments.common, arguments.answers).await?;
    let Some(subject) = started else { return Ok(true) };
    if arguments.uncapped {
        subject.lift_the_cap().await;
    }
    // Setting up hashes a password, which takes memory that serving does not.
    let subject = subject.restart()?;
    let floor = Floor::start(&subject.folder, &subject.provider.url)?;
    let ways = [
        (Way::Direct, Target::new(&subject.provider.url, &[NO_KEY.to_owned()])?, None),
        (
            Way::Floor,
            Target::new(&floor.url, &[NO_KEY.to_owned()])?,
            Some(Process::new(floor.process_id())),
        ),
        (Way::Keystile, subject.target()?, Some(subject.gateway.process())),
    ];
    let idle: BTreeMap<_, _> = ways.iter().filter_map(memory).collect();
    for (way, target, _) in &ways {
        for shape in Shape::ALL {
            let volley = Volley { requests: WARM_UP, ..shape.volley(&arguments) };
            volley.fire(target).await.with_context(|| way.name())?;
        }
    }
    let mut rounds = Vec::new();
    for number in 0..arguments.rounds() {
        rounds.push(round(number, &ways, &arguments).await?);
        progress(number, arguments.rounds());
    }
    let grown: BTreeMap<_, _> = ways.iter().filter_map(memory).collect();
    subject.gateway.stop()?;

    let table = Table::new(&rounds, &idle, &grown);
    writeln!(std::io::stdout(), "{}", table.markdown())?;
    if let Some(file) = &arguments.svg {
        std::fs::write(file, svg::draw(&table)).with_context(|| file.display().to_string())?;
    }
    let mut report = Report::new();
    if !arguments.quick {
        table.judge(&mut report);
    }
    report.figure("table", table.lines());
    report.figure("rounds", rounds);
    report.conclude(&arguments.common)
}

type Measured = (Way, Target, Option<Process>);

/// Everybody goes first in turn: a machine that warms up or gets busy does it to all alike.
async fn round(number: usize, ways: &[Measured], arguments: &Arguments) -> anyhow::Result<Round> {
    let mut round = Round::new();
    for shape in Shape::ALL {
        let mut order: Vec<_> = ways.iter().collect();
        order.rotate_left(number % ways.len().max(1));
        for (way, target, process) in order {
            let volley = shape.volley(arguments);
            let sample = sample(volley, target, process.as_ref()).await;
            let sample = sample.with_context(|| format!("{} of {}", shape.name(), way.name()))?;
            round.entry(shape).or_default().insert(*way, sample);
        }
    }
    Ok(round)
}

async fn sample(
    volley: Volley,
    target: &Target,
    process: Option<&Process>,
) -> anyhow::Result<Sample> {
    let before = process.map(Process::cpu).transpose()?;
    let heard = volley.fire(target).await?;
    let cpu_us = match process.zip(before) {
        Some((process, before)) => {
            let used = process.cpu_at_rest().await?.since(&before);
            Some(used.as_secs_f64() * 1e6 / volley.requests as f64)
        }
        None => None,
    };
    Ok(Sample {
        cpu_us,
        per_second: heard.per_second(),
        first_us: heard.first.spread(),
        whole_us: heard.whole.spread(),
        memory_kib: process.map(Process::memory).transpose()?,
    })
}

fn memory((way, _, process): &Measured) -> Option<(Way, Memory)> {
    Some((*way, process.as_ref()?.memory().ok()?))
}

fn progress(number: usize, of: usize) {
    // It is only a comfort.
    drop(writeln!(std::io::stderr(), "round {} of {of}", number.saturating_add(1)));
}

impl Arguments {
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds }
    }
}

impl Shape {
    const ALL: [Self; 4] = [Self::Plain1, Self::Plain8, Self::Plain64, Self::Streams8];

    fn volley(self, arguments: &Arguments) -> Volley {
        let (connections, requests) = match self {
            Self::Plain1 => (1, 3_000),
            Self::Plain8 => (8, 20_000),
            Self::Plain64 => (64, 40_000),
            Self::Streams8 => (8, 2_000),
        };
        let requests = if arguments.quick { requests / QUICK_SHARE } else { requests };
        Volley {
            connections,
            requests,
            rate: None,
            body_bytes: arguments.body_bytes,
            streamed: self == Self::Streams8,
            answers: arguments.answers,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Plain1 => "plain, 1 connection",
            Self::Plain8 => "plain, 8 connections",
            Self::Plain64 => "plain, 64 connections",
            Self::Streams8 => "streams, 8 connections",
        }
    }
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Floor => "floor",
            Self::Keystile => "Keystile",
        }
    }
}

/// Nobody looks at it.
const NO_KEY: &str = "sk-bench-1234567890";
const WARM_UP: u64 = 200;
const QUICK_SHARE: u64 = 50;

//! `bench work`: one step of a request, done many times. Who counts what it takes is somebody else.

use clap::{Args, ValueEnum};

use super::{alone, whole};

#[derive(Args)]
pub struct Arguments {
    #[arg(value_enum)]
    work: Work,
    #[arg(long)]
    times: u64,
}

/// In the order of a request's life.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// A request is taken in and its key found in memory; its body is none, and refused
    Authenticate,
    /// A body is read, and cut for a provider
    Splice,
    /// A plan is made, and told in words
    Plan,
    /// A provider key is opened, what finds it in answers is made, and an answer looked through
    OpenKey,
    /// The two records of an attempt are written
    Journal,
    /// An event of a stream is looked at
    Meter,
    /// An event of a stream is told in another dialect
    Translate,
    /// A plain request as a whole, with its records and its row, but for the socket it came from
    Request,
    /// The same of a stream of 100 events
    Stream,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { work, times } = arguments;
    match work {
        Work::Authenticate => whole::authenticate(times).await?,
        Work::Journal => alone::journal(times).await?,
        Work::Meter => alone::meter(times),
        Work::OpenKey => alone::open_key(times)?,
        Work::Plan => whole::plan(times).await?,
        Work::Request => whole::requests(times).await?,
        Work::Splice => alone::splice(times)?,
        Work::Stream => whole::streams(times).await?,
        Work::Translate => alone::translate(times),
    }
    Ok(true)
}

impl Work {
    /// As it is called on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

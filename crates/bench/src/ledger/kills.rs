//! `bench ledger kills`: the process dies at random moments under load, and its records do not.

use std::time::Duration;

use clap::Args;
use testkit::random::SeededRandom;

use super::books::{Books, Rules};
use super::{PRICE, Scene, roomy_key};
use crate::Common;
use crate::gateway::{Database, Owner, spend_at_rest};
use crate::load::{Load, Shape};
use crate::provider::Pace;
use crate::report::{Report, spread};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How often it is killed
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// How many streams run at once
    #[arg(long, default_value_t = 64)]
    streams: usize,
    /// How many plain requests run at once
    #[arg(long, default_value_t = 32)]
    plain: usize,
    /// How long a start may take until it is ready
    #[arg(long, default_value_t = 2000, value_name = "MS")]
    ready_ms_max: u64,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, rounds, streams, plain, ready_ms_max, database } = arguments;
    let Some(scene) = Scene::set(database, &common, PACE).await? else { return Ok(true) };
    let shape = Shape { streams, plain, tokens_max: TOKENS_MAX, seed: common.seed };
    let random = SeededRandom::new(common.seed);
    let mut gateway = scene.site.start()?;
    let owner = Owner::set_up(gateway.api(), &shape.models(), PRICE).await;
    let (key, _) = owner.gateway_key(&roomy_key()).await;
    let load = Load::start(shape, &scene.client(key.clone()), gateway.url.clone());

    let (mut ready_ms, mut live_at_kill, mut killed_starting) = (Vec::new(), Vec::new(), 0_usize);
    for _ in 0..rounds {
        load.wait_live(streams.saturating_mul(9) / 10, PATIENCE).await?;
        tokio::time::sleep(up_to(&random, KILL_WITHIN_MS)).await;
        live_at_kill.push(u64::try_from(load.live())?);
        gateway.kill();
        load.gateway(None);
        if random.next().is_multiple_of(STARTS_KILLED_EVERY) {
            killed_starting = killed_starting.saturating_add(1);
            let starting = scene.site.spawn()?;
            tokio::time::sleep(up_to(&random, START_KILLED_WITHIN_MS)).await;
            // Dropping it kills it, wherever it is in its start.
            drop(starting);
        }
        gateway = scene.site.start()?;
        ready_ms.push(u64::try_from(gateway.ready_after.as_millis())?);
        load.gateway(Some(gateway.url.clone()));
    }
    load.wait_live(streams / 2, PATIENCE).await?;
    let heard = load.heard();
    load.stop().await?;
    let spend = spend_at_rest(&gateway.api(), &key).await;
    gateway.stop()?;

    let mut report = Report::new();
    report.figure("kills", rounds);
    report.figure("kills during a start, besides", killed_starting);
    report.figure("streams alive at a kill", spread(live_at_kill));
    report.figure("heard by the client", heard);
    let late = ready_ms.iter().filter(|ms| **ms > ready_ms_max).count();
    report.check(late == 0, || format!("{late} starts took longer than {ready_ms_max} ms"));
    report.figure("start to ready, ms", spread(ready_ms));
    let is_whole = scene.site.is_whole().await?;
    report.check(is_whole, || "the database is not whole: pragma integrity_check".to_owned());
    let rows = scene.site.ledger().await?;
    let kept = scene.site.standing(&rows).await?;
    let books = Books::new(scene.served.lines().await?, scene.told.lines().await?, rows);
    books.compare(Rules { price: PRICE, kills: true }, &mut report);
    books.check_spend(kept, spend, &mut report);
    scene.finish(report, &common)
}

fn up_to(random: &SeededRandom, ms_max: u64) -> Duration {
    Duration::from_millis(random.next() % ms_max)
}

const PACE: Pace = Pace { event: Duration::from_millis(20), think: Duration::from_millis(20) };
const TOKENS_MAX: u64 = 60;
const KILL_WITHIN_MS: u64 = 1000;
/// One start in so many is killed as well, perhaps in the middle of its replay.
const STARTS_KILLED_EVERY: u64 = 4;
const START_KILLED_WITHIN_MS: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(60);

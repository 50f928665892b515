//! `bench ledger database`: the database goes away under load, the journal keeps what it cannot take, and drains later.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use store::{Store, Write};
use testkit::postgres::Postgres;

use super::books::{Books, Rules};
use super::{PRICE, Scene, roomy_key};
use crate::Common;
use crate::client::Told;
use crate::gateway::{Database, Owner, Site, spend_at_rest};
use crate::load::{Load, Shape};
use crate::provider::Pace;
use crate::report::Report;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How long it is away
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many streams run at once
    #[arg(long, default_value_t = 32)]
    streams: usize,
    /// How many plain requests run at once
    #[arg(long, default_value_t = 8)]
    plain: usize,
    /// Kill the gateway while the database is away, with all that its journal holds
    #[arg(long)]
    kill: bool,
    #[arg(long, value_enum, default_value_t = Database::Postgres)]
    database: Database,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, seconds, streams, plain, kill, database } = arguments;
    let Some(scene) = Scene::set(database, &common, PACE).await? else { return Ok(true) };
    let shape = Shape { streams, plain, tokens_max: TOKENS_MAX, seed: common.seed };
    let gateway = scene.site.start()?;
    let owner = Owner::set_up(gateway.api(), &shape.models(), PRICE).await;
    let (key, _) = owner.gateway_key(&roomy_key()).await;
    let load = Load::start(shape, &scene.client(key.clone()), gateway.url.clone());
    load.wait_live(streams.saturating_mul(9) / 10, PATIENCE).await?;
    tokio::time::sleep(BEFORE).await;

    let before = load.heard();
    let away = Away::begin(database, &scene.site).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let meanwhile = load.heard();
    let survivor = match kill {
        true => {
            gateway.kill();
            None
        }
        false => Some(gateway),
    };
    load.gateway(survivor.as_ref().map(|gateway| gateway.url.clone()));
    away.end().await;
    let back = Instant::now();
    let gateway = match survivor {
        Some(gateway) => gateway,
        None => scene.site.start()?,
    };
    gateway.wait_ready()?;
    load.gateway(Some(gateway.url.clone()));
    let ready_after = back.elapsed();
    tokio::time::sleep(AFTER).await;
    let afterwards = load.heard();
    load.stop().await?;
    let told: Vec<Told> = scene.told.lines().await?;
    let completed = told.iter().filter(|line| matches!(line, Told::Completed { .. })).count();
    let drained_after = wait_drained(&scene.site, completed).await?;
    let spend = spend_at_rest(&gateway.api(), &key).await;
    gateway.stop()?;

    let mut report = Report::new();
    report.figure("seconds away", seconds);
    report.figure("heard before", &before);
    report.figure("heard until it was back", &meanwhile);
    report.figure("heard in all", &afterwards);
    report.figure("back to ready, ms", ready_after.as_millis());
    report.figure("end of load to all settled, ms", drained_after.as_millis());
    for name in afterwards.keys() {
        let is_allowed =
            name == "completed" || name.starts_with("503 ") || (kill && name == "broken");
        report.check(is_allowed, || format!("clients heard \"{name}\""));
    }
    let served = |heard: &BTreeMap<String, u64>| heard.get("completed").copied();
    report
        .check(served(&meanwhile) > served(&before), || "nothing was served meanwhile".to_owned());
    report.check(ready_after <= READY_WITHIN, || "it was not ready in time".to_owned());
    let rows = scene.site.ledger().await?;
    let kept = scene.site.standing(&rows).await?;
    let books = Books::new(scene.served.lines().await?, told, rows);
    books.compare(Rules { price: PRICE, kills: kill }, &mut report);
    books.check_spend(kept, spend, &mut report);
    scene.finish(report, &common)
}

/// PostgreSQL is stopped; SQLite's one write lock is held by somebody else.
enum Away {
    Postgres,
    Sqlite(Store, Write),
}

impl Away {
    async fn begin(database: Database, site: &Site) -> anyhow::Result<Self> {
        match database {
            Database::Postgres => {
                Postgres::stop().await;
                Ok(Self::Postgres)
            }
            Database::Sqlite => {
                let store = site.store().await?;
                let held = store.write().await?;
                Ok(Self::Sqlite(store, held))
            }
        }
    }

    async fn end(self) {
        match self {
            Self::Postgres => Postgres::start_again().await,
            Self::Sqlite(store, held) => {
                drop(held);
                store.close().await;
            }
        }
    }
}

/// Until the ledger has at least so many rows, and all of them have ended.
async fn wait_drained(site: &Site, rows_min: usize) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        let rows = site.ledger().await?;
        let drained = began.elapsed();
        if rows.len() >= rows_min && rows.iter().all(|row| row.state != "open") {
            return Ok(drained);
        }
        anyhow::ensure!(drained < PATIENCE, "the journal does not drain");
        tokio::time::sleep(POLL).await;
    }
}

const PACE: Pace = Pace { event: Duration::from_millis(20), think: Duration::from_millis(20) };
const TOKENS_MAX: u64 = 60;
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
/// Five seconds are promised; a busy machine may take longer.
const READY_WITHIN: Duration = Duration::from_secs(25);

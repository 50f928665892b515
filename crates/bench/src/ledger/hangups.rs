//! `bench ledger hangups`: clients leave at random bytes, and pay for what was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use testkit::random::SeededRandom;
use tokio::task::JoinSet;

use super::books::{Books, Rules};
use super::{PRICE, Scene, roomy_key};
use crate::Common;
use crate::client::{Ask, Client, Heard, Leave};
use crate::gateway::{Database, Owner, spend_at_rest};
use crate::load::model;
use crate::provider::Pace;
use crate::report::Report;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How many clients hang up
    #[arg(long, default_value_t = 500)]
    count: usize,
    /// How many streams run at once
    #[arg(long, default_value_t = 16)]
    streams: usize,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

/// What the lanes share.
struct Crowd {
    client: Client,
    url: String,
    ids: AtomicU64,
    /// Hang-ups that are still to come.
    left: AtomicUsize,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, count, streams, database } = arguments;
    let Some(scene) = Scene::set(database, &common, PACE).await? else { return Ok(true) };
    let gateway = scene.site.start()?;
    let models: Vec<_> = (0..streams).map(model).collect();
    let owner = Owner::set_up(gateway.api(), &models, PRICE).await;
    let (key, _) = owner.gateway_key(&roomy_key()).await;
    let crowd = Arc::new(Crowd {
        client: scene.client(key.clone()),
        url: gateway.url.clone(),
        ids: AtomicU64::new(1),
        left: AtomicUsize::new(count),
    });

    let mut lanes = JoinSet::new();
    for (lane, model) in models.into_iter().enumerate() {
        let random = SeededRandom::new(common.seed.wrapping_mul(1000).wrapping_add(lane as u64));
        lanes.spawn(Arc::clone(&crowd).hang_up(model, random));
    }
    for ended in lanes.join_all().await {
        ended?;
    }
    let spend = spend_at_rest(&gateway.api(), &key).await;
    gateway.stop()?;

    let mut report = Report::new();
    report.figure("hang-ups", count);
    let rows = scene.site.ledger().await?;
    let kept = scene.site.standing(&rows).await?;
    let books = Books::new(scene.served.lines().await?, scene.told.lines().await?, rows);
    books.compare(Rules { price: PRICE, kills: false }, &mut report);
    books.check_spend(kept, spend, &mut report);
    scene.finish(report, &common)
}

impl Crowd {
    /// One after the other, until enough have hung up.
    async fn hang_up(self: Arc<Self>, model: String, random: SeededRandom) -> anyhow::Result<()> {
        while self.take_turn() {
            loop {
                let ask = Ask {
                    id: self.ids.fetch_add(1, Ordering::Relaxed),
                    model: model.clone(),
                    streamed: true,
                    tokens: random.next() % TOKENS_MAX + 1,
                };
                let bytes_max = HEAD_BYTES + ask.tokens * EVENT_BYTES;
                let leave = match random.next() % EARLY_EVERY {
                    0 => Leave::Within(Duration::from_millis(random.next() % EARLY_WITHIN_MS)),
                    _ => Leave::AfterBytes(usize::try_from(random.next() % bytes_max + 1)?),
                };
                // Some answers were shorter than their client was patient.
                if self.client.hang_up(&self.url, &ask, leave).await? == Heard::HungUp {
                    break;
                }
            }
        }
        Ok(())
    }

    fn take_turn(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

const PACE: Pace = Pace { event: Duration::from_millis(10), think: Duration::from_millis(20) };
const TOKENS_MAX: u64 = 60;
/// About what an answer's head and each of its events take.
const HEAD_BYTES: u64 = 600;
const EVENT_BYTES: u64 = 170;
/// One client in so many leaves before anything came.
const EARLY_EVERY: u64 = 10;
const EARLY_WITHIN_MS: u64 = 30;

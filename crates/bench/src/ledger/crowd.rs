//! Those who ask for ten cents each, all at once or one after the other, and what they heard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use model::{MicroUsd, PicoUsd};
use store::budget::Standing;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Ask, Client, Heard};
use crate::gateway::Price;
use crate::load::Tally;
use crate::provider::Pace;

pub struct Crowd {
    client: Client,
    ids: AtomicU64,
    tally: Tally,
}

impl Crowd {
    pub fn new(client: Client) -> Self {
        Self { client, ids: AtomicU64::new(0), tally: Tally::default() }
    }

    /// All at once, each gateway its share.
    pub fn race(self: &Arc<Self>, urls: &[String], requests: u64) -> JoinSet<anyhow::Result<()>> {
        let mut racing = JoinSet::new();
        for (_, url) in (0..requests).zip(urls.iter().cycle()) {
            let (crowd, url) = (Arc::clone(self), url.clone());
            racing.spawn(async move { crowd.ask(&url).await.map(|_| ()) });
        }
        racing
    }

    /// So many at once, each again and again, until told to stop.
    pub fn insist(
        self: &Arc<Self>,
        many: u64,
        url: &str,
        stop: &watch::Sender<bool>,
    ) -> JoinSet<anyhow::Result<()>> {
        let mut insisting = JoinSet::new();
        for _ in 0..many {
            let (crowd, url, stopped) = (Arc::clone(self), url.to_owned(), stop.subscribe());
            insisting.spawn(async move {
                while !*stopped.borrow() {
                    if crowd.ask(&url).await? != Heard::Completed {
                        tokio::time::sleep(AFTER_REFUSAL).await;
                    }
                }
                Ok(())
            });
        }
        insisting
    }

    pub async fn ask(&self, url: &str) -> anyhow::Result<Heard> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let ask = Ask { id, model: MODEL.to_owned(), streamed: false, tokens: TOKENS };
        let heard = self.client.ask(url, &ask, || {}).await?;
        self.tally.count(&heard);
        Ok(heard)
    }

    pub async fn wait_served(&self, count: u64) -> anyhow::Result<()> {
        let served = async {
            while self.served() < count {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, served).await.context("too few requests are served")
    }

    pub fn served(&self) -> u64 {
        self.tally.of(&Heard::Completed)
    }

    pub fn heard(&self) -> BTreeMap<String, u64> {
        self.tally.all()
    }
}

/// So many tenths of a dollar spent, and nothing held.
pub fn tenths(count: u64) -> Standing {
    let micro_usd = count.saturating_mul(TENTH_MICRO_USD);
    let spent = PicoUsd::from(MicroUsd(i64::try_from(micro_usd).unwrap_or(i64::MAX)));
    Standing { spent, held: PicoUsd(0) }
}

pub async fn ended(mut crowd: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = crowd.join_next().await {
        ended??;
    }
    Ok(())
}

pub const MODEL: &str = "ten-cents";
/// Ten cents for a hundred tokens, and nothing for the question.
pub const PRICE: Price = Price { input: 0, output: 1_000_000_000 };
const TOKENS: u64 = 100;
pub const TENTH_MICRO_USD: u64 = 100_000;
pub const PACE: Pace = Pace { event: Duration::from_millis(10), think: Duration::from_millis(200) };
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

//! `bench ledger caps`: a crowd races for a cap, and what is spent is the cap, to the micro-USD.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Scene;
use super::books::{Books, Rules};
use crate::Common;
use crate::client::{Ask, Client, Heard};
use crate::gateway::{Database, Gateway, Price, Site};
use crate::load::model;
use crate::provider::Pace;
use crate::report::Report;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How many requests of $0.10 are made at once
    #[arg(long, default_value_t = 1000)]
    requests: u64,
    /// What the key may spend, in tenths of a dollar
    #[arg(long, default_value_t = 50, value_name = "TENTHS")]
    cap: u64,
    /// What the cap is raised to when half of it is spent, in tenths of a dollar
    #[arg(long, value_name = "TENTHS")]
    raise_to: Option<u64>,
    /// How many gateways serve over one PostgreSQL; one alone serves over SQLite
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// Kill one of the gateways in the middle and start it again
    #[arg(long)]
    kill: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, requests, cap, raise_to, nodes, kill } = arguments;
    let database = if nodes > 1 { Database::Postgres } else { Database::Sqlite };
    let Some(scene) = Scene::set(database, &common, PACE).await? else { return Ok(true) };
    let mut team = Team::start(&scene, nodes, requests, cap).await?;

    let mut racing = team.race(requests);
    if let Some(raised) = raise_to {
        team.wait_served(cap / 2).await?;
        let cap = json!({ "spend_cap_micro_usd": raised * TENTH_MICRO_USD });
        team.first()?.patch_key(&team.owner, &team.key_id, &cap).await;
    }
    if kill {
        team.wait_served(cap / 5).await?;
        team.kill_last(&scene.site)?;
    }
    while let Some(ended) = racing.join_next().await {
        ended??;
    }
    let raced = team.heard();
    // What a killed node held, or a refusal came too early for, is there for those who ask again.
    let asked_again = raise_to.is_some() || kill;
    if asked_again {
        team.ask_until_refused().await?;
    }
    let cap = raise_to.unwrap_or(cap);
    let spend = team.spend_at_rest().await?;

    let mut report = Report::new();
    report.figure("requests", requests);
    report.figure("nodes", nodes);
    report.figure("cap, micro-USD", cap * TENTH_MICRO_USD);
    report.figure("heard in the race", &raced);
    report.figure("heard in all", team.heard());
    report.figure("spend at the end", &spend);
    team.judge(&spend, cap, kill, &mut report);
    let Team { gateways, .. } = team;
    for gateway in gateways {
        gateway.stop()?;
    }
    let rows = scene.site.ledger().await?;
    let books = Books::new(scene.served.lines().await?, scene.told.lines().await?, rows);
    books.compare(Rules { price: PRICE, kills: kill }, &mut report);
    scene.finish(report, &common)
}

/// The gateways, and those who ask them.
struct Team {
    gateways: Vec<Gateway>,
    owner: crate::gateway::Owner,
    key: String,
    key_id: String,
    crowd: Arc<Crowd>,
}

struct Crowd {
    client: Client,
    ids: AtomicU64,
    models: u64,
    heard: std::sync::Mutex<BTreeMap<String, u64>>,
}

impl Team {
    async fn start(scene: &Scene, nodes: usize, requests: u64, cap: u64) -> anyhow::Result<Self> {
        let mut gateways = vec![scene.site.start()?];
        let first = gateways.first().context("a node")?;
        // A lane for each, so that each row can be told from all others; settings hold that many prices.
        let models = requests.min(MODELS_MAX);
        let names: Vec<_> = (0..usize::try_from(models)?).map(model).collect();
        let owner = first.set_up(&names, PRICE).await;
        let capped = json!({
            "name": "capped", "spend_cap_micro_usd": cap * TENTH_MICRO_USD, "cap_mode": "strict",
        });
        let (key, key_id) = first.gateway_key(&owner, &capped).await;
        for node in 1..nodes {
            gateways.push(node_site(&scene.site, node).start()?);
        }
        let crowd = Crowd {
            client: scene.client(key.clone()),
            ids: AtomicU64::new(0),
            models,
            heard: std::sync::Mutex::default(),
        };
        Ok(Self { gateways, owner, key, key_id, crowd: Arc::new(crowd) })
    }

    /// All at once, each node its share.
    fn race(&self, requests: u64) -> JoinSet<anyhow::Result<Heard>> {
        let mut racing = JoinSet::new();
        let urls: Vec<_> = self.gateways.iter().map(|gateway| gateway.url.clone()).collect();
        for (_, url) in (0..requests).zip(urls.iter().cycle()) {
            let (crowd, url) = (Arc::clone(&self.crowd), url.clone());
            racing.spawn(async move { crowd.ask(&url).await });
        }
        racing
    }

    async fn wait_served(&self, count: u64) -> anyhow::Result<()> {
        let served = async {
            while self.count("completed") < count {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, served).await.context("too few requests are served")
    }

    fn kill_last(&mut self, site: &Site) -> anyhow::Result<()> {
        let killed = self.gateways.pop().context("a node")?;
        killed.kill();
        let node = self.gateways.len();
        let again = if node == 0 { site.start()? } else { node_site(site, node).start()? };
        self.gateways.push(again);
        Ok(())
    }

    /// One by one on every node, until each says no twice, some time apart.
    async fn ask_until_refused(&self) -> anyhow::Result<()> {
        for _ in 0..2 {
            for gateway in &self.gateways {
                while self.crowd.ask(&gateway.url).await? == Heard::Completed {}
            }
            tokio::time::sleep(LEASES_MOVE).await;
        }
        Ok(())
    }

    /// What the key has spent, once nothing is held any more; or what is still held after a while.
    async fn spend_at_rest(&self) -> anyhow::Result<Value> {
        let deadline = tokio::time::Instant::now() + AT_REST_WITHIN;
        loop {
            let me = self.first()?.api().get("/v1/me").bearer(&self.key).whole().await.expect(200);
            let spend = me.json().get("spend").cloned().unwrap_or_default();
            let held = spend.get("held_micro_usd").and_then(Value::as_i64);
            if held == Some(0) || tokio::time::Instant::now() > deadline {
                return Ok(spend);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn judge(&self, spend: &Value, cap: u64, kill: bool, report: &mut Report) {
        let micro_usd = |name: &str| spend.get(name).and_then(Value::as_u64);
        let (spent, held) = (micro_usd("spent_micro_usd"), micro_usd("held_micro_usd"));
        report.check(spent == Some(cap * TENTH_MICRO_USD), || format!("spent: {spent:?}"));
        report.check(held == Some(0), || format!("held: {held:?}"));
        let heard = self.heard();
        let count = |name: &str| heard.get(name).copied().unwrap_or_default();
        let served = count("completed");
        match kill {
            // What the killed node was at is charged, and nobody has it.
            true => report.check(served <= cap, || format!("{served} served")),
            false => report.check(served == cap, || format!("{served} served instead of {cap}")),
        }
        for name in heard.keys() {
            let is_allowed =
                matches!(name.as_str(), "completed" | "402") || (kill && name == "broken");
            report.check(is_allowed, || format!("clients heard \"{name}\""));
        }
    }

    fn first(&self) -> anyhow::Result<&Gateway> {
        self.gateways.first().context("a node")
    }

    fn heard(&self) -> BTreeMap<String, u64> {
        self.crowd.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn count(&self, name: &str) -> u64 {
        self.heard().get(name).copied().unwrap_or_default()
    }
}

impl Crowd {
    async fn ask(&self, url: &str) -> anyhow::Result<Heard> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let lane = usize::try_from(id % self.models)?;
        let ask = Ask { id: id + 1, model: model(lane), streamed: false, tokens: TOKENS };
        let heard = self.client.ask(url, &ask, || {}).await?;
        let name = match heard {
            Heard::Broken => "broken".to_owned(),
            Heard::Completed => "completed".to_owned(),
            Heard::HungUp => "hung up".to_owned(),
            Heard::Refused(status) => status.as_u16().to_string(),
        };
        let mut all = self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *all.entry(name).or_default() += 1;
        Ok(heard)
    }
}

/// The first node's is the scene's own.
fn node_site(site: &Site, node: usize) -> Site {
    site.beside(&format!("data-{node}"))
}

/// Ten cents for a hundred tokens, and nothing for the question.
const PRICE: Price = Price { input: 0, output: 1_000_000_000 };
const TOKENS: u64 = 100;
const TENTH_MICRO_USD: u64 = 100_000;
/// As many prices as a workspace may set.
const MODELS_MAX: u64 = 1000;
const PACE: Pace = Pace { event: Duration::from_millis(10), think: Duration::from_millis(200) };
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// Longer than nodes take to hear of each other.
const LEASES_MOVE: Duration = Duration::from_secs(2);
const AT_REST_WITHIN: Duration = Duration::from_secs(15);

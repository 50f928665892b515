//! `bench ledger caps`: a crowd races for a cap, and what is spent is the cap, to the micro-USD.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use store::budget::Standing;
use testkit::random::SeededRandom;

use super::Scene;
use super::books::{Books, Rules};
use super::crowd::{Crowd, MODEL, PACE, PRICE, TENTH_MICRO_USD, ended, tenths};
use crate::Common;
use crate::client::Heard;
use crate::gateway::{Database, Gateway, Owner, Site, spend_at_rest};
use crate::provider::Served;
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
    /// What the cap is changed to in the middle of the race, in tenths of a dollar
    #[arg(long, value_name = "TENTHS")]
    change_to: Option<u64>,
    /// How many gateways serve over one PostgreSQL; one alone serves over SQLite
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// Kill one of the gateways in the middle of the race, and start it again
    #[arg(long)]
    kill: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let database = if arguments.nodes > 1 { Database::Postgres } else { Database::Sqlite };
    let Some(scene) = Scene::set(database, &arguments.common, PACE).await? else { return Ok(true) };
    let mut team = Team::start(&scene, &arguments).await?;
    let urls: Vec<_> = team.gateways.iter().map(|gateway| gateway.url.clone()).collect();

    let racing = team.crowd.race(&urls, arguments.requests);
    if let Some(changed) = arguments.change_to {
        team.crowd.wait_served(1).await?;
        let cap = json!({ "spend_cap_micro_usd": changed.saturating_mul(TENTH_MICRO_USD) });
        team.owner.patch_key(&team.key_id, &cap).await;
    }
    if arguments.kill {
        let random = SeededRandom::new(arguments.common.seed);
        while scene.served.lines::<Served>().await?.is_empty() {
            tokio::time::sleep(POLL).await;
        }
        tokio::time::sleep(Duration::from_millis(random.next() % KILL_WITHIN_MS)).await;
        team.kill_first(&scene.site)?;
    }
    ended(racing).await?;
    let raced = team.crowd.heard();
    // What a killed node held, or what came with a raised cap, is there for those who ask again.
    team.ask_until_refused().await?;
    let spend = spend_at_rest(&team.first()?.api(), &team.key).await;

    for gateway in std::mem::take(&mut team.gateways) {
        gateway.stop()?;
    }

    let mut report = Report::new();
    report.figure("requests at once", arguments.requests);
    report.figure("heard in the race", raced);
    report.figure("heard in all", team.crowd.heard());
    let rows = scene.site.ledger().await?;
    let kept = scene.site.standing(&rows).await?;
    team.judge(kept, &arguments, &mut report);
    let books = Books::new(scene.served.lines().await?, scene.told.lines().await?, rows);
    books.compare(Rules { price: PRICE, kills: arguments.kill }, &mut report);
    books.check_spend(kept, spend, &mut report);
    scene.finish(report, &arguments.common)
}

/// The gateways, and those who ask them.
struct Team {
    gateways: Vec<Gateway>,
    owner: Owner,
    key: String,
    key_id: String,
    crowd: Arc<Crowd>,
}

impl Team {
    async fn start(scene: &Scene, arguments: &Arguments) -> anyhow::Result<Self> {
        let mut gateways = vec![scene.site.start()?];
        let api = gateways.first().context("a node")?.api();
        let owner = Owner::set_up(api, &[MODEL.to_owned()], PRICE).await;
        let cap = arguments.cap.saturating_mul(TENTH_MICRO_USD);
        let capped = json!({ "name": "capped", "spend_cap_micro_usd": cap, "cap_mode": "strict" });
        let (key, key_id) = owner.gateway_key(&capped).await;
        for node in 1..arguments.nodes {
            gateways.push(node_site(&scene.site, node).start()?);
        }
        let crowd = Arc::new(Crowd::new(scene.client(key.clone())));
        Ok(Self { gateways, owner, key, key_id, crowd })
    }

    /// It is the one that knew the key before the race, and has most calls on the way.
    fn kill_first(&mut self, site: &Site) -> anyhow::Result<()> {
        self.gateways.remove(0).kill();
        self.gateways.insert(0, site.start()?);
        Ok(())
    }

    /// One by one on every node until it says no, and once more when they have heard of each other.
    async fn ask_until_refused(&self) -> anyhow::Result<()> {
        for _ in 0..2 {
            for gateway in &self.gateways {
                while self.crowd.ask(&gateway.url).await? == Heard::Completed {}
            }
            tokio::time::sleep(LEASES_MOVE).await;
        }
        Ok(())
    }

    fn judge(&self, kept: Standing, arguments: &Arguments, report: &mut Report) {
        let (cap, served) = (arguments.change_to.unwrap_or(arguments.cap), self.crowd.served());
        // What was on the way when a cap was lowered is finished.
        let most = cap.max(arguments.cap.min(served));
        let exactly = tenths(most);
        report.check(kept == exactly, || format!("{kept:?} instead of {exactly:?}"));
        // What a killed node was at is charged, and nobody has it.
        let is_right = if arguments.kill { served <= most } else { served == most };
        report.check(is_right, || format!("{served} were served, of {most}"));
        for name in self.crowd.heard().keys() {
            let is_allowed = matches!(name.as_str(), "completed" | "402 spend_cap_exceeded")
                || (arguments.kill && name == "broken");
            report.check(is_allowed, || format!("clients heard \"{name}\""));
        }
    }

    fn first(&self) -> anyhow::Result<&Gateway> {
        self.gateways.first().context("a node")
    }
}

/// The first node's is the scene's own.
fn node_site(site: &Site, node: usize) -> Site {
    site.beside(&format!("data-{node}"))
}

const POLL: Duration = Duration::from_millis(5);
/// As long as the first answers take, so that some are there by then and some are not.
const KILL_WITHIN_MS: u64 = 300;
/// Longer than nodes take to hear of each other.
const LEASES_MOVE: Duration = Duration::from_secs(6);

//! `bench ledger periods`: a cap's day ends under load, and the next one begins with all of it. The gateway runs inside this
//! process, because its clock is set.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use model::settings::CapPeriod;
use serde_json::json;
use store::Store;
use testkit::{Options, TestApp};
use tokio::sync::watch;

use super::Scene;
use super::books::{Books, Rules};
use super::crowd::{Crowd, MODEL, PACE, PRICE, TENTH_MICRO_USD, ended, tenths};
use crate::Common;
use crate::gateway::{Database, Owner, spend_at_rest, standing};
use crate::report::Report;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How many ask at once, again and again
    #[arg(long, default_value_t = 64)]
    many: u64,
    /// What the key may spend in a day, in tenths of a dollar
    #[arg(long, default_value_t = 50, value_name = "TENTHS")]
    cap: u64,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, many, cap } = arguments;
    let Some(scene) = Scene::set(Database::Sqlite, &common, PACE).await? else { return Ok(true) };
    let providers = vec![("openai".to_owned(), scene.provider.base_url())];
    let options = Options { providers, ..Options::default() };
    let Some(app) = TestApp::start_with(options).await else { return Ok(true) };
    let owner = Owner::set_up(app.api.clone(), &[MODEL.to_owned()], PRICE).await;
    let daily = json!({
        "name": "daily", "cap_period": "daily", "spend_cap_micro_usd": cap.saturating_mul(TENTH_MICRO_USD),
    });
    let (key, _) = owner.gateway_key(&daily).await;
    let crowd = Arc::new(Crowd::new(scene.client(key.clone())));
    let stop = watch::Sender::new(false);
    let insisting = crowd.insist(many, &format!("http://{}", app.address()), &stop);

    crowd.wait_served(cap).await?;
    let first = served_at_rest(&crowd).await;
    app.clock.advance(DAY);
    // The second day ends while half of its cap is on the way.
    crowd.wait_served(cap.saturating_add(cap / 4)).await?;
    app.clock.advance(DAY);
    crowd.wait_served(cap.saturating_mul(2)).await?;
    let all = served_at_rest(&crowd).await;
    stop.send_replace(true);
    ended(insisting).await?;
    let spend = spend_at_rest(&app.api, &key).await;

    let mut report = Report::new();
    report.figure("served on the first day", first);
    report.figure("served on the two days after it", all.saturating_sub(first));
    report.figure("at the end of the third", spend);
    report.check(first == cap, || format!("{first} were served on the first day, of {cap}"));
    let of_two = cap.saturating_add(cap / 4)..=cap.saturating_mul(2);
    let later = all.saturating_sub(first);
    report.check(of_two.contains(&later), || format!("{later} were served on the days after it"));
    let TestApp { app, clock, config, folder, .. } = app;
    anyhow::ensure!(app.stop(PATIENCE).await, "the gateway did not stop well");
    let store = Store::connect(&config.location()).await?;
    let rows = store.system().latest_attempts(i64::MAX).await?;
    let row = rows.first().context("the ledger is empty")?;
    let kept = standing(&store, row, Arc::new(clock), CapPeriod::Daily).await?;
    store.close().await;
    drop(folder);
    let exactly = tenths(cap);
    report.check(kept == exactly, || format!("{kept:?} instead of {exactly:?}"));
    report.check(spend.spent_micro_usd == Some(cap.saturating_mul(TENTH_MICRO_USD)), || {
        format!("the key is told {spend:?}")
    });
    let books = Books::new(scene.served.lines().await?, scene.told.lines().await?, rows);
    books.compare(Rules { price: PRICE, kills: false }, &mut report);
    scene.finish(report, &common)
}

/// Once nobody has been served for a while.
async fn served_at_rest(crowd: &Crowd) -> u64 {
    loop {
        let before = crowd.served();
        tokio::time::sleep(AT_REST).await;
        if crowd.served() == before {
            return before;
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Several times what an answer takes.
const AT_REST: Duration = Duration::from_secs(1);

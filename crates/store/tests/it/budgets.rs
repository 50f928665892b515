//! Caps over a real database: leases of several nodes, replay after a crash, periods, changed caps.

use std::sync::Arc;
use std::time::Duration;

use model::settings::{CapMode, CapPeriod};
use model::{Cap, CapScope, PicoUsd};
use store::budget::{Budgets, Hold, Standing, Unheld};

use crate::node::{Attempt, Node};
use crate::place::Place;

const CAP: i64 = 5_000_000;

fn cap(attempt: &Attempt, micro: i64) -> Cap {
    Cap {
        scope: CapScope::GatewayKey(attempt.started.gateway_key),
        amount: usd(micro),
        period: CapPeriod::Daily,
        mode: CapMode::Strict,
    }
}

fn usd(micro: i64) -> PicoUsd {
    PicoUsd::joined(micro, 0)
}

async fn budgets(place: &Place, node: &Node, nodes: u32) -> Budgets {
    let clock = Arc::new(place.clock.clone());
    Budgets::new(place.store().await, node.id, clock, move || nodes)
}

async fn hold(budgets: &Budgets, attempt: &Attempt, cap: Cap, micro: i64) -> Option<Hold> {
    let held = budgets.hold(attempt.started.workspace, &[cap], usd(micro), usd(micro)).await;
    match held {
        Ok(hold) => Some(hold),
        Err(Unheld::Exceeded(_)) => None,
        Err(Unheld::Unavailable(error)) => panic!("{error}"),
    }
}

async fn standing(budgets: &Budgets, attempt: &Attempt, cap: Cap) -> Standing {
    budgets.standing(attempt.started.workspace, &cap).await.expect("read")
}

/// An attempt of the same key, held and settled for so much.
fn another(place: &Place, like: &Attempt, hold: &Hold, cost_micro: u64) -> Attempt {
    let mut attempt = place.attempt();
    let (request, started) = (attempt.started.request, &like.started);
    attempt.started = store::journal::Started {
        request,
        held_at: hold.at(),
        hold_pico_usd: u64::try_from(hold.amount().0).ok(),
        ..started.clone()
    };
    attempt.settled.cost_pico_usd = Some(cost_micro * 1_000_000);
    attempt
}

pub async fn a_thousand_at_once_get_what_the_cap_has_and_no_more(place: Place) {
    let node = place.node();
    let store = place.store().await;
    let (budgets, key) = (budgets(&place, &node, 1).await, place.attempt());
    let cap = cap(&key, CAP);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (budgets, key) = (budgets.clone(), key.clone());
        asking.spawn(async move { hold(&budgets, &key, cap, 100_000).await });
    }

    let held: Vec<_> = asking.join_all().await.into_iter().flatten().collect();

    assert_eq!(held.len(), 50);
    let there = standing(&budgets, &key, cap).await;
    assert_eq!((there.spent, there.held), (usd(0), usd(CAP)));
    for mut hold in held {
        let attempt = another(&place, &key, &hold, 100_000);
        node.append(attempt.whole()).await;
        hold.settle(usd(100_000));
    }
    node.drainer(&store).catch_up().await.expect("drained");
    let there = standing(&budgets, &key, cap).await;
    assert_eq!((there.spent, there.held), (usd(CAP), usd(0)));
    assert!(hold(&budgets, &key, cap, 1).await.is_none());
    assert_eq!(place.number("select spent_micro from budgets").await, CAP);
}

pub async fn several_nodes_share_a_cap_and_never_pass_it(place: Place) {
    let nodes = [place.node(), place.node(), place.node()];
    let key = place.attempt();
    let cap = cap(&key, CAP);
    let mut asking = tokio::task::JoinSet::new();
    for node in &nodes {
        let budgets = budgets(&place, node, 3).await;
        for _ in 0..100 {
            let (budgets, key) = (budgets.clone(), key.clone());
            asking.spawn(async move { hold(&budgets, &key, cap, 70_000).await });
        }
    }

    let held: Vec<_> = asking.join_all().await.into_iter().flatten().collect();

    assert!((60..=71).contains(&held.len()), "{} of 71 fit", held.len());
}

pub async fn what_a_node_does_not_use_goes_back_to_the_others(place: Place) {
    let [one, other] = [place.node(), place.node()];
    let [first, second] = [budgets(&place, &one, 1).await, budgets(&place, &other, 1).await];
    let key = place.attempt();
    let cap = cap(&key, CAP);
    let alone = hold(&first, &key, cap, 1_000_000).await.expect("room");
    assert!(hold(&second, &key, cap, 1_000_000).await.is_none(), "the first took all of it");

    drop(alone);
    first.close().await.expect("given back");

    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(hold(&second, &key, cap, CAP).await.is_some());
}

pub async fn a_crash_leaves_no_hold_behind_and_charges_what_was_held(place: Place) {
    let node = place.node();
    let store = place.store().await;
    let (before, key) = (budgets(&place, &node, 1).await, place.attempt());
    let cap = cap(&key, CAP);
    let mut settled = hold(&before, &key, cap, 1_000_000).await.expect("room");
    let mut open = hold(&before, &key, cap, 2_000_000).await.expect("room");
    let seen = hold(&before, &key, cap, 500_000).await.expect("room");
    let first = another(&place, &key, &settled, 250_000);
    let second = another(&place, &key, &open, 0);
    let mut third = another(&place, &key, &seen, 0);
    third.checkpoint.request = third.started.request;
    third.checkpoint.cost_pico_usd = Some(30_000_000_000);
    node.append(first.whole()).await;
    node.append([second.starts(), third.starts(), third.goes_on()]).await;
    settled.settle(usd(250_000));
    open.settle(usd(0));

    let node = node.restart();
    let orphans = node.drainer(&store).replay(place.now()).await.expect("replayed");
    let after = budgets(&place, &node, 1).await;
    after.clear().await.expect("cleared");

    assert_eq!(orphans, 2);
    let there = standing(&after, &key, cap).await;
    assert_eq!((there.spent, there.held), (usd(250_000 + 2_000_000 + 30_000), usd(0)));
    assert!(hold(&after, &key, cap, CAP - 2_280_000 + 1).await.is_none());
    assert!(hold(&after, &key, cap, CAP - 2_280_000).await.is_some());
}

pub async fn a_changed_cap_holds_at_once(place: Place) {
    let node = place.node();
    let (budgets, key) = (budgets(&place, &node, 1).await, place.attempt());
    let mut half = hold(&budgets, &key, cap(&key, CAP), CAP / 2).await.expect("room");
    half.settle(usd(CAP / 2));

    assert!(hold(&budgets, &key, cap(&key, CAP / 2), 1).await.is_none(), "lowered");
    assert!(hold(&budgets, &key, cap(&key, CAP / 2 + 7), 8).await.is_none(), "raised too little");
    assert!(hold(&budgets, &key, cap(&key, CAP / 2 + 8), 8).await.is_some(), "raised");
}

pub async fn a_new_period_begins_with_nothing_spent_and_a_clock_set_back_begins_none(place: Place) {
    let node = place.node();
    let (budgets, key) = (budgets(&place, &node, 1).await, place.attempt());
    let cap = cap(&key, CAP);
    let mut all = hold(&budgets, &key, cap, CAP).await.expect("room");
    place.clock.advance(Duration::from_secs(24 * 3600));
    let mut next = hold(&budgets, &key, cap, CAP).await.expect("a new day");

    all.settle(usd(CAP));
    next.settle(usd(1_000_000));

    let today = standing(&budgets, &key, cap).await;
    assert_eq!(today.spent, usd(1_000_000), "yesterday's call counts for yesterday");
    place.clock.set(place.now().minus(Duration::from_secs(48 * 3600)).unix_ms());
    assert!(hold(&budgets, &key, cap, CAP).await.is_none(), "two days back is no new day");
}

pub async fn a_cap_counts_what_was_spent_before_it_was_set(place: Place) {
    let node = place.node();
    let store = place.store().await;
    let (budgets, key) = (budgets(&place, &node, 1).await, place.attempt());
    let free = Hold::nothing(place.now());
    for _ in 0..3 {
        node.append(another(&place, &key, &free, 1_500_000).whole()).await;
    }
    node.drainer(&store).catch_up().await.expect("drained");

    let cap = cap(&key, CAP);
    assert_eq!(standing(&budgets, &key, cap).await.spent, usd(4_500_000));
    assert!(hold(&budgets, &key, cap, 500_001).await.is_none());
    assert!(hold(&budgets, &key, cap, 500_000).await.is_some());
}

pub async fn a_forgotten_node_has_spent_its_lease(place: Place) {
    let [lost, left] = [place.node(), place.node()];
    let [theirs, ours] = [budgets(&place, &lost, 1).await, budgets(&place, &left, 1).await];
    let (store, key) = (place.store().await, place.attempt());
    let cap = cap(&key, CAP);
    let held = hold(&theirs, &key, cap, 100_000).await.expect("room");
    assert!(hold(&ours, &key, cap, 1).await.is_none());

    let mut write = store.write().await.expect("begun");
    write.forget_node(lost.id, place.now()).await.expect("forgotten");
    place.commit(write).await;

    let there = standing(&ours, &key, cap).await;
    assert_eq!((there.spent, there.held), (usd(CAP), usd(0)));
    drop(held);
}

/// Nobody begins with what the database says as long as it does not know of all that was spent.
pub async fn what_is_spent_and_not_folded_is_not_forgotten(place: Place) {
    let node = place.node();
    let store = place.store().await;
    let (budgets, key) = (budgets(&place, &node, 1).await, place.attempt());
    let cap = cap(&key, CAP);
    let mut spent = hold(&budgets, &key, cap, CAP).await.expect("room");
    let attempt = another(&place, &key, &spent, CAP as u64);
    node.append(attempt.whole()).await;
    spent.settle(usd(CAP));
    drop(spent);

    budgets.close().await.expect("given back");
    assert!(hold(&budgets, &key, cap, 1).await.is_none(), "all of it is spent");

    node.drainer(&store).catch_up().await.expect("drained");
    budgets.close().await.expect("given back");
    assert!(hold(&budgets, &key, cap, 1).await.is_none(), "the database knows it too");
}

pub async fn whoever_goes_away_while_asking_takes_nothing_along(place: Place) {
    let [one, other] = [place.node(), place.node()];
    let [first, second] = [budgets(&place, &one, 1).await, budgets(&place, &other, 1).await];
    let key = place.attempt();
    let cap = cap(&key, CAP);
    for polls in 1..40 {
        let asking = hold(&first, &key, cap, CAP);
        let mut asking = std::pin::pin!(asking);
        for _ in 0..polls {
            if futures_util::poll!(&mut asking).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    first.close().await.expect("given back");

    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(hold(&second, &key, cap, CAP).await.is_some(), "nothing is held by nobody");
}

pub async fn a_pool_is_shared_to_its_last_token(place: Place) {
    let nodes = [place.node(), place.node()];
    let key = place.attempt();
    let pool = Cap { scope: CapScope::Pool(key.started.workspace), ..cap(&key, 1_000) };
    let store = place.store().await;
    let mut served = 0;
    for round in 0..40 {
        let node = &nodes[round % 2];
        let budgets = budgets(&place, node, 2).await;
        budgets.clear().await.expect("cleared");
        let Some(mut hold) = hold(&budgets, &key, pool, 50).await else { continue };
        let mut attempt = another(&place, &key, &hold, 0);
        attempt.started.payer = "platform".to_owned();
        attempt.started.hold_pico_usd = Some(0);
        attempt.settled.usage.input_tokens = Some(20);
        attempt.settled.usage.output_tokens = Some(30);
        node.append(attempt.whole()).await;
        hold.settle(usd(50));
        node.drainer(&store).catch_up().await.expect("drained");
        served += 1;
        budgets.close().await.expect("given back");
    }

    assert_eq!(served, 20);
    let outstanding =
        "select cast(coalesce(sum(granted_micro - used_micro), 0) as bigint) from leases";
    assert_eq!(place.number(outstanding).await, 0);
}

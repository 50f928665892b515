//! The ledger as a whole: its sums are those of its rows, and whoever changes either is found out.

use std::sync::Arc;

use model::settings::{CapMode, CapPeriod};
use model::{Cap, CapScope, PicoUsd, Settings};
use store::budget::Budgets;
use store::system::BudgetRow;

use crate::node::Attempt;
use crate::place::Place;

const CAP: PicoUsd = PicoUsd(100_000_000_000_000);

/// Attempts of one tenant of every kind, under a cap of each kind; and a node that died with one open.
async fn kept(place: &Place) -> Attempt {
    let store = place.store().await;
    let like = place.attempt();
    let node = place.node();
    let started = &like.started;
    let budgets = Budgets::new(store.clone(), node.id, Arc::new(place.clock.clone()), || 1);
    for scope in [
        CapScope::GatewayKey(started.gateway_key),
        CapScope::Project(started.project),
        CapScope::Workspace(started.workspace),
        CapScope::Pool(started.workspace),
    ] {
        let cap = Cap { scope, amount: CAP, period: CapPeriod::Never, mode: CapMode::Strict };
        let hold = budgets.hold(started.workspace, &[cap], PicoUsd(1), PicoUsd(1)).await;
        drop(hold.expect("room"));
    }
    for (number, payer) in ["byok", "platform", "platform"].into_iter().enumerate() {
        let mut attempt = place.attempt();
        let request = attempt.request();
        attempt.started = store::journal::Started {
            request,
            payer: payer.to_owned(),
            hold_pico_usd: Some(1_999_999),
            ..started.clone()
        };
        attempt.settled.cost_pico_usd = [Some(1_999_999), None, Some(7)][number];
        match number {
            2 => node.append([attempt.starts()]).await,
            _ => node.append(attempt.whole()).await,
        }
    }
    let node = node.restart();
    node.drainer(&store).replay(place.now()).await.expect("replayed");
    like
}

pub async fn books_are_right_until_somebody_changes_them(place: Place) {
    kept(&place).await;
    let store = place.store().await;
    let system = store.system();
    let wrong = async || {
        let checks = system.checked_budgets().await.expect("read");
        let is_wrong = |it: &&store::system::BudgetCheck| {
            it.budget.spent.0 != it.used.0 + it.budget.forgotten.0
        };
        (
            system.hour_gaps(100).await.expect("read").len(),
            system.day_gaps(100).await.expect("read").len(),
            system.odd_attempts(100).await.expect("read").len(),
            (checks.len(), checks.iter().filter(is_wrong).count()),
        )
    };
    assert_eq!(wrong().await, (0, 0, 0, (4, 0)));

    for (change, back, expected) in [
        (
            "update usage_hours set cost_pico_rest = cost_pico_rest + 1 where payer = 'byok'",
            "update usage_hours set cost_pico_rest = cost_pico_rest - 1 where payer = 'byok'",
            (1, 1, 0, (4, 3)),
        ),
        (
            "update usage_hours set output_tokens = output_tokens + 1 where payer = 'platform'",
            "update usage_hours set output_tokens = output_tokens - 1 where payer = 'platform'",
            (1, 1, 0, (4, 1)),
        ),
        (
            "update attempts set payer = 'nobody' where payer = 'byok'",
            "update attempts set payer = 'byok' where payer = 'nobody'",
            (2, 0, 0, (4, 0)),
        ),
        (
            "update usage_days set latency_ms = latency_ms + 1 where payer = 'byok'",
            "update usage_days set latency_ms = latency_ms - 1 where payer = 'byok'",
            (0, 1, 0, (4, 0)),
        ),
        (
            "update budgets set forgotten_micro = 1 where scope like 'pool%'",
            "update budgets set forgotten_micro = 0 where scope like 'pool%'",
            (0, 0, 0, (4, 1)),
        ),
        (
            "update attempts set outcome = 'failed' where state = 'unsettled'",
            "update attempts set outcome = 'unknown' where state = 'unsettled'",
            (1, 0, 1, (4, 0)),
        ),
    ] {
        place.run(change).await;
        let found = wrong().await;
        place.run(back).await;

        assert_eq!(found, expected, "{change}");
    }
    assert_eq!(wrong().await, (0, 0, 0, (4, 0)));
}

pub async fn the_state_of_the_ledger_is_told_by_node_and_scope(place: Place) {
    let like = kept(&place).await;
    let store = place.store().await;
    let system = store.system();

    let unended = system.unended_attempts().await.expect("read");
    let [unsettled] = unended.as_slice() else { panic!("{unended:?}") };
    assert_eq!((unsettled.state.as_str(), unsettled.attempts), ("unsettled", 1));
    let listed = system.unsettled(10).await.expect("read");
    let left = system.left_unsettled(unsettled.node, place.now(), 10).await.expect("read");
    assert_eq!((listed.len(), &listed), (1, &left));
    assert_eq!(listed[0].cost, Some(PicoUsd(1_999_999)), "what was held");
    assert_eq!(listed[0].workspace, like.started.workspace);
    let offsets = system.journal_offsets().await.expect("read");
    assert!(offsets.len() == 1 && offsets[0].node == unsettled.node && offsets[0].offset_bytes > 0);
    let leases = system.leases().await.expect("read");
    assert_eq!(leases.len(), 4);
    let budgets = system.budgets(place.now(), 10).await.expect("read");
    let kind = |budget: &BudgetRow| budget.scope.split(['_', ':']).next().map(str::to_owned);
    let scopes: Vec<_> = budgets.iter().filter_map(kind).collect();
    assert_eq!(scopes, ["gk", "pool", "prj", "ws"]);
    let mut spent = system.spent_by_kind(place.now()).await.expect("read");
    spent.sort();
    let money = PicoUsd(2 * 1_999_999);
    let kinds: Vec<_> = spent.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["gk", "pool", "prj", "ws"]);
    assert!(spent.iter().filter(|(kind, _)| kind != "pool").all(|(_, sum)| *sum == money));
}

pub async fn a_budget_is_looked_at_when_more_was_spent_and_each_share_told_once(place: Place) {
    kept(&place).await;
    let store = place.store().await;
    let look = async || store.system().budgets_to_look_at(10).await.expect("read");
    let budgets = look().await;
    assert_eq!(budgets.len(), 4);
    let tell = async |budget: &BudgetRow, share: u8| {
        let mut write = store.write().await.expect("begun");
        write.looked_at(budget).await.expect("looked");
        let is_new = write.tell_of_share(budget, share, place.now()).await.expect("told");
        place.commit(write).await;
        is_new
    };

    for budget in &budgets {
        assert!(tell(budget, 50).await);
        assert!(!tell(budget, 50).await);
        assert!(tell(budget, 80).await);
    }
    assert_eq!(look().await, []);
    place.run("update budgets set spent_micro = spent_micro + 1 where scope like 'gk%'").await;

    assert_eq!(look().await.len(), 1);
    let mut write = store.write().await.expect("begun");
    write.delete_cap_notices(place.now()).await.expect("deleted");
    place.commit(write).await;
    assert!(!tell(&budgets[0], 80).await, "its period is not over");
}

pub async fn what_a_cap_is_set_to_is_found_by_its_scope(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let system = store.system();

    for scope in [CapScope::Project(tenant.project), CapScope::Workspace(tenant.workspace)] {
        let row = system.settings_of(scope).await.expect("read").expect("a row");
        assert_eq!((row.scope, row.workspace), (scope.to_string(), tenant.workspace));
        assert_eq!(row.settings, Settings::default());
    }
    assert_eq!(system.all_settings().await.expect("read").len(), 2);
    assert!(system.all_key_policies().await.expect("read").is_empty());
    let nobodys = place.attempt().started;
    assert!(system.key_policy(nobodys.gateway_key).await.expect("read").is_none());
    assert!(system.settings_of(CapScope::Project(nobodys.project)).await.expect("read").is_none());
}

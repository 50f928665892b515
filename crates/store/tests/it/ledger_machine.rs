//! The whole ledger against the simplest one there could be: holds, ends, checkpoints, crashes and changed caps in any order,
//! and after each of them the same money spent and held, in memory and in every sum the database keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::settings::{CapMode, CapPeriod};
use model::{Cap, CapScope, PicoUsd, Random as _, RequestId};
use store::budget::{Budgets, Hold, Standing, Unheld};
use store::journal::{Outcome, Record, Started};

use crate::node::{Attempt, Node};
use crate::place::Place;

const RUNS: u64 = 12;
const STEPS: usize = 60;
const MICRO: u64 = 1_000_000;

/// Fifty lines that cannot be wrong: a list of what is held, and a number.
#[derive(Default)]
struct Reference {
    cap: u64,
    spent: u64,
    /// What is held for each call in flight, and what its last checkpoint came to.
    open: BTreeMap<RequestId, (u64, Option<u64>)>,
}

impl Reference {
    fn held(&self) -> u64 {
        self.open.values().map(|(held, _)| held).sum()
    }

    /// As much as there is between the least and the most, or nothing.
    fn hold(&self, least: u64, most: u64) -> Option<u64> {
        let left = self.cap.saturating_sub(self.spent + self.held());
        (left >= least).then_some(left.min(most))
    }

    fn end(&mut self, request: RequestId, cost: u64) {
        self.open.remove(&request);
        self.spent += cost;
    }

    /// Whoever was in flight is charged what its last checkpoint came to, else what was held for it.
    fn crash(&mut self) {
        for (held, seen) in std::mem::take(&mut self.open).into_values() {
            self.spent += seen.unwrap_or(held);
        }
    }
}

struct Machine<'a> {
    place: &'a Place,
    node: Node,
    budgets: Budgets,
    like: Attempt,
    holds: BTreeMap<RequestId, (Hold, Attempt)>,
    reference: Reference,
}

pub async fn it_agrees_with_the_simplest_one_after_every_step(place: Place) {
    for run in 0..RUNS {
        let mut machine = Machine::new(&place).await;
        for step in 0..STEPS {
            machine.step().await;
            machine.compare(&format!("run {run}, step {step}")).await;
        }
    }
}

impl<'a> Machine<'a> {
    async fn new(place: &'a Place) -> Self {
        let node = place.node();
        let budgets = budgets(place, &node).await;
        let reference = Reference { cap: 100 * MICRO, ..Reference::default() };
        Self { place, node, budgets, like: place.attempt(), holds: BTreeMap::new(), reference }
    }

    fn pick(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.place.random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % below
    }

    fn cap(&self) -> Cap {
        Cap {
            scope: CapScope::GatewayKey(self.like.started.gateway_key),
            amount: pico(self.reference.cap),
            period: CapPeriod::Never,
            mode: CapMode::Strict,
        }
    }

    async fn step(&mut self) {
        let some = self.holds.keys().nth(self.pick(8) as usize).copied();
        match (self.pick(10), some) {
            (0, _) => self.crash().await,
            (1, _) => self.reference.cap = self.pick(200 * MICRO),
            (2, _) => self.budgets.close().await.expect("given back"),
            (3, _) => self.drain().await,
            (4, Some(request)) => self.goes_on(request).await,
            (5..=7, Some(request)) => self.ends(request).await,
            _ => self.hold().await,
        }
    }

    async fn hold(&mut self) {
        let (one, other) = (self.pick(30 * MICRO), self.pick(30 * MICRO));
        let (least, most) = (one.min(other), one.max(other));
        let workspace = self.like.started.workspace;
        let held = self.budgets.hold(workspace, &[self.cap()], pico(least), pico(most)).await;
        let hold = match held {
            Ok(hold) => Some(hold),
            Err(Unheld::Exceeded(_)) => None,
            Err(Unheld::Unavailable(error)) => panic!("{error}"),
        };
        let amount = hold.as_ref().map(|hold| hold.amount());
        assert_eq!(amount, self.reference.hold(least, most).map(pico), "{least} to {most}");
        let Some(hold) = hold else { return };
        let held = u64::try_from(hold.amount().0).expect("small");
        let mut attempt = self.place.attempt();
        let request = attempt.started.request;
        let hold_pico_usd = Some(held);
        attempt.started = Started { request, hold_pico_usd, ..self.like.started.clone() };
        self.node.append([attempt.starts()]).await;
        self.reference.open.insert(request, (held, None));
        self.holds.insert(request, (hold, attempt));
    }

    async fn goes_on(&mut self, request: RequestId) {
        let seen = self.pick(10 * MICRO);
        let (_, attempt) = self.holds.get_mut(&request).expect("in flight");
        attempt.checkpoint.cost_pico_usd = Some(seen);
        self.node.append([attempt.goes_on()]).await;
        self.reference.open.get_mut(&request).expect("in flight").1 = Some(seen);
    }

    /// Below what was held, or, where a provider does not heed its limit, above it.
    async fn ends(&mut self, request: RequestId) {
        let (mut hold, mut attempt) = self.holds.remove(&request).expect("in flight");
        let held = u64::try_from(hold.amount().0).expect("small");
        let cost = self.pick(held + held / 8 + 1);
        hold.settle(pico(cost));
        attempt.settled.cost_pico_usd = Some(cost);
        attempt.settled.status = [Outcome::Aborted, Outcome::Completed][cost as usize % 2];
        self.node.append([Record::Settled(attempt.settled)]).await;
        self.reference.end(request, cost);
    }

    async fn drain(&self) {
        let store = self.place.store().await;
        self.node.drainer(&store).catch_up().await.expect("drained");
    }

    /// The process dies with all it had in memory, and the next one replays what is on the disk.
    async fn crash(&mut self) {
        let store = self.place.store().await;
        let id = self.node.id;
        let node = std::mem::replace(&mut self.node, self.place.node());
        self.node = node.restart();
        assert_eq!(self.node.id, id);
        self.node.drainer(&store).replay(self.place.now()).await.expect("replayed");
        let lost = std::mem::replace(&mut self.budgets, budgets(self.place, &self.node).await);
        self.budgets.clear().await.expect("cleared");
        drop((std::mem::take(&mut self.holds), lost));
        self.reference.crash();
    }

    async fn compare(&self, when: &str) {
        let Reference { spent, .. } = self.reference;
        let workspace = self.like.started.workspace;
        let there = self.budgets.standing(workspace, &self.cap()).await.expect("read");
        let expected = Standing { spent: pico(spent), held: pico(self.reference.held()) };
        assert_eq!(there, expected, "{when}");
        // What is not folded in yet is not forgotten either.
        if self.pick(3) > 0 {
            return;
        }
        self.drain().await;
        let drained = self.budgets.standing(workspace, &self.cap()).await.expect("read");
        assert_eq!(drained, expected, "{when}, drained");
        let key = self.like.started.gateway_key.to_string();
        let sums = self.place.sums_of(&key).await;
        assert_eq!(sums, [spent, spent], "{when}: rows and hours");
    }
}

async fn budgets(place: &Place, node: &Node) -> Budgets {
    Budgets::new(place.store().await, node.id, Arc::new(place.clock.clone()), || 1)
}

fn pico(amount: u64) -> PicoUsd {
    PicoUsd(i128::from(amount))
}

impl Place {
    /// What a key has spent, by its rows and by the sums of hours.
    async fn sums_of(&self, key: &str) -> [u64; 2] {
        let all = self.texts(SUMS).await.into_iter().flatten();
        let mut sums = [0, 0];
        for line in all {
            let (of, rest) = line.split_once(' ').expect("a key");
            let (table, pico) = rest.split_once(' ').expect("a sum");
            if of == key {
                sums[usize::from(table == "hours")] = pico.parse().expect("a number");
            }
        }
        sums
    }
}

const SUMS: &str = "select gateway_key_id || ' rows ' || cast(
            sum(coalesce(cost_micro_usd, 0)) * 1000000 + sum(coalesce(cost_pico_rest, 0)) as text)
    from attempts
    where state <> 'open'
    group by gateway_key_id
    union all
    select gateway_key_id || ' hours ' || cast(
            sum(cost_micro_usd) * 1000000 + sum(cost_pico_rest) as text)
    from usage_hours
    group by gateway_key_id";

//! Caps that hold: money is reserved before a call and settled after it, from leases that this node took of what is left of
//! each cap. Knows neither prices nor requests, and of no HTTP.

pub(crate) mod lease;
mod purse;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::settings::CapMode;
use model::{Cap, CapScope, Clock, NodeId, Period, PicoUsd, Timestamp, WorkspaceId};
use tokio::time::Instant;

use crate::{Result, Store, StoreError};

use lease::{Aim, Ask};
use purse::{Need, Purse};

/// Every cap this node has met. Cheap to clone.
#[derive(Clone)]
pub struct Budgets(Arc<Inner>);

struct Inner {
    store: Store,
    node: NodeId,
    clock: Arc<dyn Clock>,
    /// How many nodes share the database.
    nodes: Box<dyn Fn() -> u32 + Send + Sync>,
    purses: Mutex<HashMap<(CapScope, Period), Arc<Pocket>>>,
    /// The latest time that was seen: a clock that is set back begins no period anew.
    latest: Mutex<Timestamp>,
    /// How many nodes there were when the leases were last looked at.
    nodes_tended: AtomicU32,
}

/// A purse that many requests reach into, and whose lease one of them at a time may change.
struct Pocket {
    scope: CapScope,
    workspace: WorkspaceId,
    period: Period,
    purse: Mutex<Purse>,
    asking: tokio::sync::Mutex<()>,
}

/// Money that is reserved for one attempt from all of its caps.
#[must_use = "dropped, it gives everything back as if nothing had been spent"]
pub struct Hold {
    amount: PicoUsd,
    at: Timestamp,
    from: Vec<(Arc<Pocket>, PicoUsd)>,
}

/// Why nothing was reserved. Then nothing is held of any of the caps.
#[derive(Debug)]
pub enum Unheld {
    Exceeded(Exceeded),
    /// No lease could be had: the database does not answer.
    Unavailable(StoreError),
}

/// A cap that the call does not fit under.
#[derive(Clone, Copy, Debug)]
pub struct Exceeded {
    pub cap: Cap,
    pub standing: Standing,
    /// What would have had to be there.
    pub wanted: PicoUsd,
    /// When the cap starts anew.
    pub ends: Timestamp,
}

/// What is known of a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub spent: PicoUsd,
    /// For calls in flight, on this node, and what other nodes may spend without asking.
    pub held: PicoUsd,
}

/// What all purses of this node hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub leased: PicoUsd,
    pub held: PicoUsd,
}

/// How long a cap that had nothing left is not asked for again: other nodes may return what they do not need.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// A database that hangs makes nobody wait for longer.
const ASKED_MAX: Duration = Duration::from_secs(2);
/// Where others may want it, and where nobody else does.
const RETURNED_AFTER_SHARED: Duration = Duration::from_secs(2);
const RETURNED_AFTER: Duration = Duration::from_secs(120);

impl Budgets {
    pub fn new(
        store: Store,
        node: NodeId,
        clock: Arc<dyn Clock>,
        nodes: impl Fn() -> u32 + Send + Sync + 'static,
    ) -> Self {
        let latest = Mutex::new(clock.now());
        Self(Arc::new(Inner {
            store,
            node,
            clock,
            nodes: Box::new(nodes),
            purses: Mutex::default(),
            latest,
            nodes_tended: AtomicU32::new(1),
        }))
    }

    /// At start, once what a former process left is folded in: its leases are nobody's.
    pub async fn clear(&self) -> Result<()> {
        lease::clear(&self.0.store, self.0.node).await
    }

    /// At least so much from all caps, and up to so much, or nothing from any.
    pub async fn hold(
        &self,
        workspace: WorkspaceId,
        caps: &[Cap],
        least: PicoUsd,
        most: PicoUsd,
    ) -> std::result::Result<Hold, Unheld> {
        let at = self.0.now();
        let mut hold = Hold { amount: most, at, from: Vec::with_capacity(caps.len()) };
        for cap in caps {
            let pocket = self.0.pocket(workspace, cap, at);
            let need = Need::of(cap, least, hold.amount);
            let taken = self.take(&pocket, cap, need).await?;
            if !need.is_postpaid {
                hold.amount = hold.amount.min(taken);
            }
            hold.from.push((pocket, taken));
        }
        if caps.iter().all(|cap| cap.mode == CapMode::Soft) {
            hold.amount = PicoUsd(0);
        }
        hold.even_out();
        Ok(hold)
    }

    async fn take(
        &self,
        pocket: &Pocket,
        cap: &Cap,
        need: Need,
    ) -> std::result::Result<PicoUsd, Unheld> {
        if let Some(taken) = pocket.purse().take(cap.amount, need, true) {
            return Ok(taken);
        }
        // One asks for all: whoever waited finds what was granted.
        let _asking = pocket.asking.lock().await;
        let is_ask_due = {
            let mut purse = pocket.purse();
            let is_ask_due = purse.may_ask(cap.amount, Instant::now());
            if let Some(taken) = purse.take(cap.amount, need, is_ask_due) {
                return Ok(taken);
            }
            is_ask_due
        };
        if is_ask_due {
            if pocket.purse().knows_it_is_away(Instant::now()) {
                return Err(Unheld::Unavailable(StoreError::Interrupted));
            }
            // Boxed, as it is rare: all that asking a database takes would be part of every request's future otherwise.
            let leased = Box::pin(self.lease(pocket, cap.amount, need.aim()));
            leased.await.map_err(Unheld::Unavailable)?;
        }
        let mut purse = pocket.purse();
        purse.take(cap.amount, need, false).ok_or_else(|| {
            Unheld::Exceeded(Exceeded {
                cap: *cap,
                standing: purse.standing(),
                wanted: need.least,
                ends: pocket.period.end,
            })
        })
    }

    /// Asks the database. Meanwhile nothing is taken from the purse, so that what is granted is what may be taken.
    async fn lease(&self, pocket: &Pocket, cap: PicoUsd, aim: Aim) -> Result<()> {
        let before = pocket.purse().freeze();
        let ask = self.0.ask(pocket, cap, before.bound(), aim);
        let asked = tokio::time::timeout(ASKED_MAX, lease::adjust(&self.0.store, ask)).await;
        let mut purse = pocket.purse();
        match asked.unwrap_or(Err(StoreError::Interrupted)) {
            Ok(granted) => {
                purse.granted(cap, &granted, Instant::now() + ASK_AGAIN_AFTER);
                Ok(())
            }
            Err(error) => {
                purse.is_away(Instant::now() + ASK_AGAIN_AFTER);
                // It may have happened all the same. Whoever asked for more has at least what it had; whoever gave
                // something away counts on nothing before the next answer.
                if matches!(aim, Aim::Spend(_)) {
                    purse.thaw(before, cap);
                }
                Err(error)
            }
        }
    }

    /// What the database and this node know of a cap, without reserving anything.
    pub async fn standing(&self, workspace: WorkspaceId, cap: &Cap) -> Result<Standing> {
        let pocket = self.0.pocket(workspace, cap, self.0.now());
        let _asking = pocket.asking.lock().await;
        let ask = self.0.ask(&pocket, cap.amount, PicoUsd(0), Aim::Share);
        let seen = lease::look(&self.0.store, &ask).await?;
        Ok(pocket.purse().standing_with(&seen))
    }

    /// Gives back what this node does not use, and forgets caps that nobody met for a while.
    pub async fn tend(&self) -> Result<()> {
        let is_shared = self.0.is_shared();
        let nodes = (self.0.nodes)();
        let has_company = nodes > self.0.nodes_tended.swap(nodes, Ordering::Relaxed);
        let idle = if is_shared { RETURNED_AFTER_SHARED } else { RETURNED_AFTER };
        for pocket in self.0.all() {
            if pocket.purse().is_idle_for(idle) {
                self.give_back(&pocket).await?;
            } else if is_shared && has_company {
                self.trim(&pocket).await?;
            }
        }
        Ok(())
    }

    /// At the end, once the journal is folded in.
    pub async fn close(&self) -> Result<()> {
        for pocket in self.0.all() {
            self.give_back(&pocket).await?;
        }
        Ok(())
    }

    async fn give_back(&self, pocket: &Arc<Pocket>) -> Result<()> {
        let _asking = pocket.asking.lock().await;
        if !pocket.purse().is_new() {
            let cap = pocket.purse().cap();
            self.lease(pocket, cap, Aim::GiveBack).await?;
        }
        self.0.forget(pocket);
        Ok(())
    }

    /// Down to this node's share, since other nodes may want the rest.
    async fn trim(&self, pocket: &Pocket) -> Result<()> {
        let _asking = pocket.asking.lock().await;
        let cap = pocket.purse().cap();
        self.lease(pocket, cap, Aim::Share).await
    }

    pub fn held(&self) -> Held {
        let mut sum = Held::default();
        for pocket in self.0.all() {
            let held = pocket.purse().held();
            sum.leased = PicoUsd(sum.leased.0.saturating_add(held.leased.0));
            sum.held = PicoUsd(sum.held.0.saturating_add(held.held.0));
        }
        sum
    }
}

impl Inner {
    /// Never backwards.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = now.max(*latest);
        *latest
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared() && (self.nodes)() > 1
    }

    fn pocket(&self, workspace: WorkspaceId, cap: &Cap, at: Timestamp) -> Arc<Pocket> {
        let period = Period::at(cap.period, at);
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        let pocket = purses.entry((cap.scope, period)).or_insert_with(|| {
            Arc::new(Pocket {
                scope: cap.scope,
                workspace,
                period,
                purse: Mutex::new(Purse::new(Instant::now())),
                asking: tokio::sync::Mutex::default(),
            })
        });
        Arc::clone(pocket)
    }

    fn all(&self) -> Vec<Arc<Pocket>> {
        let purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        purses.values().map(Arc::clone).collect()
    }

    /// Unless somebody reached for it meanwhile: a purse that is in use stays the only one of its cap.
    fn forget(&self, pocket: &Arc<Pocket>) {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        // This function's caller, the list it went through and the map.
        const OURS: usize = 2;
        if Arc::strong_count(pocket) <= OURS && pocket.purse().is_forgettable() {
            purses.remove(&(pocket.scope, pocket.period));
        }
    }

    fn ask(&self, pocket: &Pocket, cap: PicoUsd, bound: PicoUsd, aim: Aim) -> Ask {
        Ask {
            scope: pocket.scope,
            workspace: pocket.workspace,
            period: pocket.period,
            node: self.node,
            cap,
            bound,
            aim,
            share_of: if self.is_shared() { (self.nodes)() } else { 1 },
        }
    }
}

impl Pocket {
    fn purse(&self) -> std::sync::MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Where no cap holds for it.
    pub fn nothing(at: Timestamp) -> Self {
        Self { amount: PicoUsd(0), at, from: Vec::new() }
    }

    pub const fn amount(&self) -> PicoUsd {
        self.amount
    }

    /// Whose period it counts in.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    pub const fn is_capped(&self) -> bool {
        !self.from.is_empty()
    }

    /// Once: what it cost is spent, and the rest is free for others.
    pub fn settle(&mut self, cost: PicoUsd) {
        for (pocket, held) in self.from.drain(..) {
            pocket.purse().settle(held, cost, Instant::now());
        }
    }

    /// The cap with the least left decides for all.
    fn even_out(&mut self) {
        for (pocket, held) in &mut self.from {
            if *held > self.amount {
                pocket.purse().release(PicoUsd(held.0.saturating_sub(self.amount.0)));
                *held = self.amount;
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.settle(PicoUsd(0));
    }
}

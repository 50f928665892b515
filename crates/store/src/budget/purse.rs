//! What this node may spend of one cap, and what of it is held for calls in flight. Arithmetic alone: no database, no clock.

use std::time::Duration;

use model::settings::CapMode;
use model::{Cap, PicoUsd};
use tokio::time::Instant;

use super::lease::{Aim, Granted};
use super::{Held, Standing};

/// Invariant, but for what a provider billed beyond its limit: `used + held <= granted`, and the database counts all that is
/// granted and not used against the cap.
pub struct Purse {
    /// By the database, in all.
    granted: i128,
    /// Spent by this node, folded in or not yet.
    used: i128,
    /// The part that is folded in, by the database's last word.
    folded: i128,
    held: i128,
    /// The part of what is granted that the cap does not allow any more, and calls in flight still hold: it goes as they end.
    excess: i128,
    /// The database was asked for it, whatever became of that.
    was_asked_for: bool,
    /// What the cap was when it was last asked for.
    cap: Option<PicoUsd>,
    /// Spent under the cap by others, and before: by the database's last word.
    spent_elsewhere: i128,
    held_elsewhere: i128,
    /// Nothing was left: until then it is not asked for again.
    ask_again_at: Option<Instant>,
    /// The database did not answer: until then nobody else waits for it.
    away_until: Option<Instant>,
    touched_at: Instant,
}

/// What a call needs of one cap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Need {
    pub least: PicoUsd,
    pub most: PicoUsd,
    /// Nothing is reserved: it is enough that something is left.
    pub is_postpaid: bool,
}

/// A purse while it is asked for more.
#[derive(Clone, Copy)]
pub struct Frozen {
    granted: i128,
    bound: i128,
}

impl Need {
    pub fn of(cap: &Cap, least: PicoUsd, most: PicoUsd) -> Self {
        match cap.mode {
            CapMode::Soft => Self { least: SMALLEST, most: SMALLEST, is_postpaid: true },
            CapMode::Strict => Self { least, most, is_postpaid: false },
        }
    }

    pub const fn aim(&self) -> Aim {
        Aim::Spend(self.most)
    }
}

/// Whoever pays afterwards must find at least this.
const SMALLEST: PicoUsd = PicoUsd(1);

impl Frozen {
    /// Spent or held: what a lease cannot be cut below.
    pub const fn bound(&self) -> PicoUsd {
        PicoUsd(self.bound)
    }
}

impl Purse {
    pub const fn new(now: Instant) -> Self {
        Self {
            granted: 0,
            used: 0,
            folded: 0,
            held: 0,
            excess: 0,
            was_asked_for: false,
            cap: None,
            spent_elsewhere: 0,
            held_elsewhere: 0,
            ask_again_at: None,
            away_until: None,
            touched_at: now,
        }
    }

    const fn left(&self) -> i128 {
        self.granted.saturating_sub(self.used).saturating_sub(self.held)
    }

    /// As much as is there, between the least and the most; `None` where that is too little, where a larger lease should be
    /// asked for first, or where the cap is another by now.
    pub fn take(&mut self, cap: PicoUsd, need: Need, wants_all: bool) -> Option<PicoUsd> {
        if self.cap != Some(cap) {
            return None;
        }
        if need.is_postpaid {
            // Calls in flight have reserved nothing.
            let left = self.granted.saturating_sub(self.used);
            return (left >= need.least.0).then_some(PicoUsd(0));
        }
        let least = if wants_all { need.most } else { need.least };
        // Where more was billed than was held nothing is left, and what costs nothing is served all the same.
        let taken = self.left().max(0).min(need.most.0);
        if taken < least.0 {
            return None;
        }
        self.held = self.held.saturating_add(taken);
        Some(PicoUsd(taken))
    }

    /// Whether the database may have more.
    pub fn may_ask(&self, cap: PicoUsd, now: Instant) -> bool {
        self.cap != Some(cap) || self.ask_again_at.is_none_or(|at| now >= at)
    }

    /// Held for a call that needs less.
    pub fn release(&mut self, amount: PicoUsd) {
        self.held = self.held.saturating_sub(amount.0);
        let cut = amount.0.min(self.excess);
        self.granted = self.granted.saturating_sub(cut);
        self.excess = self.excess.saturating_sub(cut);
    }

    pub fn settle(&mut self, held: PicoUsd, cost: PicoUsd, now: Instant) {
        let spent = cost.0.min(held.0);
        self.held = self.held.saturating_sub(spent);
        self.release(PicoUsd(held.0.saturating_sub(spent)));
        self.used = self.used.saturating_add(cost.0);
        self.touched_at = now;
    }

    /// Nothing more is taken until the answer is there; what is given back meanwhile may be.
    pub const fn freeze(&mut self) -> Frozen {
        // Should whoever asks go away before the answer, the next one asks at once.
        self.ask_again_at = None;
        self.was_asked_for = true;
        let bound = self.used.saturating_add(self.held);
        let frozen = Frozen { granted: self.granted, bound };
        if self.granted > bound {
            self.granted = bound;
        }
        frozen
    }

    /// The database did not answer, and does not have to be asked again at once.
    pub const fn is_away(&mut self, until: Instant) {
        self.away_until = Some(until);
    }

    pub fn knows_it_is_away(&self, now: Instant) -> bool {
        self.away_until.is_some_and(|until| now < until)
    }

    /// What was asked for changed nothing for the worse: what was set aside for the question is there again, unless the cap has changed since.
    pub fn thaw(&mut self, before: Frozen, cap: PicoUsd) {
        if self.cap == Some(cap) {
            let set_aside = before.granted.saturating_sub(before.bound).max(0);
            self.granted = self.granted.saturating_add(set_aside);
        }
    }

    pub fn granted(&mut self, cap: PicoUsd, granted: &Granted, again_at: Instant) {
        self.away_until = None;
        self.folded = granted.used.0;
        self.granted = granted.granted.0;
        self.excess = granted.excess.0;
        // Spending that had reserved nothing here: under another cap, or before there was one.
        self.used = self.used.max(granted.used.0);
        self.cap = Some(cap);
        self.spent_elsewhere = granted.spent.0.saturating_sub(granted.used.0);
        self.held_elsewhere = granted.held_elsewhere.0;
        self.ask_again_at = granted.is_all.then_some(again_at);
    }

    pub fn cap(&self) -> PicoUsd {
        self.cap.unwrap_or_default()
    }

    pub fn standing(&self) -> Standing {
        Standing {
            spent: PicoUsd(self.spent_elsewhere.saturating_add(self.used)),
            held: PicoUsd(self.held_elsewhere.saturating_add(self.held)),
        }
    }

    /// By what the database says now.
    pub fn standing_with(&self, seen: &Granted) -> Standing {
        let used = self.used.max(seen.used.0);
        Standing {
            spent: PicoUsd(seen.spent.0.saturating_sub(seen.used.0).saturating_add(used)),
            held: PicoUsd(seen.held_elsewhere.0.saturating_add(self.held)),
        }
    }

    pub const fn held(&self) -> Held {
        let leased = self.granted.saturating_sub(self.used);
        Held { leased: PicoUsd(leased), held: PicoUsd(self.held) }
    }

    pub fn is_idle_for(&self, time: Duration) -> bool {
        self.held == 0 && self.touched_at.elapsed() >= time
    }

    /// Nothing is held, nothing may be taken, and the database knows of all that was spent: whoever comes next may begin
    /// with what it says.
    pub const fn is_forgettable(&self) -> bool {
        self.held == 0 && self.granted <= self.used && self.used <= self.folded
    }

    /// It was never asked for, so that the database holds nothing for it.
    pub const fn is_new(&self) -> bool {
        !self.was_asked_for
    }
}

#[cfg(test)]
mod tests;

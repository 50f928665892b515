//! The comparison: every call the provider served is in the ledger exactly once, everything the client got whole is
//! settled there with what the provider billed, and whatever broke off is charged what was seen of it.

mod pair;

use std::collections::{BTreeMap, BTreeSet};

use model::{PicoUsd, RequestId};
use store::budget::Standing;
use store::system::AttemptRow;

use crate::client::Told;
use crate::gateway::{Price, Spend};
use crate::provider::Served;
use crate::report::{Report, spread};

use pair::Pair;

/// What this run may do to a request.
#[derive(Clone, Copy)]
pub struct Rules {
    pub price: Price,
    /// Processes were killed, so that a request may be left unsettled.
    pub kills: bool,
}

/// A call as the provider knows it.
#[derive(Default)]
struct Call {
    model: String,
    at_ms: i64,
    limit: u64,
    times: usize,
    /// When each event was given to the socket.
    sent: Vec<i64>,
    tokens: u64,
    is_ended: bool,
    left_at_ms: Option<i64>,
}

/// A request as the client knows it.
#[derive(Default)]
struct Asked {
    request: Option<String>,
    is_broken: bool,
    is_completed: bool,
    hung_up_at_ms: Option<i64>,
    /// What it had of the answer before it hung up.
    bytes: usize,
    tokens: u64,
}

pub struct Books {
    calls: BTreeMap<u64, Call>,
    asked: BTreeMap<u64, Asked>,
    rows: Vec<AttemptRow>,
}

impl Books {
    pub fn new(served: Vec<Served>, told: Vec<Told>, rows: Vec<AttemptRow>) -> Self {
        let mut books = Self { calls: BTreeMap::new(), asked: BTreeMap::new(), rows };
        served.into_iter().for_each(|line| books.add_served(line));
        told.into_iter().for_each(|line| books.add_told(line));
        books
    }

    pub fn compare(&self, rules: Rules, report: &mut Report) {
        report.figure("upstream calls", self.calls.len());
        report.figure("ledger rows", self.rows.len());
        let completed = self.asked.values().filter(|asked| asked.is_completed).count();
        report.figure("completed by the client", completed);
        self.check_once(report);

        let pairs = self.pairs(report);
        let matched: BTreeSet<_> = pairs.values().map(|row| row.request).collect();
        let mut unsent = 0_usize;
        for row in self.rows.iter().filter(|row| !matched.contains(&row.request)) {
            // Written down, and then killed or left before anything was sent.
            unsent = unsent.saturating_add(1);
            let is_whole = row.outcome.as_deref() == Some("completed");
            report.check(!is_whole, || format!("{}: completed, and never served", row.request));
        }
        report.figure("begun, never sent", unsent);
        let unsettled = self.rows.iter().filter(|row| row.state == "unsettled").count();
        report.figure("unsettled", unsettled);

        self.check_hang_ups(&pairs, report);

        let mut missed = BTreeMap::new();
        for (id, row) in &pairs {
            let asked = self.asked.get(id);
            if let Some(call) = self.calls.get(id) {
                Pair { id: *id, call, asked, row }.judge(rules, &mut missed, report);
            }
        }
        if !missed.is_empty() {
            report.figure("tokens a broken-off stream lacks: how often", missed);
        }
        self.report_closing(report);
    }

    /// What all rows of one key come to must be what its budget has spent, to the pico-dollar, with nothing held any more; and
    /// what the key is told, rounded once.
    pub fn check_spend(&self, kept: Standing, told: Spend, report: &mut Report) {
        let costs = self.rows.iter().filter_map(|row| row.cost);
        let sum = costs.fold(PicoUsd::default(), |sum, cost| PicoUsd(sum.0.saturating_add(cost.0)));
        report.figure("spent, pico-USD", kept.spent.0);
        report.figure("held at the end, pico-USD", kept.held.0);
        let exactly = Standing { spent: sum, held: PicoUsd(0) };
        report.check(kept == exactly, || format!("{kept:?}, and the rows come to {exactly:?}"));
        let spent_micro_usd = u64::try_from(sum.rounded().0).ok();
        let exactly = Spend { spent_micro_usd, held_micro_usd: Some(0) };
        report.check(told == exactly, || {
            format!("the key is told {told:?}, and the rows come to {exactly:?}")
        });
    }

    fn check_once(&self, report: &mut Report) {
        for (id, call) in self.calls.iter().filter(|(_, call)| call.times != 1) {
            report.wrong(format!("request {id} was sent to the provider {} times", call.times));
        }
        let mut seen = BTreeSet::new();
        for row in &self.rows {
            let is_new = seen.insert(row.request);
            report.check(is_new, || format!("{} is in the ledger twice", row.request));
            let is_closed = matches!(row.state.as_str(), "settled" | "unsettled");
            report.check(is_closed, || format!("{} is still {}", row.request, row.state));
        }
        for (id, asked) in self.asked.iter().filter(|(_, asked)| asked.is_completed) {
            let is_known = self.calls.contains_key(id);
            report.check(is_known, || {
                format!("request {id} was answered by nobody: {:?}", asked.request)
            });
        }
    }

    /// Whoever has read a byte has a row, because what is sent is recorded before.
    fn check_hang_ups(&self, pairs: &BTreeMap<u64, &AttemptRow>, report: &mut Report) {
        let left = self.asked.iter().filter(|(_, asked)| asked.hung_up_at_ms.is_some());
        let mut outcomes = BTreeMap::<String, usize>::new();
        for (id, asked) in left {
            let row = pairs.get(id);
            report.check(row.is_some() || asked.bytes == 0, || format!("hang-up {id} has no row"));
            let outcome = row.and_then(|row| row.outcome.as_deref()).unwrap_or("left unread");
            let count = outcomes.entry(outcome.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        if !outcomes.is_empty() {
            report.figure("what became of hang-ups", outcomes);
        }
    }

    /// Which row is which call. The client knows most. Of the others it never saw the head: some rows were billed, and with that
    /// numbered, and of the rest the model and the time decide. A row was begun before its call, and a model of its own has
    /// one request at a time.
    fn pairs<'a>(&'a self, report: &mut Report) -> BTreeMap<u64, &'a AttemptRow> {
        let by_request: BTreeMap<_, _> =
            self.rows.iter().map(|row| (row.request.to_string(), row)).collect();
        let mut pairs = BTreeMap::new();
        let mut taken = BTreeSet::<RequestId>::new();
        for (id, asked) in &self.asked {
            let Some(request) = &asked.request else { continue };
            if let Some(row) = by_request.get(request) {
                report
                    .check(taken.insert(row.request), || format!("{request} was given out twice"));
                pairs.insert(*id, *row);
            }
        }
        let mut nameless: Vec<_> =
            self.calls.iter().filter(|(id, _)| !pairs.contains_key(id)).collect();
        nameless.sort_by_key(|(_, call)| call.at_ms);
        for (id, call) in nameless {
            let begun = self.rows.iter().filter(|row| {
                let is_before = row.started_at.unix_ms() <= call.at_ms;
                let may_be_it = billed(row).is_none_or(|billed| billed == *id);
                row.model == call.model && is_before && may_be_it && !taken.contains(&row.request)
            });
            match begun.max_by_key(|row| (billed(row).is_some(), row.started_at.unix_ms())) {
                Some(row) => {
                    taken.insert(row.request);
                    pairs.insert(*id, row);
                }
                None => report.wrong(format!("upstream call {id} is not in the ledger")),
            }
        }
        pairs
    }

    /// How long after the client the gateway let go of the provider.
    fn report_closing(&self, report: &mut Report) {
        let mut after = Vec::new();
        for (id, asked) in &self.asked {
            let left_at_ms = self.calls.get(id).and_then(|call| call.left_at_ms);
            if let (Some(hung_up), Some(left)) = (asked.hung_up_at_ms, left_at_ms) {
                after.push(u64::try_from(left.saturating_sub(hung_up)).unwrap_or_default());
            }
        }
        if after.is_empty() {
            return;
        }
        let late = after.iter().filter(|after| **after > CLOSED_WITHIN_MS).count();
        let too_late =
            after.iter().filter(|after| **after > CLOSED_WITHIN_MS.saturating_mul(SLACK)).count();
        report.figure("upstream closed after the client, ms", spread(after));
        report.figure("of these later than a second", late);
        report
            .check(too_late == 0, || format!("{too_late} upstream calls were not closed in time"));
    }

    fn add_served(&mut self, line: Served) {
        match line {
            Served::Call { id, model, limit, at_ms } => {
                let call = self.calls.entry(id).or_default();
                call.times = call.times.saturating_add(1);
                (call.model, call.limit, call.at_ms) = (model, limit, at_ms);
            }
            Served::Sent { id, at_ms, tokens } => {
                let call = self.calls.entry(id).or_default();
                call.sent.push(at_ms);
                call.tokens = tokens;
            }
            Served::Ended { id, tokens, .. } => {
                let call = self.calls.entry(id).or_default();
                (call.tokens, call.is_ended) = (tokens, true);
            }
            Served::Left { id, at_ms, .. } => {
                self.calls.entry(id).or_default().left_at_ms = Some(at_ms);
            }
        }
    }

    fn add_told(&mut self, line: Told) {
        match line {
            Told::Asked { id, .. } => drop(self.asked.entry(id).or_default()),
            Told::Begun { id, request } => {
                self.asked.entry(id).or_default().request = Some(request)
            }
            Told::Completed { id, .. } => self.asked.entry(id).or_default().is_completed = true,
            Told::HungUp { id, bytes, tokens, at_ms } => {
                let asked = self.asked.entry(id).or_default();
                asked.hung_up_at_ms = Some(at_ms);
                (asked.bytes, asked.tokens) = (bytes, tokens);
            }
            Told::Broken { id, .. } => self.asked.entry(id).or_default().is_broken = true,
            Told::Refused { .. } => {}
        }
    }
}

/// The number of the request, which the provider bills as its input.
fn billed(row: &AttemptRow) -> Option<u64> {
    row.usage.input_tokens.filter(|_| !row.usage.estimated)
}

const CLOSED_WITHIN_MS: u64 = 1000;
/// What fails on a busy machine is not what was promised for a calm one.
const SLACK: u64 = 5;

#[cfg(test)]
mod tests;

//! One request as all three journals have it, and what must hold of it. Knows nothing of the others.

use std::collections::BTreeMap;

use store::system::AttemptRow;

use super::{Asked, Call, Rules};
use crate::report::Report;

/// One request in all three journals.
pub struct Pair<'a> {
    pub id: u64,
    pub call: &'a Call,
    pub asked: Option<&'a Asked>,
    pub row: &'a AttemptRow,
}

impl Pair<'_> {
    /// `missed` counts how many tokens those that broke off lack.
    pub fn judge(&self, rules: Rules, missed: &mut BTreeMap<u64, u64>, report: &mut Report) {
        let Pair { call, asked, row, .. } = *self;
        let request = row.request;
        let is_completed = asked.is_some_and(|asked| asked.is_completed);
        let output = row.usage.output_tokens.unwrap_or_default();
        let outcome = row.outcome.as_deref().unwrap_or("none");
        report.check(row.model == call.model, || format!("{request} is another lane's"));
        match (row.state.as_str(), outcome) {
            ("settled", "completed") => self.check_whole(report),
            _ if is_completed => {
                report.wrong(format!("{request}, which the client has: {outcome}"))
            }
            ("settled", _) => self.check_broken_off(missed, report),
            _ => return self.check_unsettled(rules, report),
        }
        let exactly = rules.price.of(row.usage.input_tokens.unwrap_or_default(), output);
        report.check(row.cost == Some(exactly), || {
            format!("{request} ({outcome}): {:?} instead of {exactly:?}", row.cost)
        });
    }

    /// What the provider billed, which is the number of the request and all of its tokens.
    fn check_whole(&self, report: &mut Report) {
        let Pair { id, call, row, .. } = *self;
        let is_counted = !row.usage.estimated && row.usage.output_tokens == Some(call.tokens);
        let is_whole = call.is_ended && is_counted && row.usage.input_tokens == Some(id);
        report.check(is_whole, || {
            format!("{}: {:?} instead of {id} and {}", row.request, row.usage, call.tokens)
        });
    }

    /// Charged is at least what the client has, and at most what the provider sent. What it gave to its socket when the gateway
    /// was about to close its own may have stayed on the way; of what came before, one event may be missing.
    fn check_broken_off(&self, missed: &mut BTreeMap<u64, u64>, report: &mut Report) {
        let Pair { call, asked, row, .. } = *self;
        let output = row.usage.output_tokens.unwrap_or_default();
        let had = asked.map_or(0, |asked| asked.tokens);
        let closed_at_ms = row.settled_at.map_or(i64::MAX, |at| at.unix_ms());
        let seen_until_ms = closed_at_ms.saturating_sub(ON_THE_WAY_MS);
        let unseen = call.sent.iter().filter(|at_ms| **at_ms > seen_until_ms).count();
        let lacks = call.tokens.saturating_sub(output);
        let may_lack = u64::try_from(unseen).unwrap_or_default().saturating_add(1);
        let count = missed.entry(lacks).or_default();
        *count = count.saturating_add(1);
        // The provider notes a token once it has given it away, and may be cut off between the two.
        let may_have = call.tokens.saturating_add(1);
        report.check(had <= output && output <= may_have && lacks <= may_lack, || {
            let sent = call.tokens;
            format!("{}: {output} tokens of {sent}, {unseen} unseen, {had} had", row.request)
        });
    }

    /// Only a kill leaves that behind. It costs what its last checkpoint saw; without one, all that was held for it.
    fn check_unsettled(&self, rules: Rules, report: &mut Report) {
        let Pair { call, asked, row, .. } = *self;
        let (request, state) = (row.request, row.state.as_str());
        let is_killed = rules.kills && asked.is_some_and(|asked| asked.is_broken);
        report.check(is_killed, || format!("{request} is {state}, and nothing was killed"));
        let seen = row.usage.output_tokens;
        report.check(seen.unwrap_or_default() <= call.tokens, || {
            format!("{request} is charged {seen:?} tokens of {}", call.tokens)
        });
        let least = rules.price.of(0, seen.unwrap_or(call.limit));
        let most = rules.price.of(INPUT_TOKENS_MAX, call.limit);
        let is_within = row.cost.is_some_and(|cost| (least..=most).contains(&cost));
        report.check(is_within, || {
            format!("{request} is {state} for {:?} of {least:?} to {most:?}", row.cost)
        });
    }
}

/// A token is at least a byte of the request.
const INPUT_TOKENS_MAX: u64 = 1000;
/// How long what is sent may lie in the buffers of sockets: a busy machine lets the gateway wait for its turn.
const ON_THE_WAY_MS: i64 = 250;

//! What must be true of an answer whatever the provider did: its status and code in the caller's dialect, a row for each
//! call, no byte of the key, and a gateway that serves the next.

use std::collections::HashMap;

use model::RequestId;
use store::system::AttemptRow;
use testkit::fake::chat_content;
use testkit::http::Whole;

use super::caller::{heard, refusal, words};
use super::fault::Expected;
use super::fault::Expected::{Answered, Broken, Passed, Refused};
use super::site::{Played, Site, WITHIN};
use super::upstream::WORDS;

impl Site {
    pub async fn judge(&self, played: &[Played<'_>]) {
        // The ledger follows the journal's order: with this one, all before it are written down.
        let last = self.ask("last-of-all", false).await.expect("an answer");
        self.app.attempts_of(&last).await;
        let calls = self.fake.calls_by_model();
        let mut wrong = Vec::new();
        for row in played {
            let form = if row.streamed { "streamed" } else { "plain" };
            let found = self.complaints(row, &calls).await;
            wrong.extend(found.into_iter().map(|it| format!("{}, {form}: {it}", row.fault.name)));
        }
        if !self.fake.wait_closed(WITHIN).await {
            wrong.push("a call to the provider is left open".to_owned());
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    async fn complaints(&self, row: &Played<'_>, calls: &HashMap<String, usize>) -> Vec<String> {
        let expected = row.fault.case(row.streamed).expected;
        let mut wrong = Vec::new();
        match &row.answer {
            Err(broken) => wrong.push(broken.clone()),
            Ok(answer) => {
                wrong.extend(self.is_other(answer, row.streamed, expected));
                wrong.extend(self.shown(answer));
                wrong.extend(self.is_recorded_otherwise(answer, row, expected).await);
            }
        }
        let called = calls.get(&row.model).copied().unwrap_or_default();
        let attempts = if row.fault.is_unreached { 0 } else { expected.attempts() };
        if called != attempts {
            wrong.push(format!("the provider was called {called} times and not {attempts}"));
        }
        let after = match &row.after {
            Err(broken) => Some(broken.clone()),
            Ok(after) => self.is_other(after, row.streamed, Answered(1)),
        };
        wrong.extend(after.map(|it| format!("the next request: {it}")));
        wrong
    }

    fn is_other(&self, answer: &Whole, streamed: bool, expected: Expected) -> Option<String> {
        let is_as_expected = match expected {
            Refused { status, code, .. } => self.is_refused(answer, status, code),
            _ if !answer.status.is_success() => false,
            Answered(_) | Broken(_) | Passed if streamed => self.is_streamed(answer, expected),
            Answered(attempts) => {
                let words = words(self.pair.caller, &answer.body);
                words == Some(chat_content(WORDS)) && is_attempt(answer, attempts)
            }
            Broken(_) => false,
            Passed => answer.header("content-type") == Some("application/json"),
        };
        (!is_as_expected).then(|| {
            let text: String = answer.text().chars().take(600).collect();
            format!("{expected:?} was expected, and not {} {text}", answer.status)
        })
    }

    fn is_refused(&self, answer: &Whole, status: u16, code: &str) -> bool {
        let after = answer.header("retry-after").map(str::parse::<u32>);
        let is_told_when = match status {
            429 => after.is_some_and(|seconds| seconds.is_ok_and(|seconds| seconds <= 86_400)),
            _ => after.is_none(),
        };
        let refusal = refusal(self.pair.caller, answer);
        answer.status == status && refusal.as_deref() == Some(code) && is_told_when
    }

    fn is_streamed(&self, answer: &Whole, expected: Expected) -> bool {
        let heard = heard(self.pair.caller, &answer.body);
        let is_stream = answer.header("content-type") == Some("text/event-stream");
        is_stream
            && match expected {
                Answered(attempts) => {
                    heard.error.is_none()
                        && heard.is_ended
                        && heard.words == chat_content(WORDS)
                        && is_attempt(answer, attempts)
                }
                // Google says that it is at its end together with the last words: what breaks then breaks behind it.
                Broken(code) => {
                    heard.error.as_deref() == Some(code)
                        && (!heard.is_ended || self.pair.is_googles())
                }
                _ => heard.error.is_none(),
            }
    }

    /// Where twelve bytes of the key in a row are seen.
    pub fn shown(&self, answer: &Whole) -> Vec<String> {
        let mut shown = self.canaries.scan("the body", &answer.body);
        for (name, value) in &answer.headers {
            shown.extend(self.canaries.scan("a header's name", name.as_str().as_bytes()));
            shown.extend(self.canaries.scan(name.as_str(), value.as_bytes()));
        }
        shown
    }

    async fn is_recorded_otherwise(
        &self,
        answer: &Whole,
        row: &Played<'_>,
        expected: Expected,
    ) -> Option<String> {
        let id = answer.header("x-keystile-request-id").expect("every answer has a request id");
        let id: RequestId = id.parse().expect("a request id");
        let rows = self.app.app.store().system().attempts(id).await.expect("the ledger");
        let are_attempts = rows.iter().enumerate().all(|(place, it)| {
            let is_own = it.provider == self.pair.upstream.provider() && it.model == row.model;
            let is_last = place + 1 == rows.len();
            is_own
                && it.attempt as usize == place + 1
                && it.streamed == row.streamed
                && it.state == "settled"
                && is_settled_as(it, is_last, expected)
        });
        let is_as_expected = rows.len() == expected.attempts() && are_attempts;
        (!is_as_expected).then(|| format!("the ledger says {rows:?}"))
    }
}

fn is_attempt(answer: &Whole, number: usize) -> bool {
    answer.header("x-keystile-attempts") == Some(&number.to_string())
}

fn is_settled_as(row: &AttemptRow, is_last: bool, expected: Expected) -> bool {
    let (outcome, code) = (row.outcome.as_deref(), row.error_code.as_deref());
    match expected {
        Answered(_) | Passed if is_last => (outcome, code) == (Some("completed"), None),
        Answered(_) | Passed => outcome == Some("failed") && code.is_some(),
        Broken(told) => matches!(outcome, Some("cut" | "failed")) && code == Some(told),
        Refused { code: told, .. } => (outcome, code) == (Some("failed"), Some(told)),
    }
}

//! Which calls fail again and again, so that others are tried before them. Puts nobody out for good, and asks nobody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{ProviderKeyId, Timestamp, WorkspaceId};

/// By the workspace that called: what one sees of a provider, for whatever reason, is nothing to another.
#[derive(Default)]
pub struct Breakers(Mutex<HashMap<WorkspaceId, Vec<Breaker>>>);

/// What fails or works as one.
#[derive(Clone, Copy)]
pub struct Circuit<'a> {
    /// Who called, whoever's the key is.
    pub workspace: WorkspaceId,
    pub key: ProviderKeyId,
    pub model: &'a str,
    pub host: &'a str,
}

struct Breaker {
    key: ProviderKeyId,
    model: Box<str>,
    host: Box<str>,
    /// In a row.
    failures: u32,
    open: Option<Open>,
    touched_at: Timestamp,
}

#[derive(Clone, Copy)]
struct Open {
    until: Timestamp,
    /// How long it was opened for the last time.
    length: Duration,
    /// While one call tries whether it works again, how long that is waited for.
    trial_until: Option<Timestamp>,
}

const FAILURES_MAX: u32 = 5;
const OPEN_FIRST: Duration = Duration::from_secs(10);
const OPEN_MAX: Duration = Duration::from_secs(60);
/// A trial whose end nobody tells is none after this.
const TRIAL_MAX: Duration = Duration::from_secs(60);
/// Failures this long ago say nothing of now.
const MEMORY: Duration = Duration::from_secs(600);
const WORKSPACES_MAX: usize = 10_000;
const PER_WORKSPACE_MAX: usize = 64;

impl Breakers {
    /// Whether others should be tried first.
    pub fn is_open(&self, circuit: &Circuit<'_>, now: Timestamp) -> bool {
        let table = self.table();
        let mut breakers = table.get(&circuit.workspace).into_iter().flatten();
        breakers.find(|breaker| breaker.is(circuit)).is_some_and(|breaker| breaker.is_open(now))
    }

    /// A call goes out. After a break it is the trial, and until its end is told others stay away.
    pub fn begin(&self, circuit: &Circuit<'_>, now: Timestamp) {
        let mut table = self.table();
        let breakers = table.get_mut(&circuit.workspace);
        let breaker = breakers.and_then(|all| all.iter_mut().find(|one| one.is(circuit)));
        if let Some(breaker) = breaker.filter(|breaker| !breaker.is_open(now))
            && let Some(open) = &mut breaker.open
        {
            open.trial_until = Some(now.plus(TRIAL_MAX));
        }
    }

    /// The provider failed a call: it did not answer, or with an error that is its own.
    pub fn failed(&self, circuit: &Circuit<'_>, now: Timestamp) {
        let mut table = self.table();
        if table.len() >= WORKSPACES_MAX && !table.contains_key(&circuit.workspace) {
            table.retain(|_, breakers| breakers.iter().any(|breaker| !breaker.is_forgotten(now)));
            if table.len() >= WORKSPACES_MAX {
                return;
            }
        }
        let breakers = table.entry(circuit.workspace).or_default();
        breakers.retain(|breaker| !breaker.is_forgotten(now));
        if let Some(breaker) = breakers.iter_mut().find(|breaker| breaker.is(circuit)) {
            breaker.fail(now);
            return;
        }
        if breakers.len() >= PER_WORKSPACE_MAX {
            let oldest = breakers.iter().enumerate().min_by_key(|(_, one)| one.touched_at);
            if let Some((place, _)) = oldest {
                breakers.swap_remove(place);
            }
        }
        breakers.push(Breaker::new(circuit, now));
    }

    /// The provider answered, whatever it said.
    pub fn worked(&self, circuit: &Circuit<'_>) {
        let mut table = self.table();
        let Some(breakers) = table.get_mut(&circuit.workspace) else { return };
        breakers.retain(|breaker| !breaker.is(circuit));
        if breakers.is_empty() {
            table.remove(&circuit.workspace);
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Vec<Breaker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Breaker {
    fn new(circuit: &Circuit<'_>, now: Timestamp) -> Self {
        Self {
            key: circuit.key,
            model: circuit.model.into(),
            host: circuit.host.into(),
            failures: 1,
            open: None,
            touched_at: now,
        }
    }

    fn fail(&mut self, now: Timestamp) {
        self.touched_at = now;
        self.failures = self.failures.saturating_add(1);
        let length = match self.open {
            // Whoever had nobody else to ask has learned nothing new.
            Some(open) if now < open.until => return,
            Some(open) => open.length.saturating_mul(2).min(OPEN_MAX),
            None if self.failures < FAILURES_MAX => return,
            None => OPEN_FIRST,
        };
        self.open = Some(Open { until: now.plus(length), length, trial_until: None });
    }

    fn is(&self, circuit: &Circuit<'_>) -> bool {
        self.key == circuit.key && *self.model == *circuit.model && *self.host == *circuit.host
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.open.is_some_and(|open| {
            now < open.until || open.trial_until.is_some_and(|trial| now < trial)
        })
    }

    fn is_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.touched_at) >= MEMORY
    }
}

#[cfg(test)]
mod tests {
    use model::clock::SystemClock;
    use model::random::OsRandom;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_774_000_800_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn circuit() -> Circuit<'static> {
        Circuit {
            workspace: WorkspaceId::new(&SystemClock, &OsRandom),
            key: ProviderKeyId::new(&SystemClock, &OsRandom),
            model: "m",
            host: "api.acme.example",
        }
    }

    fn broken(circuit: &Circuit<'_>) -> Breakers {
        let breakers = Breakers::default();
        for _ in 0..FAILURES_MAX {
            assert!(!breakers.is_open(circuit, NOW));
            breakers.failed(circuit, NOW);
        }
        breakers
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_ten_seconds() {
        let circuit = circuit();
        let breakers = broken(&circuit);

        assert!(breakers.is_open(&circuit, NOW));
        assert!(breakers.is_open(&circuit, after(9)));
        assert!(!breakers.is_open(&circuit, after(10)));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_anew() {
        let circuit = circuit();
        let breakers = Breakers::default();

        for _ in 0..3 {
            for _ in 1..FAILURES_MAX {
                breakers.failed(&circuit, NOW);
            }
            breakers.worked(&circuit);
        }

        assert!(!breakers.is_open(&circuit, NOW));
    }

    #[test]
    fn after_the_break_one_call_tries_and_others_wait_for_it() {
        let circuit = circuit();
        let breakers = broken(&circuit);

        breakers.begin(&circuit, after(5));
        assert!(!breakers.is_open(&circuit, after(10)), "a call during the break is no trial");
        breakers.begin(&circuit, after(10));
        assert!(breakers.is_open(&circuit, after(11)));
        assert!(!breakers.is_open(&circuit, after(10 + 60)), "its end was never told");
        breakers.worked(&circuit);
        assert!(!breakers.is_open(&circuit, after(11)));
    }

    #[test]
    fn each_failed_trial_doubles_the_break_up_to_a_minute() {
        let circuit = circuit();
        let breakers = broken(&circuit);
        let mut at = 10;

        for length in [20, 40, 60, 60] {
            breakers.begin(&circuit, after(at));
            breakers.failed(&circuit, after(at));
            assert!(breakers.is_open(&circuit, after(at + length - 1)), "{length}");
            assert!(!breakers.is_open(&circuit, after(at + length)), "{length}");
            at += length;
        }
    }

    #[test]
    fn whoever_calls_during_the_break_does_not_make_it_longer() {
        let circuit = circuit();
        let breakers = broken(&circuit);

        breakers.failed(&circuit, after(9));

        assert!(!breakers.is_open(&circuit, after(10)));
    }

    #[test]
    fn workspaces_keys_models_and_hosts_are_apart() {
        let circuit = circuit();
        let breakers = broken(&circuit);
        let other = WorkspaceId::new(&SystemClock, &OsRandom);
        let key = ProviderKeyId::new(&SystemClock, &OsRandom);

        for other in [
            Circuit { workspace: other, ..circuit },
            Circuit { key, ..circuit },
            Circuit { model: "n", ..circuit },
            Circuit { host: "api.other.example", ..circuit },
        ] {
            assert!(!breakers.is_open(&other, NOW));
            breakers.worked(&other);
        }
        assert!(breakers.is_open(&circuit, NOW));
    }

    #[test]
    fn whoever_makes_up_models_pushes_out_none_but_their_own() {
        let (one, other) = (circuit(), circuit());
        let breakers = broken(&one);
        let names: Vec<_> = (0..PER_WORKSPACE_MAX * 2).map(|n| format!("m{n}")).collect();

        for model in &names {
            breakers.failed(&Circuit { model, ..other }, after(1));
        }
        let held = |workspace| breakers.table().get(&workspace).map_or(0, Vec::len);
        assert_eq!(held(other.workspace), PER_WORKSPACE_MAX);
        assert!(breakers.is_open(&one, after(1)));

        for model in &names {
            breakers.failed(&Circuit { model, ..one }, after(1));
        }
        assert!(!breakers.is_open(&one, after(1)));
    }

    #[test]
    fn workspaces_are_counted_and_old_failures_make_room() {
        let breakers = Breakers::default();
        for _ in 0..WORKSPACES_MAX {
            breakers.failed(&circuit(), NOW);
        }
        let late = circuit();

        breakers.failed(&late, after(1));
        assert!(!breakers.table().contains_key(&late.workspace));
        breakers.failed(&late, after(MEMORY.as_secs()));
        assert_eq!(breakers.table().len(), 1);
    }
}

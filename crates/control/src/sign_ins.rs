//! How often signing in failed lately: guessing passwords is slow, at one account as from one place. In memory, and of this
//! node only.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Code, Doer, Refusal, Timestamp};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Control;

/// When attempts failed, in unix milliseconds, oldest first.
#[derive(Default)]
pub struct FailedSignIns(Mutex<HashMap<Key, VecDeque<i64>>>);

/// Whose failures are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// As a hash, which is short however long the text was.
    Email([u8; 32]),
    /// One account from one place.
    EmailFrom([u8; 32], IpAddr),
    Source(IpAddr),
}

impl Key {
    /// An account takes more from all places together, so that strangers cannot keep its owner out by guessing.
    const fn failed_a_minute_max(self) -> usize {
        match self {
            Self::Email(_) => FAILED_A_MINUTE_MAX * 10,
            Self::EmailFrom(..) | Self::Source(_) => FAILED_A_MINUTE_MAX,
        }
    }
}

/// Somebody who gives a password.
pub(crate) struct Attempt<'a> {
    pub email: &'a str,
    pub doer: Doer,
    /// The pattern of the route, which holds nothing that was sent.
    pub route: &'static str,
}

const FAILED_A_MINUTE_MAX: usize = 10;
const MINUTE_MS: i64 = 60_000;
const KEYS_MAX: usize = 20_000;

impl FailedSignIns {
    fn admit(&self, keys: &[Key], now: i64) -> Result<(), Refusal> {
        let mut failed = self.lock();
        for key in keys {
            if let Some(times) = failed.get_mut(key) {
                forget_old(times, now);
                refuse_full(times, key.failed_a_minute_max(), now)?;
            }
        }
        Ok(())
    }

    /// Attempts that ran together are judged one by one: once there were too many failures, not even the right password
    /// is told from a wrong one.
    fn judge(&self, keys: &[Key], succeeded: bool, now: i64) -> Result<(), Refusal> {
        self.admit(keys, now)?;
        if succeeded {
            return Ok(());
        }
        let mut failed = self.lock();
        for key in keys {
            make_room(&mut failed, key, now);
            failed.entry(*key).or_default().push_back(now);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, VecDeque<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    fn keys(&self) -> Vec<Key> {
        let email: [u8; 32] = Sha256::digest(self.email.as_bytes()).into();
        let Some(address) = self.doer.from.map(network) else { return vec![Key::Email(email)] };
        let mut keys = vec![Key::Email(email), Key::EmailFrom(email, address)];
        // Behind a proxy on this machine everybody comes from here.
        if !address.is_loopback() {
            keys.push(Key::Source(address));
        }
        keys
    }
}

impl Control {
    /// Whether this is the password. `stored` is absent for an unknown user, which looks and takes the same and leaves
    /// the same traces.
    pub(crate) async fn is_password(
        &self,
        attempt: &Attempt<'_>,
        password: &str,
        stored: Option<String>,
    ) -> Result<bool, Refusal> {
        let keys = attempt.keys();
        self.failed_sign_ins.admit(&keys, self.clock.now().unix_ms())?;
        let is_right = self.passwords.verify(password, stored).await?;
        let now = self.clock.now();
        self.failed_sign_ins.judge(&keys, is_right, now.unix_ms())?;
        if !is_right {
            self.note_failure(attempt, now).await;
        }
        Ok(is_right)
    }

    /// A refusal stands whether or not it could be written down.
    async fn note_failure(&self, attempt: &Attempt<'_>, now: Timestamp) {
        if !self.noted.has_room(attempt.doer.actor, now) {
            return;
        }
        let noted = async {
            let mut write = self.store.write().await?;
            write.audit(attempt.doer, None, "session.refused", attempt.route, json!({}));
            write.commit(now).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %error, "a refused sign-in could not be written to the audit");
        }
    }
}

/// Also what lies in the future, as it does after a clock was set back.
fn forget_old(times: &mut VecDeque<i64>, now: i64) {
    times.retain(|at| (now.saturating_sub(MINUTE_MS)..=now).contains(at));
}

fn refuse_full(times: &VecDeque<i64>, max: usize, now: i64) -> Result<(), Refusal> {
    let (true, Some(oldest)) = (times.len() >= max, times.front()) else {
        return Ok(());
    };
    let wait_ms = oldest.saturating_add(MINUTE_MS).saturating_sub(now);
    let seconds = u64::try_from(wait_ms).unwrap_or(0) / 1000 + 1;
    let public = "too many failed sign-ins, try again in a minute";
    Err(Refusal::new(Code::RateLimited, public).retry_after(seconds))
}

/// What is under attack is touched again and again, so that what goes is not that.
fn make_room(failed: &mut HashMap<Key, VecDeque<i64>>, key: &Key, now: i64) {
    if failed.len() < KEYS_MAX || failed.contains_key(key) {
        return;
    }
    failed.retain(|_, times| {
        forget_old(times, now);
        !times.is_empty()
    });
    if failed.len() >= KEYS_MAX {
        let stalest = failed.iter().min_by_key(|(_, times)| times.back().copied());
        if let Some(stalest) = stalest.map(|(key, _)| *key) {
            failed.remove(&stalest);
        }
    }
}

/// A subscriber has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Key {
        Key::Source(network(text.parse().expect("an address")))
    }

    #[test]
    fn the_eleventh_failure_of_a_minute_is_not_tried() {
        let failed = FailedSignIns::default();
        let keys = [source("192.0.2.1")];
        for at in 0..10 {
            failed.admit(&keys, at).expect("admitted");
            failed.judge(&keys, false, at).expect("counted");
        }

        let refusal = failed.admit(&keys, 10_000).expect_err("refused");

        assert_eq!(refusal.code, Code::RateLimited);
        assert_eq!(refusal.retry_after_seconds, Some(51));
        assert!(failed.admit(&[source("192.0.2.2")], 10_000).is_ok());
        assert!(failed.admit(&keys, 60_001).is_ok(), "the first failure is a minute old");
        assert!(failed.admit(&keys, -1).is_ok(), "a clock set back locks nobody out");
    }

    #[test]
    fn attempts_that_run_together_do_not_get_past_the_limit() {
        let failed = FailedSignIns::default();
        let keys = [Key::EmailFrom([7; 32], IpAddr::from([192, 0, 2, 1]))];
        (0..32).for_each(|_| failed.admit(&keys, 5).expect("admitted"));

        let told = (0..31).filter(|_| failed.judge(&keys, false, 5).is_ok()).count();

        assert_eq!(told, 10);
        assert!(failed.judge(&keys, true, 5).is_err(), "a right guess among them is not told");
    }

    #[test]
    fn success_is_never_counted() {
        let failed = FailedSignIns::default();
        let keys = [source("192.0.2.1")];

        (0..100).for_each(|_| failed.judge(&keys, true, 5).expect("told"));

        assert!(failed.lock().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_under_attack() {
        let failed = FailedSignIns::default();
        let victim = [Key::EmailFrom([0; 32], IpAddr::from([192, 0, 2, 1]))];
        let from = |n: u32| [Key::Source(IpAddr::V4(n.into()))];
        let many = u32::try_from(KEYS_MAX).expect("small");
        (0..many).for_each(|n| failed.judge(&from(n), false, 1).expect("counted"));
        (0..10).for_each(|_| failed.judge(&victim, false, 2).expect("counted"));

        (many..many + 10).for_each(|n| failed.judge(&from(n), false, 3).expect("counted"));

        assert_eq!(failed.lock().len(), KEYS_MAX);
        assert!(failed.admit(&victim, 3).is_err());
    }

    #[test]
    fn one_subscriber_is_one_source() {
        assert!(source("2001:db8::1") == source("2001:db8::ffff:1"));
        assert!(source("2001:db8::1") != source("2001:db8:0:1::1"));
        assert!(source("::ffff:192.0.2.1") == source("192.0.2.1"));
    }
}

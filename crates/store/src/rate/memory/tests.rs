//! What the table forgets, and what it does not.

use std::sync::atomic::{AtomicI64, Ordering};

use model::GatewayKeyId;

use super::*;

const LIMIT: Limit = Limit { requests_per_minute: Some(10), tokens_per_minute: None };

fn subject(number: usize) -> Subject {
    let id: GatewayKeyId = format!("gk_{number:032x}").parse().expect("an id");
    Subject::GatewayKey(id)
}

/// Shows the second it is set to.
#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(1_795_262_400_000 + self.0.load(Ordering::SeqCst) * 1000)
    }
}

fn memory() -> (Memory, Arc<Hand>) {
    let hand = Arc::new(Hand::default());
    (Memory::new(hand.clone()), hand)
}

fn take(memory: &Memory, number: usize) -> bool {
    memory.take(subject(number), LIMIT, LIMIT.cost(0)).granted
}

fn exhaust(memory: &Memory, number: usize) {
    while take(memory, number) {}
}

#[test]
fn who_was_idle_for_a_minute_is_forgotten() {
    let (memory, hand) = memory();
    for number in 0..100 {
        exhaust(&memory, number);
    }

    hand.0.store(61, Ordering::SeqCst);
    assert!(take(&memory, 100));

    assert_eq!(memory.table().0.buckets.len(), 1);
}

#[test]
fn a_full_table_forgets_those_with_the_least_to_lose() {
    let (memory, _hand) = memory();
    exhaust(&memory, 0);

    for number in 1..BUCKETS_MAX * 3 / 2 {
        assert!(take(&memory, number));
        assert!(memory.table().0.buckets.len() <= BUCKETS_MAX);
    }

    assert!(!take(&memory, 0), "the limit that was used up came back");
}

#[test]
fn a_clock_that_is_set_back_gives_nothing_back_and_stops_nobody() {
    let (memory, hand) = memory();
    exhaust(&memory, 0);

    hand.0.store(-3600, Ordering::SeqCst);
    assert!(!take(&memory, 0));
    hand.0.store(-3594, Ordering::SeqCst);
    assert!(take(&memory, 0), "a tenth of a minute later there is room for one");
}

#[test]
fn a_lowered_limit_is_exhausted_for_a_minute_at_most() {
    let (memory, hand) = memory();
    let lower = Limit { requests_per_minute: Some(1), tokens_per_minute: None };
    exhaust(&memory, 0);

    hand.0.store(59, Ordering::SeqCst);
    assert!(!memory.take(subject(0), lower, lower.cost(0)).granted);
    hand.0.store(60, Ordering::SeqCst);
    assert!(memory.take(subject(0), lower, lower.cost(0)).granted);
}

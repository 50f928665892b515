//! What a minute allows: the same in memory and on nodes that share Redis.

use std::time::Duration;

use model::ProjectId;
use store::rate::{Counted, Exceeded, Limit, Standing, Subject};

use crate::rate_gate::{Gate, key, requests, tokens};

const MINUTE: Duration = Duration::from_secs(60);

pub async fn a_minutes_worth_may_be_taken_at_once_and_no_more(gate: Gate) {
    for taken in 1..=3 {
        let taken_now = gate.take(key(1), requests(3), 0).await.expect("room");
        let standing = taken_now.standing().requests.expect("a limit");
        assert_eq!((standing.limit, standing.remaining), (3, 3 - taken));
        assert!(standing.reset <= MINUTE / 3 * u32::try_from(taken).expect("few"));
    }

    let exceeded = gate.take(key(1), requests(3), 0).await.err().expect("no room");

    assert_eq!(exceeded.what, Counted::Requests);
    let wait = exceeded.retry_after.expect("a wait makes it fit");
    assert!(!wait.is_zero() && wait <= MINUTE / 3, "{wait:?}");
    let standing = exceeded.standing.requests.expect("a limit");
    assert_eq!((standing.limit, standing.remaining), (3, 0));
    assert!(standing.reset > wait && standing.reset <= MINUTE, "{standing:?}");
}

pub async fn of_64_takers_at_once_the_limit_gets_through(gate: Gate) {
    assert_eq!(gate.granted(key(1), requests(3), 0, 64).await, 3);
    assert_eq!(gate.granted(key(2), tokens(35), 10, 64).await, 3);
    let both = Limit { requests_per_minute: Some(5), tokens_per_minute: Some(30) };
    assert_eq!(gate.granted(key(3), both, 10, 64).await, 3);
}

pub async fn a_refused_request_takes_nothing(gate: Gate) {
    let limit = Limit { requests_per_minute: Some(3), tokens_per_minute: Some(100) };
    let first = gate.take(key(1), limit, 90).await.expect("room");

    let exceeded = gate.take(key(1), limit, 60).await.err().expect("no room");
    let second = gate.take(key(1), limit, 0).await.expect("room for a request");

    assert_eq!(exceeded.what, Counted::Tokens);
    assert_eq!(second.standing().requests.expect("a limit").remaining, 1);
    first.settle(90);
}

pub async fn what_was_not_used_is_given_back(gate: Gate) {
    let taken = gate.take(key(1), tokens(1000), 800).await.expect("room");
    gate.has_left(key(1), tokens(1000), 200).await;

    taken.settle(100);

    gate.has_left(key(1), tokens(1000), 900).await;
}

pub async fn what_was_used_beyond_it_is_taken(gate: Gate) {
    let taken = gate.take(key(1), tokens(1000), 100).await.expect("room");

    taken.settle(600);

    gate.has_left(key(1), tokens(1000), 400).await;
    let exceeded = gate.take(key(1), tokens(1000), 500).await.err().expect("no room");
    assert_eq!(exceeded.what, Counted::Tokens);
}

pub async fn what_was_used_beyond_the_limit_is_over_in_a_minute(gate: Gate) {
    let taken = gate.take(key(1), tokens(1000), 100).await.expect("room");

    taken.settle(u64::MAX);

    gate.has_left(key(1), tokens(1000), 0).await;
    let standing = gate.take(key(1), tokens(1000), 0).await.expect("room for nothing").standing();
    assert!(standing.tokens.expect("a limit").reset <= MINUTE);
}

pub async fn dropped_it_gives_back_its_tokens_and_not_its_request(gate: Gate) {
    let limit = Limit { requests_per_minute: Some(3), tokens_per_minute: Some(1000) };
    drop(gate.take(key(1), limit, 1000).await.expect("room"));

    gate.has_left(key(1), tokens(1000), 1000).await;

    // Asked for tokens alone, the request is forgotten: so by another key.
    drop(gate.take(key(2), limit, 1000).await.expect("room"));
    let again = gate.take(key(2), limit, 0).await.expect("room");
    assert_eq!(again.standing().requests.expect("a limit").remaining, 1);
}

pub async fn it_comes_back_evenly(gate: Gate) {
    // One a millisecond, and one that is larger than most numbers.
    for (number, limit) in [(1, tokens(60_000)), (2, tokens(10_000_000_000))] {
        let full = limit.tokens_per_minute.expect("a limit");
        gate.take(key(number), limit, full).await.expect("room").settle(full);
        assert!(gate.take(key(number), limit, full).await.is_err());

        gate.pass(Duration::from_millis(300)).await;

        let least = full / 200;
        gate.take(key(number), limit, least).await.expect("it came back").settle(least);
        gate.has_left(key(number), limit, 0).await;
    }
}

pub async fn after_the_wait_that_was_told_it_fits(gate: Gate) {
    let limit = tokens(6000);
    gate.take(key(1), limit, 6000).await.expect("room").settle(6000);
    let exceeded = gate.take(key(1), limit, 50).await.err().expect("no room");

    let wait = exceeded.retry_after.expect("a wait makes it fit");
    assert!(wait <= Duration::from_millis(500), "{wait:?}");
    gate.pass(wait).await;

    gate.take(key(1), limit, 50).await.expect("room").settle(50);
}

/// Long calls would else save up minutes and spend them at once.
pub async fn what_has_come_back_by_itself_is_not_given_back_again(mut gate: Gate) {
    let limit = tokens(60_000);
    let long = gate.take(key(1), limit, 300).await.expect("room");
    gate.pass(Duration::from_millis(300)).await;
    gate.mark();
    gate.take(key(1), limit, 60_000).await.expect("all of it").settle(60_000);

    drop(long);

    gate.has_left(key(1), limit, 0).await;
}

pub async fn what_is_larger_than_the_limit_never_fits(gate: Gate) {
    let exceeded = gate.take(key(1), tokens(100), 101).await.err().expect("no room");

    assert_eq!((exceeded.what, exceeded.retry_after), (Counted::Tokens, None));
    let nothing = gate.take(key(1), requests(0), 0).await.err().expect("no room");
    assert_eq!((nothing.what, nothing.retry_after), (Counted::Requests, None));
}

pub async fn each_subject_has_its_own_limit(gate: Gate) {
    let id: ProjectId = format!("prj_{:032x}", 1).parse().expect("an id");
    let limit = requests(1);

    for subject in [key(1), key(2), Subject::Project(id)] {
        gate.take(subject, limit, 0).await.expect("room").settle(0);
        let exceeded: Exceeded = gate.take(subject, limit, 0).await.err().expect("no room");
        assert_eq!(exceeded.what, Counted::Requests);
    }
}

pub async fn without_a_limit_nothing_is_counted(gate: Gate) {
    let taken = gate.take(key(1), Limit::default(), u64::MAX).await.expect("room");

    assert_eq!(taken.standing(), Standing::default());
    taken.settle(u64::MAX);
    let taken = gate.take(key(1), requests(1), u64::MAX).await.expect("room");
    assert_eq!(taken.standing().tokens, None);
    taken.settle(u64::MAX);
}

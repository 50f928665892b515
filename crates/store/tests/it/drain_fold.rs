//! What becomes of the journal's records in the ledger.

use std::collections::BTreeMap;

use model::{ProviderKeyId, RequestId, Usage};
use store::journal::{Record, Settled, Started};

use crate::node::{Attempt, nothing_known, usage};
use crate::place::Place;

pub async fn started_attempts_are_open_and_settled_ones_are_whole(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let mut drainer = node.drainer(&store);
    let [open, whole, later] = [place.attempt(), place.attempt(), place.attempt()];

    node.append([open.starts(), later.starts(), whole.starts(), whole.ends()]).await;
    drainer.catch_up().await.expect("drained");
    let first = store.system().attempts(later.request()).await.expect("read");
    node.append([later.ends()]).await;
    drainer.catch_up().await.expect("drained");

    assert_eq!((first.len(), first[0].state.as_str()), (1, "open"));
    assert_eq!((first[0].usage, first[0].settled_at), (Usage::default(), None));
    let ledger = place.ledger().await;
    assert_eq!(ledger.len(), 3);
    for attempt in [&whole, &later] {
        assert!(ledger.contains(&attempt.settled_row(node.id)), "{ledger:#?}");
    }
    let rows = store.system().attempts(open.request()).await.expect("read");
    assert_eq!((rows[0].state.as_str(), rows[0].outcome.as_deref()), ("open", None));
    assert_eq!(store.system().latest_attempts(10).await.expect("read").len(), 3);
    assert_eq!(node.undrained(), 0);
}

pub async fn a_checkpoint_changes_open_attempts_only(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let mut drainer = node.drainer(&store);
    let [open, settled, unsettled] = [place.attempt(), place.attempt(), place.attempt()];
    let [newer, late] = [&open, &settled].map(|attempt| {
        let mut newer = attempt.checkpoint.clone();
        newer.usage = usage(20, true);
        Record::Checkpoint(newer)
    });

    node.append([unsettled.starts()]).await;
    assert_eq!(drainer.replay(place.now()).await.expect("replayed"), 1);
    node.append([open.starts(), open.goes_on(), settled.starts(), settled.ends()]).await;
    drainer.catch_up().await.expect("drained");
    let first = store.system().attempts(open.request()).await.expect("read")[0].usage;
    node.append([newer, late, unsettled.goes_on()]).await;
    drainer.catch_up().await.expect("drained");

    let mut seen = Vec::new();
    for attempt in [&open, &settled, &unsettled] {
        let row = store.system().attempts(attempt.request()).await.expect("read").remove(0);
        seen.push((row.state, row.usage));
    }
    let expected = [
        ("open".to_owned(), usage(20, true)),
        ("settled".to_owned(), settled.settled.usage),
        ("unsettled".to_owned(), Usage::default()),
    ];
    assert_eq!(first, usage(10, true));
    assert_eq!(seen, expected);
}

/// One journal keeps an attempt's records in order, so this takes a lost segment. It stops nothing.
pub async fn a_settled_without_a_start_touches_nothing(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let [headless, whole] = [place.attempt(), place.attempt()];

    node.append([headless.goes_on(), headless.ends()]).await;
    node.append(whole.whole()).await;
    node.drainer(&store).catch_up().await.expect("drained");

    assert_eq!(place.ledger().await, [whole.settled_row(node.id)]);
    assert_eq!(node.undrained(), 0);
}

pub async fn draining_again_from_the_start_changes_nothing(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let [open, seen, settled] = [place.attempt(), place.attempt(), place.attempt()];
    node.append([open.starts(), seen.starts(), seen.goes_on()]).await;
    node.append(settled.whole()).await;
    node.drainer(&store).catch_up().await.expect("drained");
    let with_open = place.ledger().await;

    place.run("delete from journal_offsets").await;
    node.drainer(&store).catch_up().await.expect("drained again");
    let again = place.ledger().await;
    node.drainer(&store).replay(place.now()).await.expect("replayed");
    let with_unsettled = place.ledger().await;
    place.run("delete from journal_offsets").await;
    let orphans = node.drainer(&store).replay(place.now()).await.expect("replayed again");

    assert_eq!(again, with_open);
    assert_eq!((orphans, place.ledger().await), (0, with_unsettled));
}

pub async fn orphans_become_unsettled_and_only_ours(place: Place) {
    let store = place.store().await;
    let [ours, theirs] = [place.node(), place.node()];
    let [silent, seen, settled, other] =
        [place.attempt(), place.attempt(), place.attempt(), place.attempt()];
    ours.append([silent.starts(), seen.starts(), seen.goes_on()]).await;
    ours.append(settled.whole()).await;
    theirs.append([other.starts()]).await;
    theirs.drainer(&store).catch_up().await.expect("drained");

    let ours = ours.restart();
    place.clock.advance(std::time::Duration::from_secs(5));
    let orphans = ours.drainer(&store).replay(place.now()).await.expect("replayed");

    assert_eq!(orphans, 2);
    for (attempt, used) in [(&silent, Usage::default()), (&seen, usage(10, true))] {
        let row = store.system().attempts(attempt.request()).await.expect("read").remove(0);
        assert_eq!((row.state.as_str(), row.outcome.as_deref()), ("unsettled", Some("unknown")));
        assert_eq!((row.usage, row.billing_unknown), (used, true));
        assert_eq!((row.settled_at, row.latency_ms), (Some(place.now()), None));
    }
    let theirs = store.system().attempts(other.request()).await.expect("read").remove(0);
    assert_eq!(theirs.state, "open");
    assert!(place.ledger().await.contains(&settled.settled_row(ours.id)));
}

pub async fn usage_that_was_not_told_stays_null(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let attempts = [place.attempt(), place.attempt()].map(|attempt| Attempt {
        started: Started { provider_key: None, ..attempt.started.clone() },
        settled: nothing_known(attempt.request(), place.now()),
        ..attempt
    });

    // The first in one batch, the second in two.
    let mut drainer = node.drainer(&store);
    node.append(attempts[0].whole()).await;
    node.append([attempts[1].starts()]).await;
    drainer.catch_up().await.expect("drained");
    node.append([attempts[1].goes_on(), attempts[1].ends()]).await;
    drainer.catch_up().await.expect("drained");

    let expected = attempts.clone().map(|attempt| attempt.settled_row(node.id));
    let mut ledger = place.ledger().await;
    ledger.sort_by_key(|row| expected.iter().position(|expected| expected == row));
    assert_eq!(ledger, expected);
    let row = store.system().attempts(attempts[0].request()).await.expect("read").remove(0);
    assert_eq!((row.usage, row.provider_key), (Usage::default(), ProviderKeyId::NIL));
    assert_eq!((row.http_status, row.error_code, row.ttft_ms), (None, None, None));
}

/// It would be tried for ever, with everything after it.
pub async fn a_record_no_database_can_hold_stops_nothing(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let odd = place.attempt();
    let odd = Attempt {
        started: Started {
            model: "gpt\0\u{1}🦀'\"".to_owned(),
            provider: "\0".to_owned(),
            ..odd.started
        },
        settled: Settled {
            error_code: Some("a\0b".to_owned()),
            usage: Usage { input_tokens: Some(u64::MAX), ..Usage::default() },
            latency_ms: u64::MAX,
            ..odd.settled
        },
        ..odd
    };
    let plain = place.attempt();

    node.append(odd.whole()).await;
    node.append(plain.whole()).await;
    node.drainer(&store).catch_up().await.expect("drained");

    let row = store.system().attempts(odd.request()).await.expect("read").remove(0);
    assert_eq!(row.model, "gpt\u{fffd}\u{1}🦀'\"");
    assert_eq!(
        (row.provider.as_str(), row.error_code.as_deref()),
        ("\u{fffd}", Some("a\u{fffd}b"))
    );
    let largest = u64::try_from(i64::MAX).expect("positive");
    assert_eq!((row.usage.input_tokens, row.latency_ms), (Some(largest), Some(i64::MAX)));
    assert!(place.ledger().await.contains(&plain.settled_row(node.id)));
}

/// The drainer that saw it begin remembers it as open; another one has to ask.
pub async fn an_attempt_given_up_while_it_ran_counts_by_what_it_was(place: Place) {
    let store = place.store().await;
    let node = place.node_of_one_segment();
    let mut told = Vec::new();
    for remembers in [true, false] {
        let mut drainer = node.drainer(&store);
        let [given_up, whole, later] = [place.attempt(), place.attempt(), place.attempt()];
        node.append([given_up.starts()]).await;
        drainer.catch_up().await.expect("drained");
        let mut write = store.write().await.expect("a write");
        assert_eq!(write.forget_node(node.id, place.now()).await.expect("forgotten"), 1);
        write.commit(place.now()).await.expect("committed");
        node.append([later.starts()]).await;
        drainer.catch_up().await.expect("drained");

        if !remembers {
            drainer = node.drainer(&store);
        }
        node.append(whole.whole()).await;
        node.append([given_up.ends(), later.ends()]).await;
        drainer.catch_up().await.expect("drained");

        told.extend([given_up, whole, later]);
    }

    let mut expected: Vec<_> = told.iter().map(|it| it.settled_row(node.id)).collect();
    expected.sort();
    assert_eq!(place.ledger().await, expected);
    assert_eq!(place.numbers(SUMS).await, [6, 0, 600]);
}

const SUMS: &str = "select cast(sum(attempts) as bigint) from usage_hours
    union all select cast(sum(unsettled) as bigint) from usage_hours
    union all select cast(sum(input_tokens) as bigint) from usage_hours";

/// Attempts in flight together, drained at any moment: each row is what its own records say, read one after another.
pub async fn every_way_through_the_batches_gives_the_same_rows(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let mut drainer = node.drainer(&store);
    let attempts: Vec<_> = (0..400).map(|_| place.attempt()).collect();
    let mut told = vec![0; attempts.len()];
    let mut expected = BTreeMap::<RequestId, (&str, Usage)>::new();

    for turn in 0..1600 {
        let drawn = usize::try_from(place.random.next() % 400).expect("small");
        let attempt = &attempts[drawn];
        let request = attempt.request();
        match told[drawn] {
            0 => {
                node.append([attempt.starts()]).await;
                expected.insert(request, ("open", Usage::default()));
            }
            1 | 2 => {
                node.append([attempt.goes_on()]).await;
                expected.insert(request, ("open", attempt.checkpoint.usage));
            }
            3 => {
                node.append([attempt.ends()]).await;
                expected.insert(request, ("settled", attempt.settled.usage));
            }
            _ => {}
        }
        told[drawn] += 1;
        // Now and then a small batch; between them some that are larger than one transaction.
        if turn < 400 && place.random.next().is_multiple_of(40) {
            drainer.catch_up().await.expect("drained");
        }
    }
    drainer.catch_up().await.expect("drained");

    let rows = store.system().latest_attempts(1000).await.expect("read");
    let rows: BTreeMap<_, _> =
        rows.iter().map(|row| (row.request, (row.state.as_str(), row.usage))).collect();
    assert_eq!(rows, expected);
    assert!(told.contains(&1) && told.contains(&4), "{told:?}");
}

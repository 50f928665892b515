//! A process killed between any two steps, or started over another journal: each record counts, and once.

use std::fs;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use store::Store;
use tokio::sync::watch;

use crate::node::{Attempt, Node};
use crate::place::{Place, eventually};

/// Enough for several segments.
const ATTEMPTS: usize = 40;

pub async fn killed_after_the_append(place: Place) {
    let (store, node, attempts) = written(&place).await;

    let node = node.restart();
    node.drainer(&store).replay(place.now()).await.expect("replayed");

    is_whole(&place, &node, &attempts).await;
}

pub async fn killed_after_the_transaction(place: Place) {
    let (store, node, attempts) = written(&place).await;
    let before = place.folder().join("before");
    copy(&node.folder, &before);
    node.drainer(&store).catch_up().await.expect("drained");
    let ledger = place.ledger().await;

    // As if nobody had told the journal.
    fs::remove_dir_all(&node.folder).expect("removed");
    copy(&before, &node.folder);
    let node = node.restart();
    let kept = node.journal.stats().segments;
    let orphans = node.drainer(&store).replay(place.now()).await.expect("replayed");

    assert_eq!((orphans, place.ledger().await), (0, ledger));
    assert!(kept > 3 && node.journal.stats().segments < kept, "{kept}");
    is_whole(&place, &node, &attempts).await;
}

pub async fn killed_after_the_draining(place: Place) {
    let (store, node, attempts) = written(&place).await;
    node.drainer(&store).catch_up().await.expect("drained");

    let node = node.restart();
    let mut drainer = node.drainer(&store);
    let orphans = drainer.replay(place.now()).await.expect("replayed");
    let more = place.attempt();
    node.append(more.whole()).await;
    drainer.catch_up().await.expect("drained");

    assert_eq!(orphans, 0);
    is_whole(&place, &node, &[attempts, vec![more]].concat()).await;
}

/// At every statement, at the commit, between that and the word to the journal, and in what follows a replay: a process
/// dies wherever it waits, each time a little later than the last.
pub async fn killed_at_every_wait(place: Place) {
    let (store, mut node, attempts) = written(&place).await;
    let (mut waits, mut rows_seen) = (0, Vec::new());

    loop {
        let mut drainer = node.drainer(&store);
        let replayed = killed_after(waits, drainer.replay(place.now())).await;
        drop(drainer);
        let rows = store.system().latest_attempts(1000).await.expect("read");
        assert!(rows.iter().all(|row| row.state != "unsettled"), "after {waits} waits");
        rows_seen.push(rows.len());
        node = node.restart();
        match replayed {
            Some(replayed) => break assert_eq!(replayed.expect("replayed"), 0),
            None => waits += 1,
        }
    }

    // Some died before the first commit, and some between two.
    assert!(rows_seen.contains(&0) && rows_seen.iter().any(|rows| (1..ATTEMPTS).contains(rows)));
    assert!(rows_seen.is_sorted(), "{rows_seen:?}");
    node.drainer(&store).replay(place.now()).await.expect("replayed");
    is_whole(&place, &node, &attempts).await;
}

pub async fn the_undrained_bytes_are_right_at_once(place: Place) {
    let (store, node, attempts) = written(&place).await;
    node.drainer(&store).catch_up().await.expect("drained");
    assert_eq!(node.undrained(), 0);

    let node = node.restart();
    let supposed = node.undrained();
    node.drainer(&store).catch_up().await.expect("nothing to drain");

    assert!(supposed > 0, "the journal alone cannot know");
    assert_eq!(node.undrained(), 0);
    is_whole(&place, &node, &attempts).await;
}

pub async fn a_replaced_folder_is_read_from_its_start(place: Place) {
    let (store, node, mut attempts) = written(&place).await;
    node.drainer(&store).catch_up().await.expect("drained");

    fs::remove_dir_all(&node.folder).expect("removed");
    let node = node.restart();
    let new = place.attempt();
    node.append(new.whole()).await;
    let mut drainer = node.drainer(&store);
    drainer.replay(place.now()).await.expect("replayed");
    let newer = place.attempt();
    node.append(newer.whole()).await;
    drainer.catch_up().await.expect("drained");

    attempts.extend([new, newer]);
    is_whole(&place, &node, &attempts).await;
}

/// The old position must be forgotten when it is found to be wrong: later it would look right.
pub async fn a_replaced_folder_that_grew_past_the_old_position_is_read_whole(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let old = place.attempt();
    node.append(old.whole()).await;
    node.drainer(&store).catch_up().await.expect("drained");

    fs::remove_dir_all(&node.folder).expect("removed");
    let node = node.restart();
    node.drainer(&store).replay(place.now()).await.expect("an empty journal is no failure");
    let mut attempts: Vec<_> = (0..ATTEMPTS).map(|_| place.attempt()).collect();
    node.append(attempts.iter().flat_map(Attempt::whole)).await;
    let node = node.restart();
    node.drainer(&store).replay(place.now()).await.expect("replayed");

    attempts.push(old);
    is_whole(&place, &node, &attempts).await;
}

pub async fn a_stop_drains_once_more(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(node.drainer(&store).run(stopped));
    let [first, second, third] = [place.attempt(), place.attempt(), place.attempt()];
    node.append(first.whole()).await;
    eventually("the first is drained", || async { node.undrained() == 0 }).await;

    node.append(second.whole()).await;
    stop.send_replace(true);
    running.await.expect("stopped");
    is_whole(&place, &node, &[first.clone(), second.clone()]).await;

    // An owner that is gone wants it to stop, too.
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(node.drainer(&store).run(stopped));
    node.append(third.whole()).await;
    drop(stop);
    running.await.expect("stopped");
    is_whole(&place, &node, &[first, second, third]).await;
}

/// What it came to, unless it waited more often than that.
async fn killed_after<T>(waits: usize, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut waited) = (pin!(work), 0);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// A journal of whole attempts that nobody has drained yet.
async fn written(place: &Place) -> (Store, Node, Vec<Attempt>) {
    let store = place.store().await;
    let node = place.node();
    let attempts: Vec<_> = (0..ATTEMPTS).map(|_| place.attempt()).collect();
    for attempt in &attempts {
        node.append(attempt.whole()).await;
    }
    assert!(node.journal.stats().segments > 2);
    (store, node, attempts)
}

async fn is_whole(place: &Place, node: &Node, attempts: &[Attempt]) {
    let mut expected: Vec<_> =
        attempts.iter().map(|attempt| attempt.settled_row(node.id)).collect();
    expected.sort();
    assert_eq!(place.ledger().await, expected);
    assert_eq!(place.numbers(SUMMED).await, place.numbers(COUNTED).await, "the sums of hours");
    assert_eq!(node.undrained(), 0);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

const SUMMED: &str = "select cast(sum(attempts) as bigint) from usage_hours
    union all select cast(sum(input_tokens + output_tokens) as bigint) from usage_hours
    union all select cast(sum(cost_micro_usd) as bigint) from usage_hours
    union all select cast(sum(latency_ms) as bigint) from usage_hours";

const COUNTED: &str = "select cast(count(*) as bigint) from attempts
    union all select cast(sum(input_tokens + output_tokens) as bigint) from attempts
    union all select cast(sum(cost_micro_usd) as bigint) from attempts
    union all select cast(sum(latency_ms) as bigint) from attempts";

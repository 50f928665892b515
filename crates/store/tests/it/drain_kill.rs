//! A process killed between any two steps, or started over another journal: each record counts, and once.

use std::fs;
use std::path::Path;

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
    assert_eq!(node.undrained(), 0);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

//! One unit of change: rows, audit and news together or not at all, numbered in the order of the commits.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures_util::future::join_all;
use model::{Actor, Doer, KeyVersion};
use serde_json::json;
use store::system::KeyState;
use store::{Change, ChangeKind, Store, StoreError, Write};

use crate::place::{Place, eventually};

pub async fn commits_are_numbered_without_gaps_in_their_order(place: Place) {
    let stores = [place.store().await, place.store().await];
    let is_done = AtomicBool::new(false);

    let commits = (0..40).map(|n: usize| {
        let (store, place) = (&stores[n % 2], &place);
        async move {
            let mut write = store.write().await.expect("a write");
            tell(&mut write, &format!("change {n}"));
            write.audit(Doer::SYSTEM, None, "test.made", n, json!({}));
            match n % 4 {
                0 => drop(write),
                _ => place.commit(write).await,
            }
        }
    });
    let watch = async {
        while !is_done.load(Ordering::SeqCst) {
            assert_eq!(place.number(HOLES).await, 0, "a number is visible before its row");
        }
    };
    let all = async {
        join_all(commits).await;
        is_done.store(true, Ordering::SeqCst);
    };
    tokio::join!(all, watch);

    let numbers = "select seq from changes union all select seq from audit order by 1";
    assert_eq!(place.numbers(numbers).await, (1..=60).collect::<Vec<_>>());
}

const HOLES: &str = "select (select seq from change_counter)
        - (select count(*) from changes) - (select count(*) from audit)";

pub async fn nothing_to_tell_takes_no_number(place: Place) {
    let store = place.store().await;

    place.commit(store.write().await.expect("a write")).await;
    place.tenant(&store).await;

    assert_eq!(place.number("select seq from change_counter").await, 0);
}

pub async fn a_dropped_change_leaves_nothing(place: Place) {
    let store = place.store().await;
    let heard = listen(&store);
    let workspace = place.workspace_id();

    let mut write = store.write().await.expect("a write");
    write.insert_workspace(&place.workspace_row(workspace)).await.expect("inserted");
    tell(&mut write, "nobody");
    write.audit(Doer::SYSTEM, Some(workspace), "workspace.created", workspace, json!({}));
    drop(write);

    assert!(store.workspace(workspace).row().await.expect("read").is_none());
    assert_eq!(place.number("select seq from change_counter").await, 0);
    assert_eq!(place.number("select count(*) from audit").await, 0);
    assert!(heard.lock().expect("the news").is_empty());
    place.tenant(&store).await;
}

pub async fn a_failed_commit_leaves_no_rows_and_no_number(place: Place) {
    let store = place.store().await;
    let workspace = place.workspace_id();

    let mut write = store.write().await.expect("a write");
    write.insert_workspace(&place.workspace_row(workspace)).await.expect("inserted");
    tell(&mut write, "the first");
    write.audit(Doer::SYSTEM, None, "test.made", "a subject\0nobody can store", json!({}));
    let failed = write.commit(place.now()).await;

    assert!(matches!(failed, Err(StoreError::Unstorable)), "{failed:?}");
    assert!(store.workspace(workspace).row().await.expect("read").is_none());
    assert_eq!(place.number("select seq from change_counter").await, 0);
    assert_eq!(place.number("select count(*) from changes").await, 0);
}

pub async fn news_is_applied_before_commit_returns(place: Place) {
    let store = place.store().await;
    let heard = listen(&store);
    let workspace = place.workspace_id();

    for n in 0..5 {
        let mut write = store.write().await.expect("a write");
        let kinds = [ChangeKind::GatewayKey, ChangeKind::Keyring, ChangeKind::Workspace];
        for kind in kinds {
            let change = Change { kind, workspace: Some(workspace), subject: n.to_string() };
            write.changed(change);
        }
        assert_eq!(heard.lock().expect("the news").len(), n * 3, "not before the commit");
        place.commit(write).await;
        assert_eq!(heard.lock().expect("the news").len(), (n + 1) * 3);
    }
}

/// Whatever moment the caller goes away at: no row is there whose news this node has not heard.
pub async fn a_dropped_commit_still_brings_the_news(place: Place) {
    let store = place.store().await;
    let heard = listen(&store);

    for polls in 0..60 {
        let workspace = place.workspace_id();
        let mut write = store.write().await.expect("a write");
        write.insert_workspace(&place.workspace_row(workspace)).await.expect("inserted");
        tell(&mut write, &workspace.to_string());
        let finished = poll_only(write.commit(place.now()), polls).await;

        // The next writer waits for whatever became of this one.
        place.commit(store.write().await.expect("a write")).await;
        let is_there = store.workspace(workspace).row().await.expect("read").is_some();
        let has_news = || async {
            let heard = heard.lock().expect("the news");
            heard.iter().any(|change| change.subject == workspace.to_string())
        };
        assert!(is_there || !finished);
        if is_there {
            eventually("the news of what was committed", has_news).await;
        }
    }
    assert_eq!(place.number(HOLES).await, 0);
}

pub async fn the_audit_keeps_who_what_and_nulls(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let detail = json!({ "said": "\"quoted\" \u{0} 🦀" });

    let mut write = store.write().await.expect("a write");
    write.audit(
        Doer { actor: Actor::User(tenant.user), from: None },
        Some(tenant.workspace),
        "a.b",
        tenant.project,
        detail,
    );
    write.audit(Doer::SYSTEM, None, "c.d", "subject", json!(null));
    place.commit(write).await;

    let rows = place
        .texts(
            "select actor || ' ' || action || ' ' || subject || ' ' || detail || ' ' || at
                || coalesce(' ' || workspace_id, '')
            from audit
            order by seq",
        )
        .await;
    let (user, project, workspace) = (tenant.user, tenant.project, tenant.workspace);
    let at = place.now().unix_ms();
    assert_eq!(
        rows,
        [
            format!(r#"{user} a.b {project} {{"said":"\"quoted\" \u0000 🦀"}} {at} {workspace}"#),
            format!("system c.d subject null {at}"),
        ]
        .map(Some)
    );
}

pub async fn a_held_key_version_waits_for_no_reader(place: Place) {
    let [store, other] = [place.store().await, place.store().await];
    let mut write = store.write().await.expect("a write");
    let inserted = write.insert_master_key(KeyVersion(1), KeyState::Active, &[1], place.now());
    inserted.await.expect("inserted");
    place.commit(write).await;

    let mut holding = store.write().await.expect("a write");
    assert!(holding.hold_active(KeyVersion(1)).await.expect("asked"));
    let ring = other.system().keyring().await.expect("read while it is held");

    assert_eq!(ring.len(), 1);
    place.commit(holding).await;
}

fn tell(write: &mut Write, subject: &str) {
    let subject = subject.to_owned();
    write.changed(Change { kind: ChangeKind::GatewayKey, workspace: None, subject });
}

fn listen(store: &Store) -> Arc<Mutex<Vec<Change>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ours = Arc::clone(&heard);
    store.bus().subscribe(move |change| ours.lock().expect("the news").push(change.clone()));
    heard
}

/// Drops the future after so many polls, and says whether it had finished by then.
async fn poll_only(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let is_ready = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()));
        if is_ready.await {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_micros(50)).await;
    }
    false
}

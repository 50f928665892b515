//! The database refuses, or is away, or dies in the middle: the journal holds what it cannot take, and nothing doubles.

use std::time::Duration;

use store::Location;
use tokio::sync::watch;

use crate::node::Attempt;
use crate::place::{Place, eventually};

pub async fn a_refusal_in_the_middle_of_a_batch_undoes_the_batch(place: Place) {
    let store = place.store().await;
    let node = place.node_of_one_segment();
    let mut drainer = node.drainer(&store);
    let first = place.attempt();
    node.append(first.whole()).await;
    drainer.catch_up().await.expect("drained");
    let (before, undrained) = (place.ledger().await, node.undrained());
    let mut attempts: Vec<_> = (0..20).map(|_| place.attempt()).collect();
    attempts[10].started.model = "refused".to_owned();

    place.run(refuse(&place)).await;
    node.append(attempts.iter().flat_map(Attempt::whole)).await;
    for _ in 0..3 {
        assert!(drainer.catch_up().await.is_err());
    }
    let during = place.ledger().await;
    let grown = node.undrained();
    place.run(allow(&place)).await;
    drainer.catch_up().await.expect("drained");

    assert_eq!((during, undrained), (before, 0));
    assert!(grown > 0);
    attempts.push(first);
    let mut expected: Vec<_> = attempts.iter().map(|it| it.settled_row(node.id)).collect();
    expected.sort();
    assert_eq!(place.ledger().await, expected);
    assert_eq!(node.undrained(), 0);
}

pub async fn a_database_that_comes_and_goes_loses_nothing(place: Place) {
    let store = place.store().await;
    let node = place.node();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(node.drainer(&store).run(stopped));
    let attempts: Vec<_> = (0..1500).map(|_| place.attempt()).collect();

    let traffic = async {
        for some in attempts.chunks(10) {
            node.append(some.iter().map(Attempt::starts)).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            node.append(some.iter().flat_map(|it| [it.goes_on(), it.ends()])).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(traffic, disturb(&place));
    eventually("all is drained", || async { node.undrained() == 0 }).await;
    stop.send_replace(true);
    running.await.expect("stopped");

    let mut expected: Vec<_> = attempts.iter().map(|it| it.settled_row(node.id)).collect();
    expected.sort();
    assert_eq!(place.ledger().await, expected);
    store.ping().await.expect("the store is well again");
}

/// SQLite: a stranger holds the write lock for longer than we wait for it. PostgreSQL: every connection dies, often.
async fn disturb(place: &Place) {
    let mut raw = place.raw().await;
    match place.location {
        Location::Sqlite { .. } => {
            raw.run("begin immediate").await;
            tokio::time::sleep(Duration::from_millis(6500)).await;
            raw.run("rollback").await;
        }
        Location::Postgres { .. } => {
            for _ in 0..40 {
                raw.run(
                    "select pg_terminate_backend(pid)
                    from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()",
                )
                .await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

const fn refuse(place: &Place) -> &'static str {
    match place.location {
        Location::Sqlite { .. } => {
            "create trigger refuse before insert on attempts
            when new.model = 'refused'
            begin select raise(abort, 'refused'); end"
        }
        Location::Postgres { .. } => {
            "alter table attempts add constraint refuse check (model <> 'refused')"
        }
    }
}

const fn allow(place: &Place) -> &'static str {
    match place.location {
        Location::Sqlite { .. } => "drop trigger refuse",
        Location::Postgres { .. } => "alter table attempts drop constraint refuse",
    }
}

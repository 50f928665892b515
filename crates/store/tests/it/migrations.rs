//! The schema comes to be once, whoever starts first, and stays usable for binaries of other versions.

use crate::place::Place;

pub async fn migrating_twice_changes_nothing(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;

    store.migrate().await.expect("nothing to do");

    assert!(store.workspace(tenant.workspace).row().await.expect("read").is_some());
    assert_eq!(place.number("select count(*) from _sqlx_migrations").await, MIGRATIONS);
}

pub async fn asking_what_is_pending_changes_nothing(place: Place) {
    let store = place.connect().await;

    let before = store.pending_migrations().await.expect("asked");
    let asked_twice = store.pending_migrations().await.expect("asked again");
    let left = place.raw().await.try_run("select * from _sqlx_migrations").await;
    store.migrate().await.expect("migrated");
    let after = store.pending_migrations().await.expect("asked after");

    assert_eq!(before.len(), usize::try_from(MIGRATIONS).expect("few"));
    assert_eq!(before[0], "0001_foundation");
    assert_eq!(asked_twice, before);
    assert!(left.is_err(), "asking made a table");
    assert!(after.is_empty(), "{after:?}");
}

pub async fn processes_that_start_together_all_migrate(place: Place) {
    let starts = (0..8).map(|_| async {
        let store = place.connect().await;
        store.pending_migrations().await.expect("asked");
        store.migrate().await.expect("migrated");
        store.pending_migrations().await.expect("asked").len()
    });

    let pending = futures_util::future::join_all(starts).await;

    assert_eq!(pending, [0; 8]);
    assert_eq!(place.number("select count(*) from _sqlx_migrations").await, MIGRATIONS);
    assert_eq!(place.number("select count(*) from change_counter").await, 1);
}

pub async fn a_newer_database_still_serves_this_binary(place: Place) {
    place.store().await.close().await;
    place
        .run(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values (9999, 'of a later version', true, 'x', 0)",
        )
        .await;

    let store = place.connect().await;

    store.migrate().await.expect("an old binary still starts");
    assert!(store.pending_migrations().await.expect("asked").is_empty());
}

const MIGRATIONS: i64 = 1;

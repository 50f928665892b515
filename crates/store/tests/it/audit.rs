//! The audit: every row follows from the one before, and each chain's end is sealed.

use model::{Actor, Doer};
use serde_json::json;
use store::audit::AuditFilter;
use store::{Chain as _, StoreError};

use crate::chain::TestChain;
use crate::place::Place;

pub async fn rows_of_each_chain_are_linked_from_its_first(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    for n in 0..3 {
        let mut write = store.write().await.expect("a write");
        for workspace in [Some(mine.workspace), None, Some(other.workspace), Some(mine.workspace)] {
            write.audit(Doer::SYSTEM, workspace, "test.made", n, json!({ "n": n }));
        }
        place.commit(write).await;
    }

    for (workspace, count) in [(Some(mine.workspace), 6), (None, 3), (Some(other.workspace), 3)] {
        let rows = store.audit_chain(workspace, 0, 100).await.expect("read");
        let head = store.audit_head(workspace).await.expect("read").expect("a head");
        let mut previous = Vec::new();
        for (position, row) in (1..).zip(&rows) {
            assert_eq!(row.position, position);
            assert_eq!(row.link, row.expected_link(&TestChain, &previous));
            previous.clone_from(&row.link);
        }
        assert_eq!((rows.len(), head.position), (count, i64::try_from(count).expect("small")));
        assert_eq!(head.link, previous);
        let chain = store::audit::chain_name(workspace);
        let sealed = TestChain.seal(&chain, u64::try_from(count).expect("small"), &head.link);
        assert_eq!(head.seal, sealed);
    }
}

pub async fn commits_together_leave_no_gap_and_no_fork(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let writes = (0..20).map(|n| {
        let (store, place) = (&store, &place);
        async move {
            let mut write = store.write().await.expect("a write");
            write.audit(Doer::SYSTEM, Some(tenant.workspace), "test.made", n, json!({}));
            place.commit(write).await;
        }
    });
    futures_util::future::join_all(writes).await;

    let rows = store.audit_chain(Some(tenant.workspace), 0, 100).await.expect("read");

    let mut previous = Vec::new();
    for row in &rows {
        assert_eq!(row.link, row.expected_link(&TestChain, &previous));
        previous.clone_from(&row.link);
    }
    assert_eq!(rows.len(), 20);
}

pub async fn what_cannot_be_audited_does_not_happen(place: Place) {
    let chained = place.store().await;
    let tenant = place.tenant(&chained).await;
    let unchained = place.connect().await;

    let mut write = unchained.write().await.expect("a write");
    let project = place.project("second");
    write.workspace(tenant.workspace).insert_project(&project).await.expect("inserted");
    write.audit(Doer::SYSTEM, Some(tenant.workspace), "project.created", project.id, json!({}));
    let refused = write.commit(place.now()).await;

    assert!(matches!(refused, Err(StoreError::Unchained)), "{refused:?}");
    assert_eq!(chained.workspace(tenant.workspace).projects().await.expect("read").len(), 1);
}

pub async fn the_audit_is_read_newest_first_and_filtered(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let doer = Doer { actor: Actor::User(tenant.user), from: "192.0.2.7".parse().ok() };
    let mut write = store.write().await.expect("a write");
    for n in 0..4 {
        let (who, action) = if n % 2 == 0 { (doer, "a.even") } else { (Doer::SYSTEM, "a.odd") };
        write.audit(who, Some(tenant.workspace), action, n, json!({}));
    }
    place.commit(write).await;

    let read = |filter: AuditFilter, before| {
        let store = store.clone();
        async move {
            let rows = store.audit(Some(tenant.workspace), &filter, before, 10).await;
            rows.expect("read").into_iter().map(|row| row.subject).collect::<Vec<_>>()
        }
    };

    assert_eq!(read(AuditFilter::default(), None).await, ["3", "2", "1", "0"]);
    assert_eq!(read(AuditFilter::default(), Some(3)).await, ["1", "0"]);
    let even = AuditFilter { action: Some("a.even".to_owned()), actor: None };
    assert_eq!(read(even, None).await, ["2", "0"]);
    let system = AuditFilter { action: None, actor: Some("system".to_owned()) };
    assert_eq!(read(system, None).await, ["3", "1"]);
    let rows = store.audit(Some(tenant.workspace), &AuditFilter::default(), None, 10).await;
    assert_eq!(rows.expect("read")[1].came_from.as_deref(), Some("192.0.2.7"));
}

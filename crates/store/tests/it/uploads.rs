//! One-time pages: found by their token's hash, used once, gone when their time is over.

use std::time::Duration;

use futures_util::future::join_all;
use model::Actor;
use store::workspace::UploadRow;

use crate::place::Place;
use crate::rows::Tenant;

const A_WHILE: Duration = Duration::from_secs(900);

fn upload(place: &Place, tenant: Tenant, token_hash: [u8; 32]) -> UploadRow {
    UploadRow {
        token_hash: token_hash.to_vec(),
        asked_by: Actor::User(tenant.user),
        request: "{\"name\":\"hook\"}".to_owned(),
        created_at: place.now(),
        expires_at: place.now().plus(A_WHILE),
    }
}

async fn add(place: &Place, store: &store::Store, tenant: Tenant, upload: &UploadRow) -> u64 {
    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    inside.insert_upload(upload).await.expect("inserted");
    let open = inside.open_uploads(place.now()).await.expect("counted");
    place.commit(write).await;
    open
}

pub async fn a_page_is_found_by_its_whole_hash_until_its_time_is_over(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let row = upload(&place, tenant, [7; 32]);
    add(&place, &store, tenant, &row).await;

    let system = store.system();
    let (workspace, read) =
        system.upload(&[7; 32], place.now()).await.expect("read").expect("there");
    assert_eq!(workspace, tenant.workspace);
    assert_eq!(format!("{read:?}"), format!("{row:?}"));
    for other in [&[7; 31][..], &[7; 33], &[8; 32], &[]] {
        assert!(system.upload(other, place.now()).await.expect("read").is_none());
    }

    place.clock.advance(A_WHILE - Duration::from_millis(1));
    assert!(system.upload(&[7; 32], place.now()).await.expect("read").is_some());
    place.clock.advance(Duration::from_millis(1));
    assert!(system.upload(&[7; 32], place.now()).await.expect("read").is_none());
    let mut write = store.write().await.expect("a write");
    let used = write.workspace(tenant.workspace).use_upload(&[7; 32], place.now()).await;
    assert!(!used.expect("asked"), "too late");
}

pub async fn of_twenty_who_use_a_page_one_does(place: Place) {
    let stores = [place.store().await, place.store().await];
    let tenant = place.tenant(&stores[0]).await;
    add(&place, &stores[0], tenant, &upload(&place, tenant, [7; 32])).await;

    let calls = (0..20).map(|n: usize| {
        let (store, place) = (&stores[n % 2], &place);
        async move {
            let mut write = store.write().await.expect("a write");
            let mut inside = write.workspace(tenant.workspace);
            let used = inside.use_upload(&[7; 32], place.now()).await.expect("asked");
            // The first to get it thinks better of it, which gives it back.
            match used && n == 0 {
                true => drop(write),
                false => place.commit(write).await,
            }
            used && n != 0
        }
    });
    let used = join_all(calls).await;

    assert_eq!(used.iter().filter(|used| **used).count(), 1);
    let found = stores[1].system().upload(&[7; 32], place.now()).await;
    assert!(found.expect("read").is_none(), "a used page is like none");
}

pub async fn a_page_is_of_one_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    add(&place, &store, mine, &upload(&place, mine, [7; 32])).await;

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    let used = outside.use_upload(&[7; 32], place.now()).await.expect("asked");
    let open = outside.open_uploads(place.now()).await.expect("counted");
    place.commit(write).await;

    assert_eq!((used, open), (false, 0));
    assert!(store.system().upload(&[7; 32], place.now()).await.expect("read").is_some());
}

pub async fn lapsed_pages_are_deleted_and_used_ones_not_counted(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    assert_eq!(add(&place, &store, tenant, &upload(&place, tenant, [1; 32])).await, 1);
    assert_eq!(add(&place, &store, tenant, &upload(&place, tenant, [2; 32])).await, 2);
    let mut write = store.write().await.expect("a write");
    let used = write.workspace(tenant.workspace).use_upload(&[1; 32], place.now()).await;
    assert!(used.expect("asked"));
    place.commit(write).await;
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(add(&place, &store, tenant, &upload(&place, tenant, [3; 32])).await, 2);

    place.clock.advance(A_WHILE - Duration::from_secs(1));
    assert_eq!(add(&place, &store, tenant, &upload(&place, tenant, [4; 32])).await, 2);

    assert_eq!(place.number("select count(*) from uploads").await, 2);
}

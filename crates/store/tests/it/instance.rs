//! The installation's own rows: made once, agreed on by all who start together.

use futures_util::future::join_all;
use model::{InstanceId, KeyVersion, Sealed};
use store::StoreError;
use store::system::KeyState;

use crate::place::Place;

pub async fn two_starters_agree_on_the_instance(place: Place) {
    let stores = [place.store().await, place.store().await];
    assert!(stores[0].system().instance().await.expect("read").is_none());

    let starts = stores.iter().enumerate().map(|(n, store)| {
        let place = &place;
        async move {
            let id = InstanceId::new(&place.clock, &place.random);
            let salt = [u8::try_from(n).expect("few"); 32];
            let mut write = store.write().await.expect("a write");
            write.insert_instance(id, &salt, place.now()).await.expect("the first is kept");
            let state = KeyState::Active;
            let key = write.insert_master_key(KeyVersion(1), state, &salt, place.now());
            key.await.expect("the first is kept");
            place.commit(write).await;
            let instance = store.system().instance().await.expect("read").expect("there");
            let check = store.system().keyring().await.expect("read")[0].check_value.clone();
            (instance.id, instance.salt, instance.set_up_at, check)
        }
    });
    let seen = join_all(starts).await;

    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1, seen[0].3, "one starter made all of it");
    assert_eq!(seen[0].2, None);
}

pub async fn set_up_happens_once(place: Place) {
    let stores = [place.store().await, place.store().await];
    let id = InstanceId::new(&place.clock, &place.random);
    let mut write = stores[0].write().await.expect("a write");
    assert!(!write.mark_set_up(place.now()).await.expect("asked"), "there is nothing to set up");
    write.insert_instance(id, &[1; 32], place.now()).await.expect("inserted");
    place.commit(write).await;

    let calls = (0..20).map(|n: usize| {
        let (store, place) = (&stores[n % 2], &place);
        async move {
            let mut write = store.write().await.expect("a write");
            let was_it = write.mark_set_up(place.now()).await.expect("asked");
            place.commit(write).await;
            was_it
        }
    });
    let was_it = join_all(calls).await;

    assert_eq!(was_it.iter().filter(|was_it| **was_it).count(), 1);
    let instance = stores[1].system().instance().await.expect("read").expect("there");
    assert_eq!((instance.id, instance.set_up_at), (id, Some(place.now())));
}

pub async fn a_secret_keeps_its_first_value(place: Place) {
    let store = place.store().await;
    let values = [vec![1; 40], vec![2; 40]].map(Sealed::from_bytes);

    for (value, sealed_version) in values.iter().zip([3, 4]) {
        let mut write = store.write().await.expect("a write");
        let inserted = write
            .insert_instance_secret("pepper", value, KeyVersion(1), sealed_version, place.now())
            .await;
        inserted.expect("the first is kept");
        place.commit(write).await;
    }

    let kept = store.system().instance_secret("pepper").await.expect("read").expect("there");
    assert_eq!((&kept.sealed, kept.sealed_version), (&values[0], 3));
    assert!(store.system().instance_secret("salt").await.expect("read").is_none());
}

pub async fn the_ring_is_read_back_in_order(place: Place) {
    let store = place.store().await;
    let states = [KeyState::Retired, KeyState::DecryptOnly, KeyState::Active, KeyState::Staged];
    let mut write = store.write().await.expect("a write");
    for (version, state) in [(3, states[2]), (1, states[0]), (4, states[3]), (2, states[1])] {
        let inserted = write.insert_master_key(KeyVersion(version), state, &[1, 2, 3], place.now());
        inserted.await.expect("inserted");
    }
    place.commit(write).await;

    let ring = store.system().keyring().await.expect("read");

    let read: Vec<_> = ring.iter().map(|row| (row.version.0, row.state)).collect();
    assert_eq!(read, (1..).zip(states).collect::<Vec<_>>());
    assert!(ring.iter().all(|row| row.check_value == [1, 2, 3] && row.created_at == place.now()));
}

pub async fn the_ring_has_one_active_version(place: Place) {
    let store = place.store().await;
    let mut write = store.write().await.expect("a write");
    let first = write.insert_master_key(KeyVersion(1), KeyState::Active, &[1], place.now());
    first.await.expect("inserted");
    place.commit(write).await;

    let mut write = store.write().await.expect("a write");
    let second = write.insert_master_key(KeyVersion(2), KeyState::Active, &[2], place.now()).await;
    drop(write);
    let mut write = store.write().await.expect("a write");
    let staged = write.insert_master_key(KeyVersion(2), KeyState::Staged, &[2], place.now()).await;
    let again = write.insert_master_key(KeyVersion(1), KeyState::Staged, &[9], place.now()).await;
    place.commit(write).await;

    assert!(matches!(second, Err(StoreError::Conflict)), "{second:?}");
    staged.expect("staged ones may be many");
    again.expect("the first is kept");
    let ring = store.system().keyring().await.expect("read");
    let read: Vec<_> = ring.iter().map(|row| (row.version.0, row.state)).collect();
    assert_eq!(read, [(1, KeyState::Active), (2, KeyState::Staged)]);
}

pub async fn only_the_active_version_can_be_held(place: Place) {
    let store = place.store().await;
    let mut write = store.write().await.expect("a write");
    let states = [KeyState::Active, KeyState::DecryptOnly, KeyState::Retired, KeyState::Staged];
    for (version, state) in (1..).zip(states) {
        let inserted = write.insert_master_key(KeyVersion(version), state, &[1], place.now());
        inserted.await.expect("inserted");
    }
    place.commit(write).await;

    let mut write = store.write().await.expect("a write");
    let mut held = Vec::new();
    for version in 1..=5 {
        held.push(write.hold_active(KeyVersion(version)).await.expect("asked"));
    }

    assert_eq!(held, [true, false, false, false, false]);
}

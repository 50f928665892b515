//! A change of the master key, as the database sees it: who may write what, who is at work, and what is left.

use std::time::Duration;

use futures_util::future::join_all;
use model::{Clock as _, KeyVersion, NodeId, Sealed, SecretCategory, SecretId};
use store::Store;
use store::system::{JobState, KeyState, NewReseal, SealCount, SealRow, SealTable, SealTarget};
use store::workspace::{ProviderKeyRow, SecretRow};

use crate::place::Place;
use crate::rows::{Tenant, provider};

const ONE: KeyVersion = KeyVersion(1);
const TWO: KeyVersion = KeyVersion(2);

/// What is sealed by version two begins with twos.
const TARGET: SealTarget = SealTarget { version: TWO, prefix: [2; 12] };
const LEASE: Duration = Duration::from_secs(10);

fn sealed(version: KeyVersion, tail: u8) -> Sealed {
    let start = u8::try_from(version.0).expect("a small version");
    Sealed::from_bytes([vec![start; 12], vec![tail; 30]].concat())
}

fn job(state: JobState, version: KeyVersion) -> NewReseal<'static> {
    NewReseal { state, version, suite: "fernet", configured: "aes-256-gcm" }
}

fn node(place: &Place) -> NodeId {
    NodeId::new(&place.clock, &place.random)
}

/// Version one is active, version two staged, and the job waits.
async fn staged(place: &Place) -> Store {
    let store = place.store().await;
    let mut write = store.write().await.expect("a write");
    for (version, state) in [(ONE, KeyState::Active), (TWO, KeyState::Staged)] {
        let key = write.insert_master_key(version, state, &[7], place.now());
        key.await.expect("inserted");
    }
    write.insert_reseal_job(ONE, "aes-256-gcm").await.expect("inserted");
    let staged = write.begin_reseal(&job(JobState::Staged, TWO), place.now()).await;
    assert!(staged.expect("asked"), "nothing is under way");
    place.commit(write).await;
    store
}

/// One in each table, by the id that is read back.
async fn one_of_each(place: &Place, store: &Store, tenant: Tenant, version: KeyVersion) {
    let key = ProviderKeyRow {
        key_version: Some(version),
        sealed: Some(sealed(version, 1)),
        ..place.provider_key(&provider("openai"))
    };
    place.add_provider_key(store, tenant.workspace, &key).await;
    let id = SecretId::new(&place.clock, &place.random);
    let secret = SecretRow {
        id,
        name: id.to_string(),
        category: SecretCategory::Custom,
        description: None,
        sealed: sealed(version, 2),
        key_version: version,
        sealed_version: 5,
        version: 1,
        created_at: place.now(),
        updated_at: place.now(),
    };
    let mut write = store.write().await.expect("a write");
    write.workspace(tenant.workspace).insert_secret(&secret).await.expect("a secret");
    let (name, value) = (format!("own-{version}"), sealed(version, 3));
    let own = write.insert_instance_secret(&name, &value, version, 6, place.now());
    own.await.expect("a secret of the instance");
    place.commit(write).await;
}

async fn all(store: &Store, behind: Option<&SealTarget>) -> Vec<SealRow> {
    let mut found = Vec::new();
    for table in SealTable::ALL {
        let mut after = String::new();
        loop {
            let page = store.system().seals(table, behind, &after, 1).await.expect("read");
            let Some(last) = page.last() else { break };
            assert!(last.id > after, "in the order of their ids");
            after.clone_from(&last.id);
            found.extend(page);
        }
    }
    found
}

async fn states(store: &Store) -> Vec<(u32, KeyState, bool)> {
    let ring = store.system().keyring().await.expect("read");
    ring.iter().map(|row| (row.version.0, row.state, row.accepts)).collect()
}

async fn activate(place: &Place, store: &Store) -> bool {
    let mut write = store.write().await.expect("a write");
    let activated = write.activate_staged(ONE, TWO).await.expect("asked");
    if activated {
        place.commit(write).await;
    }
    activated
}

async fn lease(place: &Place, store: &Store, node: NodeId) -> bool {
    let now = place.now();
    let mut write = store.write().await.expect("a write");
    let leased = write.lease_reseal(node, now, now.plus(LEASE)).await.expect("asked");
    place.commit(write).await;
    leased
}

async fn end_switching(place: &Place, store: &Store, node: NodeId) -> bool {
    let mut write = store.write().await.expect("a write");
    let ended = write.end_switching(node).await.expect("asked");
    place.commit(write).await;
    ended
}

async fn retire(place: &Place, store: &Store) -> u64 {
    let mut write = store.write().await.expect("a write");
    let retired = write.retire_unneeded().await.expect("asked");
    place.commit(write).await;
    retired
}

async fn may_write(store: &Store, version: KeyVersion) -> bool {
    let mut write = store.write().await.expect("a write");
    write.hold_active(version).await.expect("asked")
}

pub async fn seals_of_all_tables_are_counted_by_version_and_prefix(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    one_of_each(&place, &store, tenant, ONE).await;
    one_of_each(&place, &store, tenant, TWO).await;
    // A version that its row does not know of.
    let other =
        ProviderKeyRow { sealed: Some(sealed(TWO, 9)), ..place.provider_key(&provider("openai")) };
    place.add_provider_key(&store, tenant.workspace, &other).await;
    // An endpoint that needs no key.
    let open = ProviderKeyRow {
        key_version: None,
        sealed: None,
        ..place.provider_key(&provider("openai"))
    };
    place.add_provider_key(&store, tenant.workspace, &open).await;

    let counts = store.system().seal_counts().await.expect("read");

    let count = |version, prefix, rows| SealCount { version, prefix: vec![prefix; 12], rows };
    assert_eq!(counts, [count(ONE, 1, 3), count(ONE, 2, 1), count(TWO, 2, 3)]);
}

pub async fn what_is_behind_is_found_in_every_table_with_its_place(place: Place) {
    let store = place.store().await;
    let mut write = store.write().await.expect("a write");
    let id = model::InstanceId::new(&place.clock, &place.random);
    write.insert_instance(id, &[9; 32], place.now()).await.expect("inserted");
    place.commit(write).await;
    let tenant = place.tenant(&store).await;
    one_of_each(&place, &store, tenant, ONE).await;
    one_of_each(&place, &store, tenant, TWO).await;
    let misnamed =
        ProviderKeyRow { sealed: Some(sealed(TWO, 9)), ..place.provider_key(&provider("openai")) };
    place.add_provider_key(&store, tenant.workspace, &misnamed).await;

    let behind = all(&store, Some(&TARGET)).await;

    assert_eq!(behind.len(), 4, "{behind:?}");
    let [own, keys @ .., secret] = behind.as_slice() else { panic!("{behind:?}") };
    assert_eq!((own.table, own.id.as_str()), (SealTable::InstanceSecrets, "own-1"));
    assert_eq!((own.salt.as_slice(), own.sealed_version), (&[9; 32][..], 6));
    assert_eq!(own.workspace, model::WorkspaceId::NIL);
    let named = keys.iter().find(|row| row.id == misnamed.id.to_string()).expect("found");
    assert_eq!(named.sealed, sealed(TWO, 9));
    let key = named.key.as_ref().expect("a provider key");
    assert_eq!((key.origin.as_str(), key.is_custom), ("https://api.example.com", false));
    assert_eq!((named.workspace, named.salt.as_slice()), (tenant.workspace, &[7; 32][..]));
    assert_eq!((secret.table, secret.sealed_version), (SealTable::Secrets, 5));
    assert_eq!(all(&store, None).await.len(), 7);
}

pub async fn only_what_was_opened_is_replaced(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    one_of_each(&place, &store, tenant, ONE).await;
    let mut write = store.write().await.expect("a write");
    let id = model::InstanceId::new(&place.clock, &place.random);
    write.insert_instance(id, &[9; 32], place.now()).await.expect("inserted");
    place.commit(write).await;
    let before = all(&store, None).await;

    let mut write = store.write().await.expect("a write");
    for row in &before {
        let overtaken = SealRow { sealed: sealed(ONE, 99), ..row.clone() };
        let lost = write.reseal(&overtaken, &sealed(TWO, 1), TWO).await.expect("asked");
        let kept = write.reseal(row, &sealed(TWO, 1), TWO).await.expect("asked");
        assert_eq!((lost, kept), (false, true), "{:?}", row.table);
    }
    place.commit(write).await;

    assert_eq!(before.len(), 3);
    assert!(all(&store, Some(&TARGET)).await.is_empty());
    let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!((rows[0].key_version, rows[0].version), (Some(TWO), 1), "no change of a person's");
}

pub async fn a_key_is_activated_once_whoever_does_it(place: Place) {
    let store = staged(&place).await;
    let other = place.connect().await;
    other.set_chain(std::sync::Arc::new(crate::chain::TestChain));

    let tries = [&store, &other, &store, &other].map(|store| activate(&place, store));
    let activated = join_all(tries).await;

    assert_eq!(activated.iter().filter(|activated| **activated).count(), 1, "{activated:?}");
    let expected = [(1, KeyState::DecryptOnly, true), (2, KeyState::Active, true)];
    assert_eq!(states(&store).await, expected);
    let job = store.system().reseal_job().await.expect("read").expect("there");
    assert_eq!((job.state, job.version), (JobState::Switching, TWO));
}

pub async fn what_stepped_down_may_be_written_until_the_switch_ends(place: Place) {
    let store = staged(&place).await;
    assert_eq!([may_write(&store, ONE).await, may_write(&store, TWO).await], [true, false]);
    let (ours, other) = (node(&place), node(&place));

    assert!(activate(&place, &store).await);

    assert_eq!([may_write(&store, ONE).await, may_write(&store, TWO).await], [true, true]);
    assert!(lease(&place, &store, ours).await);
    assert!(!end_switching(&place, &store, other).await, "not the one at work");
    let ended = end_switching(&place, &store, ours).await;
    assert!(ended);
    assert_eq!([may_write(&store, ONE).await, may_write(&store, TWO).await], [false, true]);
}

/// What holds the old version is waited for, so that nothing it sealed appears behind a pass.
pub async fn the_switch_ends_after_those_who_write(place: Place) {
    let store = staged(&place).await;
    let other = place.connect().await;
    let ours = node(&place);
    assert!(activate(&place, &store).await);
    assert!(lease(&place, &store, ours).await);
    let mut slow = store.write().await.expect("a write");
    assert!(slow.hold_active(ONE).await.expect("asked"));

    let ending = end_switching(&place, &other, ours);
    tokio::pin!(ending);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut ending).await;
    place.commit(slow).await;

    assert!(early.is_err(), "it did not wait");
    assert!(ending.await);
    assert!(!may_write(&store, ONE).await);
}

pub async fn a_version_retires_when_no_row_needs_it(place: Place) {
    let store = staged(&place).await;
    let mut write = store.write().await.expect("a write");
    let id = model::InstanceId::new(&place.clock, &place.random);
    write.insert_instance(id, &[9; 32], place.now()).await.expect("inserted");
    place.commit(write).await;
    let tenant = place.tenant(&store).await;
    one_of_each(&place, &store, tenant, ONE).await;
    assert!(activate(&place, &store).await);
    let ours = node(&place);
    assert!(lease(&place, &store, ours).await);
    assert_eq!(retire(&place, &store).await, 0, "it may still be written");
    assert!(end_switching(&place, &store, ours).await);

    for row in all(&store, Some(&TARGET)).await {
        assert_eq!(retire(&place, &store).await, 0, "{:?} needs it", row.table);
        let mut write = store.write().await.expect("a write");
        write.reseal(&row, &sealed(TWO, 1), TWO).await.expect("resealed");
        place.commit(write).await;
    }

    assert_eq!(retire(&place, &store).await, 1);
    let expected = [(1, KeyState::Retired, false), (2, KeyState::Active, true)];
    assert_eq!(states(&store).await, expected);
}

pub async fn one_node_is_at_work_until_its_time_is_over(place: Place) {
    let store = staged(&place).await;
    let (ours, other) = (node(&place), node(&place));
    assert!(!lease(&place, &store, ours).await, "there is nothing to do yet");
    assert!(activate(&place, &store).await);

    assert!(lease(&place, &store, ours).await);
    assert!(!lease(&place, &store, other).await);
    place.clock.advance(LEASE / 2);
    assert!(lease(&place, &store, ours).await, "it goes on, and sooner after it was killed");
    place.clock.advance(LEASE);
    assert!(!lease(&place, &store, other).await);
    place.clock.advance(Duration::from_millis(1));

    assert!(lease(&place, &store, other).await);
    assert!(end_switching(&place, &store, other).await);
    let mut write = store.write().await.expect("a write");
    let now = place.clock.now();
    assert!(!write.end_reseal_pass(ours, 0, Some(now)).await.expect("asked"));
    assert!(write.end_reseal_pass(other, 3, Some(now)).await.expect("asked"));
    place.commit(write).await;
    let job = store.system().reseal_job().await.expect("read").expect("there");
    assert_eq!((job.state, job.closed, job.finished_at), (JobState::Done, 3, Some(now)));
}

pub async fn a_job_begins_once_and_a_staged_key_can_be_taken_back(place: Place) {
    let store = staged(&place).await;
    let mut write = store.write().await.expect("a write");
    let again = write.begin_reseal(&job(JobState::Staged, KeyVersion(3)), place.now()).await;
    drop(write);

    let mut write = store.write().await.expect("a write");
    let taken_back = write.unstage().await.expect("asked");
    let after = write.begin_reseal(&job(JobState::Switching, ONE), place.now()).await;
    place.commit(write).await;

    assert!(!again.expect("asked"), "one is under way");
    assert!(taken_back && after.expect("asked"));
    assert_eq!(states(&store).await, [(1, KeyState::Active, true)]);
    let job = store.system().reseal_job().await.expect("read").expect("there");
    assert_eq!((job.version, job.suite.as_str()), (ONE, "fernet"));
    assert!(!activate(&place, &store).await);
}

//! Gateway keys: found by their hash, revoked where they belong.

use std::time::Duration;

use model::{KeyPolicy, Scope, ScopeSet};
use store::StoreError;
use store::workspace::{GatewayKeyRow, PreviousToken};

use crate::place::Place;

pub async fn a_gateway_key_is_found_by_its_whole_hash(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let key = GatewayKeyRow {
        project: Some(tenant.project),
        scopes: ScopeSet::Only(vec![Scope::Inference, Scope::ReadByok]),
        policy: KeyPolicy {
            allowed_models: Some(vec!["openai/gpt-5".to_owned(), "a \"b\", c".to_owned()]),
            spend_cap_micro_usd: Some(u64::MAX),
            ..KeyPolicy::default()
        },
        expires_at: Some(place.now().plus(Duration::from_secs(60))),
        ..place.gateway_key(tenant.workspace, tenant.user)
    };
    place.add_gateway_key(&store, tenant.workspace, &key).await.expect("inserted");

    let row = store.system().gateway_key_by_hash(&key.token_hash).await.expect("read");
    let row = row.expect("there");
    let [prefix, one_more] = [&key.token_hash[..31], &[&key.token_hash[..], &[0]].concat()];

    assert_eq!(
        (row.id, row.workspace, row.project, row.owner),
        (key.id, tenant.workspace, key.project, key.owner)
    );
    assert_eq!(
        (row.name, row.token_hash, row.shown, row.scopes, row.policy),
        (key.name, key.token_hash.clone(), key.shown, key.scopes, key.policy)
    );
    assert_eq!(
        (row.expires_at, row.revoked_at, row.created_at),
        (key.expires_at, None, key.created_at)
    );
    for other in [prefix, one_more, &[], &[0; 32]] {
        assert!(store.system().gateway_key_by_hash(other).await.expect("read").is_none());
    }
}

pub async fn nulls_of_a_gateway_key_stay_nulls(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let open = place.gateway_key(tenant.workspace, tenant.user);
    let nothing = KeyPolicy { allowed_models: Some(Vec::new()), ..KeyPolicy::default() };
    let nothing_allowed =
        GatewayKeyRow { policy: nothing, ..place.gateway_key(tenant.workspace, tenant.user) };
    for key in [&open, &nothing_allowed] {
        place.add_gateway_key(&store, tenant.workspace, key).await.expect("inserted");
    }

    let row = store.system().gateway_key_by_hash(&open.token_hash).await.expect("read");
    let row = row.expect("there");
    let closed = store.system().gateway_key_by_hash(&nothing_allowed.token_hash).await;

    assert_eq!((row.project, row.policy.allowed_models), (None, None));
    assert_eq!((row.expires_at, row.revoked_at), (None, None));
    let closed = closed.expect("read").expect("there");
    assert_eq!(closed.policy.allowed_models, Some(Vec::new()), "no model is not every model");
}

pub async fn a_hash_is_taken_once_whatever_the_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let key = place.gateway_key(mine.workspace, mine.user);
    let token_hash = key.token_hash.clone();
    let copy = GatewayKeyRow {
        token_hash: token_hash.clone(),
        ..place.gateway_key(other.workspace, other.user)
    };
    place.add_gateway_key(&store, mine.workspace, &key).await.expect("inserted");

    let taken = place.add_gateway_key(&store, other.workspace, &copy).await;

    assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
    let row = store.system().gateway_key_by_hash(&token_hash).await.expect("read");
    assert_eq!(row.expect("there").workspace, mine.workspace);
}

pub async fn gateway_keys_are_listed_by_project_or_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let mut ids = Vec::new();
    for project in [None, Some(mine.project), None, Some(mine.project)] {
        place.clock.advance(Duration::from_secs(1));
        let key = GatewayKeyRow { project, ..place.gateway_key(mine.workspace, mine.user) };
        place.add_gateway_key(&store, mine.workspace, &key).await.expect("inserted");
        ids.push(key.id);
    }

    let listed = |workspace, project| {
        let store = store.clone();
        async move {
            let rows =
                store.workspace(workspace).gateway_keys(project, "", 100).await.expect("read");
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };

    assert_eq!(listed(mine.workspace, None).await, [ids[0], ids[2]]);
    assert_eq!(listed(mine.workspace, Some(mine.project)).await, [ids[1], ids[3]]);
    assert_eq!(listed(mine.workspace, Some(other.project)).await, []);
    assert_eq!(listed(other.workspace, None).await, []);
    assert_eq!(listed(other.workspace, Some(mine.project)).await, []);
}

pub async fn gateway_keys_are_read_in_pages(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        place.clock.advance(Duration::from_secs(1));
        let key = place.gateway_key(tenant.workspace, tenant.user);
        place.add_gateway_key(&store, tenant.workspace, &key).await.expect("inserted");
        ids.push(key.id);
    }
    let inside = store.workspace(tenant.workspace);

    let first = inside.gateway_keys(None, "", 2).await.expect("read");
    let rest = inside.gateway_keys(None, &ids[1].to_string(), 10).await.expect("read");

    let read = |rows: Vec<GatewayKeyRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!((read(first), read(rest)), (ids[..2].to_vec(), ids[2..].to_vec()));
}

pub async fn a_saved_gateway_key_is_found_by_both_its_tokens(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let key = place.gateway_key(tenant.workspace, tenant.user);
    place.add_gateway_key(&store, tenant.workspace, &key).await.expect("inserted");
    let until = place.now().plus(Duration::from_secs(60));

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    let mut row = inside.touch_gateway_key(key.id).await.expect("touched").expect("there");
    row.previous = Some(PreviousToken { hash: row.token_hash.clone(), until });
    row.token_hash = vec![9; 32];
    row.blocked_at = Some(place.now());
    inside.save_gateway_key(&row).await.expect("saved");
    place.commit(write).await;

    for hash in [&key.token_hash, &row.token_hash] {
        let found = store.system().gateway_key_by_hash(hash).await.expect("read").expect("there");
        assert_eq!((found.version, &found.previous), (2, &row.previous));
        assert_eq!((found.blocked_at, found.revoked_at), (row.blocked_at, None));
    }
}

pub async fn a_gateway_key_is_touched_in_its_workspace_only(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let key = place.gateway_key(mine.workspace, mine.user);
    place.add_gateway_key(&store, mine.workspace, &key).await.expect("inserted");

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    assert!(outside.touch_gateway_key(key.id).await.expect("no error").is_none());
    let revoked = GatewayKeyRow { revoked_at: Some(place.now()), ..key.clone() };
    outside.save_gateway_key(&revoked).await.expect("no error");
    place.commit(write).await;

    let row = store.workspace(mine.workspace).gateway_key(key.id).await.expect("read");
    let row = row.expect("there");
    assert_eq!((row.version, row.revoked_at), (1, None));
    let elsewhere = store.workspace(other.workspace).gateway_key(key.id).await.expect("read");
    assert!(elsewhere.is_none());
}

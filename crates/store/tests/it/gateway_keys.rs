//! Gateway keys: found by their hash, revoked where they belong.

use std::time::Duration;

use model::{Scope, ScopeSet};
use store::StoreError;
use store::workspace::NewGatewayKey;

use crate::place::Place;

pub async fn a_gateway_key_is_found_by_its_whole_hash(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let key = NewGatewayKey {
        project: Some(tenant.project),
        scopes: ScopeSet::Only(vec![Scope::Inference, Scope::ReadByok]),
        allowed_models: Some(vec!["openai/gpt-5".to_owned(), "a \"b\", c".to_owned()]),
        expires_at: Some(place.now().plus(Duration::from_secs(60))),
        ..place.gateway_key(tenant.user)
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
        (row.name, row.token_hash, row.shown, row.scopes, row.allowed_models),
        (key.name, key.token_hash.clone(), key.shown, key.scopes, key.allowed_models)
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
    let open = place.gateway_key(tenant.user);
    let nothing_allowed =
        NewGatewayKey { allowed_models: Some(Vec::new()), ..place.gateway_key(tenant.user) };
    for key in [&open, &nothing_allowed] {
        place.add_gateway_key(&store, tenant.workspace, key).await.expect("inserted");
    }

    let row = store.system().gateway_key_by_hash(&open.token_hash).await.expect("read");
    let row = row.expect("there");
    let closed = store.system().gateway_key_by_hash(&nothing_allowed.token_hash).await;

    assert_eq!((row.project, row.allowed_models), (None, None));
    assert_eq!((row.expires_at, row.revoked_at), (None, None));
    let closed = closed.expect("read").expect("there");
    assert_eq!(closed.allowed_models, Some(Vec::new()), "no model is not every model");
}

pub async fn a_hash_is_taken_once_whatever_the_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let key = place.gateway_key(mine.user);
    let token_hash = key.token_hash.clone();
    let copy = NewGatewayKey { token_hash: token_hash.clone(), ..place.gateway_key(other.user) };
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
        let key = NewGatewayKey { project, ..place.gateway_key(mine.user) };
        place.add_gateway_key(&store, mine.workspace, &key).await.expect("inserted");
        ids.push(key.id);
    }

    let listed = |workspace, project| {
        let store = store.clone();
        async move {
            let rows = store.workspace(workspace).gateway_keys(project).await.expect("read");
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };

    assert_eq!(listed(mine.workspace, None).await, [ids[0], ids[2]]);
    assert_eq!(listed(mine.workspace, Some(mine.project)).await, [ids[1], ids[3]]);
    assert_eq!(listed(mine.workspace, Some(other.project)).await, []);
    assert_eq!(listed(other.workspace, None).await, []);
    assert_eq!(listed(other.workspace, Some(mine.project)).await, []);
}

pub async fn revoking_twice_keeps_the_first_time(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let whole = place.gateway_key(tenant.user);
    let of_project =
        NewGatewayKey { project: Some(tenant.project), ..place.gateway_key(tenant.user) };
    for key in [&whole, &of_project] {
        place.add_gateway_key(&store, tenant.workspace, key).await.expect("inserted");
    }
    let first = place.now();

    for _ in 0..2 {
        for key in [&whole, &of_project] {
            let mut write = store.write().await.expect("a write");
            let mut inside = write.workspace(tenant.workspace);
            let hash = inside.revoke_gateway_key(key.project, key.id, place.now()).await;
            assert_eq!(hash.expect("revoked").as_ref(), Some(&key.token_hash));
            place.commit(write).await;
        }
        place.clock.advance(Duration::from_secs(60));
    }

    for key in [&whole, &of_project] {
        let row = store.system().gateway_key_by_hash(&key.token_hash).await.expect("read");
        assert_eq!(row.expect("still there").revoked_at, Some(first));
    }
}

pub async fn revoking_elsewhere_does_nothing(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let whole = place.gateway_key(mine.user);
    let of_project = NewGatewayKey { project: Some(mine.project), ..place.gateway_key(mine.user) };
    for key in [&whole, &of_project] {
        place.add_gateway_key(&store, mine.workspace, key).await.expect("inserted");
    }

    let mut write = store.write().await.expect("a write");
    for (workspace, project, id) in [
        (other.workspace, None, whole.id),
        (other.workspace, Some(other.project), of_project.id),
        (other.workspace, Some(mine.project), of_project.id),
        (mine.workspace, Some(mine.project), whole.id),
        (mine.workspace, Some(other.project), of_project.id),
        (mine.workspace, None, of_project.id),
        (mine.workspace, None, place.gateway_key(mine.user).id),
    ] {
        let hash = write.workspace(workspace).revoke_gateway_key(project, id, place.now()).await;
        assert_eq!(hash.expect("nothing to revoke"), None);
    }
    place.commit(write).await;

    for key in [&whole, &of_project] {
        let row = store.system().gateway_key_by_hash(&key.token_hash).await.expect("read");
        assert_eq!(row.expect("there").revoked_at, None);
    }
}

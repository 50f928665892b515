//! Sealed provider keys, one workspace's at a time.

use std::time::Duration;

use model::{KeyVersion, Sealed};
use store::workspace::{Health, ProviderKeyRow, Validation};

use crate::place::Place;
use crate::rows::{base_url, provider};

pub async fn every_column_of_a_provider_key_survives(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let key = ProviderKeyRow {
        project: Some(tenant.project),
        label: Some("the blue one".to_owned()),
        base_url: Some(base_url("https://llm.example.com/v1")),
        origin: "https://llm.example.com".to_owned(),
        sealed: Some(Sealed::from_bytes((0..=255).collect())),
        key_version: Some(KeyVersion(u32::MAX)),
        sealed_version: 9,
        is_active: false,
        validation: Validation::NoQuota,
        health: Health::OriginChanged,
        last_health_error: Some("no \"quota\"".to_owned()),
        last_health_check_at: Some(place.now()),
        ..place.provider_key(&openai)
    };

    assert!(!place.add_provider_key(&store, tenant.workspace, &openai, &key).await);

    let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!(format!("{rows:?}"), format!("{:?}", [&key]));
    assert_eq!(rows[0].sealed, key.sealed);
}

pub async fn nulls_of_a_provider_key_stay_nulls(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let key = ProviderKeyRow { sealed: None, key_version: None, ..place.provider_key(&openai) };

    place.add_provider_key(&store, tenant.workspace, &openai, &key).await;

    let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    let expected = ProviderKeyRow { is_default: true, ..key };
    assert_eq!(format!("{rows:?}"), format!("{:?}", [&expected]));
    assert!(store.system().seal_counts().await.expect("read").is_empty());
}

pub async fn the_first_key_of_a_provider_is_its_default(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let [openai, anthropic] = [provider("openai"), provider("anthropic")];
    let of_project = ProviderKeyRow { project: Some(mine.project), ..place.provider_key(&openai) };

    let mut became_default =
        vec![place.add_provider_key(&store, mine.workspace, &openai, &of_project).await];
    for (tenant, provider) in
        [(mine, &openai), (mine, &openai), (mine, &anthropic), (other, &openai)]
    {
        let key = place.provider_key(provider);
        let is_default = place.add_provider_key(&store, tenant.workspace, provider, &key).await;
        became_default.push(is_default);
    }

    assert_eq!(became_default, [false, true, false, true, true]);
    let rows = store.workspace(mine.workspace).provider_keys().await.expect("read");
    let listed: Vec<_> = rows.iter().map(|row| (row.provider.as_str(), row.is_default)).collect();
    let expected = [("anthropic", true), ("openai", true), ("openai", false), ("openai", false)];
    assert_eq!(listed, expected);
}

pub async fn deleting_the_default_promotes_the_oldest_of_that_provider(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let [openai, anthropic] = [provider("openai"), provider("anthropic")];
    let of_project =
        ProviderKeyRow { project: Some(tenant.project), ..place.provider_key(&openai) };
    place.add_provider_key(&store, tenant.workspace, &openai, &of_project).await;
    let other = place.provider_key(&anthropic);
    place.add_provider_key(&store, tenant.workspace, &anthropic, &other).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        place.clock.advance(Duration::from_secs(1));
        let key = place.provider_key(&openai);
        place.add_provider_key(&store, tenant.workspace, &openai, &key).await;
        ids.push(key.id);
    }

    let mut defaults = Vec::new();
    for doomed in [ids[0], ids[2], ids[1]] {
        let mut write = store.write().await.expect("a write");
        let deleted = write.workspace(tenant.workspace).delete_provider_key(doomed).await;
        assert_eq!(deleted.expect("deleted").as_deref(), Some("openai"));
        place.commit(write).await;
        let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
        let default = rows.iter().find(|row| row.is_default && row.provider == "openai");
        defaults.push(default.map(|row| row.id));
    }

    assert_eq!(defaults, [Some(ids[1]), Some(ids[1]), None], "the project's key is never it");
    let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| row.id == other.id && row.is_default));
}

pub async fn deleting_a_key_deletes_its_ciphertext(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let key = place.provider_key(&openai);
    place.add_provider_key(&store, tenant.workspace, &openai, &key).await;
    let count = "select count(*) from provider_keys where sealed is not null";
    assert_eq!(place.number(count).await, 1);

    for expected in [Some("openai".to_owned()), None] {
        let mut write = store.write().await.expect("a write");
        let deleted = write.workspace(tenant.workspace).delete_provider_key(key.id).await;
        place.commit(write).await;
        assert_eq!(deleted.expect("deleted"), expected);
    }

    assert_eq!(place.number("select count(*) from provider_keys").await, 0);
    assert!(store.system().seal_counts().await.expect("read").is_empty());
}

pub async fn another_workspace_can_neither_see_nor_change_a_key(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let openai = provider("openai");
    let key = place.provider_key(&openai);
    place.add_provider_key(&store, mine.workspace, &openai, &key).await;

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    let deleted = outside.delete_provider_key(key.id).await.expect("nothing to delete");
    let marked = outside.set_provider_key_health(key.id, Health::Unhealthy, None, place.now());
    let marked = marked.await.expect("nothing to mark");
    place.commit(write).await;

    assert_eq!((deleted, marked), (None, false));
    assert!(store.workspace(other.workspace).provider_keys().await.expect("read").is_empty());
    let rows = store.workspace(mine.workspace).provider_keys().await.expect("read");
    assert_eq!((rows.len(), rows[0].health), (1, Health::Unknown));
}

pub async fn health_is_set_with_its_time_and_its_error(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let key = place.provider_key(&openai);
    place.add_provider_key(&store, tenant.workspace, &openai, &key).await;

    for (health, error) in [(Health::Undecryptable, Some("no version 1")), (Health::Healthy, None)]
    {
        place.clock.advance(Duration::from_secs(60));
        let mut write = store.write().await.expect("a write");
        let mut inside = write.workspace(tenant.workspace);
        let marked = inside.set_provider_key_health(key.id, health, error, place.now()).await;
        place.commit(write).await;

        assert!(marked.expect("marked"));
        let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
        assert_eq!(
            (rows[0].health, rows[0].last_health_error.as_deref(), rows[0].last_health_check_at),
            (health, error, Some(place.now()))
        );
    }
}

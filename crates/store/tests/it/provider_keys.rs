//! Sealed provider keys, one workspace's at a time.

use std::time::Duration;

use model::{DataPolicy, KeyVersion, Sealed, Tier, TierSource};
use store::StoreError;
use store::workspace::{Health, Probe, ProviderKeyRow, Validation};

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
        name: Some("llama".to_owned()),
        allowed_models: Some(vec!["a/b".to_owned(), "ä\"".to_owned()]),
        data_policy: Some(DataPolicy::Zdr),
        tier: Some(Tier::enterprise()),
        tier_source: Some(TierSource::Default),
        version: 4,
        validation: Validation::NoQuota,
        health: Health::OriginChanged,
        last_health_error: Some("no \"quota\"".to_owned()),
        last_health_check_at: Some(place.now()),
        ..place.provider_key(&openai)
    };

    assert!(!place.add_provider_key(&store, tenant.workspace, &key).await);

    let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!(format!("{rows:?}"), format!("{:?}", [&key]));
    assert_eq!(rows[0].sealed, key.sealed);
}

pub async fn nulls_of_a_provider_key_stay_nulls(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let key = ProviderKeyRow { sealed: None, key_version: None, ..place.provider_key(&openai) };

    place.add_provider_key(&store, tenant.workspace, &key).await;

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
        vec![place.add_provider_key(&store, mine.workspace, &of_project).await];
    for (tenant, provider) in
        [(mine, &openai), (mine, &openai), (mine, &anthropic), (other, &openai)]
    {
        let key = place.provider_key(provider);
        let is_default = place.add_provider_key(&store, tenant.workspace, &key).await;
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
    place.add_provider_key(&store, tenant.workspace, &of_project).await;
    let other = place.provider_key(&anthropic);
    place.add_provider_key(&store, tenant.workspace, &other).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        place.clock.advance(Duration::from_secs(1));
        let key = place.provider_key(&openai);
        place.add_provider_key(&store, tenant.workspace, &key).await;
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
    place.add_provider_key(&store, tenant.workspace, &key).await;
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
    place.add_provider_key(&store, mine.workspace, &key).await;

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    let deleted = outside.delete_provider_key(key.id).await.expect("nothing to delete");
    let marked = outside.set_provider_key_health(key.id, 1, Health::Unhealthy, None, place.now());
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
    place.add_provider_key(&store, tenant.workspace, &key).await;

    for (health, error) in [(Health::Undecryptable, Some("no version 1")), (Health::Healthy, None)]
    {
        place.clock.advance(Duration::from_secs(60));
        let mut write = store.write().await.expect("a write");
        let mut inside = write.workspace(tenant.workspace);
        let marked = inside.set_provider_key_health(key.id, 1, health, error, place.now()).await;
        place.commit(write).await;

        assert!(marked.expect("marked"));
        let rows = store.workspace(tenant.workspace).provider_keys().await.expect("read");
        assert_eq!(
            (rows[0].health, rows[0].last_health_error.as_deref(), rows[0].last_health_check_at),
            (health, error, Some(place.now()))
        );
    }
}

pub async fn a_probe_is_kept_for_the_value_it_was_about(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let key = place.provider_key(&provider("openai"));
    place.add_provider_key(&store, tenant.workspace, &key).await;
    let tier = |name: &str| Some(name.parse().expect("a tier"));
    let probe = |validation, health, tier| Probe {
        validation,
        health,
        error: Some("in the provider's words".to_owned()),
        tier,
    };

    for (sealed_version, probe, is_written) in [
        (2, probe(Validation::Invalid, Health::Unhealthy, tier("tier-5")), false),
        (1, probe(Validation::Restricted, Health::Healthy, tier("tier-2")), true),
        (1, probe(Validation::NoQuota, Health::Unknown, None), true),
    ] {
        let mut write = store.write().await.expect("a write");
        let mut inside = write.workspace(tenant.workspace);
        let written = inside.set_provider_key_probe(key.id, sealed_version, &probe, place.now());
        assert_eq!(written.await.expect("written"), is_written, "{probe:?}");
        place.commit(write).await;
    }

    let row = store.workspace(tenant.workspace).provider_key(key.id).await.expect("read");
    let row = row.expect("the key");
    assert_eq!((row.validation, row.health), (Validation::NoQuota, Health::Unknown));
    assert_eq!(row.last_health_error.as_deref(), Some("in the provider's words"));
    assert_eq!(row.last_health_check_at, Some(place.now()));
    assert_eq!(row.tier, tier("tier-2"), "what is not told stays");
    assert_eq!(row.tier_source, Some(TierSource::AutoDetected));
    assert_eq!(row.version, 1, "nobody changed it");
}

pub async fn a_tier_chosen_by_hand_is_not_detected_away(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let key = ProviderKeyRow {
        tier: Some(Tier::enterprise()),
        tier_source: Some(TierSource::UserSpecified),
        ..place.provider_key(&provider("openai"))
    };
    place.add_provider_key(&store, tenant.workspace, &key).await;
    let probe = Probe {
        validation: Validation::Valid,
        health: Health::Healthy,
        error: None,
        tier: Some("tier-5".parse().expect("a tier")),
    };

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    assert!(inside.set_provider_key_probe(key.id, 1, &probe, place.now()).await.expect("written"));
    place.commit(write).await;

    let row = store.workspace(tenant.workspace).provider_key(key.id).await.expect("read");
    let row = row.expect("the key");
    assert_eq!((row.tier, row.health), (Some(Tier::enterprise()), Health::Healthy));
    assert_eq!(row.tier_source, Some(TierSource::UserSpecified));
}

pub async fn a_projects_key_is_found_by_its_provider(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let openai = provider("openai");
    let shared = place.provider_key(&openai);
    place.add_provider_key(&store, mine.workspace, &shared).await;
    let of_project = ProviderKeyRow { project: Some(mine.project), ..place.provider_key(&openai) };
    place.add_provider_key(&store, mine.workspace, &of_project).await;

    for (tenant, project, provider, expected) in [
        (mine, mine.project, "openai", Some(of_project.id)),
        (mine, mine.project, "groq", None),
        (mine, other.project, "openai", None),
        (other, mine.project, "openai", None),
        (other, other.project, "openai", None),
    ] {
        let workspace = store.workspace(tenant.workspace);
        let found = workspace.provider_key_of_project(project, provider).await.expect("read");
        assert_eq!(found.map(|row| row.id), expected);
    }

    let second = ProviderKeyRow { project: Some(mine.project), ..place.provider_key(&openai) };
    let mut write = store.write().await.expect("a write");
    let refused = write.workspace(mine.workspace).insert_provider_key(&second).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

pub async fn an_endpoints_name_is_taken_once_in_its_place(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let custom = provider("custom");
    let named = |name: Option<&str>, project| ProviderKeyRow {
        name: name.map(str::to_owned),
        project,
        ..place.provider_key(&custom)
    };
    for (tenant, project) in [(mine, None), (mine, Some(mine.project)), (other, None)] {
        for name in [Some("llama"), Some("qwen"), None, None] {
            let row = named(name, project);
            place.add_provider_key(&store, tenant.workspace, &row).await;
        }
    }

    for project in [None, Some(mine.project)] {
        let mut write = store.write().await.expect("a write");
        let mut inside = write.workspace(mine.workspace);
        let refused = inside.insert_provider_key(&named(Some("llama"), project)).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
}

pub async fn a_saved_key_keeps_what_only_traffic_and_defaults_write(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let key = place.provider_key(&provider("openai"));
    place.add_provider_key(&store, tenant.workspace, &key).await;

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    let mut row = inside.touch_provider_key(key.id).await.expect("read").expect("the key");
    inside.set_provider_key_used(key.id, place.now()).await.expect("marked");
    row.label = Some("green".to_owned());
    row.sealed = Some(Sealed::from_bytes(vec![4]));
    row.sealed_version = 2;
    row.is_default = false;
    row.last_used_at = None;
    inside.save_provider_key(&row).await.expect("saved");
    place.commit(write).await;

    let read = store.workspace(tenant.workspace).provider_key(key.id).await.expect("read");
    let read = read.expect("the key");
    assert_eq!((read.label.as_deref(), read.sealed_version, read.version), (Some("green"), 2, 2));
    assert_eq!((read.is_default, read.last_used_at), (true, Some(place.now())));
}

pub async fn one_default_steps_down_for_another(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let [openai, groq] = [provider("openai"), provider("groq")];
    let keys = [&openai, &openai, &groq].map(|provider| place.provider_key(provider));
    for key in &keys {
        place.add_provider_key(&store, mine.workspace, key).await;
    }
    let of_project = ProviderKeyRow { project: Some(mine.project), ..place.provider_key(&openai) };
    place.add_provider_key(&store, mine.workspace, &of_project).await;

    for (tenant, id, is_made) in [
        (mine, keys[1].id, true),
        (mine, keys[1].id, true),
        (mine, of_project.id, false),
        (other, keys[0].id, false),
    ] {
        let mut write = store.write().await.expect("a write");
        let made = write.workspace(tenant.workspace).make_default(id).await.expect("asked");
        assert_eq!(made, is_made);
        place.commit(write).await;
    }

    let rows = store.workspace(mine.workspace).provider_keys().await.expect("read");
    let defaults: Vec<_> = rows.iter().filter(|row| row.is_default).map(|row| row.id).collect();
    assert_eq!(defaults, [keys[2].id, keys[1].id]);
}

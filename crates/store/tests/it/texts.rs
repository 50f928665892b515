//! Odd values: what people paste is stored as it is, or refused; never changed, never a panic.

use std::collections::BTreeSet;

use model::{KeyVersion, Sealed, Timestamp};
use store::StoreError;
use store::workspace::{Health, ProjectRow, ProviderKeyRow, WorkspaceRow};

use crate::place::Place;
use crate::rows::provider;

const ODD: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "a ",
    " a",
    "NULL",
    "0",
    "'; drop table projects; --",
    "it's \"quoted\" `thrice`",
    "$1 ? :name @name %s {}",
    "back\\slash \\x00 \\n",
    "line\nbreak\r\ttab",
    "\u{1}\u{7f}\u{feff}\u{200b}",
    "👩‍👩‍👧‍👦 🦀",
    "e\u{301}",
    "\u{e9}",
    "שלום עולם",
    "\u{10ffff}\u{fffd}",
];

pub async fn odd_texts_survive_and_stay_apart(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");

    let mut write = store.write().await.expect("a write");
    for name in ODD {
        let project = place.project(name);
        let inserted = write.workspace(tenant.workspace).insert_project(&project).await;
        inserted.expect(name);
        let user = place.user(name);
        write.insert_user(&user).await.expect(name);
    }
    place.commit(write).await;
    let long = ODD.concat().repeat(300);
    let key = ProviderKeyRow { label: Some(long.clone()), ..place.provider_key(&openai) };
    place.add_provider_key(&store, tenant.workspace, &key).await;

    let projects = store.workspace(tenant.workspace).projects().await.expect("read");
    let names: BTreeSet<_> = projects.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(names, ODD.iter().copied().chain(["default"]).collect());
    for email in ODD {
        let user = store.system().user_by_email(email).await.expect("read").expect(email);
        assert_eq!(user.email, *email);
    }
    let keys = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!(keys[0].label.as_deref(), Some(long.as_str()));
}

pub async fn large_blobs_survive(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let mut bytes = vec![0; 60 << 10];
    model::Random::fill(&place.random, &mut bytes);
    let sealed = Some(Sealed::from_bytes(bytes.clone()));

    let key = ProviderKeyRow { sealed: sealed.clone(), ..place.provider_key(&openai) };
    place.add_provider_key(&store, tenant.workspace, &key).await;
    let empty = ProviderKeyRow {
        sealed: Some(Sealed::from_bytes(Vec::new())),
        ..place.provider_key(&openai)
    };
    place.add_provider_key(&store, tenant.workspace, &empty).await;
    let workspace = place.workspace_id();
    let mut write = store.write().await.expect("a write");
    let row = WorkspaceRow { salt: bytes.clone(), ..place.workspace_row(workspace) };
    write.insert_workspace(&row).await.expect("inserted");
    place.commit(write).await;

    let keys = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!(keys[0].sealed, sealed);
    assert_eq!(keys[1].sealed, empty.sealed, "nothing inside is not nothing");
    let row = store.workspace(workspace).row().await.expect("read").expect("there");
    assert_eq!(row.salt, bytes);
}

/// PostgreSQL's texts have no NUL; both databases behave as if neither had.
pub async fn a_nul_is_refused_and_finds_nothing(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let key = place.provider_key(&openai);
    place.add_provider_key(&store, tenant.workspace, &key).await;

    let mut write = store.write().await.expect("a write");
    let user = write.insert_user(&place.user("a\0b@example.com")).await;
    let mut inside = write.workspace(tenant.workspace);
    let project = inside.insert_project(&place.project("\0")).await;
    let error = Some("ends in \0");
    let health =
        inside.set_provider_key_health(key.id, 1, Health::Unknown, error, place.now()).await;
    let plain = inside.insert_project(&place.project("plain")).await;
    place.commit(write).await;

    assert!(matches!(user, Err(StoreError::Unstorable)), "{user:?}");
    assert!(matches!(project, Err(StoreError::Unstorable)), "{project:?}");
    assert!(matches!(health, Err(StoreError::Unstorable)), "{health:?}");
    plain.expect("what follows goes on");
    assert!(store.system().user_by_email("a\0b@example.com").await.expect("read").is_none());
    assert!(store.system().instance_secret("\0").await.expect("read").is_none());
}

pub async fn extreme_numbers_survive(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let openai = provider("openai");
    let times = [i64::MIN, -1, 0, i64::MAX].map(Timestamp::from_unix_ms);

    let mut write = store.write().await.expect("a write");
    for created_at in times {
        let project = ProjectRow { created_at, ..place.project(&created_at.unix_ms().to_string()) };
        write.workspace(tenant.workspace).insert_project(&project).await.expect("inserted");
    }
    place.commit(write).await;
    let largest = u64::try_from(i64::MAX).expect("positive");
    let key = ProviderKeyRow {
        sealed_version: largest,
        key_version: Some(KeyVersion(u32::MAX)),
        ..place.provider_key(&openai)
    };
    place.add_provider_key(&store, tenant.workspace, &key).await;

    let projects = store.workspace(tenant.workspace).projects().await.expect("read");
    for created_at in times {
        assert!(projects.iter().any(|project| project.created_at == created_at), "{created_at}");
    }
    let keys = store.workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!((keys[0].sealed_version, keys[0].key_version), (largest, key.key_version));
}

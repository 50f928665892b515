//! Sealed values under a name, one workspace's at a time.

use std::time::Duration;

use model::{KeyVersion, Sealed, SecretCategory, SecretId, WorkspaceId};
use store::workspace::SecretRow;
use store::{Store, StoreError};

use crate::place::Place;

/// Sealed by version 1, without a description.
fn secret(place: &Place, name: &str) -> SecretRow {
    SecretRow {
        id: SecretId::new(&place.clock, &place.random),
        name: name.to_owned(),
        category: SecretCategory::ApiKey,
        description: None,
        sealed: Sealed::from_bytes(vec![1, 2, 3]),
        key_version: KeyVersion(1),
        sealed_version: 1,
        version: 1,
        created_at: place.now(),
        updated_at: place.now(),
    }
}

async fn add(
    place: &Place,
    store: &Store,
    workspace: WorkspaceId,
    secret: &SecretRow,
) -> store::Result<()> {
    let mut write = store.write().await?;
    write.workspace(workspace).insert_secret(secret).await?;
    write.commit(place.now()).await
}

pub async fn every_column_of_a_secret_survives(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let full = SecretRow {
        category: SecretCategory::LlmProvider,
        description: Some("of the \"shop\"\nand more".to_owned()),
        sealed: Sealed::from_bytes((0..=255).collect()),
        key_version: KeyVersion(u32::MAX),
        sealed_version: 9,
        ..secret(&place, "full")
    };
    let bare = secret(&place, "bare");

    for row in [&full, &bare] {
        add(&place, &store, tenant.workspace, row).await.expect("inserted");
    }

    for row in [&full, &bare] {
        let read = store.workspace(tenant.workspace).secret(&row.name).await;
        let read = read.expect("read").expect("there");
        assert_eq!(format!("{read:?}"), format!("{row:?}"));
        assert_eq!(read.sealed, row.sealed);
    }
}

pub async fn a_secrets_name_is_taken_once_in_a_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];

    for (tenant, is_free) in [(mine, true), (mine, false), (other, true)] {
        let added = add(&place, &store, tenant.workspace, &secret(&place, "hook")).await;
        match is_free {
            true => added.expect("inserted"),
            false => assert!(matches!(added, Err(StoreError::Conflict)), "{added:?}"),
        }
    }
    // Names are what they are, in every case.
    add(&place, &store, mine.workspace, &secret(&place, "Hook")).await.expect("inserted");
}

pub async fn secrets_are_read_in_pages_by_category_and_without_ours(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    add(&place, &store, other.workspace, &secret(&place, "foreign")).await.expect("inserted");
    let mut ids = Vec::new();
    for (name, category) in [
        ("a", SecretCategory::Database),
        ("keystile:webhook", SecretCategory::Custom),
        ("b", SecretCategory::ApiKey),
        ("c", SecretCategory::Database),
        ("d", SecretCategory::ApiKey),
    ] {
        place.clock.advance(Duration::from_secs(1));
        let row = SecretRow { category, ..secret(&place, name) };
        add(&place, &store, mine.workspace, &row).await.expect("inserted");
        ids.push(row.id.to_string());
    }
    let inside = store.workspace(mine.workspace);
    let names = |rows: store::Result<Vec<SecretRow>>| {
        rows.expect("read").into_iter().map(|row| row.name).collect::<Vec<_>>()
    };

    assert_eq!(names(inside.secrets(None, "", 10).await), ["a", "b", "c", "d"]);
    assert_eq!(names(inside.secrets(None, &ids[0], 2).await), ["b", "c"]);
    let databases = Some(SecretCategory::Database);
    assert_eq!(names(inside.secrets(databases, "", 10).await), ["a", "c"]);
    assert_eq!(names(inside.secrets(databases, &ids[0], 10).await), ["c"]);
    assert_eq!(names(inside.secrets(Some(SecretCategory::Custom), "", 10).await), [""; 0]);
    // By its name ours is found, for us.
    assert!(inside.secret("keystile:webhook").await.expect("read").is_some());
}

pub async fn a_saved_secret_keeps_its_id_and_its_first_time(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let before = secret(&place, "hook");
    add(&place, &store, tenant.workspace, &before).await.expect("inserted");
    place.clock.advance(Duration::from_secs(60));

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    let touched = inside.touch_secret("hook").await.expect("touched").expect("there");
    let after = SecretRow {
        name: "crook".to_owned(),
        category: SecretCategory::Custom,
        description: Some("bent".to_owned()),
        sealed: Sealed::from_bytes(vec![9]),
        key_version: KeyVersion(2),
        sealed_version: 2,
        updated_at: place.now(),
        ..touched
    };
    inside.save_secret(&after).await.expect("saved");
    place.commit(write).await;

    let inside = store.workspace(tenant.workspace);
    let read = inside.secret("crook").await.expect("read").expect("there");
    assert_eq!(format!("{read:?}"), format!("{after:?}"));
    assert_eq!((read.id, read.version, read.created_at), (before.id, 2, before.created_at));
    assert!(inside.secret("hook").await.expect("read").is_none());
}

pub async fn a_secret_is_of_one_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let row = secret(&place, "hook");
    add(&place, &store, mine.workspace, &row).await.expect("inserted");

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    let touched = outside.touch_secret("hook").await.expect("nothing to touch");
    let changed = SecretRow { name: "mine now".to_owned(), ..row.clone() };
    outside.save_secret(&changed).await.expect("nothing to save");
    let deleted = outside.delete_secret("hook").await.expect("nothing to delete");
    place.commit(write).await;

    assert!(touched.is_none() && deleted.is_none());
    assert!(store.workspace(other.workspace).secret("hook").await.expect("read").is_none());
    let kept = store.workspace(mine.workspace).secret("hook").await.expect("read").expect("there");
    assert_eq!(format!("{kept:?}"), format!("{row:?}"));
}

pub async fn a_deleted_secret_leaves_no_ciphertext(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let row = SecretRow { key_version: KeyVersion(3), ..secret(&place, "hook") };
    add(&place, &store, tenant.workspace, &row).await.expect("inserted");
    let counts = store.system().seal_counts().await.expect("read");
    let counts: Vec<_> = counts.iter().map(|count| (count.version, count.rows)).collect();
    assert_eq!(counts, [(KeyVersion(3), 1)], "it is counted as a seal");

    for is_there in [true, false] {
        let mut write = store.write().await.expect("a write");
        let deleted = write.workspace(tenant.workspace).delete_secret("hook").await;
        place.commit(write).await;
        assert_eq!(deleted.expect("deleted").map(|row| row.id), is_there.then_some(row.id));
    }

    assert_eq!(place.number("select count(*) from secrets").await, 0);
    assert!(store.system().seal_counts().await.expect("read").is_empty());
}

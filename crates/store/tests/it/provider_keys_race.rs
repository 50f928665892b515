//! One default for each provider of a workspace, whoever writes at the same time.

use futures_util::future::join_all;
use model::ProviderKeyId;

use crate::place::Place;
use crate::rows::provider;

pub async fn twenty_inserts_together_make_one_default(place: Place) {
    let stores = [place.store().await, place.store().await];
    let tenant = place.tenant(&stores[0]).await;
    let openai = provider("openai");

    let inserts = (0..20).map(|n| {
        let (store, place, openai) = (&stores[n % 2], &place, &openai);
        async move {
            let key = place.provider_key(openai);
            place.add_provider_key(store, tenant.workspace, &key).await
        }
    });
    let became_default = join_all(inserts).await;

    assert_eq!(became_default.iter().filter(|is_default| **is_default).count(), 1);
    let rows = stores[0].workspace(tenant.workspace).provider_keys().await.expect("read");
    assert_eq!(rows.len(), 20);
    assert_eq!(rows.iter().filter(|row| row.is_default).count(), 1);
}

/// What is left has exactly one default, and no key is left without one.
pub async fn deletes_and_inserts_together_leave_one_default(place: Place) {
    let stores = [place.store().await, place.store().await];
    let openai = provider("openai");

    for _ in 0..10 {
        let tenant = place.tenant(&stores[0]).await;
        let old: Vec<_> = (0..4).map(|_| place.provider_key(&openai)).collect();
        for key in &old {
            place.add_provider_key(&stores[0], tenant.workspace, key).await;
        }
        let deletes = old.iter().enumerate().map(|(n, key)| {
            let store = &stores[n % 2];
            delete(&place, store, tenant.workspace, key.id)
        });
        let inserts = (0..2).map(|n: usize| {
            let (store, place, openai) = (&stores[n], &place, &openai);
            async move {
                let key = place.provider_key(openai);
                place.add_provider_key(store, tenant.workspace, &key).await
            }
        });

        tokio::join!(join_all(deletes), join_all(inserts));

        let rows = stores[0].workspace(tenant.workspace).provider_keys().await.expect("read");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.iter().filter(|row| row.is_default).count(), 1);
    }
}

async fn delete(
    place: &Place,
    store: &store::Store,
    workspace: model::WorkspaceId,
    id: ProviderKeyId,
) {
    let mut write = store.write().await.expect("a write");
    let deleted = write.workspace(workspace).delete_provider_key(id).await.expect("deleted");
    assert!(deleted.is_some());
    place.commit(write).await;
}

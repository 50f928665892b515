//! Invitations: found by the hash of a token, accepted once, open for a while.

use std::time::Duration;

use futures_util::future::join_all;
use model::{InvitationId, Random as _, Role};
use store::Store;
use store::workspace::InvitationRow;

use crate::place::Place;
use crate::rows::Tenant;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn invitation(place: &Place, tenant: Tenant, email: &str) -> InvitationRow {
    let mut token_hash = vec![0; 32];
    place.random.fill(&mut token_hash);
    InvitationRow {
        id: InvitationId::new(&place.clock, &place.random),
        workspace: tenant.workspace,
        email: email.to_owned(),
        role: Role::Admin,
        token_hash,
        invited_by: tenant.user,
        created_at: place.now(),
        expires_at: place.now().plus(WEEK),
    }
}

async fn invited(place: &Place, store: &Store, tenant: Tenant, email: &str) -> InvitationRow {
    let row = invitation(place, tenant, email);
    let mut write = store.write().await.expect("a write");
    write.workspace(tenant.workspace).insert_invitation(&row).await.expect("inserted");
    place.commit(write).await;
    row
}

async fn is_open(place: &Place, store: &Store, row: &InvitationRow) -> bool {
    let found = store.system().open_invitation(&row.token_hash, place.now()).await.expect("read");
    found.is_some()
}

pub async fn an_invitation_is_found_by_its_hash_until_it_is_used_revoked_or_expired(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let mut rows = Vec::new();
    for email in ["used@example.com", "revoked@example.com", "late@example.com"] {
        rows.push(invited(&place, &store, tenant, email).await);
    }

    let found = store.system().open_invitation(&rows[0].token_hash, place.now()).await;
    assert_eq!(found.expect("read"), Some((rows[0].clone(), "acme".to_owned())));
    assert!(store.system().open_invitation(&[0; 32], place.now()).await.expect("read").is_none());

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    let accepted = inside.accept_invitation(rows[0].id, place.now()).await.expect("accepted");
    assert_eq!(accepted, Some(rows[0].clone()));
    assert!(inside.revoke_invitation(rows[1].id, place.now()).await.expect("revoked"));
    place.commit(write).await;
    place.clock.advance(WEEK - Duration::from_millis(1));
    let mut open = Vec::new();
    for row in &rows {
        open.push(is_open(&place, &store, row).await);
    }
    assert_eq!(open, [false, false, true]);

    place.clock.advance(Duration::from_millis(1));
    assert!(!is_open(&place, &store, &rows[2]).await);
    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    for row in &rows {
        assert!(inside.accept_invitation(row.id, place.now()).await.expect("asked").is_none());
        assert!(!inside.revoke_invitation(row.id, place.now()).await.expect("asked"));
    }
    drop(write);
    place.clock.advance(Duration::from_millis(1));
    let mut write = store.write().await.expect("a write");
    write.delete_invitations(place.now()).await.expect("deleted");
    place.commit(write).await;
    assert_eq!(place.number("select count(*) from invitations").await, 0);
}

pub async fn an_invitation_is_accepted_once_whoever_is_first(place: Place) {
    let stores = [place.store().await, place.store().await];
    let tenant = place.tenant(&stores[0]).await;
    let row = invited(&place, &stores[0], tenant, "one@example.com").await;

    let accepts = (0..8).map(|n| {
        let (place, store, id) = (&place, &stores[n % 2], row.id);
        async move {
            let mut write = store.write().await.expect("a write");
            let mut inside = write.workspace(tenant.workspace);
            let accepted = inside.accept_invitation(id, place.now()).await.expect("asked");
            place.commit(write).await;
            accepted.is_some()
        }
    });
    let accepted = join_all(accepts).await;

    assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), 1);
}

pub async fn another_workspace_cannot_touch_an_invitation(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let row = invited(&place, &store, mine, "one@example.com").await;
    let now = place.now();

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    assert!(outside.accept_invitation(row.id, now).await.expect("asked").is_none());
    assert!(!outside.revoke_invitation(row.id, now).await.expect("asked"));
    assert_eq!(outside.revoke_invitations_by(mine.user, now).await.expect("asked"), 0);
    assert_eq!(outside.revoke_invitations_to("one@example.com", now).await.expect("asked"), 0);
    assert_eq!(outside.count_open_invitations(now).await.expect("counted"), 0);
    place.commit(write).await;

    let outside = store.workspace(other.workspace);
    assert_eq!(outside.open_invitations(now, "", 10).await.expect("read"), []);
    assert!(is_open(&place, &store, &row).await);
    let mut write = store.write().await.expect("a write");
    assert!(write.workspace(mine.workspace).delete().await.expect("deleted"));
    place.commit(write).await;
    assert!(!is_open(&place, &store, &row).await, "it goes with its workspace");
}

pub async fn open_invitations_are_counted_and_read_in_pages(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let mut rows = Vec::new();
    for n in 0..4 {
        place.clock.advance(Duration::from_secs(1));
        rows.push(invited(&place, &store, tenant, &format!("p{n}@example.com")).await);
    }
    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    inside.revoke_invitation(rows[1].id, place.now()).await.expect("revoked");
    assert_eq!(inside.count_open_invitations(place.now()).await.expect("counted"), 3);
    place.commit(write).await;

    let inside = store.workspace(tenant.workspace);
    let first = inside.open_invitations(place.now(), "", 2).await.expect("read");
    let after = rows[2].id.to_string();
    let second = inside.open_invitations(place.now(), &after, 2).await.expect("read");

    assert_eq!(first, [rows[0].clone(), rows[2].clone()]);
    assert_eq!(second, [rows[3].clone()]);
}

pub async fn revoking_by_sender_or_by_address_takes_only_those(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let admin = place.user("admin@example.com");
    let by_admin =
        InvitationRow { invited_by: admin.id, ..invitation(&place, tenant, "theirs@example.com") };
    let mut write = store.write().await.expect("a write");
    write.workspace(tenant.workspace).insert_invitation(&by_admin).await.expect("inserted");
    place.commit(write).await;
    let [kept, again] = [
        invited(&place, &store, tenant, "kept@example.com").await,
        invited(&place, &store, tenant, "again@example.com").await,
    ];

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    assert_eq!(inside.revoke_invitations_by(admin.id, place.now()).await.expect("revoked"), 1);
    let to = inside.revoke_invitations_to("again@example.com", place.now()).await;
    assert_eq!(to.expect("revoked"), 1);
    place.commit(write).await;

    let mut open = Vec::new();
    for row in [&by_admin, &kept, &again] {
        open.push(is_open(&place, &store, row).await);
    }
    assert_eq!(open, [false, true, false]);
}

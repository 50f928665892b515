//! Users and sessions.

use std::time::Duration;

use model::{Role, SessionId};
use store::StoreError;
use store::system::UserRow;

use crate::place::Place;

pub async fn a_user_is_read_back_whole(place: Place) {
    let store = place.store().await;
    let operator = UserRow { is_operator: true, ..place.user("one@example.com") };
    let plain = place.user("Two+tag@example.com");

    let mut write = store.write().await.expect("a write");
    write.insert_user(&operator).await.expect("inserted");
    write.insert_user(&plain).await.expect("inserted");
    place.commit(write).await;

    for user in [operator, plain] {
        let read = store.system().user_by_email(&user.email).await.expect("read").expect("there");
        assert_eq!(
            (read.id, read.email, read.password_hash, read.is_operator, read.created_at),
            (user.id, user.email, user.password_hash, user.is_operator, user.created_at)
        );
    }
    for unknown in ["ONE@example.com", "one@example.com ", "", "%"] {
        let read = store.system().user_by_email(unknown).await.expect("read");
        assert!(read.is_none(), "{unknown}");
    }
}

pub async fn an_email_is_taken_once(place: Place) {
    let store = place.store().await;
    let [first, second] = [place.user("one@example.com"), place.user("one@example.com")];
    let mut write = store.write().await.expect("a write");
    write.insert_user(&first).await.expect("inserted");
    place.commit(write).await;

    let mut write = store.write().await.expect("a write");
    let taken = write.insert_user(&second).await;
    drop(write);

    assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
    let kept = store.system().user_by_email("one@example.com").await.expect("read");
    assert_eq!(kept.expect("there").id, first.id);
}

pub async fn a_session_is_read_back_live_revoked_or_expired(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let (now, expired) = (place.now(), model::Timestamp::from_unix_ms(1));
    let new_id = || SessionId::new(&place.clock, &place.random);
    let [live, revoked, old] = [new_id(), new_id(), new_id()];
    let in_an_hour = now.plus(Duration::from_secs(3600));

    let mut write = store.write().await.expect("a write");
    for (id, expires_at) in [(live, in_an_hour), (revoked, in_an_hour), (old, expired)] {
        write.insert_session(id, tenant.user, now, expires_at).await.expect("inserted");
    }
    write.revoke_session(revoked, now).await.expect("revoked");
    write.revoke_session(revoked, in_an_hour).await.expect("revoked again");
    write.revoke_session(new_id(), now).await.expect("nothing to revoke is no failure");
    place.commit(write).await;

    let mut read = Vec::new();
    for id in [live, revoked, old] {
        let row = store.system().session(id).await.expect("read").expect("there");
        assert_eq!((row.user, row.is_operator), (tenant.user, false));
        read.push((row.expires_at, row.revoked_at));
    }
    assert_eq!(read, [(in_an_hour, None), (in_an_hour, Some(now)), (expired, None)]);
    assert!(store.system().session(new_id()).await.expect("read").is_none());
}

pub async fn a_session_of_nobody_is_refused(place: Place) {
    let store = place.store().await;
    let nobody = place.user("nobody@example.com").id;
    let id = SessionId::new(&place.clock, &place.random);

    let mut write = store.write().await.expect("a write");
    let refused = write.insert_session(id, nobody, place.now(), place.now()).await;
    drop(write);

    assert!(refused.is_err());
    assert!(store.system().session(id).await.expect("read").is_none());
}

pub async fn sessions_go_with_their_user(place: Place) {
    let store = place.store().await;
    let user = place.user("one@example.com");
    let id = SessionId::new(&place.clock, &place.random);
    let mut write = store.write().await.expect("a write");
    write.insert_user(&user).await.expect("inserted");
    write.insert_session(id, user.id, place.now(), place.now()).await.expect("inserted");
    place.commit(write).await;

    place.run("delete from users").await;

    assert!(store.system().session(id).await.expect("read").is_none());
    assert_eq!(place.number("select count(*) from sessions").await, 0);
}

pub async fn workspaces_of_a_user_are_only_those(place: Place) {
    let store = place.store().await;
    let first = place.tenant(&store).await;
    place.clock.advance(Duration::from_secs(1));
    let second = place.tenant(&store).await;
    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(second.workspace);
    inside.insert_member(first.user, Role::Member, place.now()).await.expect("joined");
    place.commit(write).await;

    let of = |user| {
        let store = store.clone();
        async move {
            let rows = store.system().workspaces_of(user).await.expect("read");
            rows.into_iter().map(|(row, role)| (row.id, role)).collect::<Vec<_>>()
        }
    };

    let both = [(first.workspace, Role::Owner), (second.workspace, Role::Member)];
    assert_eq!(of(first.user).await, both);
    assert_eq!(of(second.user).await, [(second.workspace, Role::Owner)]);
    assert_eq!(of(place.user("nobody@example.com").id).await, []);
}

//! Users and sessions.

use std::time::Duration;

use model::{Role, SessionId, WorkspaceId};
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
            let rows = store.system().workspaces_of(user, "", 10).await.expect("read");
            rows.into_iter().map(|(row, role)| (row.id, role)).collect::<Vec<_>>()
        }
    };

    let both = [(first.workspace, Role::Owner), (second.workspace, Role::Member)];
    assert_eq!(of(first.user).await, both);
    assert_eq!(of(second.user).await, [(second.workspace, Role::Owner)]);
    assert_eq!(of(place.user("nobody@example.com").id).await, []);
    let after = first.workspace.to_string();
    let rest = store.system().workspaces_of(first.user, &after, 10).await.expect("read");
    assert_eq!(rest.iter().map(|(row, _)| row.id).collect::<Vec<_>>(), [second.workspace]);
}

/// In pages, each from after the last id of the one before.
pub async fn all_workspaces_are_read_in_pages_without_the_reserved_one(place: Place) {
    let store = place.store().await;
    let mut write = store.write().await.expect("a write");
    write.insert_workspace(&place.workspace_row(WorkspaceId::NIL)).await.expect("inserted");
    place.commit(write).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        place.clock.advance(Duration::from_secs(1));
        made.push(place.tenant(&store).await.workspace);
    }

    let mut read = Vec::new();
    loop {
        let after = read.last().map(ToString::to_string).unwrap_or_default();
        let page = store.system().workspaces(&after, 2).await.expect("read");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        read.extend(page.into_iter().map(|row| row.id));
    }

    assert_eq!(read, made);
}

/// A session that is opened with the old password while it is changed ends with the others.
pub async fn a_password_is_held_until_the_commit(place: Place) {
    let store = place.store().await;
    let user = place.tenant(&store).await.user;
    let [kept, opened] = [(); 2].map(|()| SessionId::new(&place.clock, &place.random));
    let (now, later) = (place.now(), place.now().plus(Duration::from_secs(3600)));

    let mut signing_in = store.write().await.expect("a write");
    assert!(signing_in.hold_password(user, "$argon2id$").await.expect("held"));
    let changing = async {
        let mut write = store.write().await.expect("a write");
        assert!(write.hold_password(user, "$argon2id$").await.expect("held"));
        write.set_password(user, "$argon2id$new").await.expect("set");
        let ended = write.revoke_other_sessions(user, kept, now).await.expect("revoked");
        place.commit(write).await;
        ended
    };
    let opening = async {
        signing_in.insert_session(kept, user, now, later).await.expect("inserted");
        signing_in.insert_session(opened, user, now, later).await.expect("inserted");
        place.commit(signing_in).await;
    };
    let (ended, ()) = tokio::join!(changing, opening);

    assert_eq!(ended, 1);
    let revoked = async |id| {
        let row = store.system().session(id).await.expect("read").expect("there");
        row.revoked_at.is_some()
    };
    assert_eq!([revoked(kept).await, revoked(opened).await], [false, true]);
    let mut write = store.write().await.expect("a write");
    assert!(!write.hold_password(user, "$argon2id$").await.expect("asked"), "it is another now");
    drop(write);
    let row = store.system().user(user).await.expect("read").expect("there");
    assert_eq!(row.password_hash, "$argon2id$new");
}

//! Who belongs to a workspace: what is locked, what is counted, what is another's; and the settings beside them.

use futures_util::future::join_all;
use model::{Role, UserId, WorkspaceId};
use store::Store;

use crate::place::Place;

/// As control does it: lock, look, change. Whether it happened.
async fn demote(place: &Place, store: &Store, workspace: WorkspaceId, user: UserId) -> bool {
    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(workspace);
    assert!(inside.lock().await.expect("locked"));
    if !inside.has_other_owner(user).await.expect("read") {
        return false;
    }
    assert!(inside.set_role(user, Role::Admin).await.expect("set"));
    place.commit(write).await;
    true
}

pub async fn a_locked_workspace_keeps_its_last_owner(place: Place) {
    let stores = [place.store().await, place.store().await];
    for _ in 0..5 {
        let tenant = place.tenant(&stores[0]).await;
        let mut owners = vec![tenant.user];
        for _ in 0..3 {
            let user = place.user(&format!("{}@example.com", place.random.next()));
            let mut write = stores[0].write().await.expect("a write");
            write.insert_user(&user).await.expect("inserted");
            let mut inside = write.workspace(tenant.workspace);
            inside.insert_member(user.id, Role::Owner, place.now()).await.expect("joined");
            place.commit(write).await;
            owners.push(user.id);
        }

        let demotions = owners.iter().enumerate().map(|(n, user)| {
            let store = &stores[n % 2];
            demote(&place, store, tenant.workspace, *user)
        });
        let happened = join_all(demotions).await;

        assert_eq!(happened.iter().filter(|happened| **happened).count(), 3);
        let members = stores[0].workspace(tenant.workspace).members("", 10).await.expect("read");
        assert_eq!(members.iter().filter(|member| member.role == Role::Owner).count(), 1);
    }
}

pub async fn another_workspace_changes_no_member(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];

    let mut write = store.write().await.expect("a write");
    let mut outside = write.workspace(other.workspace);
    assert!(outside.member(mine.user).await.expect("read").is_none());
    assert!(!outside.set_role(mine.user, Role::Member).await.expect("asked"));
    assert!(!outside.delete_member(mine.user).await.expect("asked"));
    assert!(!outside.has_other_owner(other.user).await.expect("read"));
    let email =
        store.workspace(mine.workspace).members("", 10).await.expect("read")[0].email.clone();
    assert!(!outside.has_member_called(&email).await.expect("read"));
    assert!(!write.workspace(place.workspace_id()).lock().await.expect("asked"), "none to lock");
    let mut inside = write.workspace(mine.workspace);
    assert!(inside.has_member_called(&email).await.expect("read"));
    assert!(inside.delete_member(mine.user).await.expect("deleted"));
    place.commit(write).await;

    assert_eq!(store.workspace(mine.workspace).role(mine.user).await.expect("read"), None);
    let role = store.workspace(other.workspace).role(other.user).await.expect("read");
    assert_eq!(role, Some(Role::Owner));
}

pub async fn members_are_read_in_pages(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;
    let mut users = vec![tenant.user];
    let mut write = store.write().await.expect("a write");
    for n in 0..4 {
        let user = place.user(&format!("m{n}@example.com"));
        write.insert_user(&user).await.expect("inserted");
        let mut inside = write.workspace(tenant.workspace);
        inside.insert_member(user.id, Role::Member, place.now()).await.expect("joined");
        users.push(user.id);
    }
    place.commit(write).await;
    users.sort_unstable();

    let inside = store.workspace(tenant.workspace);
    let first = inside.members("", 3).await.expect("read");
    let after = first[2].user.to_string();
    let second = inside.members(&after, 3).await.expect("read");

    let read: Vec<_> = first.iter().chain(&second).map(|member| member.user).collect();
    assert_eq!(read, users);
}

pub async fn settings_and_versions_survive(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    let mut row = inside.touch().await.expect("touched").expect("there");
    row.settings.rpm_limit = Some(7);
    row.plan = "core".to_owned();
    inside.save(&row).await.expect("saved");
    let mut project = inside.touch_project(tenant.project).await.expect("touched").expect("there");
    project.settings.use_workspace_keys = false;
    project.name = "renamed".to_owned();
    inside.save_project(&project).await.expect("saved");
    assert_eq!(inside.count_projects().await.expect("counted"), 1);
    place.commit(write).await;

    let inside = store.workspace(tenant.workspace);
    let read = inside.row().await.expect("read").expect("there");
    assert_eq!((read.version, read.plan.as_str()), (2, "core"));
    assert_eq!(read.settings, row.settings);
    let read = inside.project(tenant.project).await.expect("read").expect("there");
    assert_eq!((read.version, read.name.as_str()), (2, "renamed"));
    assert_eq!(read.settings, project.settings);
}

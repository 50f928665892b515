//! Workspaces, their members and their projects: what is another's is not there.

use model::Role;
use store::StoreError;

use crate::place::Place;

pub async fn a_role_is_of_one_workspace(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];
    let [admin, member] = [place.user("a@example.com"), place.user("m@example.com")];
    let mut write = store.write().await.expect("a write");
    for (user, role) in [(&admin, Role::Admin), (&member, Role::Member)] {
        write.insert_user(user).await.expect("inserted");
        let mut inside = write.workspace(mine.workspace);
        inside.insert_member(user.id, role, place.now()).await.expect("joined");
    }
    place.commit(write).await;

    let inside = store.workspace(mine.workspace);
    let outside = store.workspace(other.workspace);
    for (user, role) in
        [(mine.user, Role::Owner), (admin.id, Role::Admin), (member.id, Role::Member)]
    {
        assert_eq!(inside.role(user).await.expect("read"), Some(role));
        assert_eq!(outside.role(user).await.expect("read"), None);
    }
    let mut members: Vec<_> = inside.members("", 10).await.expect("read");
    members.sort_by_key(|member| member.email.clone());
    let emails: Vec<_> = members.iter().map(|member| member.email.as_str()).collect();
    assert_eq!(members.len(), 3);
    assert!(emails.contains(&"a@example.com") && emails.contains(&"m@example.com"), "{emails:?}");
    assert_eq!(outside.members("", 10).await.expect("read").len(), 1);
}

pub async fn a_user_is_a_member_once(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;

    let mut write = store.write().await.expect("a write");
    let mut inside = write.workspace(tenant.workspace);
    let again = inside.insert_member(tenant.user, Role::Member, place.now()).await;
    drop(write);

    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    let role = store.workspace(tenant.workspace).role(tenant.user).await.expect("read");
    assert_eq!(role, Some(Role::Owner));
}

pub async fn a_project_of_another_workspace_is_absent(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];

    let inside = store.workspace(mine.workspace);

    assert_eq!(inside.project(mine.project).await.expect("read").expect("there").name, "default");
    assert!(inside.project(other.project).await.expect("read").is_none());
    let ids: Vec<_> = inside.projects().await.expect("read").iter().map(|row| row.id).collect();
    assert_eq!(ids, [mine.project]);
}

pub async fn project_names_are_unique_in_a_workspace_and_only_there(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];

    for (workspace, is_free) in [(mine, true), (mine, false), (other, true)] {
        let mut write = store.write().await.expect("a write");
        let project = place.project("billing");
        let inserted = write.workspace(workspace.workspace).insert_project(&project).await;
        if is_free {
            inserted.expect("inserted");
            place.commit(write).await;
        } else {
            assert!(matches!(inserted, Err(StoreError::Conflict)), "{inserted:?}");
        }
    }

    assert_eq!(store.workspace(mine.workspace).projects().await.expect("read").len(), 2);
    assert_eq!(store.workspace(other.workspace).projects().await.expect("read").len(), 2);
}

pub async fn a_workspace_is_found_by_its_project(place: Place) {
    let store = place.store().await;
    let [mine, other] = [place.tenant(&store).await, place.tenant(&store).await];

    for tenant in [mine, other] {
        let row = store.system().workspace_of_project(tenant.project).await.expect("read");
        let row = row.expect("there");
        assert_eq!((row.id, row.name.as_str()), (tenant.workspace, "acme"));
        assert_eq!((row.salt, row.created_at), (vec![7; 32], place.now()));
    }
    let unknown = place.project("unknown").id;
    assert!(store.system().workspace_of_project(unknown).await.expect("read").is_none());
}

pub async fn an_unknown_workspace_is_absent_and_empty(place: Place) {
    let store = place.store().await;
    let tenant = place.tenant(&store).await;

    let unknown = place.workspace_id();
    let inside = store.workspace(unknown);

    assert!(inside.row().await.expect("read").is_none());
    assert!(inside.projects().await.expect("read").is_empty());
    assert!(inside.members("", 10).await.expect("read").is_empty());
    assert!(inside.provider_keys().await.expect("read").is_empty());
    assert!(inside.gateway_keys(None, "", 10).await.expect("read").is_empty());
    assert!(inside.gateway_keys(Some(tenant.project), "", 10).await.expect("read").is_empty());
    let mut write = store.write().await.expect("a write");
    let orphan = write.workspace(unknown).insert_project(&place.project("orphan")).await;
    assert!(orphan.is_err(), "a project of no workspace");
}

//! The news as other nodes hear it: all of it, once, in the order of the commits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use store::bus::Follower;
use store::{Change, ChangeKind, Store};

use crate::place::Place;

pub async fn a_follower_starts_where_the_news_ends(place: Place) {
    let [store, other] = [place.store().await, place.store().await];
    tell(&place, &store, &["old 1", "old 2"]).await;
    let heard = listen(&other);

    let mut follower = Follower::new(other.clone()).await.expect("started");
    follower.poll().await.expect("polled");
    assert_eq!(subjects(&heard), [""; 0]);
    tell(&place, &store, &["new 1"]).await;
    follower.poll().await.expect("polled");
    tell(&place, &store, &["new 2", "new 3"]).await;
    follower.poll().await.expect("polled");
    follower.poll().await.expect("polled");

    assert_eq!(subjects(&heard), ["new 1", "new 2", "new 3"]);
    let change = heard.lock().expect("the news")[0].clone();
    assert_eq!((change.kind, change.workspace), (ChangeKind::Workspace, None));
}

pub async fn other_stores_changes_arrive_once_and_in_order(place: Place) {
    let stores = [place.store().await, place.store().await];
    let other = place.store().await;
    let heard = listen(&other);
    let mut follower = Follower::new(other.clone()).await.expect("started");

    let commits = (0..40).map(|n: usize| {
        let (store, place) = (&stores[n % 2], &place);
        async move { tell(place, store, &[&format!("{n} a"), &format!("{n} b")]).await }
    });
    let poll = async {
        while heard.lock().expect("the news").len() < 80 {
            follower.poll().await.expect("polled");
        }
    };
    tokio::join!(join_all(commits), poll);
    // More than one page.
    let many: Vec<_> = (0..1100).map(|n| format!("many {n}")).collect();
    tell(&place, &stores[0], &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    follower.poll().await.expect("polled");

    let expected = place.texts("select subject from changes order by seq").await;
    let expected: Vec<_> = expected.into_iter().flatten().collect();
    assert_eq!(expected.len(), 1180);
    assert_eq!(subjects(&heard), expected);
}

pub async fn news_of_unknown_kinds_is_passed_over(place: Place) {
    let [store, other] = [place.store().await, place.store().await];
    let heard = listen(&other);
    let mut follower = Follower::new(other.clone()).await.expect("started");
    place
        .run(
            "update change_counter set seq = 1;
            insert into changes (seq, kind, subject, at) values (1, 'of_a_later_version', 'x', 0)",
        )
        .await;
    tell(&place, &store, &["known"]).await;

    follower.poll().await.expect("polled");

    assert_eq!(subjects(&heard), ["known"]);
}

pub async fn news_is_pruned_after_an_hour_and_numbers_go_on(place: Place) {
    let store = place.store().await;
    let mut follower = Follower::new(place.store().await).await.expect("started");
    tell(&place, &store, &["old"]).await;
    follower.poll().await.expect("polled");
    place.clock.advance(Duration::from_secs(1800));
    tell(&place, &store, &["young"]).await;

    follower.prune(place.now()).await.expect("pruned");
    let after_half_an_hour = place.numbers("select seq from changes order by seq").await;
    place.clock.advance(Duration::from_secs(1801));
    follower.prune(place.now()).await.expect("pruned");
    let after_an_hour = place.numbers("select seq from changes order by seq").await;
    tell(&place, &store, &["new"]).await;

    assert_eq!(after_half_an_hour, [1, 2]);
    assert_eq!(after_an_hour, [2]);
    assert_eq!(place.numbers("select seq from changes order by seq").await, [2, 3]);
}

async fn tell(place: &Place, store: &Store, subjects: &[&str]) {
    let mut write = store.write().await.expect("a write");
    for subject in subjects {
        let subject = (*subject).to_owned();
        write.changed(Change { kind: ChangeKind::Workspace, workspace: None, subject });
    }
    place.commit(write).await;
}

fn listen(store: &Store) -> Arc<Mutex<Vec<Change>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ours = Arc::clone(&heard);
    store.bus().subscribe(move |change| ours.lock().expect("the news").push(change.clone()));
    heard
}

fn subjects(heard: &Mutex<Vec<Change>>) -> Vec<String> {
    heard.lock().expect("the news").iter().map(|change| change.subject.clone()).collect()
}

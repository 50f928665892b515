//! The nodes of an instance, as each says of itself.

use std::time::Duration;

use model::{KeyVersion, NodeId};
use store::system::NodeRow;

use crate::place::Place;

fn node(place: &Place) -> NodeRow {
    NodeRow {
        id: NodeId::new(&place.clock, &place.random),
        version: "1.2.3".to_owned(),
        keys: vec![KeyVersion(1), KeyVersion(u32::MAX)],
        started_at: place.now(),
        seen_at: place.now(),
    }
}

pub async fn a_node_says_again_what_it_is(place: Place) {
    let store = place.store().await;
    let first = node(&place);
    place.clock.advance(Duration::from_secs(1));
    let second = NodeRow { keys: Vec::new(), ..node(&place) };
    let later = NodeRow {
        version: "1.3.0".to_owned(),
        keys: vec![KeyVersion(2)],
        started_at: place.now(),
        seen_at: place.now(),
        ..first.clone()
    };

    let mut write = store.write().await.expect("a write");
    for row in [&first, &second, &later] {
        write.set_node(row).await.expect("set");
    }
    place.commit(write).await;

    assert_eq!(store.system().nodes().await.expect("read"), [later, second]);
    assert_eq!(place.number("select seq from change_counter").await, 0, "nobody has to hear of it");
}

pub async fn a_silent_node_is_forgotten(place: Place) {
    let store = place.store().await;
    let silent = node(&place);
    place.clock.advance(Duration::from_secs(60));
    let alive = node(&place);
    let mut write = store.write().await.expect("a write");
    write.set_node(&silent).await.expect("set");
    write.set_node(&alive).await.expect("set");

    write.delete_nodes(alive.seen_at).await.expect("deleted");
    place.commit(write).await;

    assert_eq!(store.system().nodes().await.expect("read"), [alive]);
}

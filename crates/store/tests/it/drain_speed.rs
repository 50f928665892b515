//! How long the drainer takes: a figure to look at, not a promise.

use std::time::Instant;

use crate::node::Attempt;
use crate::place::Place;

const RECORDS: u32 = 20_000;

pub async fn twenty_thousand_records(place: Place) {
    let store = place.store().await;
    let node = place.node_of_one_segment();
    let attempts: Vec<_> = (0..RECORDS / 2).map(|_| place.attempt()).collect();
    // Requests overlap: most attempts end some records after they began.
    for some in attempts.chunks(50) {
        node.append(some.iter().map(Attempt::starts)).await;
        node.append(some.iter().map(Attempt::ends)).await;
    }

    let began = Instant::now();
    node.drainer(&store).catch_up().await.expect("drained");
    let took = began.elapsed();

    let database = match place.location {
        store::Location::Postgres { .. } => "PostgreSQL",
        store::Location::Sqlite { .. } => "SQLite",
    };
    eprintln!("{database}: {RECORDS} records in {took:?}, {:?} each", took / RECORDS);
    assert_eq!(place.number("select count(*) from attempts where state = 'settled'").await, 10_000);
}

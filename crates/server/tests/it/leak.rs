//! What is secret stays secret: canaries go through everything that can go right or wrong, and then no answer, no log
//! line at any level, no file in the data folder and no dump of the database shows any of them in any spelling.

mod book;
mod columns;
mod commands;
mod day;
mod ears;
mod master_keys;
mod office;
pub mod sinks;

use std::fs;
use std::time::Duration;

use serde_json::json;
use testkit::fake::FakeProvider;
use testkit::{Backend, TestApp};

use day::Secrets;
use sinks::{Evidence, Logs, dump, files, heard};

#[tokio::test]
async fn no_secret_shows_anywhere_with_sqlite() {
    a_day_shows_nothing(Backend::Sqlite, 1).await;
}

#[tokio::test]
async fn no_secret_shows_anywhere_with_postgresql() {
    a_day_shows_nothing(Backend::Postgres, 2).await;
}

async fn a_day_shows_nothing(backend: Backend, seed: u64) {
    let Some((evidence, canaries)) = day::spend(backend, seed).await else { return };

    let found = evidence.scan(&canaries);

    assert!(found.is_empty(), "{} hits\n{}", found.len(), found.join("\n"));
    assert!(canaries.len() >= 200, "{} canaries", canaries.len());
    evidence.assert_plenty(500);
}

#[tokio::test]
async fn whoever_manages_keys_shows_none_with_sqlite() {
    managing_shows_nothing(Backend::Sqlite, 5).await;
}

#[tokio::test]
async fn whoever_manages_keys_shows_none_with_postgresql() {
    managing_shows_nothing(Backend::Postgres, 6).await;
}

async fn managing_shows_nothing(backend: Backend, seed: u64) {
    let Some(left) = office::spend(backend, seed).await else { return };

    let mut found = left.evidence.scan(&left.secrets);
    found.extend(left.evidence.scan_said(&left.words));
    found.extend(match &left.evidence.dump {
        Some(dump) => columns::scan_dump(&left.words, dump),
        None => columns::scan_sqlite(&left.words, &left.folder.path().join("data")).await,
    });

    assert!(found.is_empty(), "{} hits\n{}", found.len(), found.join("\n"));
    assert!(left.secrets.len() >= 200, "{} canaries", left.secrets.len());
    assert!(left.operations >= 80, "{} operations", left.operations);
    assert_eq!(left.master_keys, 2);
    left.evidence.assert_plenty(2000);
    println!(
        "{} canaries, {} calls of {} operations, {} answers and posts, {} bytes of log, no hit",
        left.secrets.len() + left.words.len(),
        left.calls,
        left.operations,
        left.evidence.answers.len(),
        left.evidence.log.len(),
    );
}

/// The scan that finds nothing above finds what is put into each kind of sink.
#[tokio::test]
async fn the_scan_finds_what_is_planted_in_each_sink() {
    let fake = FakeProvider::start().await;
    let logs = Logs::start();
    let app = TestApp::start(&fake).await;
    let secrets = Secrets::new(3);
    let [key, ..] = &secrets.keys;
    let canaries = secrets.canaries();

    // A log line of a library, four levels below what is logged by default.
    tracing::trace!(target: "h2::codec", "sending {key}");
    let found = canaries.scan("the log", &logs.so_far());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("the log shows provider key 0 (raw)"), "{found:?}");

    // A row: a label is kept as it is. And an answer that shows it.
    let (owner, _) = app.ready("sk-good-1234567890").await;
    let body = json!({ "provider": "openai", "api_key": "sk-good-1234567890", "label": key });
    let answer = app.add_provider_key(&owner, &body).await.expect(201);
    let found = canaries.scan("an answer", &heard(&answer));
    assert!(found[0].starts_with("an answer shows provider key 0"), "{found:?}");

    // A file, with a part of the next secret in base64.
    let folder = app.config.data_dir.clone();
    let part = testkit::canary::base64(&secrets.keys[1].as_bytes()[9..30]);
    fs::write(folder.join("journal").join("stray"), part).expect("a file in the data folder");
    assert!(app.app.stop(Duration::from_secs(10)).await);
    let kept = Evidence { answers: Vec::new(), log: Vec::new(), files: files(&folder), dump: None };
    let mut found = kept.scan(&canaries);
    found.sort();
    assert!(found.iter().any(|hit| hit.starts_with("keystile.db")), "{found:?}");
    let stray = found.iter().find(|hit| hit.starts_with("journal/stray shows provider key 1"));
    assert!(stray.is_some_and(|hit| hit.contains("base64")), "{found:?}");
}

/// The same for the dump.
#[tokio::test]
async fn the_scan_finds_what_is_planted_in_a_dump() {
    let fake = FakeProvider::start().await;
    let Some(app) = TestApp::start_on(Backend::Postgres, &fake).await else { return };
    let secrets = Secrets::new(4);
    let (owner, _) = app.ready("sk-good-1234567890").await;
    let label = &secrets.keys[2];
    let body = json!({ "provider": "openai", "api_key": "sk-good-1234567890", "label": label });
    app.add_provider_key(&owner, &body).await.expect(201);

    let Some(dump) = dump(&app) else { return };

    let found = secrets.canaries().scan("the dump", &dump);
    assert!(found.first().is_some_and(|hit| hit.contains("provider key 2")), "{found:?}");
}

//! Several nodes over one PostgreSQL: they agree, and a change on one is soon everywhere.

use std::time::Duration;

use serde_json::json;
use server::config::Layer;
use testkit::fake::FakeProvider;
use testkit::postgres::Postgres;
use testkit::{Backend, Options, TestApp, hello};

/// A promise is a second; five times that is a failure and not a slow machine.
const EVERYWHERE_WITHIN: Duration = Duration::from_secs(5);

const OTHER_MASTER_KEY: &str = "1f8b0d4c6a92e37755c1fe02b48d9a6037e5c8d1a4f09b2c6d7e8f1023456789";

async fn node(url: &str, fake: &FakeProvider) -> TestApp {
    let layer = Layer { database_url: Some(url.to_owned()), ..Layer::default() };
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { backend: Backend::Postgres, providers, layer, ..Options::default() };
    TestApp::start_with(options).await.expect("a node")
}

#[tokio::test]
async fn nodes_that_start_together_agree_and_hear_of_each_others_changes() {
    let fake = FakeProvider::start().await;
    let Some(database) = Postgres::database().await else { return };
    let (one, two) = tokio::join!(node(&database.url, &fake), node(&database.url, &fake));

    // A key made on one node works on the other: pepper and session key are the same.
    let (owner, key) = one.ready("sk-good-1234567890").await;
    two.chat(&key, &hello("gpt-4o")).await.expect(200);
    let path = format!("/api/v1/projects/{}/api-keys", owner.project);
    let id = two.api.get(&path).bearer(&owner.session).whole().await.expect(200).at("/items/0/id");

    one.api.delete(&format!("{path}/{id}")).bearer(&owner.session).whole().await.expect(204);

    one.chat(&key, &hello("gpt-4o")).await.expect(401);
    let refused_elsewhere = async {
        while two.chat(&key, &hello("gpt-4o")).await.status != 401 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(EVERYWHERE_WITHIN, refused_elsewhere).await.expect("heard of it");
}

#[tokio::test]
async fn a_node_with_another_master_key_does_not_join() {
    let fake = FakeProvider::start().await;
    let Some(database) = Postgres::database().await else { return };
    let first = node(&database.url, &fake).await;

    let mut config = first.config.clone();
    config.master_key = Some(server::config::Hidden::new(OTHER_MASTER_KEY));
    config.data_dir = first.folder.path().join("other");
    let joined = server::App::start(&config, server::boot::Ambient::real()).await;

    let refused = joined.err().expect("refused").to_string();
    assert!(refused.contains("not the one this database was sealed with"), "{refused}");
}

#[tokio::test]
async fn each_node_drains_its_own_journal_into_the_one_ledger() {
    let fake = FakeProvider::start().await;
    let Some(database) = Postgres::database().await else { return };
    let (one, two) = tokio::join!(node(&database.url, &fake), node(&database.url, &fake));
    let (_, key) = one.ready("sk-good-1234567890").await;

    let first = one.chat(&key, &hello("gpt-4o")).await.expect(200);
    let second = two.chat(&key, &hello("gpt-4o")).await.expect(200);

    assert_eq!(two.attempts_of(&first).await[0].state, "settled");
    assert_eq!(one.attempts_of(&second).await[0].state, "settled");
    let body = json!({ "email": "nobody@example.com", "password": "whatever it is" });
    two.api.post("/v1/sessions", &body).whole().await.expect(401);
}

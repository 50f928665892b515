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

/// Paused, back, replaced, rotated, out: what one node does the other obeys.
#[tokio::test]
async fn every_kind_of_change_is_soon_everywhere() {
    let fake = FakeProvider::start().await;
    let Some(database) = Postgres::database().await else { return };
    let (one, two) = tokio::join!(node(&database.url, &fake), node(&database.url, &fake));
    let (owner, key) = one.ready("sk-good-1234567890").await;
    let workspace = format!("/v1/workspaces/{}", owner.workspace);
    let list = format!("{workspace}/provider-keys");
    let list = one.api.get(&list).bearer(&owner.session).whole().await.expect(200);
    let provider_key = format!("{workspace}/provider-keys/{}", list.at("/items/0/id"));
    let soon = async |what: &str, key: &str, status: u16| {
        let heard = async {
            while two.chat(key, &hello("gpt-4o")).await.status != status {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(EVERYWHERE_WITHIN, heard).await.expect(what);
    };
    soon("the key itself", &key, 200).await;

    let patch = async |path: &str, body: serde_json::Value| {
        one.api.patch(path, &body).bearer(&owner.session).whole().await.expect(200);
    };
    patch(&provider_key, json!({ "is_active": false })).await;
    soon("a pause", &key, 403).await;
    patch(&provider_key, json!({ "is_active": true })).await;
    soon("its end", &key, 200).await;
    patch(&workspace, json!({ "allowed_models": ["gpt-5.4"] })).await;
    soon("a setting", &key, 403).await;
    patch(&workspace, json!({ "allowed_models": null })).await;
    soon("its end", &key, 200).await;

    let secret = json!({ "api_key": "sk-other-1234567890" });
    let replaced = one.api.put(&format!("{provider_key}/secret"), &secret).bearer(&owner.session);
    replaced.whole().await.expect(200);
    let heard = async {
        loop {
            two.chat(&key, &hello("gpt-4o")).await.expect(200);
            if fake.last_request().bearer() == Some("sk-other-1234567890") {
                return;
            }
        }
    };
    tokio::time::timeout(EVERYWHERE_WITHIN, heard).await.expect("a replacement");

    let keys = format!("/api/v1/projects/{}/api-keys", owner.project);
    let id = one.api.get(&keys).bearer(&owner.session).whole().await.expect(200).at("/items/0/id");
    let rotated = one.api.post(&format!("{keys}/{id}/rotate"), &json!({})).bearer(&owner.session);
    let rotated = rotated.whole().await.expect(200).at("/key");
    soon("a rotation", &key, 401).await;
    soon("the new token", &rotated, 200).await;
    one.api.delete(&provider_key).bearer(&owner.session).whole().await.expect(204);
    soon("a deletion", &rotated, 403).await;
}

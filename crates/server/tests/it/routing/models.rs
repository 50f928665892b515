//! The list of models: what is on it is served, what is not is refused, whoever's SDK reads it.

use std::collections::BTreeSet;

use model::{Catalogue, ModelKind};
use serde_json::{Value, json};
use testkit::hello;
use testkit::http::Whole;

use super::site::Site;

/// With and without keys.
const PROVIDERS: [&str; 5] = ["openai", "gemini", "groq", "anthropic", "mistral"];

async fn get(site: &Site, path: &str, headers: &[(&str, &str)]) -> Whole {
    let call = site.app.api.get(path).bearer(&site.key);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).whole().await
}

fn ids(list: &Value, member: &str, id: &str) -> BTreeSet<String> {
    let items = list[member].as_array().expect("a list").iter();
    items.map(|item| item[id].as_str().expect("an id").to_owned()).collect()
}

async fn listed(site: &Site) -> BTreeSet<String> {
    ids(&get(site, "/v1/models", &[]).await.expect(200).json(), "data", "id")
}

/// Asks every model of these providers what its kind is asked.
async fn served(site: &Site, providers: &[&str]) -> BTreeSet<String> {
    let catalogue = Catalogue::shipped().expect("valid");
    let mut served = BTreeSet::new();
    for provider in providers {
        let provider = &catalogue.provider(provider).expect("known").id;
        for (name, facts) in catalogue.models(provider) {
            let id = format!("{provider}/{name}");
            let text = || json!({ "model": id, "input": "hello" });
            let (path, body) = match facts.kind {
                ModelKind::Chat => ("/v1/chat/completions", hello(&id)),
                ModelKind::Embedding => ("/v1/embeddings", text()),
                ModelKind::Moderation => ("/v1/moderations", text()),
                other => panic!("how is a model of kind {other:?} asked?"),
            };
            let answer = site.app.api.post(path, &body).bearer(&site.key).whole().await;
            let called = site.called().len();
            match answer.status.as_u16() {
                200 => assert!(served.insert(id) && called == 1),
                403 | 429 => assert_eq!(called, 0, "{id}: {}", answer.text()),
                status => panic!("{id}: {status} {}", answer.text()),
            }
        }
    }
    served
}

/// How many there are.
async fn assert_listed_is_served(site: &Site, providers: &[&str]) -> usize {
    let listed = listed(site).await;
    let of_these = |id: &&String| {
        let provider = id.split_once('/').map(|(provider, _)| provider);
        provider.is_some_and(|provider| providers.contains(&provider))
    };
    let listed: BTreeSet<_> = listed.iter().filter(of_these).cloned().collect();
    let served = served(site, providers).await;
    let apart: Vec<_> = listed.symmetric_difference(&served).collect();
    assert!(apart.is_empty(), "{} listed, {} served: {apart:?}", listed.len(), served.len());
    served.len()
}

#[tokio::test]
async fn what_is_listed_is_served_and_nothing_else() {
    let site = Site::open().await;
    assert_eq!(assert_listed_is_served(&site, &["groq"]).await, 0, "no key, no models");
    site.own("openai", "o").await;
    site.own("gemini", "g").await;
    let groq = site.own("groq", "q").await;

    let all = assert_listed_is_served(&site, &PROVIDERS).await;
    assert!(all > 90, "{all}");
    site.workspace(json!({ "data_policy": "no_training" })).await;
    let fewer = assert_listed_is_served(&site, &PROVIDERS).await;
    assert!(fewer < all && fewer > 0, "{fewer}");
    site.workspace(json!({ "data_policy": null })).await;
    let list = json!(["gpt-4o", "groq/openai/gpt-oss-20b", "gemini/gemini-embedding-001"]);
    site.project(json!({ "allowed_models": list })).await;
    assert_eq!(assert_listed_is_served(&site, &PROVIDERS).await, 3);
    site.change_key(&groq, json!({ "is_active": false })).await;
    assert_eq!(assert_listed_is_served(&site, &PROVIDERS).await, 2);
}

#[tokio::test]
async fn what_the_pool_and_openrouter_serve_is_listed_too() {
    let site = Site::open().await;
    site.platform("openai", "pool").await;
    site.plan("starter").await;
    let economical = assert_listed_is_served(&site, &["openai"]).await;
    site.plan("core").await;
    let premium = assert_listed_is_served(&site, &["openai"]).await;
    assert!(economical > 0 && premium > economical, "{economical} {premium}");

    site.own("openrouter", "r").await;
    let through = assert_listed_is_served(&site, &["anthropic", "gemini", "openrouter"]).await;
    assert!(through > 48, "{through}");
    site.workspace(json!({ "openrouter_fallthrough": false })).await;
    assert_eq!(assert_listed_is_served(&site, &["anthropic"]).await, 0);
}

#[tokio::test]
async fn a_key_that_has_nothing_left_for_the_moment_stays_listed() {
    let site = Site::open().await;
    site.own("groq", "q").await;
    let before = listed(&site).await;
    site.fake.next(super::site::limited().with_header("retry-after", "60"));
    site.chat("groq/llama-3.1-8b-instant").await.expect(429);

    assert_eq!(listed(&site).await, before);
}

#[tokio::test]
async fn aliases_are_listed_by_their_names_where_they_lead_somewhere() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let aliases = json!({ "fast": "openai/gpt-4o-mini", "lost": "anthropic/claude-sonnet-4-5" });
    site.workspace(json!({ "model_aliases": aliases })).await;

    let list = get(&site, "/v1/models", &[]).await.json();
    let fast = list["data"].as_array().expect("data").iter().find(|it| it["id"] == "fast");

    assert_eq!(fast.expect("listed")["owned_by"], "openai");
    assert!(!listed(&site).await.contains("lost"));
    site.chat("fast").await.expect(200);
    site.chat("lost").await.expect(403);
    get(&site, "/v1/models/fast", &[]).await.expect(200);
}

const ANTHROPIC: [(&str, &str); 1] = [("anthropic-version", "2023-06-01")];

#[tokio::test]
async fn each_sdk_reads_the_list_in_its_own_shape() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let ours = listed(&site).await;

    for path in ["/v1/models", "/openai/v1/models", "/openai/models"] {
        let list = get(&site, path, &[]).await.expect(200).json();
        assert_eq!(list["object"], "list");
        assert_eq!(ids(&list, "data", "id"), ours, "{path}");
        let first = &list["data"][0];
        assert_eq!((&first["object"], &first["owned_by"]), (&json!("model"), &json!("openai")));
        assert!(first["created"].is_i64());
    }
    for (path, headers) in [("/v1/models", &ANTHROPIC[..]), ("/anthropic/v1/models?limit=20", &[])]
    {
        let list = get(&site, path, headers).await.expect(200).json();
        assert_eq!(ids(&list, "data", "id"), ours, "{path}");
        let data = list["data"].as_array().expect("data");
        assert_eq!(list["has_more"], false);
        assert_eq!(list["first_id"], data[0]["id"]);
        assert_eq!(list["last_id"], data[data.len() - 1]["id"]);
        assert_eq!(data[0]["type"], "model");
        assert!(data[0]["display_name"].is_string() && data[0]["created_at"].is_string());
    }
    for path in ["/v1beta/models", "/v1beta/models?pageSize=50", "/genai/v1beta/models"] {
        let list = get(&site, path, &[]).await.expect(200).json();
        let named = ids(&list, "models", "name");
        assert_eq!(named, ours.iter().map(|id| format!("models/{id}")).collect(), "{path}");
        assert!(list["models"][0]["supportedGenerationMethods"].is_array());
    }
}

#[tokio::test]
async fn one_model_is_shown_where_it_is_listed() {
    let site = Site::open().await;
    site.own("openai", "o").await;

    for path in [
        "/v1/models/openai/gpt-4o",
        "/v1/models/openai%2Fgpt-4o",
        "/v1/models/gpt-4o",
        "/openai/v1/models/gpt-4o",
    ] {
        let shown = get(&site, path, &[]).await.expect(200).json();
        assert_eq!(
            (&shown["id"], &shown["object"]),
            (&json!("openai/gpt-4o"), &json!("model")),
            "{path}"
        );
    }
    for (path, headers) in
        [("/v1/models/openai/gpt-4o", &ANTHROPIC[..]), ("/anthropic/v1/models/gpt-4o", &[])]
    {
        let shown = get(&site, path, headers).await.expect(200).json();
        assert_eq!(
            (&shown["id"], &shown["type"]),
            (&json!("openai/gpt-4o"), &json!("model")),
            "{path}"
        );
    }
    for path in
        ["/v1beta/models/openai/gpt-4o", "/v1beta/models/gpt-4o", "/genai/v1beta/models/gpt-4o"]
    {
        let shown = get(&site, path, &[]).await.expect(200).json();
        assert_eq!(shown["name"], "models/openai/gpt-4o", "{path}");
    }
    for path in ["/v1/models/anthropic/claude-sonnet-4-5", "/v1/models/nobody-makes-this"] {
        assert_eq!(get(&site, path, &[]).await.expect(404).code(), "not_found", "{path}");
    }
    let google = get(&site, "/v1beta/models/nobody-makes-this", &[]).await.expect(404);
    assert_eq!(google.at("/error/status"), "NOT_FOUND");
}

#[tokio::test]
async fn a_list_is_the_callers_own() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let narrow = site.gateway_key(json!({ "allowed_models": ["openai/gpt-4o"] })).await;

    let list = site.app.api.get("/v1/models").header("x-api-key", &narrow).whole().await;
    assert_eq!(ids(&list.expect(200).json(), "data", "id"), ["openai/gpt-4o".to_owned()].into());
    site.app.api.get("/v1/models").whole().await.expect(401);
    // Google's SDK says who it is in a header of its own.
    let list = site.app.api.get("/v1beta/models").header("x-goog-api-key", &narrow).whole().await;
    assert_eq!(ids(&list.expect(200).json(), "models", "name").len(), 1);
    assert_eq!(site.called(), [""; 0]);
}

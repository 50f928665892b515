//! A project's keys, one for each provider, found by the provider's name.

use http::Method;
use serde_json::{Value, json};
use testkit::Backend;
use testkit::fake::{Gate, Reply};
use testkit::http::Whole;

use super::{FIRST, SECOND, Site};

async fn items(site: &Site) -> Vec<Value> {
    let path = format!("/api/v1/projects/{}/byok-keys", site.owner.project);
    let list = site.get(&path).await.expect(200).json();
    assert_eq!(list["next_cursor"], Value::Null);
    list["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn an_item_has_the_fields_of_the_contract_and_no_other() {
    let site = Site::open().await;

    let set = site.put(&site.byok("openai"), json!({ "api_key": FIRST })).await.expect(200);

    let json = set.json();
    let mut fields: Vec<_> = json.as_object().expect("an object").keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "api_key_prefix",
            "created_at",
            "health_status",
            "is_active",
            "last_health_check_at",
            "last_health_error",
            "last_used_at",
            "project_id",
            "provider",
            "updated_at",
        ]
    );
    assert_eq!(set.at("/project_id"), site.owner.project);
    assert_eq!(set.header("etag"), Some("\"1\""));
    assert_eq!(items(&site).await, [json]);
    assert_eq!(site.listed().await, [Value::Null; 0], "the workspace has none of its own");
}

#[tokio::test]
async fn setting_replaces_in_place_and_every_change_is_in_effect_on_the_next_request() {
    let site = Site::open().await;
    let path = site.byok("openai");
    let application = site.application().await;
    let first = site.put(&path, json!({ "api_key": FIRST, "label": "mine" })).await.expect(200);
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));
    site.app.clock.advance(std::time::Duration::from_secs(1));

    let second = site.put(&path, json!({ "api_key": SECOND })).await.expect(200);
    assert_eq!(site.used_by(&application).await, Ok(SECOND.to_owned()));
    site.patch(&path, json!({ "is_active": false })).await.expect(200);
    assert_eq!(site.used_by(&application).await, Err("no_provider_key".to_owned()));
    let back = site.patch(&path, json!({ "is_active": null })).await.expect(200);
    assert_eq!(back.json()["is_active"], true, "the default again");
    assert_eq!(site.used_by(&application).await, Ok(SECOND.to_owned()));
    site.delete(&path).await.expect(204);
    assert_eq!(site.used_by(&application).await, Err("no_provider_key".to_owned()));

    assert_eq!(second.at("/created_at"), first.at("/created_at"));
    assert_ne!(second.at("/updated_at"), first.at("/updated_at"));
    assert_eq!(items(&site).await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_replacement_keeps_what_it_does_not_mention() {
    let site = Site::open().await;
    let path = site.byok("openai");
    let body = json!({
        "api_key": FIRST, "label": "mine", "selected_tier": "tier-2", "data_policy": "zdr",
        "allowed_models": ["gpt-5"],
    });
    site.put(&path, body).await.expect(200);
    site.patch(&path, json!({ "is_active": false })).await.expect(200);

    let put = site.put(&path, json!({ "api_key": SECOND, "label": "ours" })).await.expect(200);

    assert_eq!(put.json()["is_active"], false, "a pause outlives the value");
    let row = site.rows().await.remove(0);
    assert_eq!(row.label.as_deref(), Some("ours"));
    assert_eq!(row.tier.map(|tier| tier.to_string()).as_deref(), Some("tier-2"));
    assert_eq!(row.data_policy, Some(model::DataPolicy::Zdr));
    assert_eq!(row.allowed_models, Some(vec!["gpt-5".to_owned()]));
    assert_eq!((row.sealed_version, row.version), (2, 3));
}

#[tokio::test]
async fn sets_at_the_same_time_make_one_key_on_sqlite() {
    sets_at_the_same_time_make_one_key(Backend::Sqlite).await;
}

#[tokio::test]
async fn sets_at_the_same_time_make_one_key_on_postgres() {
    sets_at_the_same_time_make_one_key(Backend::Postgres).await;
}

async fn sets_at_the_same_time_make_one_key(backend: Backend) {
    let Some(site) = Site::open_on(backend).await else { return };
    let path = site.byok("openai");
    let gate = Gate::new();
    for _ in 0..6 {
        site.fake.next_probe(Reply::standard().held_by(&gate));
    }

    let sets = (0..6).map(|n| {
        let body = json!({ "api_key": format!("sk-{n}-0123456789abcdef") });
        site.put(&path, body)
    });
    let opening = async {
        assert!(site.fake.wait_requests(6, std::time::Duration::from_secs(10)).await);
        gate.open();
    };
    let (sets, ()) = tokio::join!(futures_util::future::join_all(sets), opening);
    for set in sets {
        set.expect(200);
    }

    assert_eq!(items(&site).await.len(), 1);
    let row = site.rows().await.remove(0);
    assert_eq!((row.sealed_version, row.version), (6, 6), "the first made it, the others replaced");
    let application = site.application().await;
    assert!(site.used_by(&application).await.is_ok_and(|key| key.ends_with("-0123456789abcdef")));
}

#[tokio::test]
async fn a_set_that_expects_a_version_replaces_that_version_only() {
    let site = Site::open().await;
    let path = site.byok("openai");
    let put = |version: &'static str, key: &'static str| {
        let call = site.app.api.call(Method::PUT, &path).bearer(&site.owner.session);
        call.header("if-match", version).json(&json!({ "api_key": key })).whole()
    };

    assert_eq!(put("\"1\"", FIRST).await.expect(412).code(), "version_conflict");
    assert_eq!(items(&site).await, [Value::Null; 0]);
    site.put(&path, json!({ "api_key": FIRST })).await.expect(200);
    put("\"2\"", SECOND).await.expect(412);
    let set = put("\"1\"", SECOND).await.expect(200);

    assert_eq!(set.header("etag"), Some("\"2\""));
}

#[tokio::test]
async fn a_provider_is_named_by_any_of_its_names_and_unknown_ones_are_refused() {
    let site = Site::open().await;
    site.put(&site.byok("OpenAI"), json!({ "api_key": FIRST })).await.expect(200);
    assert_eq!(items(&site).await[0]["provider"], "openai");

    let operations = async |provider: &str| -> Vec<Whole> {
        let path = site.byok(provider);
        vec![
            site.put(&path, json!({ "api_key": FIRST })).await,
            site.patch(&path, json!({ "is_active": true })).await,
            site.press(&format!("{path}/test")).await,
            site.delete(&path).await,
        ]
    };
    for answer in operations("nobody").await {
        assert_eq!(answer.expect(400).at("/error/param"), "provider");
    }
    for answer in operations("custom").await {
        let message = answer.expect(400).at("/error/message");
        assert!(message.contains("provider-keys") && message.contains("custom"), "{message}");
    }
    assert_eq!(site.fake.requests().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_rejected_displaces_nothing() {
    let site = Site::open().await;
    let path = site.byok("openai");
    site.put(&path, json!({ "api_key": "bad-0123456789abcdef" })).await.expect(400);
    assert_eq!(items(&site).await, [Value::Null; 0]);
    site.put(&path, json!({ "api_key": FIRST })).await.expect(200);
    let before = items(&site).await;

    let refused = site.put(&path, json!({ "api_key": "bad-0123456789abcdef" })).await.expect(400);
    assert_eq!(refused.code(), "provider_rejected_key");
    site.fake.next_probe(Reply::cut_before_headers());
    site.put(&path, json!({ "api_key": SECOND })).await.expect(502);

    assert_eq!(items(&site).await, before);
    let unasked = json!({ "api_key": SECOND, "validate_before_save": false });
    let set = site.put(&path, unasked).await.expect(200);
    assert_eq!(set.at("/health_status"), "unknown");
    assert_eq!(set.json()["last_health_check_at"], Value::Null);
}

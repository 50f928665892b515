//! One object, two faces: what is done to a default provider key on one is done on the other.

use http::Method;
use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::http::Whole;
use testkit::{Backend, hello};

use super::{Desk, PATH, at, openai, plain};

const KEY: &str = "sk-good-1234567890";
const NAME: &str = "provider_key_openai";

impl Desk {
    /// As an application would use the workspace's key.
    async fn paid_with(&self) -> Option<String> {
        let key = self.project_key(&["inference"]).await;
        self.app.chat(&key, &hello("gpt-4o")).await.expect(200);
        self.fake.last_request().bearer().map(str::to_owned)
    }

    fn provider_key_path(&self, id: &str) -> String {
        format!("/v1/workspaces/{}/provider-keys/{id}", self.owner.workspace)
    }
}

/// Seed 002, as printed there.
#[tokio::test]
async fn the_documented_curl_makes_the_default_provider_key() {
    let desk = Desk::open().await;
    let body = r#"{
"name": "provider_key_openai",
"value": "sk-proj-your-key-here",
"category": "llm_provider",
"description": "My OpenAI key"
}"#;

    let call = desk.call(Method::POST, PATH).header("x-tenant-id", &desk.owner.workspace);
    let made = call.body("application/json", body).whole().await.expect(201);

    let expected = json!({
        "id": made.at("/id"), "name": NAME, "category": "llm_provider",
        "description": "My OpenAI key",
        "created_at": made.at("/created_at"), "updated_at": made.at("/created_at"),
    });
    assert_eq!(made.json(), expected);
    let read = desk.get(&at(NAME)).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (expected, Some("\"1\"")));
    let keys = desk.provider_keys().await;
    assert_eq!(keys.len(), 1);
    for (field, value) in [
        ("id", json!(made.at("/id"))),
        ("provider", json!("openai")),
        ("label", json!("My OpenAI key")),
        ("is_default", json!(true)),
        ("validation_status", json!("valid")),
    ] {
        assert_eq!(keys[0][field], value, "{field}");
    }
    assert_eq!(desk.paid_with().await.as_deref(), Some("sk-proj-your-key-here"));
}

#[tokio::test]
async fn any_spelling_names_the_same_key_and_none_but_a_providers() {
    let desk = Desk::open().await;
    let grok = json!({ "provider": "xai", "api_key": KEY, "validate_before_save": false });
    desk.app.add_provider_key(&desk.owner, &grok).await.expect(201);

    for name in ["provider_key_grok", "provider_key_xai", "Provider_Key_XAI"] {
        assert_eq!(desk.get(&at(name)).await.expect(200).at("/name"), "provider_key_grok");
    }
    for name in ["provider_key_nobody", "provider_key_"] {
        let body = json!({ "name": name, "value": KEY });
        let refused = desk.post(&body).await.expect(400);
        assert_eq!(refused.at("/error/param"), "name", "{}", refused.text());
        desk.get(&at(name)).await.expect(404);
        desk.delete(name).await.expect(404);
    }
    let custom = json!({ "name": "provider_key_custom", "value": KEY });
    let refused = desk.post(&custom).await.expect(400);
    assert!(refused.at("/error/message").contains("base_url"), "{}", refused.text());
    // Of that category under another name it is a secret as any other.
    let body = json!({ "name": "my-llm", "value": "x", "category": "llm_provider" });
    assert!(desk.post(&body).await.expect(201).at("/id").starts_with("sec_"));
    assert_eq!(desk.names("?category=llm_provider").await, ["provider_key_grok", "my-llm"]);
}

#[tokio::test]
async fn only_the_default_of_each_provider_is_a_secret() {
    let desk = Desk::open().await;
    let add = async |key: &str| {
        let body = json!({ "provider": "openai", "api_key": key });
        desk.app.add_provider_key(&desk.owner, &body).await.expect(201).at("/id")
    };
    let (first, second) = (add("sk-first-0123456789").await, add("sk-second-0123456789").await);
    let byok = format!("/api/v1/projects/{}/byok-keys/openai", desk.owner.project);
    let own = desk.call(Method::PUT, &byok).json(&json!({ "api_key": "sk-own-0123456789" }));
    assert!(own.whole().await.status.is_success());

    assert_eq!(desk.names("").await, [NAME]);
    assert_eq!(desk.get(&at(NAME)).await.expect(200).at("/id"), first);
    let promote = format!("{}/set-default", desk.provider_key_path(&second));
    desk.call(Method::POST, &promote).whole().await.expect(200);
    assert_eq!(desk.get(&at(NAME)).await.expect(200).at("/id"), second);

    // With the default gone, the next one is.
    desk.delete(NAME).await.expect(204);
    assert_eq!(desk.get(&at(NAME)).await.expect(200).at("/id"), first);
    desk.delete(NAME).await.expect(204);
    desk.get(&at(NAME)).await.expect(404);
    assert_eq!(desk.names("").await, [""; 0]);
    let left = desk.get(&byok.replace("/openai", "")).await.expect(200).json();
    assert_eq!(left["items"].as_array().expect("items").len(), 1, "the project's own stays");
}

#[tokio::test]
async fn a_value_is_replaced_in_place_and_probed_first() {
    let desk = Desk::open().await;
    let made = desk.post(&openai(KEY)).await.expect(201);
    desk.app.clock.advance(std::time::Duration::from_secs(1));

    let body = json!({ "value": "sk-next-1234567890", "description": "the next" });
    let replaced = desk.patch(NAME, &body).await.expect(200);

    assert_eq!(replaced.header("etag"), Some("\"2\""), "one change");
    assert_eq!(
        (replaced.at("/id"), replaced.at("/description")),
        (made.at("/id"), "the next".into())
    );
    assert!(replaced.at("/updated_at") > made.at("/updated_at"));
    assert_eq!(desk.fake.requests().len(), 2, "each value is probed once");
    assert_eq!(desk.paid_with().await.as_deref(), Some("sk-next-1234567890"));

    desk.fake.next_probe(Reply::invalid_key("sk-bad-1234567890"));
    let body = json!({ "value": "sk-bad-1234567890", "description": "worse" });
    let refused = desk.patch(NAME, &body).await.expect(400);
    assert_eq!(
        (refused.code(), refused.at("/error/param")),
        ("provider_rejected_key".into(), "value".into())
    );
    assert!(!refused.text().contains("bad-1234567890"), "{}", refused.text());
    assert_eq!(desk.get(&at(NAME)).await.expect(200).json(), replaced.json());
    assert_eq!(desk.paid_with().await.as_deref(), Some("sk-next-1234567890"));

    let cleared = json!({ "value": KEY, "description": null });
    let cleared = desk.patch(NAME, &cleared).await.expect(200).json();
    assert_eq!(cleared["description"], Value::Null);
    assert_eq!(desk.provider_keys().await[0]["label"], Value::Null);
    assert_eq!(desk.paid_with().await.as_deref(), Some(KEY));
}

#[tokio::test]
async fn a_description_is_the_keys_label() {
    let desk = Desk::open().await;
    desk.post(&openai(KEY)).await.expect(201);

    let described = json!({ "description": "for the shop", "name": NAME, "category": null });
    desk.patch(NAME, &described).await.expect(200);
    assert_eq!(desk.provider_keys().await[0]["label"], "for the shop");
    let id = desk.get(&at(NAME)).await.expect(200).at("/id");
    let label = desk.call(Method::PATCH, &desk.provider_key_path(&id));
    label.json(&json!({ "label": "for the bakery" })).whole().await.expect(200);
    let read = desk.get(&at(NAME)).await.expect(200);
    assert_eq!(read.at("/description"), "for the bakery");
    let none = desk.patch(NAME, &json!({ "description": null })).await.expect(200);
    assert_eq!(none.json()["description"], Value::Null);
    assert_eq!(desk.fake.requests().len(), 1, "a label needs no probe");

    let long = "x".repeat(101);
    for (body, param) in [
        (json!({ "name": "other" }), "name"),
        (json!({ "name": "provider_key_groq" }), "name"),
        (json!({ "category": "custom" }), "category"),
        (json!({ "description": long }), "description"),
        (json!({ "value": "two words" }), "value"),
        (json!({ "value": "" }), "value"),
    ] {
        let refused = desk.patch(NAME, &body).await.expect(400);
        assert_eq!(refused.at("/error/param"), param, "{}", refused.text());
    }
    let body = json!({ "name": "provider_key_groq", "value": KEY, "category": "custom" });
    assert_eq!(desk.post(&body).await.expect(400).at("/error/param"), "category");
}

#[tokio::test]
async fn a_stale_version_is_refused_on_this_face_too() {
    let desk = Desk::open().await;
    desk.post(&openai(KEY)).await.expect(201);
    let change = |version: &str, body: &Value| {
        desk.call(Method::PATCH, &at(NAME)).header("if-match", version).json(body).whole()
    };

    for body in [json!({ "value": "sk-next-1234567890" }), json!({ "description": "x" }), json!({})]
    {
        assert_eq!(change("\"7\"", &body).await.expect(412).code(), "version_conflict", "{body}");
    }
    assert_eq!(desk.paid_with().await.as_deref(), Some(KEY));
    let same = change("\"1\"", &json!({})).await.expect(200);
    assert_eq!(same.header("etag"), Some("\"1\""), "nothing was asked for");
    change("\"1\"", &json!({ "value": "sk-next-1234567890" })).await.expect(200);
}

#[tokio::test]
async fn there_is_one_default_however_many_arrive_together() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(desk) = Desk::open_on(backend).await else { continue };

        let calls = (0..10).map(|n| {
            let body = openai(&format!("sk-good-{n}-0123456789"));
            tokio::spawn(desk.call(Method::POST, PATH).json(&body).whole())
        });
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.expect("answered"));
        }

        let count = |status: u16| answers.iter().filter(|it| it.status.as_u16() == status).count();
        assert_eq!((count(201), count(409)), (1, 9));
        let refused = answers.iter().find(|it| it.status == 409).expect("one");
        assert!(refused.at("/error/message").contains("PATCH"), "{}", refused.text());
        assert_eq!(desk.provider_keys().await.len(), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_there_is_not_asked_about_again() {
    let desk = Desk::open().await;
    desk.post(&openai(KEY)).await.expect(201);

    desk.post(&openai("sk-next-1234567890")).await.expect(409);

    assert_eq!(desk.fake.requests().len(), 1);
}

#[tokio::test]
async fn writing_a_provider_key_takes_both_scopes_and_no_project() {
    let desk = Desk::open().await;
    desk.post(&openai(KEY)).await.expect(201);
    desk.post(&plain("hook")).await.expect(201);
    let ask = async |token: &str, method: Method, path: &str| {
        let body = json!({ "name": "provider_key_groq", "value": KEY });
        let body = if method == Method::PATCH { json!({ "value": KEY }) } else { body };
        desk.app.api.call(method, path).bearer(token).json(&body).whole().await
    };
    let writes =
        [(Method::POST, PATH.to_owned()), (Method::PATCH, at(NAME)), (Method::DELETE, at(NAME))];
    let forbidden = |answer: &Whole, why: &str| {
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "missing_scope".to_owned()));
        assert!(answer.at("/error/message").contains(why), "{}", answer.text());
    };

    let half = desk.key(&["read:secrets", "write:secrets", "read:byok"]).await;
    let other_half = desk.key(&["write:byok"]).await;
    let project = desk.project_key(&["*"]).await;
    for (method, path) in &writes {
        forbidden(&ask(&half, method.clone(), path).await, "write:byok");
        forbidden(&ask(&other_half, method.clone(), path).await, "write:secrets");
        forbidden(&ask(&project, method.clone(), path).await, "project");
    }
    // Whether there is one or not, a project's key does not learn.
    for name in [NAME, "provider_key_groq"] {
        forbidden(&ask(&project, Method::GET, &at(name)).await, "project");
    }
    let seen = ask(&project, Method::GET, PATH).await.expect(200).json();
    assert_eq!(seen["items"].as_array().expect("items").len(), 1, "{seen}");
    assert_eq!(seen["items"][0]["name"], "hook");
    let seen = ask(&half, Method::GET, &at(NAME)).await.expect(200);
    assert_eq!(seen.at("/name"), NAME, "reading takes no more than reading");

    let both = desk.key(&["write:secrets", "write:byok"]).await;
    ask(&both, Method::PATCH, &at(NAME)).await.expect(200);
    ask(&both, Method::DELETE, &at(NAME)).await.expect(204);
}

#[tokio::test]
async fn provider_keys_count_as_operations_here_and_secrets_do_not() {
    let desk = Desk::open().await;
    for n in 0..25 {
        desk.post(&plain(&format!("s{n}"))).await.expect(201);
    }
    desk.post(&openai(KEY)).await.expect(201);
    for n in 1..20 {
        desk.patch(NAME, &json!({ "description": format!("no {n}") })).await.expect(200);
    }

    let refused = desk.patch(NAME, &json!({ "value": KEY })).await.expect(429);

    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.header("retry-after").is_some());
    desk.delete(NAME).await.expect(429);
    desk.post(&json!({ "name": "provider_key_groq", "value": KEY })).await.expect(429);
    desk.delete("s1").await.expect(204);
    assert_eq!(desk.fake.requests().len(), 1);
}

#[tokio::test]
async fn byok_providers_lists_all_and_says_which_can_be_used() {
    let desk = Desk::open().await;
    let path = "/api/v1/tenant/byok-providers";
    let unprobed = |provider: &str| json!({ "provider": provider, "api_key": KEY, "validate_before_save": false });
    desk.app.add_provider_key(&desk.owner, &unprobed("xai")).await.expect(201);
    let groq = desk.app.add_provider_key(&desk.owner, &unprobed("groq")).await.expect(201);
    let byok = format!("/api/v1/projects/{}/byok-keys/openai", desk.owner.project);
    let own = desk.call(Method::PUT, &byok).json(&json!({ "api_key": KEY })).whole().await;
    assert!(own.status.is_success());
    let all = |answer: Whole| answer.json()["providers"].as_object().expect("it").clone();
    let usable = |answer: Whole| {
        let all = all(answer).into_iter();
        all.filter(|(_, it)| *it == true).map(|(name, _)| name).collect::<Vec<_>>()
    };

    let catalogue = model::Catalogue::shipped().expect("the catalogue");
    let mut names: Vec<_> = catalogue.providers().iter().map(|it| it.tenant_name()).collect();
    names.sort_unstable();
    let listed = all(desk.get(path).await.expect(200));
    assert_eq!(listed.keys().collect::<Vec<_>>(), names);
    assert!(listed.contains_key("google") && listed.contains_key("grok"), "{listed:?}");
    assert_eq!(usable(desk.get(path).await.expect(200)), ["grok", "groq"]);

    let pause = desk.call(Method::PATCH, &desk.provider_key_path(&groq.at("/id")));
    pause.json(&json!({ "is_active": false })).whole().await.expect(200);
    assert_eq!(usable(desk.get(path).await.expect(200)), ["grok"]);

    for (scopes, status) in [(["read:byok"], 200), (["read:secrets"], 403), (["write:byok"], 403)] {
        let token = desk.key(&scopes).await;
        desk.app.api.get(path).bearer(&token).whole().await.expect(status);
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_leaves_no_key_and_a_way_out() {
    let desk = Desk::open().await;
    desk.fake.next_probe(Reply::cut_before_headers());

    let refused = desk.post(&openai(KEY)).await.expect(502);

    assert_eq!(refused.code(), "upstream_unavailable");
    let said = refused.at("/error/message");
    assert!(said.contains("validate_before_save") && said.contains("/provider-keys"), "{said}");
    desk.get(&at(NAME)).await.expect(404);
}

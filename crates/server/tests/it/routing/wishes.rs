//! What a caller may wish in headers, and which project a workspace's key acts in.

use serde_json::{Value, json};
use testkit::hello;
use testkit::http::Whole;

use super::site::{Site, joined, routed};

const MODEL: &str = "openai/gpt-4o";

#[tokio::test]
async fn headers_wish_what_the_body_can() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.own("groq", "q").await;
    site.platform("openai", "pool").await;
    let (own, pool) = ("openai/gpt-4o own", "openai/gpt-4o pool");
    let groq = "groq/llama-3.1-8b-instant";
    site.fake.always(super::site::limited());

    for (headers, called) in [
        (vec![], vec![own, pool]),
        (vec![("x-keystile-only-byok", "true")], vec![own]),
        (vec![("x-keystile-only-byok", "0")], vec![own, pool]),
        (vec![("x-keystile-only-platform", "1")], vec![pool]),
        (
            vec![("x-keystile-fallback-models", groq), ("x-keystile-only-byok", "1")],
            vec![own, "groq/llama-3.1-8b-instant q"],
        ),
        (vec![("X-Keystile-Data-Policy", "no_training")], vec![own, pool]),
    ] {
        site.ask_with(&hello(MODEL), &headers).await.expect(429);
        assert_eq!(site.called(), called, "{headers:?}");
    }
    // Of two lists the body's counts; of two policies the stricter.
    let body = routed(MODEL, json!({ "fallback_models": [], "only_byok": true }));
    site.ask_with(&body, &[("x-keystile-fallback-models", groq)]).await.expect(429);
    assert_eq!(site.called(), [own]);
    let strict = routed(MODEL, json!({ "data_policy": "zdr" }));
    let refused = site.ask_with(&strict, &[("x-keystile-data-policy", "none")]).await;
    assert_eq!(refused.expect(403).code(), "data_policy_unsatisfied");
}

#[tokio::test]
async fn a_wish_that_is_not_understood_is_refused_by_its_name() {
    let site = Site::open().await;
    site.own("openai", "own").await;

    for (name, value) in [
        ("x-keystile-only-bbyok", "true"),
        ("x-keystile-only-byok", "yes"),
        ("x-keystile-data-policy", "strict"),
        ("x-keystile-request-id", "req_1"),
    ] {
        let refused = site.ask_with(&hello(MODEL), &[(name, value)]).await.expect(400);
        assert!(refused.text().contains(name), "{}", refused.text());
    }
    let twice = [("x-keystile-only-byok", "true"); 2];
    site.ask_with(&hello(MODEL), &twice).await.expect(400);
    let against = routed(MODEL, json!({ "only_byok": true }));
    site.ask_with(&against, &[("x-keystile-only-platform", "true")]).await.expect(400);
    assert_eq!(site.called(), [""; 0]);
}

/// Everything a caller sees but the request's own id.
fn seen(answer: &Whole) -> (u16, Value) {
    let mut json = answer.json();
    json.as_object_mut().expect("an object").remove("request_id");
    (answer.status.as_u16(), json)
}

#[tokio::test]
async fn a_workspaces_key_acts_in_the_project_that_is_named() {
    let site = Site::open().await;
    site.own("openai", "shared").await;
    site.of_project("openai", "of-default").await;
    let key = site.workspace_key().await;
    let other = site.another_project(&site.owner.workspace, "other").await;
    let acting_in =
        |project: &str| joined(hello(MODEL), json!({ "routing": { "project": project } }));

    site.app.chat(&key, &hello(MODEL)).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o of-default"]);
    for named in [other.as_str(), "other"] {
        site.app.chat(&key, &acting_in(named)).await.expect(200);
        assert_eq!(site.called(), ["openai/gpt-4o shared"], "{named}");
        let call = site.app.api.post("/v1/chat/completions", &hello(MODEL)).bearer(&key);
        call.header("X-Keystile-Project", named).whole().await.expect(200);
        assert_eq!(site.called(), ["openai/gpt-4o shared"], "{named} in a header");
    }
    for named in [site.owner.project.as_str(), "default"] {
        site.app.chat(&key, &acting_in(named)).await.expect(200);
        assert_eq!(site.called(), ["openai/gpt-4o of-default"], "{named}");
    }
}

#[tokio::test]
async fn a_foreign_project_is_answered_as_one_that_does_not_exist() {
    let site = Site::open().await;
    site.own("openai", "shared").await;
    let whole = site.workspace_key().await;
    let sibling = site.another_project(&site.owner.workspace, "sibling").await;
    let elsewhere = site.another_workspace().await;
    let foreign = site.another_project(&elsewhere, "foreign").await;
    let absent = format!("prj_{:032x}", 1);
    let asked = async |key: &str, project: &str| {
        site.app.chat(key, &routed(MODEL, json!({ "project": project }))).await
    };

    let of_absent = seen(&asked(&whole, &absent).await);

    assert_eq!((of_absent.0, &of_absent.1["error"]["code"]), (404, &json!("not_found")));
    for project in [foreign.as_str(), "foreign", "", "nothing"] {
        assert_eq!(seen(&asked(&whole, project).await), of_absent, "{project:?}");
    }
    // A project's key acts in its own project and knows of no other.
    for project in [sibling.as_str(), "sibling", &foreign, &absent] {
        assert_eq!(seen(&asked(&site.key, project).await), of_absent, "{project:?}");
    }
    assert_eq!(site.called(), [""; 0]);
    asked(&site.key, &site.owner.project).await.expect(200);
    asked(&site.key, "default").await.expect(200);
}

//! Data policies: the strictest that anybody asks for holds, and only those who promise as much are asked.

use serde_json::{Value, json};

use super::site::{Site, asking, routed};

/// Promises no training on its own; the other nothing.
const OPENAI: &str = "openai/gpt-4o";
const MISTRAL: &str = "mistral/codestral-latest";

async fn with_both() -> Site {
    let site = Site::open().await;
    site.own("openai", "o").await;
    site.own("mistral", "m").await;
    site
}

/// Which of the two models are served.
async fn served(site: &Site, more: Value) -> [bool; 2] {
    let mut served = [false; 2];
    for (place, model) in served.iter_mut().zip([OPENAI, MISTRAL]) {
        let answer = site.ask(&asking(model, more.clone())).await;
        *place = answer.status == 200;
        if !*place {
            assert_eq!(answer.code(), "data_policy_unsatisfied", "{model}: {}", answer.text());
        }
        assert_eq!(site.called().len(), usize::from(*place));
    }
    served
}

#[tokio::test]
async fn the_strictest_of_workspace_project_and_request_holds() {
    let site = with_both().await;
    let wish = |policy: &str| json!({ "routing": { "data_policy": policy } });

    assert_eq!(served(&site, json!({})).await, [true, true]);
    assert_eq!(served(&site, wish("no_training")).await, [true, false]);
    assert_eq!(served(&site, wish("zdr")).await, [false, false]);
    site.project(json!({ "data_policy": "no_training" })).await;
    assert_eq!(served(&site, wish("none")).await, [true, false], "nobody can ask for less");
    assert_eq!(served(&site, wish("zdr")).await, [false, false]);
    site.project(json!({ "data_policy": null })).await;
    site.workspace(json!({ "data_policy": "no_training" })).await;
    assert_eq!(served(&site, json!({})).await, [true, false]);
    site.project(json!({ "data_policy": "zdr" })).await;
    assert_eq!(served(&site, json!({})).await, [false, false]);
}

#[tokio::test]
async fn openrouters_words_and_headers_mean_the_same() {
    let site = with_both().await;

    for (provider, expected) in [
        (json!({ "data_collection": "allow" }), [true, true]),
        (json!({ "data_collection": "deny" }), [true, false]),
        (json!({ "zdr": true }), [false, false]),
    ] {
        let served = served(&site, json!({ "provider": provider.clone() })).await;
        assert_eq!(served, expected, "{provider}");
    }
    for (policy, status) in [("none", 200), ("no_training", 403), ("zdr", 403)] {
        let headers = [("x-keystile-data-policy", policy)];
        let answer = site.ask_with(&asking(MISTRAL, json!({})), &headers).await;
        assert_eq!(answer.status, status, "{policy}");
    }
}

#[tokio::test]
async fn a_key_whose_owner_has_a_contract_is_as_good_as_its_promise() {
    let site = with_both().await;
    let plain = site.own("mistral", "plain").await;
    let contract = json!({ "data_policy": "zdr" });
    site.own_with("mistral", "contract", contract.clone()).await;
    site.workspace(contract.clone()).await;

    site.chat(MISTRAL).await.expect(200);
    assert_eq!(
        site.called(),
        ["mistral/codestral-latest contract"],
        "and the others are passed over"
    );

    let pinned = routed(MISTRAL, json!({ "provider_key": plain }));
    let refused = site.ask(&pinned).await.expect(403);
    assert_eq!(refused.code(), "data_policy_unsatisfied");
    assert!(refused.text().contains(&plain), "who is left out is named: {}", refused.text());
    site.change_key(&plain, contract).await;
    site.ask(&pinned).await.expect(200);
    assert_eq!(site.called(), ["mistral/codestral-latest plain"]);
}

#[tokio::test]
async fn a_fallback_must_promise_as_much() {
    let site = with_both().await;
    site.own("groq", "q").await;
    let fallbacks = json!({
        "fallback_models": [MISTRAL, "groq/llama-3.1-8b-instant"], "data_policy": "no_training",
    });
    site.next_fail(1);

    site.ask(&routed(OPENAI, fallbacks)).await.expect(200);

    assert_eq!(site.called(), ["openai/gpt-4o o", "groq/llama-3.1-8b-instant q"]);
}

#[tokio::test]
async fn a_platform_key_must_promise_as_much() {
    let site = Site::open().await;
    site.platform("mistral", "pool").await;

    site.chat(MISTRAL).await.expect(200);
    assert_eq!(site.called(), ["mistral/codestral-latest pool"]);
    let refused = site.ask(&routed(MISTRAL, json!({ "data_policy": "zdr" }))).await.expect(403);
    assert_eq!(refused.code(), "data_policy_unsatisfied");
    let pool = site.id("pool").await.to_string();
    assert!(!refused.text().contains(&pool), "which keys the operator has is nobody's business");
    assert_eq!(site.called(), [""; 0]);
}

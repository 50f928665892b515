//! The operator's keys: for which causes they answer instead of one's own, and for which models the plan has them.

use http::Method;
use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::http::Whole;

use super::site::{Site, failed, limited, routed};

const MODEL: &str = "openai/gpt-4o";
const OWN: &str = "openai/gpt-4o own";
const POOL: &str = "openai/gpt-4o pool";
const CAUSES: [&str; 4] = ["missing", "exhausted", "failed", "unavailable"];

#[track_caller]
fn assert_paid_by(answer: &Whole, payer: &str) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-keystile-payer"), Some(payer));
}

fn all_but(cause: &str) -> Value {
    CAUSES.into_iter().filter(|other| *other != cause).collect()
}

/// Asks with the cause allowed by all three who have a say, and with each of them forbidding it alone.
async fn allowed_and_forbidden(
    site: &Site,
    cause: &str,
    own: &[&str],
    refusal: (u16, &str),
    fault: impl Fn(),
) {
    let (only, but) = (json!([cause]), all_but(cause));
    let policy = |causes: &Value| json!({ "platform_fallback": causes });
    let key = site.gateway_key(policy(&only)).await;
    site.workspace(policy(&only)).await;
    site.project(policy(&only)).await;
    let body = routed(MODEL, json!({}));

    fault();
    assert_paid_by(&site.app.chat(&key, &body).await, "platform");
    assert_eq!(site.called(), [own, &[POOL]].concat(), "{cause}");

    let key_of_others = site.gateway_key(policy(&but)).await;
    fault();
    let of_key = site.app.chat(&key_of_others, &body).await;
    assert_eq!(site.called(), own, "the gateway key forbids {cause}");
    site.project(policy(&but)).await;
    fault();
    let of_project = site.app.chat(&key, &body).await;
    assert_eq!(site.called(), own, "the project forbids {cause}");
    site.project(policy(&only)).await;
    site.workspace(policy(&but)).await;
    fault();
    let of_workspace = site.app.chat(&key, &body).await;
    assert_eq!(site.called(), own, "the workspace forbids {cause}");
    for refused in [of_key, of_project, of_workspace] {
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), refusal, "{cause}");
    }
}

#[tokio::test]
async fn for_a_key_that_is_missing() {
    let site = Site::open().await;
    site.platform("openai", "pool").await;
    let refusal = (403, "no_provider_key");

    allowed_and_forbidden(&site, "missing", &[], refusal, || {}).await;

    let own = site.own("openai", "own").await;
    site.change_key(&own, json!({ "is_active": false })).await;
    allowed_and_forbidden(&site, "missing", &[], refusal, || {}).await;
}

#[tokio::test]
async fn for_a_key_that_is_exhausted() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.platform("openai", "pool").await;
    site.next_is_the_last();
    assert_paid_by(&site.chat(MODEL).await, "byok");
    site.called();

    allowed_and_forbidden(&site, "exhausted", &[], (429, "upstream_rate_limited"), || {}).await;
}

#[tokio::test]
async fn for_a_key_that_is_refused_or_fails() {
    for (reply, refusal) in [
        (limited(), (429, "upstream_rate_limited")),
        (Reply::openai_error(402, "t", None, "no money"), (424, "upstream_no_credit")),
        (Reply::invalid_key("sk-own-0123456789"), (424, "upstream_key_invalid")),
    ] {
        let site = Site::open().await;
        site.own("openai", "own").await;
        site.platform("openai", "pool").await;

        let fault = || site.fake.next(reply.clone());
        allowed_and_forbidden(&site, "failed", &[OWN], refusal, fault).await;
    }
}

#[tokio::test]
async fn for_a_provider_that_fails() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.platform("openai", "pool").await;

    site.fake.next(failed());
    assert_paid_by(&site.chat(MODEL).await, "platform");
    assert_eq!(site.called(), [OWN, POOL]);

    site.workspace(json!({ "platform_fallback": all_but("failed") })).await;
    site.fake.next(failed());
    site.fake.next(failed());
    assert_eq!(site.chat(MODEL).await.expect(502).code(), "upstream_error");
    assert_eq!(site.called(), [OWN, OWN]);
}

#[tokio::test]
async fn for_a_key_that_does_not_open() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.platform("openai", "pool").await;
    site.spoil("own").await;

    allowed_and_forbidden(&site, "unavailable", &[], (403, "no_provider_key"), || {}).await;
}

#[tokio::test]
async fn every_one_of_several_causes_must_be_allowed() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.own("openai", "second").await;
    site.platform("openai", "pool").await;
    site.next_is_the_last();
    site.chat(MODEL).await.expect(200);
    site.called();

    for (causes, called) in [
        (json!(["exhausted", "failed"]), vec!["openai/gpt-4o second", POOL]),
        (json!(["exhausted"]), vec!["openai/gpt-4o second"]),
        (json!(["failed"]), vec!["openai/gpt-4o second"]),
    ] {
        site.workspace(json!({ "platform_fallback": causes })).await;
        site.next_fail(1);
        site.chat(MODEL).await;
        assert_eq!(site.called(), called, "{causes}");
    }
}

#[tokio::test]
async fn one_s_own_keys_come_first_and_a_caller_may_wish_for_one_kind_only() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.platform("openai", "pool").await;
    let only = |kind: &str| routed(MODEL, json!({ kind: true }));

    assert_paid_by(&site.chat(MODEL).await, "byok");
    assert_eq!(site.called(), [OWN]);
    site.next_fail(1);
    site.ask(&only("only_byok")).await.expect(429);
    assert_eq!(site.called(), [OWN], "whatever the policy");
    assert_paid_by(&site.ask(&only("only_platform")).await, "platform");
    assert_eq!(site.called(), [POOL]);

    // A policy says what may stand in for one's own keys; whoever is to be asked first is the caller's wish.
    let gemini = |kind: &str| routed("gemini/gemini-2.5-flash", json!({ kind: true }));
    assert_eq!(site.ask(&gemini("only_platform")).await.expect(403).code(), "no_provider_key");
    assert_eq!(site.ask(&gemini("only_byok")).await.expect(403).code(), "no_provider_key");
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn of_several_the_operators_default_comes_first() {
    let site = Site::open().await;
    site.platform("openai", "oldest").await;
    let default = site.platform("openai", "default").await;
    let path = format!("/v1/operator/platform-keys/{default}/set-default");
    site.call(Method::POST, &path, &json!({})).await.expect(200);
    site.next_fail(1);

    assert_paid_by(&site.chat(MODEL).await, "platform");

    assert_eq!(site.called(), ["openai/gpt-4o default", "openai/gpt-4o oldest"]);
}

#[tokio::test]
async fn a_plan_has_the_pool_serve_its_tiers_and_ones_own_keys_serve_all() {
    let site = Site::open().await;
    for provider in ["openai", "groq"] {
        site.platform(provider, "pool").await;
    }
    let (economical, premium, flagship) = ("openai/gpt-4o-mini", "openai/gpt-4o", "openai/o3");
    let (dear, unrated) = ("openai/gpt-5.4", "groq/made-yesterday");

    for (plan, served, refused) in [
        ("starter", vec![economical], vec![premium, flagship, dear, unrated]),
        ("core", vec![economical, premium], vec![flagship, dear, unrated]),
        ("pro", vec![economical, premium, flagship, dear, unrated], vec![]),
    ] {
        site.plan(plan).await;
        for model in served {
            assert_paid_by(&site.chat(model).await, "platform");
        }
        site.called();
        for model in refused {
            assert_eq!(site.chat(model).await.expect(403).code(), "plan_forbids", "{plan} {model}");
        }
        assert_eq!(site.called(), [""; 0]);
    }

    site.plan("core").await;
    site.own("openai", "own").await;
    assert_paid_by(&site.chat(flagship).await, "byok");
    site.next_fail(1);
    site.chat(flagship).await.expect(429);
    assert_eq!(site.called(), ["openai/o3 own", "openai/o3 own"], "a fallback obeys the plan");
    site.next_fail(1);
    assert_paid_by(&site.chat(premium).await, "platform");
}

#[tokio::test]
async fn a_plan_without_keys_of_ones_own_leaves_them_unused_and_counts_them_as_missing() {
    let site = Site::open().await;
    site.own("openai", "own").await;
    site.platform("openai", "pool").await;
    site.plan("starter").await;

    assert_paid_by(&site.chat("openai/gpt-4o-mini").await, "platform");
    assert_eq!(site.called(), ["openai/gpt-4o-mini pool"]);
    let only_own = routed("openai/gpt-4o-mini", json!({ "only_byok": true }));
    assert_eq!(site.ask(&only_own).await.expect(403).code(), "plan_forbids");
    site.workspace(json!({ "platform_fallback": all_but("missing") })).await;
    site.chat("openai/gpt-4o-mini").await.expect(403);
    assert_eq!(site.called(), [""; 0]);
}

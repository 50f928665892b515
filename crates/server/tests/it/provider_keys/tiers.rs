//! Which tier a key is of, and who says so: the provider's headers, a person, or nobody; and what is left of its limits.

use serde_json::{Value, json};
use testkit::fake::{FakeProvider, RateLimits, Reply};
use testkit::http::Whole;
use testkit::{Options, TestApp};

use super::{FIRST, SECOND, Site};

/// What the flagship models of OpenAI's fifth tier may do, and no other.
const TIER_5: RateLimits = RateLimits {
    limit_requests: 15_000,
    remaining_requests: 14_999,
    reset_requests: "4ms",
    limit_tokens: 40_000_000,
    remaining_tokens: 39_999_000,
    reset_tokens: "1ms",
};

async fn with_gemini() -> Site {
    let fake = FakeProvider::start().await;
    fake.always_probe(Reply::json(&json!({ "models": [] })));
    let providers = ["openai", "gemini"].map(|name| (name.to_owned(), fake.base_url()));
    let options = Options { providers: providers.into(), ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let owner = app.set_up().await;
    Site { app, fake, owner }
}

#[track_caller]
fn tier(answer: &Whole) -> (Value, Value) {
    let json = answer.json();
    (json["detected_tier"].clone(), json["tier_source"].clone())
}

#[tokio::test]
async fn what_a_person_says_of_the_tier_comes_before_what_the_provider_shows() {
    let site = Site::open().await;
    let create = |more: Value| {
        let mut body = json!({ "provider": "openai", "api_key": FIRST });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        site.fake.next_probe(Reply::standard().with_rate_limits(TIER_5));
        site.create(body)
    };

    for (more, expected) in [
        (json!({}), ("tier-5", "auto_detected")),
        (json!({ "selected_tier": "tier-2" }), ("tier-2", "user_specified")),
        (json!({ "selected_tier": "Tier-2" }), ("tier-2", "user_specified")),
        (json!({ "is_enterprise": true }), ("enterprise", "user_specified")),
        (json!({ "is_enterprise": false }), ("tier-5", "auto_detected")),
    ] {
        let made = create(more.clone()).await.expect(201);
        assert_eq!(tier(&made), (json!(expected.0), json!(expected.1)), "{more}");
    }
    let asked = site.fake.requests().len();
    for more in [
        json!({ "selected_tier": "gold" }),
        json!({ "selected_tier": "tier-2", "is_enterprise": true }),
    ] {
        let refused = create(more).await.expect(400);
        assert!(refused.at("/error/message").contains("tier"), "{}", refused.text());
    }
    assert_eq!(site.fake.requests().len(), asked, "judged before anybody is asked");
}

#[tokio::test]
async fn a_provider_without_headers_takes_the_selected_tier_or_else_its_lowest() {
    let site = with_gemini().await;
    let create = |more: Value| {
        let mut body = json!({ "provider": "google_ai_studio", "api_key": FIRST });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        site.create(body)
    };

    let unsaid = create(json!({})).await.expect(201);
    let said = create(json!({ "selected_tier": "tier-1" })).await.expect(201);

    assert_eq!(tier(&unsaid), (json!("free"), json!("default")));
    assert_eq!(tier(&said), (json!("tier-1"), json!("user_specified")));
    let path = format!("{}/{}/headroom", site.keys(), unsaid.at("/id"));
    let headroom = site.get(&path).await.expect(200).json();
    assert_eq!(headroom["tier"], "free");
    assert_eq!(headroom["tier_source"], "default");
    assert_eq!(headroom["models"], json!([]));
    assert_eq!(headroom["tier_limits"][0]["limits"]["rpm"], 5);
}

#[tokio::test]
async fn a_tier_set_by_hand_stays_until_it_is_taken_back() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    assert_eq!(tier(&site.get(&path).await), (Value::Null, Value::Null));
    let (by_hand, validate) = (format!("{path}/tier"), format!("{path}/validate"));
    let reply = || Reply::standard().with_rate_limits(TIER_5);

    let set = site.patch(&by_hand, json!({ "tier": "tier-1" })).await.expect(200);
    assert_eq!(tier(&set), (json!("tier-1"), json!("user_specified")));
    assert_eq!(set.header("etag"), Some("\"2\""));
    site.fake.next_probe(reply());
    let validated = site.press(&validate).await.expect(200);
    assert_eq!(tier(&validated), (json!("tier-1"), json!("user_specified")), "detection stops");
    site.fake.next_probe(reply());
    let put = site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);
    assert_eq!(tier(&put), (json!("tier-1"), json!("user_specified")));

    let flag = site.patch(&by_hand, json!({ "is_enterprise": true })).await.expect(200);
    assert_eq!(tier(&flag), (json!("enterprise"), json!("user_specified")));
    let back = site.patch(&by_hand, json!({ "is_enterprise": false })).await.expect(200);
    assert_eq!(tier(&back), (Value::Null, Value::Null));
    site.fake.next_probe(reply());
    let validated = site.press(&validate).await.expect(200);
    assert_eq!(tier(&validated), (json!("tier-5"), json!("auto_detected")), "detection goes on");
}

#[tokio::test]
async fn a_detected_tier_goes_with_the_value_it_was_detected_for() {
    let site = Site::open().await;
    site.fake.next_probe(Reply::standard().with_rate_limits(TIER_5));
    let path = site.openai(FIRST).await;
    assert_eq!(tier(&site.get(&path).await).0, "tier-5");

    let put = site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);

    assert_eq!(tier(&put), (Value::Null, Value::Null));
}

#[tokio::test]
async fn a_tier_is_one_of_the_providers_and_said_in_one_way() {
    let site = Site::open().await;
    let path = format!("{}/tier", site.openai(FIRST).await);

    for body in [
        json!({}),
        json!({ "tier": "tier-1", "is_enterprise": true }),
        json!({ "tier": "free-beer" }),
        json!({ "tier": 5 }),
        json!({ "selected_tier": "tier-1" }),
    ] {
        let refused = site.patch(&path, body.clone()).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{body}");
    }
    let none = site.patch(&path, json!({ "tier": null })).await.expect(200);
    assert_eq!(tier(&none), (Value::Null, Value::Null));
}

#[tokio::test]
async fn headroom_is_what_the_last_answers_left_of_this_value() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let application = site.application().await;
    let headroom = format!("{path}/headroom");
    assert_eq!(site.get(&headroom).await.expect(200).json()["models"], json!([]));

    site.fake.next(Reply::standard().with_rate_limits(TIER_5));
    site.used_by(&application).await.expect("it answers");
    let known = site.get(&headroom).await.expect(200).json();

    assert_eq!(known["models"][0]["model"], "gpt-4o");
    let windows = &known["models"][0]["windows"];
    assert_eq!(
        windows[0],
        json!({
            "counts": "requests", "per": "minute", "limit": 15_000, "remaining": 14_999,
            "resets_at": "2026-11-21T12:00:00.004Z",
        })
    );
    assert_eq!(windows[1]["remaining"], 39_999_000);
    // Another value is another account's, perhaps.
    site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);
    assert_eq!(site.get(&headroom).await.expect(200).json()["models"], json!([]));
}

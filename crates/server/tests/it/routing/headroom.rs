//! Keys that have used up their rate limits: known from the provider's headers and from its refusals, and passed over until
//! they have something left.

use std::time::Duration;

use serde_json::json;

use super::site::{Site, limited, routed};

const MODEL: &str = "openai/gpt-4o";
const ONE: &str = "openai/gpt-4o one";
const TWO: &str = "openai/gpt-4o two";

async fn with_two_keys() -> Site {
    let site = Site::open().await;
    site.own("openai", "one").await;
    site.own("openai", "two").await;
    site
}

#[tokio::test]
async fn a_key_without_anything_left_is_passed_over_before_it_refuses() {
    let site = with_two_keys().await;
    site.next_is_the_last();
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE]);

    let answer = site.chat(MODEL).await.expect(200);

    assert_eq!(site.called(), [TWO]);
    assert_eq!(answer.header("x-keystile-attempts"), Some("1"));
    site.chat("openai/gpt-4o-mini").await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o-mini one"], "each model has limits of its own");
    site.app.clock.advance(Duration::from_secs(30));
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE]);
}

#[tokio::test]
async fn where_no_key_has_anything_left_the_caller_is_told_when_to_come_back() {
    let site = with_two_keys().await;
    for _ in 0..2 {
        site.next_is_the_last();
        site.chat(MODEL).await.expect(200);
        site.app.clock.advance(Duration::from_secs(10));
    }
    site.called();

    let refused = site.chat(MODEL).await.expect(429);

    assert_eq!(refused.code(), "upstream_rate_limited");
    assert_eq!(refused.header("retry-after"), Some("10"), "the first to be back");
    assert_eq!(site.called(), [""; 0]);
    site.app.clock.advance(Duration::from_secs(10));
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE]);
}

#[tokio::test]
async fn a_fallback_answers_for_keys_without_anything_left() {
    let site = Site::open().await;
    site.own("openai", "one").await;
    site.own("groq", "q").await;
    site.next_is_the_last();
    site.chat(MODEL).await.expect(200);
    site.called();

    let fallbacks = json!({ "fallback_models": ["groq/llama-3.1-8b-instant"] });
    site.ask(&routed(MODEL, fallbacks)).await.expect(200);

    assert_eq!(site.called(), ["groq/llama-3.1-8b-instant q"]);
}

#[tokio::test]
async fn a_key_that_was_told_to_wait_is_left_alone_as_long() {
    let site = with_two_keys().await;
    site.fake.next(limited().with_header("retry-after", "20"));
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE, TWO]);

    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [TWO]);
    site.app.clock.advance(Duration::from_secs(19));
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [TWO]);
    site.app.clock.advance(Duration::from_secs(1));
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE]);
}

#[tokio::test]
async fn a_short_wait_is_waited_where_nobody_else_can_answer() {
    let site = Site::open().await;
    site.own("openai", "one").await;

    site.fake.next(limited().with_header("retry-after", "1"));
    let answer = site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE, ONE]);
    assert_eq!(answer.header("x-keystile-attempts"), Some("2"));

    site.app.clock.advance(Duration::from_secs(1));
    site.fake.next(limited().with_header("retry-after", "45"));
    let refused = site.chat(MODEL).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("45"), "the caller can wait better than we");
    assert_eq!(site.called(), [ONE]);
    let refused = site.chat(MODEL).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("45"));
    assert_eq!(site.called(), [""; 0], "it would only be refused again");
}

const FLASH: &str = "gemini/gemini-3-flash";

#[tokio::test]
async fn a_key_is_passed_over_when_its_tier_allows_no_more_of_a_minute() {
    let site = Site::open().await;
    for label in ["one", "two"] {
        site.own_with("gemini", label, json!({ "selected_tier": "free" })).await;
    }
    const PER_MINUTE: usize = 5;
    for _ in 0..PER_MINUTE {
        site.chat(FLASH).await.expect(200);
    }
    assert_eq!(site.called(), ["gemini/gemini-3-flash one"; PER_MINUTE]);
    site.app.clock.advance(Duration::from_secs(20));

    for _ in 0..PER_MINUTE {
        site.chat(FLASH).await.expect(200);
    }
    assert_eq!(site.called(), ["gemini/gemini-3-flash two"; PER_MINUTE]);
    let refused = site.chat(FLASH).await.expect(429);

    assert_eq!(refused.code(), "upstream_rate_limited");
    assert_eq!(refused.header("retry-after"), Some("40"), "the first to be back");
    assert_eq!(site.called(), [""; 0]);
    site.chat("gemini/gemini-2.5-pro").await.expect(200);
    assert_eq!(site.called(), ["gemini/gemini-2.5-pro one"], "nothing is published of it");
    site.app.clock.advance(Duration::from_secs(40));
    site.chat(FLASH).await.expect(200);
    assert_eq!(site.called(), ["gemini/gemini-3-flash one"]);
}

#[tokio::test]
async fn a_key_of_a_tier_without_published_limits_or_of_a_guessed_one_is_not_counted() {
    for tier in [json!({ "selected_tier": "tier-1" }), json!({})] {
        let site = Site::open().await;
        site.own_with("gemini", "one", tier).await;

        for _ in 0..12 {
            site.chat(FLASH).await.expect(200);
        }

        assert_eq!(site.called().len(), 12);
    }
}

//! Whoever fails again and again is asked last: for the workspace that saw it, and for nobody else.

use std::time::Duration;

use http::Method;
use serde_json::json;
use testkit::fake::Reply;
use testkit::hello;

use super::site::{Site, failed, limited};

const MODEL: &str = "openai/gpt-4o";
const ONE: &str = "openai/gpt-4o one";
const TWO: &str = "openai/gpt-4o two";

#[tokio::test]
async fn after_five_outages_in_a_row_the_other_key_is_asked_first() {
    let site = Site::open().await;
    site.own("openai", "one").await;
    site.own("openai", "two").await;
    for _ in 0..5 {
        site.fake.next(failed());
        site.chat(MODEL).await.expect(200);
        assert_eq!(site.called(), [ONE, TWO]);
    }

    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [TWO]);
    site.chat("openai/gpt-4o-mini").await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o-mini one"], "another model is another matter");
    site.next_fail(1);
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [TWO, ONE], "put back, and not put out");

    for _ in 0..5 {
        // The last one is asked twice: nobody else is left.
        for _ in 0..3 {
            site.fake.next(failed());
        }
        site.chat(MODEL).await.expect(502);
        site.called();
    }
    site.app.clock.advance(Duration::from_secs(10));
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [ONE], "after a while it is tried again");
}

#[tokio::test]
async fn what_is_no_outage_puts_nobody_back() {
    let site = Site::open().await;
    site.own("openai", "one").await;
    site.own("openai", "two").await;

    for reply in [
        limited(),
        Reply::openai_error(404, "t", Some("model_not_found"), "no such model"),
        Reply::openai_error(402, "t", Some("insufficient_quota"), "out of money"),
    ] {
        for _ in 0..6 {
            site.fake.next(reply.clone());
            site.chat(MODEL).await.expect(200);
            assert_eq!(site.called(), [ONE, TWO], "{reply:?}");
        }
    }
    for _ in 0..4 {
        site.fake.next(failed());
        site.chat(MODEL).await.expect(200);
        site.chat(MODEL).await.expect(200);
        assert_eq!(site.called(), [ONE, TWO, ONE], "an answer between outages forgives them");
    }
}

#[tokio::test]
async fn an_outage_that_one_workspace_sees_is_nothing_to_another() {
    let site = Site::open().await;
    site.platform("openai", "one").await;
    site.platform("openai", "two").await;
    let elsewhere = site.another_workspace().await;
    let path = format!("/v1/workspaces/{elsewhere}/api-keys");
    let other =
        site.call(Method::POST, &path, &json!({ "name": "k" })).await.expect(201).at("/key");
    for _ in 0..5 {
        site.fake.next(failed());
        site.chat(MODEL).await.expect(200);
    }
    site.called();

    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), [TWO]);
    site.app.chat(&other, &hello(MODEL)).await.expect(200);
    assert_eq!(site.called(), [ONE]);
}

//! Asking again about a stored key: what is found is written down, what does not belong there is not sent.

use std::time::Duration;

use model::BaseUrl;
use serde_json::{Value, json};
use testkit::fake::{FakeProvider, Gate, Reply};

use super::{FIRST, SECOND, Site};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_key_that_went_bad_is_unhealthy_and_kept_until_its_provider_says_otherwise() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let validate = format!("{path}/validate");
    let error = |status, code, words| Reply::openai_error(status, "t", Some(code), words);

    for (reply, validation, health, has_reason) in [
        (Reply::invalid_key(FIRST), "invalid", "unhealthy", true),
        (error(403, "missing_scopes", "not this"), "restricted", "healthy", false),
        (error(429, "insufficient_quota", "no money"), "no_quota", "unknown", true),
        (error(500, "oops", "the disk is full"), "unknown", "unknown", true),
        (Reply::cut_before_headers(), "network", "unknown", true),
        (Reply::standard(), "valid", "healthy", false),
    ] {
        site.app.clock.advance(Duration::from_secs(1));
        site.fake.next_probe(reply);

        let found = site.press(&validate).await.expect(200);

        assert_eq!(found.at("/validation_status"), validation);
        assert_eq!(found.at("/health_status"), health, "{validation}");
        assert_eq!(found.json()["last_health_error"].is_string(), has_reason, "{validation}");
        assert!(!found.text().contains("cdef"), "{}", found.text());
        let now = serde_json::to_value(model::Clock::now(&site.app.clock)).expect("a time");
        assert_eq!(found.json()["last_health_check_at"], now);
        assert_eq!(site.get(&path).await.expect(200).json(), found.json(), "every read tells it");
        assert_eq!(found.header("etag"), Some("\"1\""), "nobody changed it");
    }
    assert_eq!(site.fake.last_request().bearer(), Some(FIRST));
}

#[tokio::test]
async fn a_key_that_does_not_open_is_told_apart_and_nobody_is_asked() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    site.tamper(&path, |row| row.sealed_version += 1).await;
    let asked = site.fake.requests().len();

    let found = site.press(&format!("{path}/validate")).await.expect(200);

    assert_eq!(found.at("/health_status"), "undecryptable");
    assert!(found.at("/last_health_error").contains("does not open"));
    assert_eq!(site.fake.requests().len(), asked);
    let cured = site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);
    assert_eq!(cured.at("/health_status"), "healthy");
    assert_eq!(cured.json()["last_health_error"], Value::Null);
    let application = site.application().await;
    assert_eq!(site.used_by(&application).await, Ok(SECOND.to_owned()));
}

#[tokio::test]
async fn a_key_is_not_sent_to_an_address_it_was_not_given_for() {
    let mut site = Site::open().await;
    let path = site.openai(FIRST).await;
    let byok = site.byok("openai");
    site.put(&byok, json!({ "api_key": SECOND })).await.expect(200);
    let elsewhere = FakeProvider::start().await;
    let url = BaseUrl::parse(&elsewhere.base_url()).expect("a URL");
    site.app.config.provider_base_urls = vec![("openai".to_owned(), url)];
    site.app = site.app.restart().await;

    let found = site.press(&format!("{path}/validate")).await.expect(200);
    let tested = site.press(&format!("{byok}/test")).await.expect(200);

    assert_eq!(found.at("/health_status"), "origin_changed");
    assert_eq!(tested.at("/health_status"), "unhealthy", "this face has three words");
    assert!(tested.at("/last_health_error").contains("another address"));
    assert_eq!(elsewhere.requests().len(), 0);
    // Replaced, it belongs to the new address.
    let cured = site.put(&format!("{path}/secret"), json!({ "api_key": FIRST })).await.expect(200);
    assert_eq!(cured.at("/health_status"), "healthy");
    site.delete(&byok).await.expect(204);
    let application = site.application().await;
    let answer = site.app.chat(&application, &testkit::hello("openai/gpt-4o")).await.expect(200);
    assert_eq!(answer.header("x-keystile-provider"), Some("openai"));
    assert_eq!(elsewhere.last_request().bearer(), Some(FIRST));
}

#[tokio::test]
async fn what_is_found_of_an_old_value_is_not_written_on_a_new_one() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let gate = Gate::new();
    site.fake.next_probe(Reply::invalid_key(FIRST).held_by(&gate));

    let validate = format!("{path}/validate");
    let validating = site.press(&validate);
    let replacing = async {
        assert!(gate.reached(SOON).await, "the old value is being asked about");
        let put = site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await;
        gate.open();
        put.expect(200)
    };
    let (validated, _) = tokio::join!(validating, replacing);

    assert_eq!(validated.expect(200).at("/health_status"), "healthy", "that of the new value");
    let key = site.get(&path).await.expect(200);
    assert_eq!(key.at("/validation_status"), "valid");
    assert_eq!(key.json()["last_health_error"], Value::Null);
}

#[tokio::test]
async fn a_key_deleted_while_it_is_asked_about_stays_deleted() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let gate = Gate::new();
    site.fake.next_probe(Reply::standard().held_by(&gate));

    let validate = format!("{path}/validate");
    let validating = site.press(&validate);
    let deleting = async {
        assert!(gate.reached(SOON).await, "it is being asked about");
        site.delete(&path).await.expect(204);
        gate.open();
    };
    let (validated, ()) = tokio::join!(validating, deleting);

    assert_eq!(validated.expect(404).code(), "not_found");
    assert_eq!(site.listed().await, [Value::Null; 0]);
}

//! Who may manage keys and how often: twenty operations a minute each, and only where the plan has keys of one's own.

use std::time::Duration;

use http::Method;
use serde_json::json;
use testkit::fake::Reply;

use super::{FIRST, SECOND, Site};

#[tokio::test]
async fn every_write_probe_and_test_counts_and_no_read_does() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let byok = site.byok("openai");
    site.put(&byok, json!({ "api_key": SECOND })).await.expect(200);
    site.patch(&byok, json!({ "is_active": false })).await.expect(200);
    site.press(&format!("{byok}/test")).await.expect(200);
    site.delete(&byok).await.expect(204);
    site.patch(&path, json!({ "label": "x" })).await.expect(200);
    site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);
    site.patch(&format!("{path}/tier"), json!({ "tier": "tier-1" })).await.expect(200);
    site.press(&format!("{path}/set-default")).await.expect(200);
    for _ in 0..11 {
        site.press(&format!("{path}/validate")).await.expect(200);
    }
    let asked = site.fake.requests().len();

    for (method, path, body) in [
        (Method::POST, site.keys(), Some(json!({ "provider": "openai", "api_key": FIRST }))),
        (Method::PUT, byok.clone(), Some(json!({ "api_key": FIRST }))),
        (Method::PUT, format!("{path}/secret"), Some(json!({ "api_key": FIRST }))),
        (Method::PATCH, path.clone(), Some(json!({ "label": "y" }))),
        (Method::PATCH, format!("{path}/tier"), Some(json!({ "tier": "tier-2" }))),
        (Method::POST, format!("{path}/validate"), None),
        (Method::POST, format!("{path}/set-default"), None),
        (Method::DELETE, path.clone(), None),
    ] {
        let refused = site.call(method.clone(), &path, body).await.expect(429);
        assert_eq!(refused.code(), "rate_limited", "{method} {path}");
        assert_eq!(refused.header("retry-after"), Some("60"));
    }
    assert_eq!(site.fake.requests().len(), asked, "nobody is asked once it is too often");
    for _ in 0..30 {
        site.get(&site.keys()).await.expect(200);
        site.get(&format!("{path}/headroom")).await.expect(200);
    }
    site.app.clock.advance(Duration::from_secs(60));
    site.patch(&path, json!({ "label": "y" })).await.expect(200);
}

#[tokio::test]
async fn keys_that_are_refused_count_so_that_nobody_checks_keys_here() {
    let site = Site::open().await;
    let create = |key: &str| json!({ "provider": "openai", "api_key": key });
    for n in 0..20 {
        site.create(create(&format!("bad-{n}-0123456789"))).await.expect(400);
    }

    let asked = site.fake.requests().len();
    site.create(create(FIRST)).await.expect(429);

    assert_eq!((asked, site.fake.requests().len()), (20, 20));
}

#[tokio::test]
async fn a_gateway_key_is_a_user_of_its_own() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    for _ in 0..19 {
        site.press(&format!("{path}/validate")).await.expect(200);
    }
    site.press(&format!("{path}/validate")).await.expect(429);
    let body = json!({ "name": "ci", "scopes": ["write:byok"] });
    let key = site.app.gateway_key(&site.owner, &body).await.expect(201).at("/key");

    let put = site.app.api.call(Method::PUT, &site.byok("openai")).bearer(&key);

    put.json(&json!({ "api_key": SECOND })).whole().await.expect(200);
}

#[tokio::test]
async fn a_plan_without_byok_takes_no_new_value_and_asks_nobody() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    site.set_plan("starter").await;
    let asked = site.fake.requests().len();

    for answer in [
        site.create(json!({ "provider": "openai", "api_key": SECOND })).await,
        site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await,
        site.put(&site.byok("openai"), json!({ "api_key": SECOND })).await,
    ] {
        assert_eq!(answer.expect(403).code(), "plan_forbids");
    }

    assert_eq!(site.fake.requests().len(), asked);
    assert_eq!(site.listed().await.len(), 1, "what was stored before stays");
    site.patch(&path, json!({ "is_active": false })).await.expect(200);
    site.delete(&path).await.expect(204);
}

#[tokio::test]
async fn a_creation_that_is_repeated_is_probed_and_stored_once() {
    let site = Site::open().await;
    let create = || {
        let call =
            site.app.api.post(&site.keys(), &json!({ "provider": "openai", "api_key": FIRST }));
        call.bearer(&site.owner.session).header("idempotency-key", "once").whole()
    };

    let first = create().await.expect(201);
    site.fake.next_probe(Reply::invalid_key(FIRST));
    let again = create().await.expect(201);

    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(site.listed().await.len(), 1);
    assert_eq!(site.fake.requests().len(), 1);
}

impl Site {
    async fn set_plan(&self, plan: &str) {
        let workspace = self.owner.workspace.parse().expect("an id");
        let mut write = self.app.app.store().write().await.expect("a write");
        let mut inside = write.workspace(workspace);
        let mut row = inside.touch().await.expect("read").expect("a workspace");
        plan.clone_into(&mut row.plan);
        inside.save(&row).await.expect("saved");
        write.commit(model::Clock::now(&self.app.clock)).await.expect("committed");
    }
}

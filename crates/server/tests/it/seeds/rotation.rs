//! Seeds 000 and 004, rotation of the master key: every stored key is encrypted anew while requests go on. On a
//! gateway of its own, because it concerns all that is in it.

use serde_json::{Value, json};
use testkit::canary::Canaries;
use testkit::http::Client;

use super::own::{MASTER_KEY, Owner, Place};
use super::people::{Caller, eventually};
use super::site::{Site, fresh};

on_both! {
    the_master_key_rotates_without_downtime
    platform_keys_are_as_hidden_as_any
}

/// The second version.
const NEW: &str = "2:1f8b0d4c6a92e37755c1fe02b48d9a6037e5c8d1a4f09b2c6d7e8f1023456789";

/// Seeds 004: "encryption key versions are tracked per key for zero-downtime master key rotation"; 000: "Rotating
/// this key requires re-encrypting all stored provider keys."
async fn the_master_key_rotates_without_downtime(site: &Site) {
    let Some(place) = Place::new(site.backend).await else { return };
    let gateway = place.start(MASTER_KEY);
    let owner = Owner::set_up(&gateway).await;
    let key = fresh("sk-");
    for api_key in [&key, &fresh("sk-")] {
        owner.add_provider_key(api_key).await;
    }
    let app = owner.application().await;
    gateway.stop();

    let gateway = place.start(&format!("{NEW},1:{MASTER_KEY}"));
    let api = Client::new(gateway.url());
    let operator = Caller::new(&api, owner.session.token());
    let app = Caller::new(&api, app.token());
    app.chat("openai/gpt-4o").await.expect(200);
    operator.post("/v1/operator/vault/rotate", json!({})).await.expect(202);
    let vault = eventually("all is sealed anew", async || {
        app.chat("openai/gpt-4o").await.expect(200);
        let vault = operator.get("/v1/operator/vault").await.expect(200).json();
        (rows_of(&vault, 1) == 0 && vault["active"] == 2).then_some(vault)
    });

    let vault = vault.await;
    assert!(rows_of(&vault, 2) >= 2, "{vault}");
    let doctor = operator.get("/v1/operator/vault/doctor").await.expect(200).json();
    assert_eq!(doctor["closed"], json!([]), "{doctor}");
    gateway.stop();
    // The old key is needed no more.
    let gateway = place.start(NEW);
    let app = Caller::new(&Client::new(gateway.url()), app.token());
    app.chat("openai/gpt-4o").await.expect(200);
    assert_eq!(place.fake.last_request().bearer(), Some(&*key));
}

/// Rows still sealed by this version of the master key.
fn rows_of(vault: &Value, version: u64) -> u64 {
    let versions = vault["versions"].as_array().expect("versions");
    let one = versions.iter().find(|row| row["version"] == version);
    one.and_then(|row| row["rows"].as_u64()).unwrap_or(0)
}

/// Seed 000: "The API has no endpoint that returns provider plaintext — not even to admins", of keys of the
/// operator's own.
async fn platform_keys_are_as_hidden_as_any(site: &Site) {
    let Some(place) = Place::new(site.backend).await else { return };
    let gateway = place.start(MASTER_KEY);
    let owner = Owner::set_up(&gateway).await;
    let (key, later, bad) = (fresh("sk-proj-"), fresh("sk-proj-"), fresh("bad-"));
    let path = "/v1/operator/platform-keys";
    let operator = &owner.session;

    let made =
        operator.post(path, json!({ "provider": "openai", "api_key": key })).await.expect(201);
    let one = format!("{path}/{}", made.at("/id"));
    let refused = operator.post(path, json!({ "provider": "openai", "api_key": bad })).await;
    let answers = [
        made,
        refused.expect(400),
        operator.get(path).await.expect(200),
        operator.get(&one).await.expect(200),
        operator.press(&format!("{one}/validate")).await.expect(200),
        operator.patch(&format!("{one}/tier"), json!({ "tier": "tier-4" })).await.expect(200),
        operator.put(&format!("{one}/secret"), json!({ "api_key": later })).await.expect(200),
        operator.get("/v1/operator/audit").await.expect(200),
    ];

    let canaries = [&key, &later]
        .into_iter()
        .fold(Canaries::new(), |canaries, key| canaries.any_part("a platform key", &key[8..]));
    let canaries = canaries.any_part("a refused key", &bad[4..]);
    for answer in &answers {
        assert_eq!(canaries.scan("an answer", &answer.body), [""; 0], "{}", answer.text());
    }
    assert_eq!(answers[0].at("/key_prefix"), "sk-proj-...****");
    let list = answers[2].json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    operator.delete(&one).await.expect(204);
    assert_eq!(operator.get(path).await.expect(200).json()["items"], json!([]));
    let said = gateway.stop();
    let found = canaries.scan("the log", format!("{}{}", said.stdout, said.stderr).as_bytes());
    assert_eq!(found, [""; 0]);
}

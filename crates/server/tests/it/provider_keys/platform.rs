//! The operator's keys: the same operations, for the operator alone, whatever the plans say.

use http::Method;
use serde_json::{Value, json};
use testkit::app::{EMAIL, PASSWORD};
use testkit::http::Whole;

use super::{FIRST, SECOND, Site};

const KEYS: &str = "/v1/operator/platform-keys";

async fn routes(site: &Site, session: &str, id: &str) -> Vec<Whole> {
    let one = format!("{KEYS}/{id}");
    let calls = [
        (Method::GET, KEYS.to_owned(), None),
        (Method::POST, KEYS.to_owned(), Some(json!({ "provider": "openai", "api_key": SECOND }))),
        (Method::GET, one.clone(), None),
        (Method::PATCH, one.clone(), Some(json!({ "label": "x" }))),
        (Method::PUT, format!("{one}/secret"), Some(json!({ "api_key": SECOND }))),
        (Method::POST, format!("{one}/validate"), None),
        (Method::POST, format!("{one}/set-default"), None),
        (Method::PATCH, format!("{one}/tier"), Some(json!({ "tier": "tier-1" }))),
        (Method::DELETE, one, None),
    ];
    let mut answers = Vec::new();
    for (method, path, body) in calls {
        let call = site.app.api.call(method, &path).bearer(session);
        let call = if let Some(body) = body { call.json(&body) } else { call };
        answers.push(call.whole().await);
    }
    answers
}

#[tokio::test]
async fn the_operator_manages_them_as_any_others() {
    let site = Site::open().await;

    let body =
        json!({ "provider": "google_ai_studio", "api_key": FIRST, "validate_before_save": false });
    let gemini = site.post(KEYS, body).await.expect(201);
    let body = json!({ "provider": "openai", "api_key": FIRST, "label": "the pool's" });
    let made = site.post(KEYS, body).await.expect(201);

    assert_eq!(gemini.at("/provider"), "gemini");
    assert_eq!(made.json()["is_default"], true);
    let one = format!("{KEYS}/{}", made.at("/id"));
    assert_eq!(site.get(&one).await.expect(200).json(), made.json());
    let list = site.get(KEYS).await.expect(200).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    let statuses: Vec<_> = routes(&site, &site.owner.session, &made.at("/id"))
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    assert_eq!(statuses, [200, 201, 200, 200, 200, 200, 200, 200, 204]);
    site.get(&one).await.expect(404);
    assert_eq!(site.listed().await, [Value::Null; 0], "no workspace has them");
}

#[tokio::test]
async fn nobody_else_comes_near_them() {
    let site = Site::open().await;
    let body = json!({ "provider": "openai", "api_key": FIRST });
    let made = site.post(KEYS, body).await.expect(201);
    let eve = outsider(&site).await;
    let application = site.application().await;

    for answer in routes(&site, &eve, &made.at("/id")).await {
        assert_eq!(answer.expect(403).code(), "forbidden_role");
    }
    for answer in routes(&site, &application, &made.at("/id")).await {
        assert_eq!(answer.expect(401).code(), "invalid_session");
    }
    // Not by way of a workspace either.
    site.get(&format!("{}/{}", site.keys(), made.at("/id"))).await.expect(404);
    let reserved = model::WorkspaceId::NIL;
    site.get(&format!("/v1/workspaces/{reserved}/provider-keys")).await.expect(404);
    assert_eq!(site.get(KEYS).await.expect(200).json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_is_done_to_them_is_in_the_instances_audit() {
    let site = Site::open().await;
    let body = json!({ "provider": "openai", "api_key": FIRST });
    let made = site.post(KEYS, body).await.expect(201);

    let audit = site.get("/v1/operator/audit").await.expect(200);

    let rows = audit.json()["items"].as_array().expect("items").clone();
    let row = rows.iter().find(|row| row["action"] == "provider_key.created").expect("a row");
    assert_eq!(row["subject"], made.at("/id"));
    assert_eq!(row["detail"]["key_prefix"], "sk-fir...****");
    assert!(!audit.text().contains("0123456789"), "{}", audit.text());
}

/// Somebody with a session and nothing else.
async fn outsider(site: &Site) -> String {
    let store = site.app.app.store();
    let owner = store.system().user_by_email(EMAIL).await.expect("read").expect("the owner");
    let id = model::UserId::new(&site.app.clock, &model::random::OsRandom);
    let email = "outsider@example.com".to_owned();
    let user = store::system::UserRow { id, email: email.clone(), is_operator: false, ..owner };
    let mut write = store.write().await.expect("a write");
    write.insert_user(&user).await.expect("inserted");
    write.commit(model::Clock::now(&site.app.clock)).await.expect("committed");
    let body = json!({ "email": email, "password": PASSWORD });
    site.app.api.post("/v1/sessions", &body).whole().await.expect(201).at("/token")
}

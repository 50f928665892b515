//! The page on which a person pastes a value: what it shows, what it takes, and when it is over.

use std::time::Duration;

use http::Method;
use serde_json::json;
use testkit::http::Whole;
use testkit::{Backend, hello};

use super::Site;

const VALUE: &str = "sk-value-0123456789abcdef";
const FORM: &str = "application/x-www-form-urlencoded";

impl Site {
    /// The path of a new page.
    async fn link(&self, token: &str, action: &str, name: &str) -> String {
        let wish = json!({ "action": action, "name": name, "upload_link": true });
        let answer = self.managed(token, wish).await;
        let link = answer["upload_link"].as_str().expect("a link");
        assert!(link.starts_with("http://127.0.0.1"), "{link}");
        let (_, page) = link.split_once("/upload/").expect("a page");
        format!("/upload/{page}")
    }

    async fn visit(&self, path: &str) -> Whole {
        self.app.api.get(path).whole().await
    }

    async fn paste(&self, path: &str, value: &str) -> Whole {
        let encode = |byte: u8| format!("%{byte:02X}");
        let value: String = value.bytes().map(encode).collect();
        self.post(path, FORM, format!("value={value}")).await
    }

    async fn post(&self, path: &str, kind: &str, body: String) -> Whole {
        self.app.api.call(Method::POST, path).body(kind, body).whole().await
    }

    async fn names(&self) -> String {
        self.managed(&self.owner.session, json!({ "action": "list" })).await.to_string()
    }
}

async fn a_person_pastes_the_value_once(backend: Backend) {
    let Some(site) = Site::start_on(backend).await else { return };
    let path = site.link(&site.owner.session, "create", "hook").await;

    let page = site.visit(&path).await.expect(200);
    assert!(
        page.text().contains("<form method=\"post\"") && page.text().contains("name=\"value\"")
    );
    assert!(page.text().contains("acme") && page.text().contains("hook"), "{}", page.text());
    site.visit(&path).await.expect(200);
    assert!(!site.names().await.contains("hook"), "looking stores nothing");
    let stored = site.paste(&path, VALUE).await.expect(200);
    assert!(
        stored.text().contains("Stored") && !stored.text().contains(VALUE),
        "{}",
        stored.text()
    );

    assert!(site.names().await.contains("hook"));
    let unknown = site.visit("/upload/up_unknown").await.expect(404);
    for over in [site.visit(&path).await, site.paste(&path, VALUE).await] {
        assert_eq!(over.expect(404).text(), unknown.text(), "used and unknown look the same");
    }
}

#[tokio::test]
async fn a_person_pastes_the_value_once_on_sqlite() {
    a_person_pastes_the_value_once(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_person_pastes_the_value_once_on_postgres() {
    a_person_pastes_the_value_once(Backend::Postgres).await;
}

#[tokio::test]
async fn every_page_is_kept_from_caches_frames_and_scripts() {
    let site = Site::start().await;
    let path = site.link(&site.owner.session, "create", "hook").await;

    for page in [
        site.visit(&path).await.expect(200),
        site.paste(&path, "").await.expect(400),
        site.paste(&path, VALUE).await.expect(200),
        site.visit(&path).await.expect(404),
    ] {
        let text = page.text();
        let header = |name: &str| page.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("x-content-type-options"), "nosniff");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        for fetched in ["<script", "src=", "href=", "style", "http:", "https:", "onload"] {
            assert!(!text.contains(fetched), "{fetched}: {text}");
        }
    }
}

#[tokio::test]
async fn a_value_that_is_refused_can_be_mended_until_the_page_lapses() {
    let site = Site::start().await;
    let path = site.link(&site.owner.session, "rotate", "provider_key_openai").await;

    for bad in ["bad-key-0123456789", "bad-key-abcdefghij"] {
        let page = site.paste(&path, bad).await.expect(400);
        assert!(page.text().contains("rejected this key"), "{}", page.text());
        assert!(page.text().contains("<form"), "{}", page.text());
        assert!(!page.text().contains(bad), "{}", page.text());
    }
    site.app.chat(&site.key, &hello("gpt-4o")).await.expect(200);
    assert_eq!(site.fake.last_request().bearer(), Some(super::PROVIDER_KEY));
    site.paste(&path, "sk-next-0123456789\r\n").await.expect(200);
    site.app.chat(&site.key, &hello("gpt-4o")).await.expect(200);
    assert_eq!(site.fake.last_request().bearer(), Some("sk-next-0123456789"));

    let late = site.link(&site.owner.session, "create", "hook").await;
    site.app.clock.advance(Duration::from_secs(15 * 60 - 1));
    site.visit(&late).await.expect(200);
    site.app.clock.advance(Duration::from_secs(1));
    site.visit(&late).await.expect(404);
    site.paste(&late, VALUE).await.expect(404);
    assert!(!site.names().await.contains("hook"));
}

async fn of_several_who_paste_at_once_one_is_taken(backend: Backend) {
    let Some(site) = Site::start_on(backend).await else { return };
    let path = site.link(&site.owner.session, "create", "hook").await;
    let pastes = (0..8).map(|_| {
        let call = site.app.api.call(Method::POST, &path).body(FORM, format!("value={VALUE}"));
        tokio::spawn(call.whole())
    });

    let mut statuses = Vec::new();
    for paste in pastes.collect::<Vec<_>>() {
        statuses.push(paste.await.expect("answered").status.as_u16());
    }

    assert_eq!(statuses.iter().filter(|it| **it == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|it| [200, 404, 409].contains(it)), "{statuses:?}");
}

#[tokio::test]
async fn of_several_who_paste_at_once_one_is_taken_on_sqlite() {
    of_several_who_paste_at_once_one_is_taken(Backend::Sqlite).await;
}

#[tokio::test]
async fn of_several_who_paste_at_once_one_is_taken_on_postgres() {
    of_several_who_paste_at_once_one_is_taken(Backend::Postgres).await;
}

#[tokio::test]
async fn a_page_is_worth_no_more_than_the_right_of_who_asked_for_it() {
    let site = Site::start().await;
    let key = site.key_with(&["write:secrets"]).await;
    let path = site.link(&key, "create", "hook").await;
    site.visit(&path).await.expect(200);
    let keys = format!("/v1/workspaces/{}/api-keys", site.owner.workspace);
    let list = site.app.api.get(&keys).bearer(&site.owner.session).whole().await.expect(200).json();
    let items = list["items"].as_array().expect("items");
    let id = items.iter().find(|it| it["name"] == "for MCP").expect("the key")["id"].clone();

    let gone = format!("{keys}/{}", id.as_str().expect("an id"));
    site.app.api.delete(&gone).bearer(&site.owner.session).whole().await.expect(204);

    site.visit(&path).await.expect(404);
    site.paste(&path, VALUE).await.expect(404);
}

#[tokio::test]
async fn names_and_descriptions_are_text_on_the_page() {
    let site = Site::start().await;
    let named = json!({ "name": "<b>&\"'acme" });
    let made = site.app.api.post("/v1/workspaces", &named).bearer(&site.owner.session);
    let workspace = made.whole().await.expect(201).at("/id");
    let wish = json!({
        "action": "create", "name": "hook", "upload_link": true,
        "description": "</p><script>alert(1)</script>",
    });
    let call = json!({ "name": "manage_secrets", "arguments": wish });
    let call = site.ask(&site.owner.session, "tools/call", call).header("x-tenant-id", &workspace);
    let answer = super::result(&call.whole().await);
    let link = answer["structuredContent"]["upload_link"].as_str().expect("a link");
    let (_, token) = link.split_once("/upload/").expect("a page");

    let page = site.visit(&format!("/upload/{token}")).await.expect(200).text();

    assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;acme"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"), "{page}");
}

#[tokio::test]
async fn what_is_no_form_with_a_value_is_refused_on_the_page() {
    let site = Site::start().await;
    let path = site.link(&site.owner.session, "create", "hook").await;

    for (kind, body) in [
        (FORM, String::new()),
        (FORM, format!("other={VALUE}")),
        (FORM, "value=".to_owned()),
        (FORM, "value=%0D%0A".to_owned()),
        (FORM, "value=%FF%FE".to_owned()),
        ("application/json", json!({ "value": VALUE }).to_string()),
        ("text/plain", format!("value={VALUE}")),
    ] {
        let page = site.post(&path, kind, body.clone()).await.expect(400);
        assert!(page.text().contains("<form"), "{kind} {body}: {}", page.text());
        assert!(!page.text().contains(VALUE), "{kind} {body}: {}", page.text());
    }
    site.post(&path, FORM, format!("value={}", "x".repeat(2 << 20))).await.expect(413);
    site.app.api.delete(&path).whole().await.expect(405);
    assert!(!site.names().await.contains("hook"));
    site.paste(&path, "-----BEGIN KEY-----\r\na+b c/d=\r\n-----END KEY-----\r\n").await.expect(200);
}

#[tokio::test]
async fn a_link_is_made_only_for_what_could_be_done() {
    let site = Site::start().await;
    let session = &site.owner.session;
    let ask =
        |action: &str, name: &str| json!({ "action": action, "name": name, "upload_link": true });

    for (wish, code) in [
        (ask("create", "provider_key_openai"), "conflict"),
        (ask("create", "provider_key_nobody"), "invalid_request"),
        (ask("create", "a b"), "invalid_request"),
        (ask("rotate", "absent"), "not_found"),
    ] {
        assert_eq!(site.mismanaged(session, wish.clone()).await, code, "{wish}");
    }
}

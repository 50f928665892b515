//! Keys of providers, on their three faces: of the workspace, of a project, of the operator.

use serde_json::{Value, json};
use testkit::fake::{FakeProvider, Reply};
use testkit::http::Whole;

use super::people::Who;
use super::{ANYWHERE, Office};

const OF_WORKSPACE: &str = "/v1/workspaces/{workspace}/provider-keys";
const OF_OPERATOR: &str = "/v1/operator/platform-keys";
const BYOK: &str = "/api/v1/projects/{project}/byok-keys";
const KEYS: usize = 6;

impl Office {
    pub async fn provider_keys(&mut self) {
        self.family(OF_WORKSPACE, "workspace").await;
        let hosts =
            [("anthropic", None), ("gemini", None), ("custom", Some(self.others.base_url()))];
        for (provider, base_url) in hosts {
            let mut body = json!({
                "provider": provider, "api_key": self.book.secret(&format!("a key for {provider}")),
                "label": self.book.word("label"),
            });
            if let Some(url) = base_url {
                body["base_url"] = json!(url);
                body["name"] = json!("an-endpoint");
            }
            self.ask_json(Who::Admin, &format!("POST {OF_WORKSPACE}"), &body).await.expect(201);
        }
    }

    pub async fn platform_keys(&mut self) {
        self.family(OF_OPERATOR, "platform").await;
        let body = json!({ "provider": "groq", "api_key": self.book.secret("the platform's key for groq") });
        self.ask_json(Who::Owner, &format!("POST {OF_OPERATOR}"), &body).await.expect(201);
    }

    /// Everything that can be done with keys that have ids. Leaves some behind.
    async fn family(&mut self, path: &'static str, whose: &str) {
        let create = format!("POST {path}");
        let mut ids = Vec::new();
        for number in 0..KEYS {
            // Checked by a provider that says yes, by one that repeats it, by none at all.
            self.openai.next_probe(if number % 3 == 1 { Reply::echo() } else { Reply::standard() });
            let key = self.book.secret(&format!("key {number} of the {whose}"));
            let body = json!({
                "provider": "openai", "api_key": key, "label": self.book.word("label"),
                "validate_before_save": number % 3 != 2,
            });
            let once = format!("once-{whose}-{number}");
            let made = self.once(&create, &once, &body).await;
            assert_prefix(&made, &key);
            ids.push(made.at("/id"));
        }
        self.openai.always_probe(Reply::standard());
        let replacement = self.book.secret(&format!("a replacement of the {whose}"));
        let label = json!({ "label": self.book.word("label") });
        let default = ids[1].clone();
        for (operation, body, status) in [
            (format!("GET {path}"), Value::Null, 200),
            (format!("GET {path}/{{id}}"), Value::Null, 200),
            (format!("PATCH {path}/{{id}}"), label, 200),
            (format!("PUT {path}/{{id}}/secret"), json!({ "api_key": replacement }), 200),
            (format!("PATCH {path}/{{id}}/tier"), json!({ "tier": "tier-4" }), 200),
            (format!("POST {path}/{{id}}/set-default"), Value::Null, 200),
            (format!("POST {path}/{{id}}/validate"), Value::Null, 200),
        ] {
            let answer = self.key(&operation, &ids[0], &body).await.expect(status);
            if operation.starts_with("PUT") {
                assert_prefix(&answer, &replacement);
            }
        }
        self.key(&format!("POST {path}/{{id}}/set-default"), &default, &Value::Null)
            .await
            .expect(200);
        for reply in
            [Reply::echo_error(401), Reply::echo_error(429), Reply::echo_error(500), Reply::echo()]
        {
            self.openai.next_probe(reply);
            self.key(&format!("POST {path}/{{id}}/validate"), &ids[2], &Value::Null)
                .await
                .expect(200);
        }
        let refused =
            json!({ "api_key": self.book.secret(&format!("a refused key of the {whose}")) });
        self.openai.next_probe(Reply::echo_error(401));
        self.key(&format!("PUT {path}/{{id}}/secret"), &ids[2], &refused).await.expect(400);
        self.openai.next_probe(Reply::echo_error(401));
        let refused = json!({ "provider": "openai", "api_key": refused["api_key"] });
        self.ask_json(Who::Owner, &create, &refused).await.expect(400);
        let gone = ids.pop().expect("a key");
        self.key(&format!("DELETE {path}/{{id}}"), &gone, &Value::Null).await.expect(204);
        self.know(path, "id", ids[3].clone());
    }

    async fn key(&mut self, operation: &str, id: &str, body: &Value) -> Whole {
        self.ask(Who::Owner, operation, |draft| match body {
            Value::Null => draft.with("id", id),
            body => draft.with("id", id).json(body),
        })
        .await
    }

    pub async fn byok_keys(&mut self) {
        let scopes = json!({ "name": "for keys", "scopes": ["read:byok", "write:byok"] });
        let made =
            self.ask_json(Who::Owner, "POST /api/v1/projects/{project}/api-keys", &scopes).await;
        let narrow = made.expect(201).at("/key");
        self.know(ANYWHERE, "provider", "openai".to_owned());
        for who in [Who::Owner, Who::Admin, Who::WorkspaceKey, Who::WeakKey] {
            let kept = self.tokens[&who].clone();
            if who == Who::WeakKey {
                self.hold(who, narrow.clone());
            }
            for provider in ["openai", "anthropic", "gemini"] {
                self.byok_key(who, provider).await;
            }
            self.hold(who, kept);
        }
        // One stays.
        let body = json!({ "api_key": self.book.secret("the project's key") });
        self.ask_json(Who::Owner, &format!("PUT {BYOK}/{{provider}}"), &body).await.expect(200);
    }

    async fn byok_key(&mut self, who: Who, provider: &str) {
        let one = format!("{BYOK}/{{provider}}");
        let key = self.book.secret(&format!("a BYOK key for {provider} by {who:?}"));
        let next = self.book.secret(&format!("the next BYOK key for {provider} by {who:?}"));
        let bad = self.book.secret(&format!("a refused BYOK key for {provider} by {who:?}"));
        let label = self.book.word("label");
        let ask = async |office: &mut Self, method: &str, tail: &str, body: Value| {
            let operation = format!("{method} {one}{tail}");
            let bent = office.ask(who, &operation, |draft| match &body {
                Value::Null => draft.with("provider", provider),
                body => draft.with("provider", provider).json(body),
            });
            bent.await
        };
        let set = ask(self, "PUT", "", json!({ "api_key": key, "label": label })).await.expect(200);
        assert_eq!(set.at("/api_key_prefix"), format!("{}...****", &key[..8]));
        ask(self, "PUT", "", json!({ "api_key": next })).await.expect(200);
        ask(self, "PATCH", "", json!({ "is_active": true })).await.expect(200);
        for reply in [Reply::echo_error(401), Reply::echo_error(503), Reply::echo()] {
            self.fake(provider).next_probe(reply);
            ask(self, "POST", "/test", Value::Null).await.expect(200);
        }
        self.fake(provider).next_probe(Reply::echo_error(401));
        ask(self, "PUT", "", json!({ "api_key": bad })).await.expect(400);
        self.ask(who, &format!("GET {BYOK}"), |draft| draft).await.expect(200);
        ask(self, "DELETE", "", Value::Null).await.expect(204);
    }
}

impl Office {
    fn fake(&self, provider: &str) -> &FakeProvider {
        if provider == "openai" { &self.openai } else { &self.others }
    }
}

/// No more than the eighth character, and of a short key less.
#[track_caller]
fn assert_prefix(answer: &Whole, key: &str) {
    assert_eq!(answer.at("/key_prefix"), format!("{}...****", &key[..8]));
    assert!(!answer.text().contains(&key[..9]), "{}", answer.text());
}

//! Provider keys, good and bad, and what their provider says of them.

use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::http::Whole;

use super::{Day, STATUSES};

impl Day<'_> {
    async fn add_key(&mut self, name: &str, body: Value) -> Whole {
        let path = format!("/v1/workspaces/{}/provider-keys", self.workspace);
        let call = self.api().post(&path, &body).bearer(&self.session);
        self.hear(name, call).await
    }

    pub async fn provider_keys(&mut self) {
        for (number, key) in self.secrets.keys.clone().iter().enumerate() {
            // Checked by a provider that says yes, by one that repeats it, by none at all.
            self.fake.next_probe(if number % 3 == 1 { Reply::echo() } else { Reply::standard() });
            let body = json!({
                "provider": "openai", "api_key": key, "validate_before_save": number % 3 != 2,
            });
            let added = self.add_key(&format!("key {number}"), body).await.expect(201);
            self.key_ids.push(added.at("/id"));
        }
        self.fake.always_probe(Reply::standard());
        let id = self.key_ids.pop().expect("a key");
        let path = format!("/v1/workspaces/{}/provider-keys/{id}", self.workspace);
        let call = self.api().delete(&path).bearer(&self.session);
        self.hear("a key's deletion", call).await.expect(204);
    }

    /// What the provider says of a refused key repeats all of it, also across the place where long words are cut.
    pub async fn refused_keys(&mut self) {
        let keys = self.secrets.refused.clone();
        let mut next = keys.iter().cycle();
        for (status, key) in STATUSES.into_iter().zip(next.by_ref()) {
            self.fake.always_probe(Reply::echo_error(status));
            let body = json!({ "provider": "openai", "api_key": key });
            self.add_key(&format!("a key answered with {status}"), body).await;
        }
        for (characters, key) in (445..500).step_by(3).zip(next) {
            let words = format!("{}{key}", "-".repeat(characters));
            self.fake.always_probe(Reply::openai_error(429, "rate_limit", None, &words));
            let body = json!({ "provider": "openai", "api_key": key });
            self.add_key(&format!("a key after {characters} characters"), body).await;
        }
        for (name, reply) in [
            ("quota", Reply::openai_error(429, "insufficient_quota", Some(&keys[1]), &keys[1])),
            ("a kind", Reply::openai_error(400, &keys[1], None, &keys[1])),
            ("a page", Reply::text(502, "text/html", format!("<html>{}</html>", keys[1]))),
            ("a text", Reply::text(500, "text/plain", keys[1].clone())),
            ("a cut", Reply::cut_before_headers()),
            ("garbage", Reply::raw(format!("HTTP/1.1 {} what\r\n\r\n", keys[1]))),
            (
                "a header without colon",
                Reply::raw(format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", keys[1])),
            ),
            (
                "a reason",
                Reply::raw(format!("HTTP/1.1 401 {}\r\ncontent-length: 0\r\n\r\n", keys[1])),
            ),
            ("a redirect", Reply::redirect(302, &format!("/{}", keys[1]))),
        ] {
            self.fake.always_probe(reply);
            let body = json!({ "provider": "openai", "api_key": keys[1] });
            self.add_key(&format!("a key answered with {name}"), body).await;
        }
        self.fake.always_probe(Reply::standard());
        // Nobody there, and nobody allowed to be there.
        for url in ["http://127.0.0.1:1/v1", "https://127.0.0.1:1/v1", "http://[::1]:1"] {
            let body = json!({ "provider": "custom", "base_url": url, "api_key": keys[2] });
            self.add_key("a key for a forbidden address", body).await.expect(502);
        }
    }

    /// Keys that are no keys, and bodies that are no bodies.
    pub async fn unreadable_keys(&mut self) {
        let keys = self.secrets.refused.clone();
        for (number, end) in ["\r\nX-Evil: 1", "\n", "\0", " ", "\u{7f}", "é", "\u{200b}", "–"]
            .into_iter()
            .enumerate()
        {
            let key = &keys[40 + number];
            for bad in [format!("{key}{end}"), format!("{end}{key}"), format!("{key}{end}{key}")] {
                let body = json!({ "provider": "openai", "api_key": bad });
                self.add_key(&format!("a key with {end:?}"), body).await.expect(400);
            }
        }
        let [a, b, ..] = &keys;
        let workspace = format!("/v1/workspaces/{}/provider-keys", self.workspace);
        let bodies = [
            json!({ "provider": a, "api_key": b }),
            json!({ "provider": "openai", "api_key": [a] }),
            json!({ "provider": "openai", "api_key": { "key": a } }),
            json!({ "provider": "openai", "apiKey": a }),
            json!({ "provider": "openai", "key": a }),
            json!({ "provider": "openai", "api_key": b, (a.as_str()): 1 }),
            json!({ "provider": "openai", "api_key": b, "validate_before_save": a }),
            json!({ "provider": "openai", "api_key": b, "label": [a] }),
            json!({ "provider": "openai", "api_key": b, "label": a.repeat(4) }),
            json!({ "provider": "openai", "api_key": a.repeat(400) }),
            json!({ "provider": "openai", "api_key": b, "base_url": format!("https://{a}.example") }),
            json!({ "provider": "custom", "api_key": b, "base_url": a }),
            json!({ "provider": "custom", "api_key": b, "base_url": format!("http://{a}@127.0.0.1") }),
            json!({ "provider": "custom", "api_key": b, "base_url": format!("http://x/?key={a}") }),
            json!({ "provider": "custom", "api_key": b, "base_url": format!("http://x:{a}/") }),
            json!([a]),
            json!(a),
        ];
        let mut bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
        bodies.extend([
            format!(r#"{{"provider":"openai","api_key":"{a}"#),
            format!(r#"{{"provider":"openai","api_key":{a}}}"#),
            format!(r#"{{"provider":"openai","api_key":"{a}",}}"#),
            format!(r#"{{"provider":"openai","api_key":"{a}","api_key":"{b}"}}"#),
            format!(r#"{{"provider":"openai","api_key":"\ud800{a}"}}"#),
            format!("provider=openai&api_key={a}"),
            a.clone(),
        ]);
        for body in bodies {
            let call = self.api().post(&workspace, &json!(null)).bearer(&self.session);
            let answer = self.hear("a body", call.body("application/json", body)).await;
            assert!(answer.status.is_client_error(), "{}", answer.status);
        }
    }
}

//! What applications are given: shown once, by the call that makes it or makes it anew.

use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::hello;
use testkit::http::Whole;

use super::Office;
use super::people::Who;

const FACES: [&str; 2] =
    ["/v1/workspaces/{workspace}/api-keys", "/api/v1/projects/{project}/api-keys"];

impl Office {
    /// A creation, and the same again: the second time without anything to be hidden.
    pub async fn once(&mut self, operation: &str, key: &str, body: &Value) -> Whole {
        let again = |draft: super::Draft| draft.json(body).header("idempotency-key", key);
        let made = self.ask(Who::Owner, operation, again).await.expect(201);
        let replay = self.ask(Who::Owner, operation, again).await.expect(201);
        assert_eq!(replay.header("idempotent-replayed"), Some("true"), "{operation}");
        for secret in ["key", "link", "token"] {
            assert!(replay.json().get(secret).is_none(), "{operation}: {}", replay.text());
        }
        let mut other = body.clone();
        other["name"] = json!(self.book.word("name"));
        other["x"] = json!(self.book.stray("another body of a creation"));
        let clash = self
            .ask(Who::Owner, operation, |draft| draft.json(&other).header("idempotency-key", key));
        clash.await;
        made
    }

    pub async fn gateway_keys(&mut self) {
        for (face, path) in FACES.into_iter().enumerate() {
            let body = json!({
                "name": self.book.word("name"), "scopes": ["inference"],
                "allowed_models": [format!("openai/{}", self.book.word("model")), "openai/gpt-5-mini", "groq/some-model"],
            });
            let made =
                self.once(&format!("POST {path}"), &format!("once-gateway-{face}"), &body).await;
            let (id, first) = (made.at("/id"), made.at("/key"));
            let one = |tail: &str| format!("{path}/{{id}}{tail}");
            let overlap = json!({ "overlap_seconds": 600 });
            let rotate = format!("POST {}", one("/rotate"));
            let second = self.gateway_key(&rotate, &id, &overlap).await.expect(200).at("/key");
            for token in [&first, &second] {
                self.chat(token, "openai/gpt-5-mini", Reply::echo(), false).await.expect(200);
                self.chat(token, "openai/gpt-5-mini", Reply::echo_stream(), true).await.expect(200);
                // Only the platform has a key for it.
                self.chat(token, "groq/some-model", Reply::echo(), false).await;
            }
            let third = self.gateway_key(&rotate, &id, &json!({})).await.expect(200).at("/key");
            for (operation, status) in [("/block", 401), ("/unblock", 200)] {
                self.gateway_key(&format!("POST {}", one(operation)), &id, &Value::Null)
                    .await
                    .expect(200);
                self.chat(&third, "openai/gpt-5-mini", Reply::standard(), false)
                    .await
                    .expect(status);
            }
            self.ask(Who::Owner, &format!("GET {path}"), |draft| draft).await.expect(200);
            self.gateway_key(&format!("GET {}", one("")), &id, &Value::Null).await.expect(200);
            let name = json!({ "name": self.book.word("name") });
            self.gateway_key(&format!("PATCH {}", one("")), &id, &name).await.expect(200);
            self.gateway_key(&format!("DELETE {}", one("")), &id, &Value::Null).await.expect(204);
            self.chat(&third, "openai/gpt-5-mini", Reply::standard(), false).await.expect(401);
            let victim =
                self.ask_json(Who::Owner, &format!("POST {path}"), &body).await.expect(201);
            self.know(path, "id", victim.at("/id"));
        }
    }

    async fn gateway_key(&mut self, operation: &str, id: &str, body: &Value) -> Whole {
        self.ask(Who::Owner, operation, |draft| match body {
            Value::Null => draft.with("id", id),
            body => draft.with("id", id).json(body),
        })
        .await
    }

    /// A request of an application. What is said in it is kept nowhere either.
    pub async fn chat(&mut self, token: &str, model: &str, reply: Reply, streamed: bool) -> Whole {
        let prompt = self.book.secret(&format!("a prompt to {model}"));
        let mut body = hello(model);
        body["messages"][0]["content"] = json!(prompt);
        body["stream"] = json!(streamed);
        self.openai.always(reply);
        let bearer = format!("Bearer {token}");
        let chat = "POST /v1/chat/completions";
        let answer =
            self.ask(Who::Nobody, chat, |draft| draft.json(&body).header("authorization", bearer));
        let answer = answer.await;
        // The echo says it to whom it came from.
        self.ears.unhear(&prompt);
        self.openai.always(Reply::standard());
        answer
    }
}

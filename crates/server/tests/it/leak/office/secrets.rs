//! Other secrets: over REST, through an assistant, and on pages where a person pastes them.

use model::SecretCategory;
use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::http::Whole;

use super::draft::FORM;
use super::people::Who;
use super::{ANYWHERE, Office};

impl Office {
    pub async fn secrets(&mut self) {
        for category in SecretCategory::ALL {
            let name =
                format!("{}.{}", self.book.word("name"), category.as_str().replace('_', "-"));
            let body = json!({
                "name": name, "value": self.book.secret(&format!("a secret of {category:?}")),
                "category": category, "description": self.book.word("description"),
            });
            self.once("POST /api/secrets", &format!("once-{category:?}"), &body).await;
            let next =
                json!({ "value": self.book.secret(&format!("the next secret of {category:?}")) });
            let more = json!({ "description": self.book.word("description"), "category": null });
            for (operation, body) in [
                ("GET /api/secrets/{name}", &Value::Null),
                ("PATCH /api/secrets/{name}", &next),
                ("PATCH /api/secrets/{name}", &more),
                ("GET /api/secrets", &Value::Null),
            ] {
                self.secret(Who::WorkspaceKey, operation, &name, body).await.expect(200);
            }
            self.know(ANYWHERE, "name", name.clone());
            if category == SecretCategory::Database {
                self.secret(Who::Owner, "DELETE /api/secrets/{name}", &name, &Value::Null)
                    .await
                    .expect(204);
            }
        }
        let name = "provider_key_gemini";
        self.secret(Who::Owner, "DELETE /api/secrets/{name}", name, &Value::Null).await.expect(204);
        let new = json!({ "name": name, "value": self.book.secret("a key by another name") });
        self.ask_json(Who::Owner, "POST /api/secrets", &new).await.expect(201);
        let next = json!({ "value": self.book.secret("the next key by another name") });
        self.secret(Who::Owner, "PATCH /api/secrets/{name}", name, &next).await.expect(200);
        let bad = json!({ "value": self.book.secret("a refused key by another name") });
        self.others.next_probe(Reply::echo_error(401));
        self.secret(Who::Owner, "PATCH /api/secrets/{name}", name, &bad).await.expect(400);
        self.ask(Who::Member, "GET /api/v1/tenant/byok-providers", |draft| draft).await.expect(200);
    }

    async fn secret(&mut self, who: Who, operation: &str, name: &str, body: &Value) -> Whole {
        self.ask(who, operation, |draft| match body {
            Value::Null => draft.with("name", name),
            body => draft.with("name", name).json(body),
        })
        .await
    }

    /// Over MCP, as it is meant and as no protocol has it.
    pub async fn assistants(&mut self) {
        let (name, description) = (self.book.word("name"), self.book.word("description"));
        let value = self.book.secret("a secret told to an assistant");
        let next = self.book.secret("the next secret told to an assistant");
        let bad = self.book.secret("a refused key told to an assistant");
        let stray = self.book.stray("an argument of a tool");
        let create =
            json!({ "action": "create", "name": name, "value": value, "description": description });
        for (arguments, fails) in [
            (create.clone(), false),
            (create, true),
            (json!({ "action": "list" }), false),
            (json!({ "action": "rotate", "name": name, "value": next }), false),
            (json!({ "action": "rotate", "name": name, "value": next, "upload_link": true }), true),
            (json!({ "action": "delete", "name": name }), false),
            (json!({ "action": "create", "name": "x", "value": [bad] }), true),
            (json!({ "action": "create", "name": [bad], "value": bad }), true),
            (json!({ "action": "create", "name": "x", "value": bad, "category": stray }), true),
            (json!({ "action": stray, "name": "x", "value": bad }), true),
            (json!({ "action": "create", "name": "x", (stray.as_str()): bad }), true),
            (json!({ "action": "list", "cursor": stray }), true),
            (json!([bad]), true),
            (json!(bad), true),
        ] {
            let answer =
                self.tool(Who::WorkspaceKey, "POST /mcp", "manage_secrets", arguments).await;
            assert_eq!(answer.json()["result"]["isError"] == true, fails, "{}", answer.text());
        }
        self.openai.next_probe(Reply::echo_error(401));
        let key = json!({ "action": "rotate", "name": "provider_key_openai", "value": bad });
        let refused = self.tool(Who::Owner, "POST /mcp", "manage_secrets", key).await;
        assert!(refused.text().contains("provider_rejected_key"), "{}", refused.text());
        for who in [Who::Member, Who::WeakKey, Who::Garbage] {
            let arguments = json!({ "action": "create", "name": "x", "value": bad });
            self.tool(who, "POST /mcp", "manage_secrets", arguments).await;
        }
        for tool in ["list_models", "usage_summary", &stray] {
            self.tool(Who::WorkspaceKey, "POST /mcp", tool, json!({ "model": bad })).await;
        }
        // It names the model it was asked about, and nothing else of what it is told.
        for arguments in [json!({ "model": "gpt-5-mini" }), json!({ "operation": bad })] {
            self.tool(Who::WorkspaceKey, "POST /mcp", "route_explain", arguments).await;
        }
        self.protocol(&stray).await;
    }

    async fn protocol(&mut self, stray: &str) {
        let hello = json!({
            "protocolVersion": stray, "capabilities": { (stray): stray },
            "clientInfo": { "name": stray, "version": stray, "title": stray },
        });
        let bodies = [
            message("initialize", hello),
            message("tools/list", json!({ "cursor": stray })),
            message(stray, json!({ "x": stray })),
            message("resources/read", json!({ "uri": stray })),
            message("prompts/get", json!({ "name": stray, "arguments": { "x": stray } })),
            message("tools/call", json!({ "name": stray, "_meta": { "progressToken": stray } })),
            json!([message("tools/list", json!({})), stray]),
            json!({ "jsonrpc": stray, "method": stray, "params": stray }),
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "reason": stray } }),
            json!(stray),
        ];
        let mut bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
        bodies.extend([format!("{{\"{stray}"), stray.to_owned()]);
        for body in bodies {
            self.ask(Who::WorkspaceKey, "POST /mcp", |draft| draft.text("application/json", body))
                .await;
        }
        let list = message("tools/list", json!({}));
        for header in [
            "accept",
            "host",
            "last-event-id",
            "mcp-method",
            "mcp-name",
            "mcp-protocol-version",
            "mcp-session-id",
            "origin",
        ] {
            self.ask(Who::WorkspaceKey, "POST /mcp", |draft| {
                draft.json(&list).header(header, stray)
            })
            .await;
        }
        for operation in ["GET /mcp", "DELETE /mcp", "PUT /mcp"] {
            self.ask(Who::WorkspaceKey, operation, |draft| draft.query(stray.to_owned())).await;
        }
    }

    async fn tool(&mut self, who: Who, operation: &str, tool: &str, arguments: Value) -> Whole {
        let call = message("tools/call", json!({ "name": tool, "arguments": arguments }));
        let draft = super::Draft::new("POST /mcp").json(&call);
        self.send(who, operation, &format!("{operation} as {who:?}"), draft).await
    }

    /// What an assistant must not see is pasted by a person.
    pub async fn uploads(&mut self) {
        let (name, description) = (self.book.word("name"), self.book.word("description"));
        let create = json!({ "action": "create", "name": name, "description": description, "upload_link": true });
        let rotate = json!({ "action": "rotate", "name": name, "upload_link": true });
        let key = json!({ "action": "rotate", "name": "provider_key_openai", "upload_link": true });
        for (number, wish) in [create, rotate, key].into_iter().enumerate() {
            let made = self.tool(Who::Owner, "POST /mcp for a link", "manage_secrets", wish).await;
            let link = made.at("/result/structuredContent/upload_link");
            let token = link.rsplit('/').next().expect("a token").to_owned();
            let value = self.book.secret(&format!("pasted value {number}"));
            let bad = self.book.secret(&format!("badly pasted value {number}"));
            self.page("GET /upload/{token}", &token, |draft| draft).await.expect(200);
            self.paste(&token, "application/json", json!({ "value": bad }).to_string())
                .await
                .expect(400);
            self.paste(&token, FORM, format!("key={bad}&{bad}=1")).await.expect(400);
            self.paste(&token, FORM, format!("value=%ff{bad}")).await.expect(400);
            if number == 2 {
                self.openai.next_probe(Reply::echo_error(401));
                self.paste(&token, FORM, format!("value={bad}")).await.expect(400);
            }
            self.paste(&token, FORM, format!("value={value}")).await.expect(200);
            self.paste(&token, FORM, format!("value={value}")).await.expect(404);
            self.page("GET /upload/{token}", &token, |draft| draft).await.expect(404);
        }
        let stray = self.book.stray("the token of a page");
        self.page("GET /upload/{token}", &stray, |draft| draft).await.expect(404);
        self.paste(&stray, FORM, format!("value={stray}")).await.expect(404);
    }

    async fn paste(&mut self, token: &str, kind: &'static str, body: String) -> Whole {
        self.page("POST /upload/{token}", token, |draft| draft.text(kind, body)).await
    }

    /// It shows people's own words, in HTML.
    async fn page(
        &mut self,
        operation: &str,
        token: &str,
        bend: impl FnOnce(super::Draft) -> super::Draft,
    ) -> Whole {
        let answer =
            self.ask(Who::Nobody, operation, |draft| bend(draft.with("token", token))).await;
        for field in ["name", "description"] {
            self.ears.unhear(&self.book.word(field));
        }
        answer
    }
}

fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

//! The same over HTTP/2, whose library has a log of its own.

use serde_json::json;
use testkit::hello;
use testkit::http::Client;

use super::people::Who;
use super::{Draft, MINUTE, Office, shown};

impl Office {
    pub async fn over_http2(&mut self) {
        let api = Client::http2(format!("http://{}", self.app.address()));
        let password = self.book.secret("the owner's password");
        let sign_in = json!({ "email": self.email("owner"), "password": password });
        let key = json!({
            "provider": "openai", "api_key": self.book.secret("a key sent over HTTP/2"),
        });
        let refused =
            json!({ "provider": "openai", "key": self.book.secret("a key lost over HTTP/2") });
        let stray = self.book.stray("a header of HTTP/2");
        let mut chat = hello("openai/gpt-5-mini");
        chat["messages"][0]["content"] = json!(self.book.secret("a prompt sent over HTTP/2"));
        let new = "POST /v1/workspaces/{workspace}/provider-keys";
        // Wrong passwords have been tried before.
        self.app.clock.advance(MINUTE);
        for (who, operation, body, status) in [
            (Who::Nobody, "POST /v1/sessions", &sign_in, 201),
            (Who::Owner, new, &key, 201),
            (Who::Owner, new, &refused, 400),
            (Who::WorkspaceKey, "POST /v1/chat/completions", &chat, 200),
            (Who::WeakKey, "POST /v1/chat/completions", &chat, 200),
        ] {
            for header in ["cookie", "x-stray"] {
                let draft = Draft::new(operation).json(body).header(header, &stray);
                let draft = self.addressed(operation, draft.query(format!("key={stray}")));
                let call = draft.call(&api, self.tokens.get(&who).map(String::as_str));
                let name = format!("{operation} over HTTP/2");
                self.ears.hear(&name, call, shown(operation)).await.expect(status);
                self.ears.reword(|answer| self.book.without_words(answer));
            }
        }
    }
}

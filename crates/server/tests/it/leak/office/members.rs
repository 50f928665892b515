//! People: invited, let in, given other passwords and other roles, and gone; and what they make.

use serde_json::{Value, json};

use super::people::Who;
use super::{ANYWHERE, MINUTE, Office};

const INVITE: &str = "POST /v1/workspaces/{workspace}/members";

impl Office {
    pub async fn members(&mut self) {
        self.invitations().await;
        self.passwords().await;
        self.roles().await;
        self.workspaces().await;
        // For those who try everything.
        let open = self.once(INVITE, "once-open", &self.invitation("somebody")).await;
        self.know(ANYWHERE, "token", open.at("/token"));
        self.know("/invitations/{id}", "id", open.at("/id"));
    }

    fn invitation(&self, name: &str) -> Value {
        json!({ "email": self.email(name), "role": "member" })
    }

    async fn invitations(&mut self) {
        let invited = self.once(INVITE, "once-ada", &self.invitation("ada")).await;
        let token = invited.at("/token");
        let (look, accept) = ("GET /v1/invitations/{token}", "POST /v1/invitations/{token}");
        let with = |password: Value| json!({ "password": password });
        let short = with(json!("short"));
        let odd = with(json!([self.book.secret("a password in a list")]));
        let right = with(json!(self.book.secret("the password of ada")));
        let wrong = with(json!(self.book.secret("a wrong password of ada")));
        let list = "GET /v1/workspaces/{workspace}/invitations";
        self.ask(Who::Admin, list, |draft| draft).await.expect(200);
        for (operation, body, status) in [
            (look, Value::Null, 200),
            (accept, short, 400),
            (accept, odd, 400),
            (accept, right.clone(), 201),
            (accept, right, 404),
            (look, Value::Null, 404),
        ] {
            let answer = self.ask(Who::Nobody, operation, |draft| match &body {
                Value::Null => draft.with("token", &token),
                body => draft.with("token", &token).json(body),
            });
            answer.await.expect(status);
        }
        // Somebody who has an account already, invited elsewhere.
        let body = json!({ "name": self.book.word("name"), "owner_email": self.email("ada") });
        let made = self.once_by_operator(&body).await;
        let token = made.at("/invitation/token");
        let refused =
            self.ask(Who::Nobody, accept, |draft| draft.with("token", &token).json(&wrong));
        refused.await.expect(401);
        let stray = self.book.stray("the token of an invitation");
        self.ask(Who::Nobody, look, |draft| draft.with("token", &stray)).await.expect(404);
        let revoked = self.once(INVITE, "once-eve", &self.invitation("eve")).await;
        let revoke = "DELETE /v1/workspaces/{workspace}/invitations/{id}";
        self.ask(Who::Owner, revoke, |draft| draft.with("id", &revoked.at("/id")))
            .await
            .expect(204);
    }

    async fn once_by_operator(&mut self, body: &Value) -> testkit::http::Whole {
        let found = "POST /v1/operator/workspaces";
        let made = self.once(found, "once-workspace", body).await;
        self.ask(Who::Owner, "GET /v1/operator/workspaces", |draft| draft).await.expect(200);
        let name = json!({ "name": self.book.word("name") });
        let update = "PATCH /v1/operator/workspaces/{workspace}";
        let id = made.at("/id");
        self.ask(Who::Owner, update, |draft| draft.with("workspace", &id).json(&name))
            .await
            .expect(200);
        made
    }

    async fn passwords(&mut self) {
        let change = "PUT /v1/users/current/password";
        let (old, new) = (
            self.book.secret("the password of the member"),
            self.book.secret("the member's new password"),
        );
        let wrong = self.book.secret("a wrong password of the member");
        let mut next = old.clone();
        for (current, wanted, status) in [
            (json!(wrong), json!(new), 400),
            (json!(old), json!("short"), 400),
            (json!(old), json!({ (new.as_str()): new }), 400),
            (json!(old), json!(new), 204),
        ] {
            let body = json!({ "current_password": current, "new_password": wanted });
            let answer = self.ask_json(Who::Member, change, &body).await.expect(status);
            if answer.status == 204 {
                next.clone_from(&new);
            }
        }
        let sign_in = |password: &str, email: &str| json!({ "email": email, "password": password });
        let email = self.email("the member");
        for body in [
            sign_in(&old, &email),
            sign_in(&new, &old),
            json!({ "email": email, "password": [new] }),
        ] {
            let refused = self.ask_json(Who::Nobody, "POST /v1/sessions", &body).await;
            assert!(refused.status.is_client_error(), "{}", refused.text());
        }
        self.app.clock.advance(MINUTE);
        let token = self.sign_in("the member", &next).await;
        self.hold(Who::Member, token);
        self.ask(Who::Member, "GET /v1/users/current", |draft| draft).await.expect(200);
    }

    async fn roles(&mut self) {
        let token = self.invite("cleo", "member").await;
        let kept = self.tokens.get(&Who::Garbage).cloned();
        let cleo = self.join(Who::Garbage, "cleo", &token).await;
        self.hold(Who::Garbage, kept.expect("garbage"));
        let one = "/v1/workspaces/{workspace}/members/{user}";
        let role = json!({ "role": "admin" });
        self.ask(Who::Owner, &format!("PATCH {one}"), |draft| {
            draft.with("user", &cleo).json(&role)
        })
        .await
        .expect(200);
        self.ask(Who::Owner, "GET /v1/workspaces/{workspace}/members", |draft| draft)
            .await
            .expect(200);
        self.ask(Who::Owner, &format!("DELETE {one}"), |draft| draft.with("user", &cleo))
            .await
            .expect(204);
    }

    async fn workspaces(&mut self) {
        let name = json!({ "name": self.book.word("name") });
        let made = self.once("POST /v1/workspaces", "once-mine", &name).await;
        let id = made.at("/id");
        self.ask(Who::Owner, "GET /v1/workspaces", |draft| draft).await.expect(200);
        self.ask(Who::Owner, "DELETE /v1/workspaces/{workspace}", |draft| {
            draft.with("workspace", &id)
        })
        .await
        .expect(204);
        let projects = "/v1/workspaces/{workspace}/projects";
        let made = self.once(&format!("POST {projects}"), "once-project", &name).await;
        let project = made.at("/id");
        let model = format!("openai/{}", self.book.word("model"));
        let settings = json!({
            "name": self.book.word("name"), "default_model": model, "allowed_models": [model],
            "fallback_models": [model], "model_aliases": { (model.as_str()): model },
            "price_overrides": { (model.as_str()): { "input_pico_usd": 1, "output_pico_usd": 1 } },
        });
        let one = format!("{projects}/{{id}}");
        self.ask(Who::Owner, &format!("PATCH {one}"), |draft| {
            draft.with("id", &project).json(&settings)
        })
        .await
        .expect(200);
        self.ask(Who::Owner, &format!("GET {one}"), |draft| draft.with("id", &project))
            .await
            .expect(200);
        self.ask(Who::Owner, &format!("DELETE {one}"), |draft| draft.with("id", &project))
            .await
            .expect(204);
    }
}

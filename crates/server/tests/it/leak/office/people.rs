//! Who is there: every kind of caller, each with a credential that the gateway showed once.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ANYWHERE, Office};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Who runs a workspace, invited by the owner.
    Admin,
    /// Who has ended this session.
    Ended,
    Expired,
    /// The owner of another workspace.
    Foreign,
    Garbage,
    Member,
    Nobody,
    /// A gateway key with every scope, of another project.
    OtherProjectsKey,
    /// Who is also the operator.
    Owner,
    /// A gateway key of the project, for inference only.
    WeakKey,
    /// A gateway key of the workspace, with every scope.
    WorkspaceKey,
}

pub const EVERYBODY: [Who; 11] = [
    Who::Admin,
    Who::Ended,
    Who::Expired,
    Who::Foreign,
    Who::Garbage,
    Who::Member,
    Who::Nobody,
    Who::OtherProjectsKey,
    Who::Owner,
    Who::WeakKey,
    Who::WorkspaceKey,
];

const SESSION: Duration = Duration::from_secs(12 * 3600 + 1);

impl Office {
    pub async fn people(&mut self) {
        let email = self.email("owner");
        let password = self.book.secret("the owner's password");
        let body = json!({
            "setup_token": self.book.secret("the set-up token"), "email": email, "password": password,
            "workspace": self.book.word("name"),
        });
        self.know(ANYWHERE, "workspace", String::new());
        let made = self.ask_json(Who::Nobody, "POST /v1/setup", &body).await.expect(201);
        self.know(ANYWHERE, "workspace", made.at("/workspace/id"));
        self.know(ANYWHERE, "project", made.at("/project/id"));
        self.know("/projects/{id}", "id", made.at("/project/id"));
        self.know("/requests/{id}", "id", "req_00000000000000000000000000000000".to_owned());
        self.know(ANYWHERE, "model", "gpt-5-mini:generateContent".to_owned());
        self.hold(Who::Expired, made.at("/token"));
        self.app.clock.advance(SESSION);
        for who in [Who::Ended, Who::Owner] {
            let token = self.sign_in("owner", &password).await;
            self.hold(who, token);
        }
        self.ask(Who::Ended, "DELETE /v1/sessions/current", |draft| draft).await.expect(204);
        self.hold(Who::Garbage, "eyJhbGciOiJub25lIn0.e30.".to_owned());

        for (who, role) in [(Who::Member, "member"), (Who::Admin, "admin")] {
            let token = self.invite(&format!("the {role}"), role).await;
            let user = self.join(who, &format!("the {role}"), &token).await;
            self.know(ANYWHERE, "user", user);
        }
        let body = json!({ "name": "elsewhere", "owner_email": self.email("foreigner") });
        let made =
            self.ask_json(Who::Owner, "POST /v1/operator/workspaces", &body).await.expect(201);
        self.join(Who::Foreign, "foreigner", &made.at("/invitation/token")).await;
        self.credentials_of_applications().await;
    }

    async fn credentials_of_applications(&mut self) {
        let other = json!({ "name": "other" });
        let other =
            self.ask_json(Who::Owner, "POST /v1/workspaces/{workspace}/projects", &other).await;
        let other = other.expect(201).at("/id");
        let of_project = "POST /api/v1/projects/{project}/api-keys";
        let body = |scopes: Value| json!({ "name": "a caller's", "scopes": scopes });
        let wide = body(json!(["*"]));
        let made =
            self.ask_json(Who::Owner, "POST /v1/workspaces/{workspace}/api-keys", &wide).await;
        self.hold(Who::WorkspaceKey, made.expect(201).at("/key"));
        let made =
            self.ask(Who::Owner, of_project, |draft| draft.with("project", &other).json(&wide));
        let made = made.await.expect(201).at("/key");
        self.hold(Who::OtherProjectsKey, made);
        let made = self.ask_json(Who::Owner, of_project, &body(json!(["inference"]))).await;
        self.hold(Who::WeakKey, made.expect(201).at("/key"));
    }

    pub fn email(&self, name: &str) -> String {
        format!("{}.{}@example.com", name.replace(' ', "."), self.book.word("email"))
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> String {
        let body = json!({ "email": self.email(name), "password": password });
        self.ask_json(Who::Nobody, "POST /v1/sessions", &body).await.expect(201).at("/token")
    }

    /// The token of the invitation.
    pub async fn invite(&mut self, name: &str, role: &str) -> String {
        let body = json!({ "email": self.email(name), "role": role });
        let invite = "POST /v1/workspaces/{workspace}/members";
        self.ask_json(Who::Owner, invite, &body).await.expect(201).at("/token")
    }

    /// The id of the new user.
    pub async fn join(&mut self, who: Who, name: &str, token: &str) -> String {
        let body = json!({ "password": self.book.secret(&format!("the password of {name}")) });
        let accept = "POST /v1/invitations/{token}";
        let joined = self.ask(Who::Nobody, accept, |draft| draft.with("token", token).json(&body));
        let joined = joined.await.expect(201);
        self.hold(who, joined.at("/token"));
        joined.at("/user/id")
    }
}

//! Every operation of the document, rightly asked for by every kind of caller, and then with keys wherever a person can
//! paste one by mistake.

use serde_json::{Value, json};

use super::Office;
use super::draft::{Draft, FORM, JSON};
use super::operations::{self, Operation};
use super::people::{EVERYBODY, Who};

/// Fields for people's own words, and by which word they are known.
const WORDS: [(&str, &str); 8] = [
    ("allowed_models", "model"),
    ("default_model", "model"),
    ("description", "description"),
    ("fallback_models", "model"),
    ("label", "label"),
    ("model_aliases", "model"),
    ("name", "name"),
    ("price_overrides", "model"),
];

const HEADERS: [&str; 12] = [
    "api-key",
    "authorization",
    "content-type",
    "cookie",
    "idempotency-key",
    "if-match",
    "referer",
    "user-agent",
    "x-api-key",
    "x-goog-api-key",
    "x-keystile-project",
    "x-tenant-id",
];

impl Office {
    /// How many operations there are.
    pub async fn everybody_tries_everything(&mut self) -> usize {
        let document =
            self.ask(Who::Owner, "GET /api/openapi.json", |draft| draft).await.expect(200);
        let operations = operations::read(&document.json());

        for operation in operations.iter().filter(|it| it.name != SIGN_OUT) {
            let draft = self.meant(operation);
            for who in EVERYBODY {
                let name = format!("{} as {who:?}", operation.name);
                self.try_to(who, operation, &name, draft.clone()).await;
                let all_at_once = self.pasted_everywhere(operation, draft.clone());
                self.try_to(who, operation, &format!("{name}, keys everywhere"), all_at_once).await;
            }
            // What is refused before a row is touched knows no database: once is enough.
            let wrong = match self.app.config.database_url {
                Some(_) => Vec::new(),
                None => self.pasted(operation, &draft),
            };
            for (place, draft) in wrong {
                let name = format!("{} with a key in {place}", operation.name);
                self.try_to(Who::Owner, operation, &name, draft).await;
            }
        }
        self.mend_settings().await;
        operations.len()
    }

    async fn try_to(&mut self, who: Who, operation: &Operation, name: &str, draft: Draft) {
        let answer = self.send(who, &operation.name, name, draft).await;

        let status = answer.status.as_u16();
        assert!(status < 500 || status == 502, "{name}: {status} {}", answer.text());
    }

    /// As it is meant; but what would be deleted is not there.
    fn meant(&mut self, operation: &Operation) -> Draft {
        let mut draft = Draft::new(&operation.name);
        if operation.name.starts_with("DELETE") {
            let last = operation.path_parameters.last().expect("something to delete");
            draft = draft.with(last, &absent(&operation.name, last));
        }
        match self.sample(&operation.name) {
            Some(body) if operation.has_body => draft.json(&body),
            _ if operation.has_body => draft.json(&json!({})),
            _ => draft,
        }
    }

    fn pasted_everywhere(&mut self, operation: &Operation, mut draft: Draft) -> Draft {
        let stray = self.book.stray("everywhere at once");
        draft = draft.query(format!("{stray}={stray}"));
        for name in ["idempotency-key", "if-match", "cookie", "referer"] {
            draft = draft.header(name, &stray);
        }
        if operation.has_body {
            let mut body = self.sample(&operation.name).unwrap_or(json!({}));
            body[stray.as_str()] = json!(stray);
            draft = draft.json(&body);
        }
        draft
    }

    /// One mistake at a time.
    fn pasted(&mut self, operation: &Operation, right: &Draft) -> Vec<(String, Draft)> {
        let mut wrong = Vec::new();
        for parameter in &operation.path_parameters {
            let stray = self.book.stray(&format!("the path's {parameter}"));
            let draft = Draft { body: right.body.clone(), ..Draft::new(&operation.name) };
            wrong.push((format!("the path's {parameter}"), draft.with(parameter, &stray)));
        }
        for parameter in &operation.query_parameters {
            let stray = self.book.stray(&format!("the query's {parameter}"));
            let draft = right.clone().query(format!("{parameter}={stray}"));
            wrong.push((format!("the query's {parameter}"), draft));
        }
        let stray = self.book.stray("the query");
        wrong.push(("the query".to_owned(), right.clone().query(format!("{stray}={stray}"))));
        for header in HEADERS {
            let stray = self.book.stray(header);
            wrong.push((header.to_owned(), right.clone().header(header, &stray)));
        }
        for scheme in ["Bearer", "Basic", "bearer ks_live_", "Bearer eyJ"] {
            let value = format!("{scheme} {}", self.book.stray("credentials"));
            wrong.push((
                format!("{scheme} credentials"),
                right.clone().header("authorization", value),
            ));
        }
        if operation.has_body {
            wrong.extend(self.in_body(operation, right));
        }
        wrong
    }

    fn in_body(&mut self, operation: &Operation, right: &Draft) -> Vec<(String, Draft)> {
        let body = right.body.as_ref().map_or("{}", |(_, body)| body.as_str());
        let body: Value = serde_json::from_str(body).expect("a sample");
        let mut wrong = Vec::new();
        for field in &operation.fields {
            let known = WORDS.into_iter().find(|(name, _)| name == field);
            let text = match known {
                Some((_, word)) => self.book.word(word),
                None => self.book.stray(&format!("the field {field}")),
            };
            for value in [json!(text), json!([text]), json!({ (text.as_str()): text })] {
                let mut body = body.clone();
                body[field] = value;
                wrong.push((format!("the field {field}"), right.clone().json(&body)));
            }
        }
        let stray = self.book.stray("a body that is none");
        let mut unknown = body.clone();
        unknown[stray.as_str()] = json!(stray);
        let cut = format!("{{\"api_key\":\"{stray}");
        let twice = format!("{{\"{stray}\":1,\"{stray}\":\"{stray}\"}}");
        let mut texts =
            vec![json!(stray).to_string(), json!([stray]).to_string(), unknown.to_string()];
        texts.extend([stray.clone(), cut, twice]);
        for text in texts {
            wrong.push(("a body that is none".to_owned(), right.clone().text(JSON, text)));
        }
        let form = format!("api_key={stray}&{stray}");
        wrong.push(("a form".to_owned(), right.clone().text(FORM, form)));
        wrong
    }

    /// What was rightly said in a field of its own holds from then on.
    async fn mend_settings(&mut self) {
        let defaults = json!({
            "allowed_models": null, "default_model": null, "fallback_models": null, "model_aliases": null,
            "price_overrides": null,
        });
        for operation in
            ["PATCH /v1/workspaces/{workspace}", "PATCH /v1/workspaces/{workspace}/projects/{id}"]
        {
            self.ask_json(Who::Owner, operation, &defaults).await.expect(200);
        }
    }
}

/// Ends the session that everything else is done with.
const SIGN_OUT: &str = "DELETE /v1/sessions/current";

/// What nobody has.
fn absent(operation: &str, parameter: &str) -> String {
    let prefix = match parameter {
        "workspace" => "ws",
        "user" => "usr",
        "id" if operation.contains("/api-keys/") => "gk",
        "id" if operation.contains("/invitations/") => "inv",
        "id" if operation.contains("/projects/{id}") => "prj",
        "id" if operation.contains("/requests/{id}") => "req",
        "id" => "pk",
        _ => return "absent".to_owned(),
    };
    format!("{prefix}_00000000000000000000000000000000")
}

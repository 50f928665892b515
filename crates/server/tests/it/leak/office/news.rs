//! What is told to those who want to hear of it: posts to webhooks, and everything that can be looked at.

use serde_json::{Value, json};
use testkit::fake::{Reply, SeenRequest};

use super::super::book::Book;
use super::people::Who;
use super::{Office, SOON};

const WORKSPACE: &str = "PATCH /v1/workspaces/{workspace}";
const PROJECT: &str = "PATCH /v1/workspaces/{workspace}/projects/{id}";

impl Office {
    pub async fn news(&mut self) {
        let url = format!("http://{}/hook?for={}", self.listener.addr(), self.book.word("url"));
        let webhook = |secret: &str| json!({ "webhook": { "url": url, "secret": secret } });
        let of_workspace = webhook(&self.book.secret("the workspace's webhook secret"));
        let of_project = webhook(&self.book.secret("the project's webhook secret"));
        let bad = self.book.secret("a bad webhook secret");
        self.ask_json(Who::Owner, WORKSPACE, &of_workspace).await.expect(200);
        self.ask_json(Who::Owner, PROJECT, &of_project).await.expect(200);
        for field in [
            json!(bad),
            json!({ "url": url, "secret": [bad] }),
            json!({ "url": [bad], "secret": bad }),
            json!({ "url": url, "secret": bad.repeat(9) }),
            json!({ "url": url, "secret": bad, (bad.as_str()): 1 }),
        ] {
            self.ask_json(Who::Owner, WORKSPACE, &json!({ "webhook": field })).await.expect(400);
        }
        let validate = "POST /v1/workspaces/{workspace}/provider-keys/{id}/validate";
        let test = "POST /api/v1/projects/{project}/byok-keys/{provider}/test";
        let mut posts = 0;
        for reply in
            [Reply::standard(), Reply::echo_error(401), Reply::echo_error(500), Reply::echo()]
        {
            for operation in [validate, test] {
                self.openai.next_probe(reply.clone());
                self.ask(Who::Owner, operation, |draft| draft).await.expect(200);
                posts += 1;
            }
        }
        // Both were healthy when they came.
        assert!(self.listener.wait_requests(posts - 2, SOON).await, "{posts} posts");
        self.openai.always(Reply::echo_error(401));
        let key = self.tokens[&Who::WorkspaceKey].clone();
        for streamed in [false, true] {
            for reply in [Reply::echo_error(401), Reply::echo_error(429), Reply::invalid_key(&key)]
            {
                self.chat(&key, "openai/gpt-5-mini", reply, streamed).await;
            }
        }
        self.look_around().await;
    }

    /// All that can be read, by the one who may read the most.
    pub async fn look_around(&mut self) {
        for operation in [
            "GET /v1/workspaces/{workspace}",
            "GET /v1/workspaces/{workspace}/audit/verify",
            "GET /v1/workspaces/{workspace}/members",
            "GET /v1/workspaces/{workspace}/projects",
            "GET /v1/workspaces/{workspace}/provider-keys",
            "GET /v1/workspaces/{workspace}/provider-keys/{id}/headroom",
            "GET /v1/workspaces/{workspace}/api-keys",
            "GET /api/v1/projects/{project}/api-keys",
            "GET /api/v1/projects/{project}/byok-keys",
            "GET /api/secrets",
            "GET /v1/operator/audit/verify",
            "GET /v1/operator/nodes",
            "GET /v1/operator/plans",
            "GET /v1/operator/platform-keys",
            "GET /v1/operator/vault",
            "GET /v1/operator/vault/doctor",
            "GET /v1/operator/workspaces",
            "GET /v1/providers",
            "GET /metrics",
            "GET /api/openapi.json",
            "GET /api/docs/",
        ] {
            self.ask(Who::Owner, operation, |draft| draft).await.expect(200);
        }
        for audit in ["GET /v1/workspaces/{workspace}/audit", "GET /v1/operator/audit"] {
            let mut cursor = Some(String::new());
            while let Some(next) = cursor {
                let page = self.ask(Who::Owner, audit, |draft| {
                    let draft = draft.query("limit=500".to_owned());
                    if next.is_empty() { draft } else { draft.query(format!("cursor={next}")) }
                });
                let page = page.await.expect(200).json();
                cursor = page["next_cursor"].as_str().map(str::to_owned);
            }
        }
    }
}

/// As it arrived, without people's own words where they belong.
pub fn posted(book: &Book, post: &SeenRequest) -> (String, Vec<u8>) {
    let mut body: Value = post.json();
    book.without_words(&mut body);
    let path = post.path_and_query.replace(&book.word("url"), "(as it was said)");
    let text = format!("{} {path}\n{:?}\n\n{body}", post.method, post.headers);
    ("a webhook".to_owned(), text.into_bytes())
}

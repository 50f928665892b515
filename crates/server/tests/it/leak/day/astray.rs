//! Keys where no key belongs: what people paste by mistake.

use http::Method;
use serde_json::json;
use testkit::hello;

use super::Day;

impl Day<'_> {
    pub async fn wrong_places(&mut self) {
        let key = self.secrets.refused[3].clone();
        let chat = "/v1/chat/completions";
        let hello = hello("openai/gpt-5-mini");
        for (header, value) in [
            ("authorization", format!("Bearer {key}")),
            ("authorization", format!("Basic {key}")),
            ("authorization", key.clone()),
            ("x-api-key", key.clone()),
            ("api-key", key.clone()),
            ("x-goog-api-key", key.clone()),
            ("content-encoding", key.clone()),
            ("cookie", format!("session={key}")),
            ("referer", format!("http://x/{key}")),
            ("user-agent", key.clone()),
            ("x-forwarded-for", key.clone()),
            ("traceparent", key.clone()),
        ] {
            for path in [chat, "/v1/me", "/v1/workspaces", &format!("/v1/workspaces/{key}")] {
                let call = self.api().post(path, &hello).header(header, &value);
                self.hear(&format!("{header} at {path}"), call).await;
                let call = self.api().get(path).header(header, &value);
                self.hear(&format!("{header} at {path}"), call).await;
            }
        }
        let paths = [
            format!("/v1/models?key={key}"),
            format!("{chat}?api_key={key}"),
            format!("/v1/{key}"),
            format!("/{key}"),
            format!("/healthz?{key}"),
            format!("/v1/workspaces/{key}/provider-keys"),
            format!("/v1/workspaces/{}/provider-keys/{key}", self.workspace),
            format!("/api/v1/projects/{key}/api-keys"),
        ];
        for path in paths {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
                let call = self.api().call(method, &path).bearer(&self.session);
                self.hear("a path with a key", call).await;
            }
        }
        let mut pinned = hello.clone();
        pinned["routing"] = json!({ "provider_key": key });
        let mut named = hello.clone();
        named["routing"] = json!({ (key.as_str()): true });
        let mut texts = vec![pinned.to_string(), named.to_string()];
        texts.extend([
            json!({ "model": "gpt-5-mini", "api_key": key, "messages": key }).to_string(),
            json!({ "model": [key], "messages": [] }).to_string(),
            json!({ "model": "openai/gpt-5-mini", "stream": key, "messages": [] }).to_string(),
            format!(r#"{{"model":"openai/gpt-5-mini","api_key":"{key}""#),
            format!(r#"{{"model":"{key}","model":"{key}"}}"#),
            key.clone(),
        ]);
        for text in texts {
            let call = self.api().post(chat, &json!(null)).bearer(&self.gateway_key);
            self.hear("a chat with a key in it", call.body("application/json", text)).await;
        }
        let path = format!("/api/v1/projects/{}/api-keys", self.project);
        for body in [
            json!({ "name": "a", "scopes": [key] }),
            json!({ "name": "a", "expires_at": key }),
            json!({ "name": "a", "allowed_models": { "a": key } }),
            json!({ "name": [key] }),
            json!({ "name": "a", (key.as_str()): 1 }),
        ] {
            let call = self.api().post(&path, &body).bearer(&self.session);
            let answer = self.hear("a gateway key with a key in it", call).await;
            assert!(answer.status.is_client_error(), "{}", answer.status);
        }
    }
}

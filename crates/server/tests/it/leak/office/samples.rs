//! What is rightly sent to each operation: a secret wherever one can be carried.

use serde_json::{Value, json};
use testkit::hello;

use super::Office;

impl Office {
    /// `None`: the operation asks for no body, or for none that is known here.
    pub fn sample(&mut self, operation: &str) -> Option<Value> {
        let secret = self.book.secret(&format!("sent to {operation}"));
        let stray = self.book.stray("a field");
        let (name, label) = (self.book.word("name"), self.book.word("label"));
        let webhook = json!({ "url": "https://example.com/hook", "secret": secret });
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        let last = path.rsplit('/').next().unwrap_or_default();
        Some(match (method, last) {
            ("POST", "secrets") => {
                json!({ "name": format!("{name}.one"), "value": secret, "category": "custom" })
            }
            ("PATCH", "{name}") => json!({ "value": secret }),
            ("POST", "api-keys" | "projects" | "workspaces") if !path.contains("operator") => {
                json!({ "name": name })
            }
            ("POST", "workspaces") => json!({ "name": name, "owner_email": self.email("tenant") }),
            ("PATCH", "{workspace}") if path.contains("operator") => json!({ "name": name }),
            ("PATCH", "{workspace}") => json!({ "name": name, "webhook": webhook }),
            ("PATCH", "{id}") if path.contains("/projects/{id}") => json!({ "webhook": webhook }),
            ("PATCH", "{id}") if path.contains("api-keys") => json!({ "name": name }),
            ("PATCH", "{id}") => json!({ "label": label }),
            ("POST", "rotate") if path.contains("vault") => json!({ "suite": stray }),
            ("POST", "rotate") => json!({ "overlap_seconds": 0 }),
            ("POST", "rebind") => json!({ "provider": "openai" }),
            ("PATCH", "{provider}") => json!({ "is_active": true }),
            ("PUT", "{provider}" | "secret") => json!({ "api_key": secret }),
            ("PATCH", "tier") => json!({ "tier": "tier-1" }),
            ("POST", "provider-keys" | "platform-keys") => {
                json!({ "provider": "openai", "api_key": secret, "label": label })
            }
            ("POST", "completions") => {
                let mut body = hello("openai/gpt-5-mini");
                body["messages"][0]["content"] = json!(secret);
                body
            }
            ("POST", "{token}") => json!({ "password": secret }),
            ("POST", "sessions") => json!({ "email": self.email("nobody"), "password": secret }),
            ("POST", "setup") => json!({
                "setup_token": secret, "email": self.email("nobody"), "password": secret, "workspace": name,
            }),
            ("PUT", "password") => json!({ "current_password": secret, "new_password": secret }),
            ("POST", "members") => json!({ "email": self.email("guest"), "role": "member" }),
            // Of the admin, who stays one.
            ("PATCH", "{user}") => json!({ "role": "admin" }),
            _ => return None,
        })
    }
}

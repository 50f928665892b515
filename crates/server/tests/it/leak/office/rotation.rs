//! The master key changes while requests go on, and then the suite: neither key shows, the old or the new.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::random::Random as _;
use serde_json::{Value, json};
use testkit::hello;
use testkit::http::Client;
use testkit::random::SeededRandom;
use tokio::task::JoinSet;

use super::people::Who;
use super::{Office, SOON, write_private};
use crate::leak::sinks::heard;

const APPLICATIONS: usize = 3;
/// Between two requests of an application: there is more to do than to answer it.
const BREATH: Duration = Duration::from_millis(10);
const ROTATE: &str = "POST /v1/operator/vault/rotate";

impl Office {
    pub async fn rotation(&mut self) {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut applications = JoinSet::new();
        for _ in 0..APPLICATIONS {
            let (api, token) = (self.app.api.clone(), self.tokens[&Who::WorkspaceKey].clone());
            applications.spawn(ask_on(api, token, Arc::clone(&is_over)));
        }

        self.add_master_key();
        self.ask_json(Who::Owner, ROTATE, &json!({})).await.expect(202);
        let vault = self.rotated().await;
        assert_eq!(vault["active"], 2, "{vault}");
        let replace = "PUT /v1/workspaces/{workspace}/provider-keys/{id}/secret";
        let key = self.book.secret("a key sealed by the new master key");
        self.ask_json(Who::Owner, replace, &json!({ "api_key": key })).await.expect(200);
        let suite = json!({ "suite": "xsalsa20-poly1305" });
        self.ask_json(Who::Owner, ROTATE, &suite).await.expect(202);
        self.rotated().await;

        is_over.store(true, Ordering::Relaxed);
        for answers in applications.join_all().await {
            assert!(answers.len() > 2, "requests went on");
            self.ears.answers.extend(answers);
        }
        let doctor = self.ask(Who::Owner, "GET /v1/operator/vault/doctor", |draft| draft).await;
        assert_eq!(doctor.json()["closed"], json!([]), "{}", doctor.text());
    }

    /// A generated key is followed by another that is generated; what the operator gives the operator writes down.
    fn add_master_key(&self) {
        if self.app.config.master_key_file.is_none() {
            return;
        }
        let mut bytes = [0; 32];
        SeededRandom::new(2).fill(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let before = fs::read_to_string(&self.key_file).expect("the key file");
        write_private(&self.key_file, &format!("2:{hex}\n{before}"));
    }

    async fn rotated(&mut self) -> Value {
        let asked = async {
            loop {
                let vault = self.ask(Who::Owner, "GET /v1/operator/vault", |draft| draft).await;
                let vault = vault.expect(200).json();
                if vault["job"]["state"] == "done" {
                    return vault;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, asked).await.expect("everything is sealed anew")
    }
}

async fn ask_on(api: Client, token: String, is_over: Arc<AtomicBool>) -> Vec<(String, Vec<u8>)> {
    let mut answers = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let chat = api.post("/v1/chat/completions", &hello("openai/gpt-5-mini")).bearer(&token);
        let answer = chat.whole().await.expect(200);
        answers.push(("a chat during the rotation".to_owned(), heard(&answer)));
        tokio::time::sleep(BREATH).await;
    }
    answers
}

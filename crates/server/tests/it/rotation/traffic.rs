//! People and applications who know nothing of a rotation: they chat, each time with another of their keys, and now and then
//! they replace a value. Remembers whatever failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::fake::SeenRequest;
use testkit::random::SeededRandom;
use tokio::task::JoinSet;

use super::node::{Answered, Door};

/// A stored provider key, and who may use and change it.
pub struct Stored {
    pub id: String,
    pub workspace: String,
    /// Of the workspace.
    pub gateway_key: String,
    values: Mutex<Values>,
}

#[derive(Default)]
struct Values {
    /// Any of them may have been sent to the provider.
    ever: Vec<String>,
    /// One of them is stored now: several, if a kill left it open which.
    now: Vec<String>,
}

/// A general secret with a value nobody asks for.
pub struct Secret {
    pub name: String,
    pub workspace: String,
}

pub struct Traffic {
    pub keys: Vec<Stored>,
    pub secrets: Vec<Secret>,
    session: String,
    random: SeededRandom,
    stopped: AtomicBool,
    served: AtomicUsize,
    replaced: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

const MODEL: &str = "openai/gpt-4o";
const CLOSED_DOOR: Duration = Duration::from_millis(5);
/// Two processes and their tests share few cores, and a rotation gives way to traffic.
const BETWEEN_CHATS: Duration = Duration::from_millis(3);
const BETWEEN_REPLACEMENTS: Duration = Duration::from_millis(15);

impl Stored {
    pub fn new(id: String, workspace: String, gateway_key: String, value: String) -> Self {
        let values = Values { ever: vec![value.clone()], now: vec![value] };
        Self { id, workspace, gateway_key, values: Mutex::new(values) }
    }

    pub fn may_be_now(&self, value: &str) -> bool {
        self.values.lock().expect("nobody panics here").now.iter().any(|known| known == value)
    }

    fn was_ever(&self, value: &str) -> bool {
        self.values.lock().expect("nobody panics here").ever.iter().any(|known| known == value)
    }

    pub fn chat(&self) -> Value {
        json!({
            "model": MODEL,
            "messages": [{ "role": "user", "content": self.id }],
            "routing": { "provider_key": self.id },
        })
    }
}

impl Traffic {
    pub fn new(keys: Vec<Stored>, secrets: Vec<Secret>, session: &str) -> Self {
        Self {
            keys,
            secrets,
            session: session.to_owned(),
            random: SeededRandom::new(11),
            stopped: AtomicBool::new(false),
            served: AtomicUsize::new(0),
            replaced: AtomicUsize::new(0),
            failures: Mutex::default(),
        }
    }

    /// Through each door two who chat and one who replaces.
    pub fn start(self: &Arc<Self>, doors: &[Arc<Door>]) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for (index, door) in doors.iter().enumerate() {
            for _ in 0..2 {
                tasks.spawn(Arc::clone(self).chat(Arc::clone(door)));
            }
            // Each has keys of its own, so that nobody is refused for being the second.
            let share = (index, doors.len());
            tasks.spawn(Arc::clone(self).replace(Arc::clone(door), share));
        }
        tasks
    }

    /// `[requests served, values replaced]`, if nothing failed.
    pub async fn end(&self, tasks: JoinSet<()>) -> [usize; 2] {
        self.stopped.store(true, Ordering::SeqCst);
        tasks.join_all().await;
        let failures = self.failures.lock().expect("nobody panics here");
        assert!(
            failures.is_empty(),
            "{} failed: {:#?}",
            failures.len(),
            &failures[..failures.len().min(5)]
        );
        [&self.served, &self.replaced].map(|count| count.load(Ordering::SeqCst))
    }

    /// Every request carried a value that its key had.
    pub fn judge(&self, seen: &[SeenRequest]) {
        let by_id: BTreeMap<&str, &Stored> =
            self.keys.iter().map(|key| (key.id.as_str(), key)).collect();
        for request in seen {
            let sent = request.json();
            let id = sent["messages"][0]["content"].as_str().expect("the id");
            let bearer = request.bearer().expect("a key");
            assert!(by_id[id].was_ever(bearer), "{id} was sent another key's value");
        }
    }

    async fn chat(self: Arc<Self>, door: Arc<Door>) {
        while !self.stopped.load(Ordering::SeqCst) {
            let key = self.pick(self.keys.len());
            let key = &self.keys[key];
            let call = door
                .ask(|api| api.post("/v1/chat/completions", &key.chat()).bearer(&key.gateway_key));
            match call.await {
                Some(Ok(Answered::With(answer))) if answer.status == 200 => {
                    self.served.fetch_add(1, Ordering::SeqCst);
                }
                Some(Ok(Answered::With(answer))) => self.failed("a chat", answer.text()),
                Some(Ok(Answered::Cut)) => {}
                Some(Err(error)) => self.failed("a chat", error),
                None => tokio::time::sleep(CLOSED_DOOR).await,
            }
            tokio::time::sleep(BETWEEN_CHATS).await;
        }
    }

    async fn replace(self: Arc<Self>, door: Arc<Door>, (index, of): (usize, usize)) {
        while !self.stopped.load(Ordering::SeqCst) {
            let key = self.pick(self.keys.len());
            if key % of == index {
                self.replace_key(&door, &self.keys[key]).await;
            }
            let secret = self.pick(self.secrets.len());
            if secret % of == index {
                self.replace_secret(&door, &self.secrets[secret]).await;
            }
            tokio::time::sleep(BETWEEN_REPLACEMENTS).await;
        }
    }

    async fn replace_key(&self, door: &Door, key: &Stored) {
        let value = format!("sk-{:016x}{:016x}", self.random.next(), self.random.next());
        {
            let mut values = key.values.lock().expect("nobody panics here");
            values.ever.push(value.clone());
            values.now.push(value.clone());
        }
        let path = format!("/v1/workspaces/{}/provider-keys/{}/secret", key.workspace, key.id);
        let body = json!({ "api_key": value, "validate_before_save": false });
        let call = door.ask(|api| api.put(&path, &body).bearer(&self.session));
        if self.replaced(call.await, "a replacement") {
            key.values.lock().expect("nobody panics here").now = vec![value];
        }
    }

    async fn replace_secret(&self, door: &Door, secret: &Secret) {
        let path = format!("/api/secrets/{}", secret.name);
        let body = json!({ "value": format!("{:x}", self.random.next()) });
        let call = door.ask(|api| {
            api.patch(&path, &body).bearer(&self.session).header("x-tenant-id", &secret.workspace)
        });
        self.replaced(call.await, "a secret's replacement");
    }

    fn replaced(&self, answered: Option<Result<Answered, String>>, what: &str) -> bool {
        match answered {
            Some(Ok(Answered::With(answer))) if answer.status == 200 => {
                self.replaced.fetch_add(1, Ordering::SeqCst);
                return true;
            }
            Some(Ok(Answered::With(answer))) => self.failed(what, answer.text()),
            Some(Err(error)) => self.failed(what, error),
            Some(Ok(Answered::Cut)) | None => {}
        }
        false
    }

    fn failed(&self, what: &str, why: impl std::fmt::Display) {
        self.failures.lock().expect("nobody panics here").push(format!("{what}: {why}"));
    }

    fn pick(&self, count: usize) -> usize {
        usize::try_from(self.random.next() % count as u64).expect("a small number")
    }
}

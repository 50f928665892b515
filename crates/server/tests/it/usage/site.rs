//! A gateway whose ledger is filled by the journal of another node, so that a test decides what was used and when.

use std::time::Duration;

use model::random::OsRandom;
use model::{Clock as _, GatewayKeyId, NodeId, ProjectId, ProviderKeyId, RequestId, Usage};
use serde_json::{Value, json};
use server::config::Layer;
use store::drain::Drainer;
use store::journal::{
    Journal, JournalWriter, Options as JournalOptions, Outcome, Record, Settled, Started, Sync,
};
use testkit::fake::FakeProvider;
use testkit::http::Whole;
use testkit::{Backend, Options, Owner, TestApp};

pub struct Site {
    pub app: TestApp,
    pub owner: Owner,
    /// The provider, and where webhooks go.
    pub fake: FakeProvider,
    pub node: NodeId,
    journal: Journal,
    _writer: JournalWriter,
}

/// One attempt, by what matters to a test.
#[derive(Clone, Copy)]
pub struct Call {
    pub model: &'static str,
    pub cost_pico_usd: Option<u64>,
    pub hours_ago: u32,
    pub fails: bool,
    /// Of the request before it.
    pub second_attempt: bool,
    /// The default project.
    pub project: Option<ProjectId>,
    pub gateway_key: Option<GatewayKeyId>,
    pub provider_key: Option<ProviderKeyId>,
    /// Nobody sees its end.
    pub stays_open: bool,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            model: "gpt-5",
            cost_pico_usd: Some(1_000_000),
            hours_ago: 0,
            fails: false,
            second_attempt: false,
            project: None,
            gateway_key: None,
            provider_key: None,
            stays_open: false,
        }
    }
}

impl Site {
    pub async fn sqlite() -> Self {
        Self::open(Backend::Sqlite).await.expect("SQLite is always there")
    }

    pub async fn open(backend: Backend) -> Option<Self> {
        let fake = FakeProvider::start().await;
        let layer = Layer {
            egress_allow: Some(vec![format!("127.0.0.1/32:{}", fake.port())]),
            ..Layer::default()
        };
        let providers = vec![("openai".to_owned(), fake.base_url())];
        let options = Options { backend, providers, layer, ..Options::default() };
        let app = TestApp::start_with(options).await?;
        let owner = app.set_up().await;
        let node = NodeId::new(&app.clock, &OsRandom);
        let folder = app.folder.path().join("another-node");
        let options = JournalOptions { sync: Sync::Never, ..JournalOptions::default() };
        let (journal, writer) = Journal::open(&folder, options).expect("opened");
        Some(Self { app, owner, fake, node, journal, _writer: writer })
    }

    /// In the ledger when this returns.
    pub async fn tell(&self, calls: &[Call]) -> Vec<RequestId> {
        let mut requests = Vec::new();
        for call in calls {
            let request = match requests.last() {
                Some(last) if call.second_attempt => *last,
                _ => RequestId::new(&self.app.clock, &OsRandom),
            };
            requests.push(request);
            for record in self.records(call, request) {
                let room = self.journal.reserve(1).expect("room");
                room.append_acked(record).await.expect("written");
            }
        }
        self.drainer().catch_up().await.expect("drained");
        requests
    }

    /// The other node started again after it died.
    pub async fn give_up_what_is_open(&self) {
        self.drainer().replay(self.app.clock.now()).await.expect("replayed");
    }

    fn drainer(&self) -> Drainer {
        Drainer::new(self.app.app.store().clone(), self.journal.clone(), self.node)
    }

    fn records(&self, call: &Call, request: RequestId) -> Vec<Record> {
        let at = self.app.clock.now().minus(Duration::from_secs(3600) * call.hours_ago);
        let attempt = if call.second_attempt { 2 } else { 1 };
        let started = Started {
            request,
            attempt,
            at,
            workspace: self.owner.workspace.parse().expect("an id"),
            project: call.project.unwrap_or(self.owner.project.parse().expect("an id")),
            gateway_key: call.gateway_key.unwrap_or(GatewayKeyId::NIL),
            provider_key: call.provider_key,
            provider: "openai".to_owned(),
            model: call.model.to_owned(),
            dialect: "chat_completions".to_owned(),
            streamed: false,
            payer: "byok".to_owned(),
            held_at: at,
            hold_pico_usd: call.cost_pico_usd,
        };
        let settled = Settled {
            request,
            attempt,
            at: at.plus(Duration::from_millis(250)),
            status: if call.fails { Outcome::Failed } else { Outcome::Completed },
            http_status: Some(if call.fails { 500 } else { 200 }),
            error_code: None,
            usage: Usage { input_tokens: Some(100), output_tokens: Some(10), ..Usage::default() },
            cost_pico_usd: call.cost_pico_usd,
            price: call.cost_pico_usd.map(|_| "catalogue@2026-11-09".to_owned()),
            billing_unknown: false,
            latency_ms: 250,
            ttft_ms: Some(40),
        };
        match call.stays_open {
            true => vec![Record::Started(started)],
            false => vec![Record::Started(started), Record::Settled(settled)],
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/workspaces/{}{rest}", self.owner.workspace)
    }

    pub async fn get(&self, rest: &str) -> Whole {
        self.get_as(&self.owner.session, rest).await
    }

    pub async fn get_as(&self, token: &str, rest: &str) -> Whole {
        self.app.api.get(&self.path(rest)).bearer(token).whole().await
    }

    pub async fn accepting(&self, rest: &str, accept: &str) -> Whole {
        let call = self.app.api.get(&self.path(rest)).bearer(&self.owner.session);
        call.header("accept", accept).whole().await
    }

    pub async fn usage(&self, query: &str) -> Value {
        self.get(&format!("/usage{query}")).await.expect(200).json()
    }

    pub async fn requests(&self, query: &str) -> Value {
        self.get(&format!("/requests{query}")).await.expect(200).json()
    }

    pub async fn project(&self, name: &str) -> ProjectId {
        let body = json!({ "name": name });
        let made = self.app.api.post(&self.path("/projects"), &body).bearer(&self.owner.session);
        made.whole().await.expect(201).at("/id").parse().expect("an id")
    }

    /// What the MCP tool says, and whether it calls that an error.
    pub async fn tool(&self, token: &str, arguments: Value) -> (Value, bool) {
        let params = json!({ "name": "usage_summary", "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        let answer =
            self.app.api.post("/mcp", &call).bearer(token).whole().await.expect(200).json();
        let result = &answer["result"];
        (result["structuredContent"].clone(), result["isError"] == true)
    }

    /// Of the default project.
    pub async fn key(&self, body: Value) -> String {
        self.app.gateway_key(&self.owner, &body).await.expect(201).at("/key")
    }

    pub async fn workspace_key(&self, body: Value) -> String {
        let made = self.app.api.post(&self.path("/api-keys"), &body).bearer(&self.owner.session);
        made.whole().await.expect(201).at("/key")
    }
}

//! A gateway between a caller and a provider of some dialects, with as many faults at once as a table has rows.

use std::time::Duration;

use futures_util::future::{join, join_all};
use model::Dialect;
use serde_json::json;
use server::config::Layer;
use testkit::canary::Canaries;
use testkit::fake::{FakeProvider, Reply};
use testkit::http::Whole;
use testkit::{Options, TestApp};

use super::caller::ask;
use super::fault::Fault;
use super::pair::Pair;
use super::upstream::KEY;

/// Five times what the slowest fault may take.
pub const WITHIN: Duration = Duration::from_secs(20);

pub struct Site {
    pub app: TestApp,
    pub fake: FakeProvider,
    pub pair: Pair,
    pub canaries: Canaries,
    /// The caller's.
    pub key: String,
}

/// What came of a row, and of the good request behind it.
pub struct Played<'f> {
    pub fault: &'f Fault,
    pub streamed: bool,
    pub model: String,
    pub answer: Arrived,
    pub after: Arrived,
}

pub type Arrived = Result<Whole, String>;

impl Site {
    pub async fn open(pair: Pair, limits: &str) -> Self {
        Self::before(pair, FakeProvider::start().await, toml::from_str(limits).expect("a layer"))
            .await
    }

    /// All of the providers are this one.
    pub async fn before(pair: Pair, fake: FakeProvider, layer: Layer) -> Self {
        let urls = [("openai", fake.base_url()), ("anthropic", fake.url()), ("gemini", fake.url())];
        let providers = urls.map(|(provider, url)| (provider.to_owned(), url)).to_vec();
        Self::with(pair, fake, Options { providers, layer, ..Options::default() }).await
    }

    /// With a key for each of the providers.
    pub async fn with(pair: Pair, fake: FakeProvider, options: Options) -> Self {
        let providers: Vec<_> = options.providers.iter().map(|(name, _)| name.clone()).collect();
        let app = TestApp::start_with(options).await.expect("SQLite");
        let owner = app.set_up().await;
        for provider in providers {
            let body =
                json!({ "provider": provider, "api_key": KEY, "validate_before_save": false });
            app.add_provider_key(&owner, &body).await.expect(201);
        }
        let key = app.gateway_key(&owner, &json!({ "name": "matrix" })).await;
        let key = key.expect(201).at("/key");
        let canaries = Canaries::new().any_part("the provider's key", KEY);
        Self { app, fake, pair, canaries, key }
    }

    /// Every row, plain and streamed, all at the same time.
    pub async fn survives(&self, faults: &[Fault]) {
        let played =
            rows(faults).map(|(number, fault, streamed)| self.play(number, fault, streamed));
        self.judge(&join_all(played).await).await;
    }

    /// One row after the other, where what is done to one would be done to all that run beside it.
    pub async fn survives_singly(&self, faults: &[Fault]) {
        let mut played = Vec::new();
        for (number, fault, streamed) in rows(faults) {
            played.push(self.play(number, fault, streamed).await);
        }
        self.judge(&played).await;
    }

    /// A model for each row: the fake tells them apart by it, and what the gateway learns of one says nothing of others.
    async fn play<'f>(&self, number: usize, fault: &'f Fault, streamed: bool) -> Played<'f> {
        let case = fault.case(streamed);
        let model = model(number, streamed);
        let reply = repeating(case.reply.clone());
        match case.once {
            true => self.fake.next_for(&model, reply),
            false => self.fake.always_for(&model, reply),
        }
        let answer = self.ask(&model, streamed).await;
        let after = self.ask(&model_after(number, streamed), streamed).await;
        Played { fault, streamed, model, answer, after }
    }

    /// Plain and streamed, at the same time.
    pub async fn ask_both(&self, model: impl Fn(bool) -> String) -> [Arrived; 2] {
        let (plain, streamed) = (model(false), model(true));
        join(self.ask(&plain, false), self.ask(&streamed, true)).await.into()
    }

    pub async fn ask(&self, model: &str, streamed: bool) -> Arrived {
        let Pair { caller, upstream } = self.pair;
        self.ask_as(caller, &format!("{}.{model}", upstream.provider()), streamed).await
    }

    pub async fn ask_as(&self, caller: Dialect, model: &str, streamed: bool) -> Arrived {
        let call = ask(&self.app.api, caller, model, streamed).bearer(&self.key);
        let answer = tokio::time::timeout(WITHIN, call.try_whole()).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {WITHIN:?}")))
    }
}

/// Each plain and streamed.
fn rows(faults: &[Fault]) -> impl Iterator<Item = (usize, &Fault, bool)> {
    let rows = faults.iter().enumerate();
    rows.flat_map(|(number, fault)| [false, true].map(|streamed| (number, fault, streamed)))
}

pub fn model(number: usize, streamed: bool) -> String {
    format!("fault-{number}-{}", if streamed { "streamed" } else { "plain" })
}

/// Asked for behind the fault, and served well.
pub fn model_after(number: usize, streamed: bool) -> String {
    format!("{}-after", model(number, streamed))
}

/// With the key in headers that a gateway is tempted to pass on.
fn repeating(reply: Reply) -> Reply {
    let names = ["x-request-id", "request-id", "openai-organization", "x-ratelimit-reset-requests"];
    let reply = names.into_iter().fold(reply, |reply, name| reply.with_header(name, KEY));
    reply.with_header("set-cookie", &format!("key={KEY}"))
}

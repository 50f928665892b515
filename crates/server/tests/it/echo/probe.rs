//! A provider that repeats the key it was asked about: in words, codes, headers, redirects, whole or in part, wherever the
//! network cuts it. No face of key management shows it, and nothing is kept of it.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use server::config::Layer;
use testkit::canary::{Canaries, base64};
use testkit::fake::{FakeProvider, Reply, Step, split_at};
use testkit::http::{Call, Whole};
use testkit::{Options, Owner, TestApp};

use super::{ODD_KEY, PLAIN_KEY, spellings};
use crate::leak::sinks::{Evidence, Logs, files, heard};

/// Each answers errors in a shape of its own.
const PROVIDERS: [&str; 3] = ["openai", "anthropic", "gemini"];

/// Where a key is given or asked about.
#[derive(Clone, Copy, Debug)]
enum Face {
    Validate,
    Test,
    ValidatePlatform,
    Replace,
    Byok,
    Create,
    CreatePlatform,
    Secret,
    Assistant,
}

const FACES: [Face; 9] = [
    Face::Validate,
    Face::Test,
    Face::ValidatePlatform,
    Face::Replace,
    Face::Byok,
    Face::Create,
    Face::CreatePlatform,
    Face::Secret,
    Face::Assistant,
];
/// On these there is a key before and after, whatever the provider says: they can be asked again and again.
const LASTING: [Face; 5] =
    [Face::Validate, Face::Test, Face::ValidatePlatform, Face::Replace, Face::Byok];

/// The key is known to the gateway and to the fake, and to nobody else.
struct Bench {
    fake: FakeProvider,
    app: TestApp,
    owner: Owner,
    key: &'static str,
    canaries: Canaries,
    /// Ids of the key among the workspace's and the operator's, by provider.
    ids: Vec<[String; 2]>,
    answers: Vec<(String, Vec<u8>)>,
    logs: Logs,
    asked: usize,
}

impl Bench {
    async fn with(key: &'static str) -> Self {
        let logs = Logs::start();
        let fake = FakeProvider::start().await;
        let providers = PROVIDERS.map(|name| (name.to_owned(), fake.base_url())).to_vec();
        let layer = Layer { key_operations_per_minute: Some(10_000), ..Layer::default() };
        let options = Options { providers, layer, ..Options::default() };
        let app = TestApp::start_with(options).await.expect("SQLite is always there");
        let owner = app.set_up().await;
        let canaries = Canaries::new().any_part("the key", key);
        let (ids, answers) = (Vec::new(), Vec::new());
        let mut bench = Self { fake, app, owner, key, canaries, ids, answers, logs, asked: 0 };
        bench.fake.always_probe(Reply::json(&json!({ "object": "list", "data": [] })));
        for provider in PROVIDERS {
            let body = json!({ "provider": provider, "api_key": key });
            let kept = bench.app.add_provider_key(&bench.owner, &body).await.expect(201).at("/id");
            let call = bench.app.api.post("/v1/operator/platform-keys", &body);
            let pool = call.bearer(&bench.owner.session).whole().await.expect(201).at("/id");
            bench.ids.push([kept, pool]);
            let byok = bench.byok(provider);
            let call = bench.app.api.put(&byok, &json!({ "api_key": key }));
            call.bearer(&bench.owner.session).whole().await.expect(200);
        }
        bench
    }

    fn byok(&self, provider: &str) -> String {
        format!("/api/v1/projects/{}/byok-keys/{provider}", self.owner.project)
    }

    fn call(&self, face: Face, provider: usize) -> Call {
        let [kept, pool] = &self.ids[provider];
        let provider = PROVIDERS[provider];
        let keys = format!("/v1/workspaces/{}/provider-keys", self.owner.workspace);
        let pooled = "/v1/operator/platform-keys";
        let value = json!({ "api_key": self.key });
        let new = json!({ "provider": provider, "api_key": self.key });
        let name = format!("provider_key_{provider}");
        let (method, path, body) = match face {
            Face::Assistant => {
                let arguments = json!({ "action": "rotate", "name": name, "value": self.key });
                let params = json!({ "name": "manage_secrets", "arguments": arguments });
                let call =
                    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
                (Method::POST, "/mcp".to_owned(), call)
            }
            Face::Byok => (Method::PUT, self.byok(provider), value),
            Face::Create => (Method::POST, keys, new),
            Face::CreatePlatform => (Method::POST, pooled.to_owned(), new),
            Face::Replace => (Method::PUT, format!("{keys}/{kept}/secret"), value),
            Face::Secret => {
                (Method::PATCH, format!("/api/secrets/{name}"), json!({ "value": self.key }))
            }
            Face::Test => (Method::POST, format!("{}/test", self.byok(provider)), json!({})),
            Face::Validate => (Method::POST, format!("{keys}/{kept}/validate"), json!({})),
            Face::ValidatePlatform => {
                (Method::POST, format!("{pooled}/{pool}/validate"), json!({}))
            }
        };
        let call = self.app.api.call(method, &path).json(&body).bearer(&self.owner.session);
        call.header("x-tenant-id", &self.owner.workspace)
    }

    /// The provider says this to the next who asks, and it is judged at once: later answers may have forgotten it.
    async fn ask(&mut self, what: &str, reply: Reply, provider: usize, faces: &[Face]) -> Whole {
        let face = faces[self.asked % faces.len()];
        self.asked += 1;
        self.fake.always_probe(reply);
        let answer = self.call(face, provider).whole().await;

        let what = format!("{what}, {face:?}, {}", PROVIDERS[provider]);
        let status = answer.status.as_u16();
        assert!(matches!(status, 200 | 201 | 400 | 502), "{what}: {status} {}", answer.text());
        let found = self.canaries.scan(&what, &heard(&answer));
        assert!(found.is_empty(), "{found:?}\n{}", answer.text());
        answer
    }

    /// Nothing of it was kept, and nobody else is told.
    async fn close(mut self) -> usize {
        for path in [
            format!("/v1/workspaces/{}/provider-keys?limit=500", self.owner.workspace),
            format!("/v1/workspaces/{}/audit?limit=500", self.owner.workspace),
            format!("/api/v1/projects/{}/byok-keys", self.owner.project),
            "/v1/operator/platform-keys?limit=500".to_owned(),
            "/v1/operator/audit?limit=500".to_owned(),
            "/metrics".to_owned(),
        ] {
            let answer =
                self.app.api.get(&path).bearer(&self.owner.session).whole().await.expect(200);
            self.answers.push((path, heard(&answer)));
        }
        let mut kept = files(&self.app.config.data_dir);
        let TestApp { app, folder, .. } = self.app;
        assert!(app.stop(std::time::Duration::from_secs(10)).await);
        kept.extend(files(&folder.path().join("data")));
        let log = self.logs.so_far();
        let evidence = Evidence { answers: self.answers, log, files: kept, dump: None };
        let found = evidence.scan(&self.canaries);
        assert!(found.is_empty(), "{}", found.join("\n"));
        self.asked
    }
}

/// The error of each provider's shape, with these words wherever there are any.
fn shaped(provider: usize, words: &str) -> Value {
    let detail =
        json!({ "@type": words, "reason": words, "domain": words, "metadata": { "key": words } });
    match PROVIDERS[provider] {
        "anthropic" => json!({
            "type": "error", "request_id": words,
            "error": { "type": "authentication_error", "message": words, "details": [detail] },
        }),
        "gemini" => json!({ "error": {
            "code": 400, "message": words, "status": "INVALID_ARGUMENT",
            "details": [{ "reason": "API_KEY_INVALID" }, detail],
        }}),
        _ => json!({ "error": {
            "message": words, "type": "invalid_request_error", "param": words, "code": "invalid_api_key",
        }}),
    }
}

/// As `shaped`, without a word that means a bad key.
fn vague(provider: usize, words: &str) -> Value {
    match PROVIDERS[provider] {
        "anthropic" => json!({ "type": "error", "error": { "type": words, "message": words } }),
        "gemini" => json!({ "error": { "code": words, "message": words, "status": words } }),
        _ => json!({ "error": { "message": words, "type": words, "param": words, "code": words } }),
    }
}

const STATUSES: [u16; 20] = [
    200, 300, 301, 307, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504,
    529,
];

#[tokio::test]
async fn whatever_a_provider_says_of_a_key_no_face_repeats_it() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let mut bench = Bench::with(key).await;
        let said = |spelling: &str| {
            let unescaped = spelling.replace("\\/", "/");
            [
                spelling.to_owned(),
                format!(
                    "Incorrect API key provided: {unescaped}. You can find your keys elsewhere."
                ),
                format!("the token {unescaped} may not do this"),
                format!("{}{unescaped}{unescaped}", "-".repeat(490 - unescaped.len().min(400))),
            ]
        };
        for (number, spelling) in spellings(key).iter().enumerate() {
            for (form, words) in said(spelling).iter().enumerate() {
                // Each status comes with many words, and each words with several of them.
                let some = STATUSES.into_iter().skip((number + form) % 4).step_by(4);
                for (count, status) in some.enumerate() {
                    let provider = (number + form + count) % PROVIDERS.len();
                    let what = format!("status {status}, spelling {number}, words {form}");
                    let error = Reply::error(status, &vague(provider, words));
                    bench.ask(&what, error, provider, &LASTING).await;
                }
                for provider in 0..PROVIDERS.len() {
                    let what = format!("refused, spelling {number}, words {form}");
                    let error = Reply::error(401, &shaped(provider, words));
                    bench.ask(&what, error, provider, &FACES).await.expect_refusal();
                }
            }
        }
        let asked = bench.close().await;
        assert!(asked > 280, "{asked}");
    }
}

#[tokio::test]
async fn wherever_a_refusal_is_cut_no_face_repeats_the_key() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let mut bench = Bench::with(key).await;
        let words = format!("Incorrect API key provided: {key} ({})", base64(key.as_bytes()));
        for provider in 0..PROVIDERS.len() {
            let body = Bytes::from(shaped(provider, &words).to_string());
            // Many places of the body, and each of the key.
            let at = body.windows(20).position(|part| part == &words.as_bytes()[..20]);
            let of_key = at.map_or(0, |at| at + 28)..at.map_or(0, |at| at + 28 + key.len() + 2);
            for position in (1..body.len()).filter(|it| it % 5 == provider || of_key.contains(it)) {
                let steps = split_at(body.clone(), &[position]).into_iter().map(Step::Bytes);
                let cut = Reply::json_steps(steps.collect()).with_status(401);
                bench
                    .ask(&format!("cut at {position}"), cut, provider, &FACES)
                    .await
                    .expect_refusal();
            }
            // The provider stops in the middle of it, in order or not.
            for position in of_key {
                let ending = [None, Some(Step::Cut), Some(Step::Reset)][position % 3].clone();
                let piece = Some(Step::Bytes(body.slice(..position)));
                let status = if position % 2 == 0 { 401 } else { 429 };
                let reply = Reply::json_steps([piece, ending].into_iter().flatten().collect());
                let reply = reply.with_status(status);
                bench.ask(&format!("ends at {position}"), reply, provider, &LASTING).await;
            }
        }
        bench.close().await;
    }
}

#[tokio::test]
async fn outside_of_words_no_face_repeats_the_key_either() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let mut bench = Bench::with(key).await;
        let mut replies = vec![Reply::echo(), Reply::echo_stream()];
        replies.extend(STATUSES.iter().skip(1).map(|status| Reply::echo_error(*status)));
        for status in [301, 302, 303, 307, 308] {
            for location in
                [format!("/{PLAIN_KEY}"), format!("http://127.0.0.1:1/?key={PLAIN_KEY}")]
            {
                replies.push(Reply::redirect(status, &location));
            }
        }
        let encoded = base64(key.as_bytes());
        for header in [
            "location",
            "retry-after",
            "www-authenticate",
            "x-request-id",
            "x-ratelimit-limit-tokens",
        ] {
            for value in [key, &encoded] {
                for status in [200, 401, 429] {
                    replies.push(
                        Reply::json(&json!({ "data": [] }))
                            .with_status(status)
                            .with_header(header, value),
                    );
                }
            }
        }
        for spelling in spellings(key) {
            replies.push(Reply::text(401, "text/html", format!("<p>{spelling}</p>")));
            replies.push(Reply::text(403, "text/plain", spelling.clone()));
            replies.push(Reply::text(500, &format!("text/{PLAIN_KEY}"), spelling.clone()));
            replies.push(Reply::text(200, "text/plain", spelling));
        }
        let raw = |head: String| Reply::raw(format!("HTTP/1.1 {head}\r\n\r\n"));
        replies.extend([
            raw(format!("401 {PLAIN_KEY}\r\ncontent-length: 0")),
            raw(format!("{PLAIN_KEY} what")),
            raw(format!("200 OK\r\n{PLAIN_KEY}")),
            raw(format!("200 OK\r\ntransfer-encoding: {PLAIN_KEY}")),
            raw(format!("429 {PLAIN_KEY}\r\nretry-after: {PLAIN_KEY}\r\ncontent-length: 0")),
            Reply::cut_before_headers(),
        ]);
        for (number, reply) in replies.into_iter().enumerate() {
            for provider in 0..PROVIDERS.len() {
                bench.ask(&format!("reply {number}"), reply.clone(), provider, &LASTING).await;
            }
        }
        bench.close().await;
    }
}

/// Providers mask keys in their own ways, and some leave more than half of one.
#[tokio::test]
async fn a_part_of_the_key_is_not_repeated() {
    for key in [PLAIN_KEY, LETTERS_KEY] {
        let mut bench = Bench::with(key).await;
        for length in [12, 17, key.len() - 1] {
            for start in 0..=key.len() - length {
                let part = &key[start..start + length];
                let provider = start % PROVIDERS.len();
                let ways = [
                    (format!("Incorrect API key provided: {part}"), 401),
                    (format!("{part} is not known here"), 401),
                    (format!("the token {part} has no money left"), 429),
                    (format!("no such organization for {part}***"), 400),
                    (format!("'{part}...{}' failed", &key[key.len() - 4..]), 500),
                ];
                for (words, status) in ways.into_iter().skip(start % 2).step_by(2) {
                    let body = if status == 401 {
                        shaped(provider, &words)
                    } else {
                        vague(provider, &words)
                    };
                    let what = format!("{length} characters from {start}, status {status}");
                    bench.ask(&what, Reply::error(status, &body), provider, &LASTING).await;
                }
            }
        }
        bench.close().await;
    }
}

/// What looks like a word.
const LETTERS_KEY: &str = "sk-QwertzuiopAsdfghjklYxcvbnmMnbvcxyLkjhgf";

trait ExpectRefusal {
    fn expect_refusal(self) -> Self;
}

impl ExpectRefusal for Whole {
    /// A new value is refused; one that is there already is called unhealthy, and is still there.
    #[track_caller]
    fn expect_refusal(self) -> Self {
        let text = self.text();
        let is_told = text.contains("provider_rejected_key") || text.contains("\"unhealthy\"");
        assert!(is_told, "{} {text}", self.status);
        self
    }
}

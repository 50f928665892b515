//! A key goes to the origin it was given for and nowhere else: not along a redirect, not to a host that a request names,
//! not by a proxy of the environment.

use std::time::Duration;

use http::Method;
use model::{BaseUrl, Catalogue};
use serde_json::{Value, json};
use server::config::Layer;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::{FakeProvider, Reply, Tripwire};
use testkit::http::Client;
use testkit::process::Program;
use testkit::{Options, TestApp, hello};

use super::wires::Wires;
use super::{KEY, gateway_key};

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// Reached only by a test that fails.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_chat_follows_no_redirect() {
    for provider in ["openai", "gemini"] {
        let fake = FakeProvider::start().await;
        let other = Wires::start();
        let app = moved(provider, &fake).await;
        let owner = app.set_up().await;
        fake.next_probe(Reply::json(&json!({})));
        let body = json!({ "provider": provider, "api_key": KEY });
        app.add_provider_key(&owner, &body).await.expect(201);
        let key = gateway_key(&app, &owner).await;

        for (count, status) in (1..).zip(REDIRECTS) {
            for location in [other.url(), format!("http://{}/elsewhere", fake.addr())] {
                for streamed in [false, true] {
                    fake.next(Reply::redirect(status, &location));
                    let mut body = hello(&format!("{provider}/some-model"));
                    body["stream"] = json!(streamed);
                    let answer = app.chat(&key, &body).await.expect(502);

                    assert_eq!(answer.code(), "upstream_error");
                    assert_eq!(answer.header("location"), None);
                    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
                }
            }
            // Each was one call, and the probe at the start.
            assert_eq!(fake.requests().len(), 4 * count + 1);
        }
        other.assert_untouched();
    }
}

/// Redirects that only change the host are where other gateways gave away `x-api-key`.
#[tokio::test]
async fn a_probe_follows_no_redirect_however_its_key_travels() {
    for (provider, header) in
        [("openai", "authorization"), ("anthropic", "x-api-key"), ("gemini", "x-goog-api-key")]
    {
        let fake = FakeProvider::start().await;
        let other = Wires::start();
        let app = moved(provider, &fake).await;
        let owner = app.set_up().await;

        for (count, status) in (1..).zip(REDIRECTS) {
            for location in [other.url(), format!("http://{}/elsewhere", fake.addr())] {
                fake.next_probe(Reply::redirect(status, &location));
                let body = json!({ "provider": provider, "api_key": KEY });
                let answer = app.add_provider_key(&owner, &body).await;

                // Neither good nor bad: nobody has said so.
                if answer.status == 201 {
                    assert_eq!(answer.at("/validation_status"), "unknown");
                } else {
                    assert_eq!(answer.status, 502, "{}", answer.text());
                }
                let sent = fake.last_request();
                assert!(sent.header(header).is_some_and(|value| value.ends_with(KEY)), "{header}");
                assert_ne!(sent.path(), "/elsewhere");
            }
            assert_eq!(fake.requests().len(), 2 * count);
        }
        other.assert_untouched();
    }
}

/// Wherever a key is given or asked about, and whichever provider is asked.
#[tokio::test]
async fn no_face_follows_a_redirect_with_a_key() {
    let (fake, wires) = (FakeProvider::start().await, Wires::start());
    let catalogue = Catalogue::shipped().expect("the shipped catalogue");
    let known = catalogue.providers().iter().filter(|provider| !provider.needs_base_url());
    let providers: Vec<_> = known.map(|known| known.id.as_str().to_owned()).collect();
    assert!(providers.len() >= 13, "{providers:?}");
    let moved = providers.iter().map(|id| (id.clone(), fake.base_url())).collect();
    let layer = Layer { key_operations_per_minute: Some(10_000), ..Layer::default() };
    let options = Options { providers: moved, layer, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite is always there");
    let owner = app.set_up().await;
    let send = async |method: Method, path: &str, body: Value| {
        let call = app.api.call(method, path).json(&body).bearer(&owner.session);
        call.header("x-tenant-id", &owner.workspace).whole().await
    };
    let (of_workspace, of_operator) =
        (format!("/v1/workspaces/{}/provider-keys", owner.workspace), "/v1/operator/platform-keys");
    let mut asked = 0;

    for (number, id) in providers.iter().enumerate() {
        let status = REDIRECTS[number % REDIRECTS.len()];
        let byok = format!("/api/v1/projects/{}/byok-keys/{id}", owner.project);
        let new = json!({ "provider": id, "api_key": KEY });
        let value = json!({ "api_key": KEY });
        let secret = json!({ "name": format!("provider_key_{id}"), "value": KEY });
        let unasked = json!({ "provider": id, "api_key": KEY, "validate_before_save": false });
        let kept = send(Method::POST, &of_workspace, unasked).await.expect(201).at("/id");
        let kept = format!("{of_workspace}/{kept}");
        for location in [wires.url(), format!("http://{}/elsewhere", fake.addr())] {
            fake.always_probe(Reply::redirect(status, &location));
            for (method, path, body) in [
                (Method::POST, of_workspace.clone(), &new),
                (Method::POST, of_operator.to_owned(), &new),
                (Method::POST, format!("{kept}/validate"), &json!({})),
                (Method::PUT, format!("{kept}/secret"), &value),
                (Method::PUT, byok.clone(), &value),
                (Method::POST, format!("{byok}/test"), &json!({})),
                (Method::PATCH, format!("/api/secrets/provider_key_{id}"), &secret),
            ] {
                let answer = send(method.clone(), &path, body.clone()).await;
                asked += 1;

                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 201 | 502), "{method} {path}: {}", answer.text());
                assert_eq!(answer.header("location"), None);
                assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
            }
        }
    }

    let seen = fake.requests();
    assert!(seen.len() >= asked, "{asked} times asked, {} seen", seen.len());
    assert!(seen.iter().all(|request| request.path() != "/elsewhere"));
    wires.assert_untouched();
}

/// News of keys is signed for one address.
#[tokio::test]
async fn a_webhook_follows_no_redirect() {
    let (fake, listener) = (FakeProvider::start().await, FakeProvider::start().await);
    let wires = Wires::start();
    let rules = [listener.port(), wires.port].map(|port| format!("127.0.0.1/32:{port}"));
    let layer = Layer { egress_allow: Some(rules.to_vec()), ..Layer::default() };
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { layer, providers, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite is always there");
    let (owner, _) = app.ready(KEY).await;
    let webhook = json!({ "webhook": {
        "url": format!("http://{}/hook", listener.addr()), "secret": "a secret to sign the news with",
    } });
    let workspace = format!("/v1/workspaces/{}", owner.workspace);
    app.api.patch(&workspace, &webhook).bearer(&owner.session).whole().await.expect(200);
    let keys = format!("{workspace}/provider-keys");
    let id = app.api.get(&keys).bearer(&owner.session).whole().await.at("/items/0/id");
    let ask = format!("{keys}/{id}/validate");

    for (count, status) in (1..).zip(REDIRECTS) {
        listener.always(Reply::redirect(status, &wires.url()));
        let is_good = count % 2 == 0;
        fake.always_probe(if is_good { Reply::standard() } else { Reply::invalid_key(KEY) });
        app.api.post(&ask, &json!({})).bearer(&owner.session).whole().await.expect(200);
        // The one before was answered long ago.
        assert!(listener.wait_requests(count, SOON).await, "{count} times posted");
    }

    assert!(listener.wait_closed(SOON).await);
    assert!(app.app.stop(SOON).await);
    wires.assert_untouched();
}

#[tokio::test]
async fn a_key_goes_only_to_the_origin_it_was_given_for() {
    let (first, second) = (FakeProvider::start().await, FakeProvider::start().await);
    let mut app = TestApp::start(&first).await;
    let (_, key) = app.ready(KEY).await;
    app.chat(&key, &hello("openai/gpt-5-mini")).await.expect(200);
    let seen = first.requests().len();

    // Another port, another name for the same host, another scheme: all are other origins.
    for url in [
        second.base_url(),
        format!("http://localhost:{}/v1", first.port()),
        format!("https://{}/v1", first.addr()),
    ] {
        app.config.provider_base_urls = vec![("openai".to_owned(), base_url(&url))];
        app = app.restart().await;
        let refused = app.chat(&key, &hello("openai/gpt-5-mini")).await.expect(403);
        assert_eq!(refused.code(), "no_provider_key");
        assert!(refused.text().contains("replace it"), "{}", refused.text());
    }
    assert_eq!(second.requests().len(), 0);
    assert_eq!(second.connections(), 0);
    assert_eq!(first.requests().len(), seen);
    // Back where it was, it works again: nothing was lost.
    app.config.provider_base_urls = vec![("openai".to_owned(), base_url(&first.base_url()))];
    app = app.restart().await;
    app.chat(&key, &hello("openai/gpt-5-mini")).await.expect(200);
    assert_eq!(first.last_request().bearer(), Some(KEY));
}

fn base_url(text: &str) -> BaseUrl {
    BaseUrl::parse(text).expect("a base URL")
}

/// The caller's body and headers name hosts in every way that some gateway has obeyed.
#[tokio::test]
async fn nothing_in_a_request_changes_where_it_goes() {
    let fake = FakeProvider::start().await;
    let wires = Wires::start();
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let url = wires.url();
    let fields = [
        "api_base",
        "base_url",
        "api_url",
        "endpoint",
        "url",
        "host",
        "proxy",
        "custom_llm_provider",
        "extra_headers",
        "azure_endpoint",
        "api_version",
        "organization",
        "litellm_params",
    ];
    for (count, field) in (1..).zip(fields) {
        let mut body = hello("openai/gpt-5-mini");
        body[field] = json!(url);
        app.chat(&key, &body).await.expect(200);
        assert_eq!(fake.requests().len(), count + 1);
    }
    let address = format!("127.0.0.1:{}", wires.port);
    for (name, value) in [
        ("host", address.as_str()),
        ("x-forwarded-host", &address),
        ("forwarded", &format!("host={address}")),
        ("x-original-url", &url),
        ("x-portkey-custom-host", &url),
        ("helicone-openai-api-base", &url),
        ("x-base-url", &url),
        ("openai-base-url", &url),
    ] {
        let call = app.api.post("/v1/chat/completions", &hello("openai/gpt-5-mini"));
        call.bearer(&key).header(name, value).whole().await.expect(200);
        assert_eq!(fake.last_request().header("host"), Some(fake.addr().to_string().as_str()));
        assert_eq!(fake.last_request().path(), "/v1/chat/completions");
    }
    for model in
        ["openai/../../admin", "openai/gpt@127.0.0.1", "openai/http://127.0.0.1", "openai/x?y#z"]
    {
        app.chat(&key, &hello(model)).await;
        assert_eq!(fake.last_request().path_and_query, "/v1/chat/completions");
    }
    wires.assert_untouched();
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let fake = FakeProvider::start().await;
    let tripwire = Tripwire::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut program = Program::new(env!("CARGO_BIN_EXE_keystile"), folder.path())
        .arg("serve")
        .env("KEYSTILE_DATA_DIR", folder.path().join("data"))
        .env("KEYSTILE_LISTEN", "127.0.0.1:0")
        .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
        .env("KEYSTILE_PROVIDER_OPENAI_BASE_URL", fake.base_url());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PROXY", "SOCKS_PROXY", "FTP_PROXY"] {
        program = program.env(name, tripwire.url()).env(name.to_lowercase(), tripwire.url());
    }
    let gateway = program.start();
    let api = Client::new(gateway.url());

    let body = json!({
        "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme",
    });
    let made = api.post("/v1/setup", &body).whole().await.expect(201);
    let (session, workspace) = (made.at("/token"), made.at("/workspace/id"));
    let path = format!("/v1/workspaces/{workspace}/provider-keys");
    let body = json!({ "provider": "openai", "api_key": KEY });
    api.post(&path, &body).bearer(&session).whole().await.expect(201);
    let path = format!("/api/v1/projects/{}/api-keys", made.at("/project/id"));
    let key = api.post(&path, &json!({ "name": "a" })).bearer(&session).whole().await.at("/key");
    let chat = api.post("/v1/chat/completions", &hello("openai/gpt-5-mini"));
    chat.bearer(&key).whole().await.expect(200);

    assert_eq!(fake.requests().len(), 2);
    assert_eq!(tripwire.hits(), 0);
}

async fn moved(provider: &str, fake: &FakeProvider) -> TestApp {
    let providers = vec![(provider.to_owned(), format!("http://{}", fake.addr()))];
    let options = Options { providers, ..Options::default() };
    TestApp::start_with(options).await.expect("SQLite is always there")
}

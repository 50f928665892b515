//! Where the gateway goes and where it never goes: no redirect, no private address in any spelling, no proxy from the
//! environment, and no key to any host but the one it was given for.

use std::future::Future;
use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway::upstream::Resolve;
use model::BaseUrl;
use serde_json::json;
use server::config::Layer;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::{FakeProvider, Reply, Tripwire};
use testkit::http::{Client, Whole};
use testkit::{Options, Owner, TestApp, hello};

const KEY: &str = "sk-good-1234567890";
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

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

/// Whoever may add keys can name any host: none of these spellings may open a connection.
#[tokio::test]
async fn no_spelling_of_a_private_address_is_called() {
    let fake = FakeProvider::start().await;
    let wires = Wires::start();
    let app = with_resolver(&fake, Arc::new(Names(|_, port| Ok(wires_at(port))))).await;
    let (owner, key) = app.ready(KEY).await;
    let corpus = corpus(wires.port);
    assert!(corpus.len() >= 400, "{} spellings", corpus.len());
    let mut stored = 0;

    for (number, url) in corpus.iter().enumerate() {
        let mut body = json!({ "provider": "custom", "base_url": url });
        if number % 2 == 0 {
            body["api_key"] = json!(KEY);
        }
        let answer = app.add_provider_key(&owner, &body).await;
        assert_refused(url, &answer);

        body["validate_before_save"] = json!(false);
        let answer = app.add_provider_key(&owner, &body).await;
        if answer.status != 201 {
            assert_refused(url, &answer);
            continue;
        }
        stored += 1;
        let mut chat = hello("custom/x");
        chat["routing"] = json!({ "provider_key": answer.at("/id") });
        let answer = app.chat(&key, &chat).await;
        assert_refused(url, &answer);
        // Some names are none that a certificate could have: there nobody even looks them up.
        let judged = answer.text().contains("address is not allowed");
        assert!(judged || url.starts_with("https:"), "{url}: {}", answer.text());
        let id = chat["routing"]["provider_key"].as_str().expect("an id");
        let path = format!("/v1/workspaces/{}/provider-keys/{id}", owner.workspace);
        app.api.delete(&path).bearer(&owner.session).whole().await.expect(204);
    }

    assert!(stored >= 400, "{stored} stored and called");
    wires.assert_untouched();
}

/// The wires do bite: the same address, opened by the operator, is called.
#[tokio::test]
async fn the_wires_notice_a_call() {
    let wires = Wires::start();
    for (wire, url, rule) in [
        (&wires.v4, wires.url(), format!("127.0.0.0/8:{}", wires.port)),
        (&wires.v6, format!("http://[::1]:{}", wires.port), format!("[::1/128]:{}", wires.port)),
    ] {
        let layer = Layer { egress_allow: Some(vec![rule]), ..Layer::default() };
        let app =
            TestApp::start_with(Options { layer, ..Options::default() }).await.expect("SQLite");
        let owner = app.set_up().await;
        let body = json!({ "provider": "custom", "base_url": url });
        let calling = app.add_provider_key(&owner, &body);
        // Nobody answers there: seeing the call is enough.
        tokio::select! {
            answer = calling => panic!("nobody answers there: {}", answer.text()),
            () = touched(wire) => {}
        }
    }
    wires.assert_untouched();
}

/// A name that is harmless when it is looked at and leads inside when it is called.
#[tokio::test]
async fn a_name_that_changes_its_mind_gets_nowhere() {
    const REQUESTS: usize = 1000;
    let fake = FakeProvider::start().await;
    let wires = Wires::start();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = with_resolver(
        &fake,
        Arc::new(Names(move |_, port| {
            let v4 = |ip: [u8; 4]| SocketAddr::new(IpAddr::from(ip), port);
            let inside = wires_at(port);
            // Never a public address alone, because nothing here may dial one.
            match count.fetch_add(1, Ordering::SeqCst) % 6 {
                0 => Ok(Vec::new()),
                1 => Ok(inside),
                2 => Err(io::Error::from(ErrorKind::NotFound)),
                3 => Ok([inside, vec![v4([93, 184, 216, 34])]].concat()),
                4 => Ok([vec![v4([93, 184, 216, 34])], inside].concat()),
                _ => Ok(vec![v4([0, 0, 0, 0])]),
            }
        })),
    )
    .await;
    let (owner, key) = app.ready(KEY).await;
    let url = format!("http://rebind.example:{}/v1", wires.port);
    let mut body = json!({
        "provider": "custom", "base_url": url, "api_key": KEY, "validate_before_save": false,
    });
    app.add_provider_key(&owner, &body).await.expect(201);
    body["validate_before_save"] = json!(true);

    for number in 0..REQUESTS {
        let answer = match number % 4 {
            0 => app.add_provider_key(&owner, &body).await.expect(502),
            _ => app.chat(&key, &hello("custom/x")).await.expect(503),
        };
        assert_eq!(answer.code(), "upstream_unavailable");
    }

    // Looked up anew each time: no answer is remembered from when it was harmless.
    assert_eq!(asked.load(Ordering::SeqCst), REQUESTS);
    wires.assert_untouched();
}

#[tokio::test]
async fn the_operator_opens_exactly_one_network_and_port() {
    let fake = FakeProvider::start().await;
    let wires = Wires::start();
    let rule = format!("127.0.0.1/32:{}", fake.port());
    let everything =
        ["0.0.0.0/0:80", "[::/0]:80", "169.254.169.254/32:80", "[fd00:ec2::254/128]:80"];
    let rules = everything.iter().map(|rule| (*rule).to_owned()).chain([rule]).collect();
    let layer = Layer { egress_allow: Some(rules), ..Layer::default() };
    let app = TestApp::start_with(Options { layer, ..Options::default() }).await.expect("SQLite");
    let owner = app.set_up().await;
    let key = gateway_key(&app, &owner).await;
    fake.always_probe(Reply::json(&json!({ "object": "list", "data": [] })));
    let answer = json!({ "object": "chat.completion", "choices": [] });
    fake.next(Reply::json(&answer));

    let custom = |url: &str| json!({ "provider": "custom", "base_url": url });
    app.add_provider_key(&owner, &custom(&fake.base_url())).await.expect(201);
    let said = app.chat(&key, &hello("custom/my-model")).await.expect(200);

    assert_eq!(said.json(), answer);
    let sent = fake.last_request();
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(sent.json()["model"], "my-model");
    let before = fake.connections();
    // Beside it: another port, another address, another family; and metadata services in spite of an open rule.
    for url in [
        wires.url(),
        format!("http://127.0.0.2:{}", fake.port()),
        format!("http://[::1]:{}", wires.port),
        "http://169.254.169.254".to_owned(),
        "http://[::ffff:169.254.169.254]".to_owned(),
        "http://[64:ff9b::a9fe:a9fe]".to_owned(),
        "http://[2002:a9fe:a9fe::1]".to_owned(),
        "http://[fd00:ec2::254]".to_owned(),
        "http://100.100.100.200".to_owned(),
        "http://168.63.129.16".to_owned(),
        "http://192.0.0.192".to_owned(),
        "http://169.254.170.2".to_owned(),
    ] {
        let mut body = custom(&url);
        app.add_provider_key(&owner, &body).await.expect(502);
        body["validate_before_save"] = json!(false);
        let id = app.add_provider_key(&owner, &body).await.expect(201).at("/id");
        let mut chat = hello("custom/my-model");
        chat["routing"] = json!({ "provider_key": id });
        let refused = app.chat(&key, &chat).await.expect(503);
        assert!(refused.text().contains("address is not allowed"), "{url}: {}", refused.text());
    }
    assert_eq!(fake.connections(), before);
    wires.assert_untouched();
}

/// What the operator moved a provider to is the operator's word for that provider, not for whoever names the address.
#[tokio::test]
async fn a_tenant_cannot_use_the_address_a_provider_was_moved_to() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, key) = app.ready(KEY).await;
    // Leaves an idle connection behind, to exactly that host and port.
    app.chat(&key, &hello("openai/gpt-5-mini")).await.expect(200);
    let (seen, connections) = (fake.requests().len(), fake.connections());

    for url in [
        fake.base_url(),
        format!("http://{}", fake.addr()),
        format!("http://{}/../v1", fake.addr()),
        format!("http://localhost:{}", fake.port()),
        format!("http://2130706433:{}/v1", fake.port()),
    ] {
        let mut body = json!({ "provider": "custom", "base_url": url, "api_key": KEY });
        app.add_provider_key(&owner, &body).await.expect(502);
        body["validate_before_save"] = json!(false);
        let id = app.add_provider_key(&owner, &body).await.expect(201).at("/id");
        let mut chat = hello("custom/gpt-5-mini");
        chat["routing"] = json!({ "provider_key": id });
        let refused = app.chat(&key, &chat).await.expect(503);
        assert_eq!(refused.code(), "upstream_unavailable");
    }
    // Nor by giving a known provider another address.
    let body = json!({ "provider": "openai", "api_key": KEY, "base_url": fake.base_url() });
    app.add_provider_key(&owner, &body).await.expect(400);

    assert_eq!((fake.requests().len(), fake.connections()), (seen, connections));
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystile"));
    command
        .arg("serve")
        .env_clear()
        .current_dir(folder.path())
        .env("KEYSTILE_DATA_DIR", folder.path().join("data"))
        .env("KEYSTILE_LISTEN", "127.0.0.1:0")
        .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
        .env("KEYSTILE_PROVIDER_OPENAI_BASE_URL", fake.base_url());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PROXY", "SOCKS_PROXY", "FTP_PROXY"] {
        command.env(name, tripwire.url()).env(name.to_lowercase(), tripwire.url());
    }
    let (_process, url) = Process::start(command).await;
    let api = Client::new(url);

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

/// The real binary, until dropped.
struct Process {
    child: Child,
    /// Open, so that the binary can say more than we read.
    _said: BufReader<ChildStdout>,
}

impl Process {
    /// Its API's URL is in the banner.
    async fn start(mut command: Command) -> (Self, String) {
        let started = tokio::task::spawn_blocking(move || {
            command.stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the binary starts");
            let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
            let mut line = String::new();
            let url = loop {
                line.clear();
                let count = said.read_line(&mut line).expect("a banner");
                assert!(count > 0, "the binary ended before it said where it is");
                let found = line.trim().strip_prefix("API").map(str::trim);
                if let Some(url) = found.and_then(|url| url.strip_suffix("/v1")) {
                    break url.to_owned();
                }
            };
            (Self { child, _said: said }, url)
        });
        started.await.expect("the thread")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One port on both loopback addresses. Nobody accepts, so that whoever connected is still in the queue.
struct Wires {
    v4: TcpListener,
    v6: TcpListener,
    port: u16,
}

impl Wires {
    fn start() -> Self {
        loop {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = v4.local_addr().expect("bound").port();
            if let Ok(v6) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
                v4.set_nonblocking(true).expect("a socket");
                v6.set_nonblocking(true).expect("a socket");
                return Self { v4, v6, port };
            }
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[track_caller]
    fn assert_untouched(&self) {
        for wire in [&self.v4, &self.v6] {
            let accepted = wire.accept().map(|(_, peer)| peer);
            assert_eq!(accepted.map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        }
    }
}

async fn touched(wire: &TcpListener) {
    while wire.accept().is_err() {
        tokio::task::yield_now().await;
    }
}

fn wires_at(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// A name server of our own: nothing leaves this machine.
struct Names<F>(F);

impl<F> Resolve for Names<F>
where
    F: Fn(String, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
{
    fn resolve(
        &self,
        host: String,
        port: u16,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        let found = (self.0)(host, port);
        Box::pin(async move { found })
    }
}

async fn moved(provider: &str, fake: &FakeProvider) -> TestApp {
    let providers = vec![(provider.to_owned(), format!("http://{}", fake.addr()))];
    let options = Options { providers, ..Options::default() };
    TestApp::start_with(options).await.expect("SQLite is always there")
}

async fn with_resolver(fake: &FakeProvider, resolver: Arc<dyn Resolve>) -> TestApp {
    let mut layer = Layer::default();
    layer.journal.sync = Some("never".to_owned());
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { layer, providers, resolver, ..Options::default() };
    TestApp::start_with(options).await.expect("SQLite is always there")
}

async fn gateway_key(app: &TestApp, owner: &Owner) -> String {
    app.gateway_key(owner, &json!({ "name": "test" })).await.expect(201).at("/key")
}

/// In our envelope, and nobody's fault here.
#[track_caller]
fn assert_refused(url: &str, answer: &Whole) {
    let status = answer.status.as_u16();
    assert!(matches!(status, 400..=499 | 502 | 503), "{url}: {status} {}", answer.text());
    let json = answer.json();
    assert!(json["error"]["code"].is_string() && json["request_id"].is_string(), "{url}: {json}");
}

/// Base URLs that lead to this machine, its network or its cloud; those with a port of the wires first of all.
fn corpus(port: u16) -> Vec<String> {
    let v4: [[u8; 4]; 14] = [
        [127, 0, 0, 1],
        [127, 1, 2, 3],
        [0, 0, 0, 0],
        [10, 0, 0, 1],
        [172, 16, 0, 1],
        [192, 168, 0, 1],
        [100, 64, 0, 1],
        [169, 254, 169, 254],
        [169, 254, 170, 2],
        [100, 100, 100, 200],
        [168, 63, 129, 16],
        [192, 0, 0, 192],
        [198, 18, 0, 1],
        [255, 255, 255, 255],
    ];
    let mut hosts: Vec<String> = v4.into_iter().flat_map(spellings_v4).collect();
    hosts.extend(v4.into_iter().flat_map(spellings_v6).map(|host| format!("[{host}]")));
    hosts.extend(V6.iter().map(|host| format!("[{host}]")));
    hosts.extend(NAMES.iter().map(|name| (*name).to_owned()));
    let mut urls: Vec<String> =
        hosts.iter().map(|host| format!("http://{host}:{port}/v1")).collect();
    urls.extend(hosts.iter().step_by(3).map(|host| format!("https://{host}:{port}")));
    // Where a URL's parts end is what parsers disagree about.
    let here = format!("127.0.0.1:{port}");
    urls.extend([
        format!("http://user@{here}"),
        format!("http://user:password@{here}"),
        format!("http://api.openai.com@{here}/v1"),
        format!("http://api.openai.com:443@{here}/v1"),
        format!("http://api.openai.com%40{here}/v1"),
        format!("http://{here}@api.openai.com/v1"),
        format!("http://{here}\\@api.openai.com/v1"),
        format!("http://{here}#@api.openai.com/v1"),
        format!("http://{here}?@api.openai.com/v1"),
        format!("http:{here}"),
        format!("http:/{here}"),
        format!("http:///{here}"),
        format!("http:\\\\{here}\\v1"),
        format!("  http://{here}  "),
        format!("ht\ntp://127.0\t.0.1:{port}"),
        format!("HTTP://{here}"),
        format!("http://127.0.0.1:0{port}"),
        format!("http://127.0.0.1:{port}/a/../../v1"),
        format!("http://127.0.0.1:{port}/%2e%2e/"),
        format!("ftp://{here}"),
        format!("ws://{here}"),
        format!("gopher://{here}/_GET"),
        format!("//{here}"),
        here.clone(),
        "file:///etc/passwd".to_owned(),
        "unix:///var/run/docker.sock".to_owned(),
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/".to_owned(),
        "http://".to_owned(),
        "http://:80".to_owned(),
        "http://127.0.0.1:99999".to_owned(),
        "http://127.0.0.1:-1".to_owned(),
        "http://256.0.0.1".to_owned(),
        "http://127.0.0.1.1".to_owned(),
        "http://0x7f.0x0.0x0.0x1ffff".to_owned(),
        String::new(),
    ]);
    urls
}

fn spellings_v4(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address.map(u32::from);
    let whole = u32::from_be_bytes(address);
    let (low, mid) = (whole & 0xff_ffff, whole & 0xffff);
    let wide = |text: &str, zero: u32| -> String {
        let shift = |c: char| c.to_digit(10).and_then(|digit| char::from_u32(zero + digit));
        text.chars().map(|c| shift(c).unwrap_or(c)).collect()
    };
    let dotted = format!("{a}.{b}.{c}.{d}");
    vec![
        format!("{dotted}."),
        format!("{whole}"),
        format!("{whole}."),
        format!("0x{whole:08x}"),
        format!("0X{whole:X}"),
        format!("0x000000{whole:08x}"),
        format!("0{whole:o}"),
        format!("0000000{whole:o}"),
        format!("{a}.{low}"),
        format!("0x{a:x}.{low}"),
        format!("0{a:o}.0x{low:x}"),
        format!("{a}.{b}.{mid}"),
        format!("{a}.0x{b:x}.0{mid:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0x{a:02X}.0x{b:02X}.0x{c:02X}.0x{d:02X}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.00{b:o}.0000{c:o}.0{d:o}"),
        format!("{a}.0x{b:x}.0{c:o}.{d}"),
        dotted.replace('.', "。"),
        dotted.replace('.', "．"),
        dotted.replace('.', "｡"),
        dotted.replace('.', "%2e"),
        dotted.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        wide(&dotted, 0xff10),
        wide(&dotted, 0x1d7ce),
        format!("%30x{whole:x}"),
        dotted,
    ]
}

fn spellings_v6(address: [u8; 4]) -> Vec<String> {
    let dotted = Ipv4Addr::from(address);
    let [a, b, c, d] = address;
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        format!("::ffff:{dotted}"),
        format!("::ffff:{high:x}:{low:x}"),
        format!("0:0:0:0:0:FFFF:{high:04X}:{low:04X}"),
        format!("0000:0000:0000:0000:0000:ffff:{dotted}"),
        format!("::{dotted}"),
        format!("::ffff:0:{dotted}"),
        format!("64:ff9b::{dotted}"),
        format!("64:ff9b::{high:x}:{low:x}"),
        format!("64:ff9b:1::{dotted}"),
        format!("2002:{high:x}:{low:x}::"),
        format!("2002:{high:x}:{low:x}:0:0:0:0:1"),
        format!("2001:0:{high:x}:{low:x}::"),
        format!("2001::{:x}:{:x}", !high, !low),
        format!("fe80::5efe:{dotted}"),
    ]
}

const V6: [&str; 28] = [
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::0001",
    "0::1",
    "::",
    "0:0:0:0:0:0:0:0",
    "fe80::1",
    "FE80::1",
    "fe80::1%25eth0",
    "fe80::1%eth0",
    "fe80::1%251",
    "::1%25lo",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "FD00:0EC2:0:0:0:0:0:0254",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "e000::1",
    "1::1",
];

/// The name server maps all of them to this machine.
const NAMES: [&str; 36] = [
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "localhost..",
    "localhost.localdomain",
    "foo.localhost",
    "foo.localhost.",
    "ip6-localhost",
    "ip6-loopback",
    "localtest.me",
    "lvh.me",
    "127.0.0.1.nip.io",
    "127-0-0-1.sslip.io",
    "spoofed.burpcollaborator.example",
    "metadata",
    "metadata.google.internal",
    "metadata.google.internal.",
    "instance-data",
    "kubernetes.default.svc",
    "host.docker.internal",
    "gateway.docker.internal",
    "db.internal",
    "printer.local",
    "router.lan",
    "a",
    "1.0.0.127.in-addr.arpa",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "ｌｏｃａｌｈｏｓｔ",
    "loc%61lhost",
    "local\u{ad}host",
    "xn--localhost",
    "api.openai.com.evil.example",
    "127.0.0.1.evil.example",
    "0x7f.1.evil.example",
    "_metadata._tcp.example",
];

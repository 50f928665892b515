//! Whoever may add keys can name any host. What leads inside is judged as it is dialled, and never dialled.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway::upstream::Resolve;
use serde_json::json;
use server::config::Layer;
use testkit::fake::{FakeProvider, Reply};
use testkit::http::Whole;
use testkit::{Options, TestApp, hello};

use super::corpus::corpus;
use super::wires::{Names, Wires, touched, wires_at};
use super::{KEY, gateway_key};

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
        // Twenty operations a minute are enough for anybody but this test.
        app.clock.advance(std::time::Duration::from_secs(60));
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

async fn with_resolver(fake: &FakeProvider, resolver: Arc<dyn Resolve>) -> TestApp {
    // The corpus manages keys far faster than a person may.
    let mut layer = Layer { key_operations_per_minute: Some(10_000), ..Layer::default() };
    layer.journal.sync = Some("never".to_owned());
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { layer, providers, resolver, ..Options::default() };
    TestApp::start_with(options).await.expect("SQLite is always there")
}

/// In our envelope, and nobody's fault here.
#[track_caller]
fn assert_refused(url: &str, answer: &Whole) {
    let status = answer.status.as_u16();
    assert!(matches!(status, 400..=499 | 502 | 503), "{url}: {status} {}", answer.text());
    let json = answer.json();
    assert!(json["error"]["code"].is_string() && json["request_id"].is_string(), "{url}: {json}");
}

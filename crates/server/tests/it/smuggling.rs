//! Requests that two parsers would read differently: none makes two calls of one, none carries a header of the caller's
//! to the provider, and the gateway outlives them all.

use std::time::Duration;

use serde_json::json;
use testkit::TestApp;
use testkit::fake::FakeProvider;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const KEY: &str = "sk-good-1234567890";

#[tokio::test]
async fn no_request_hides_a_second_one() {
    let stage = Stage::start().await;
    let cases = framing(&stage.key);
    let cases = cases.into_iter().chain(heads(&stage.key)).chain(other_protocols(&stage.key));
    let mut count = 0;
    let mut wrong = Vec::new();

    for case in cases {
        count += 1;
        let before = stage.fake.requests().len();
        let answer = stage.say(&case.bytes).await;

        let seen = stage.fake.requests().split_off(before);
        if seen.len() != case.calls {
            let first = answer.lines().next().unwrap_or("no answer");
            wrong.push(format!("{}: {} calls, {first}", case.name, seen.len()));
        }
        for request in &seen {
            assert_eq!(request.json()["model"], "gpt-5-mini", "{}", case.name);
            assert_eq!(request.path_and_query, "/v1/chat/completions", "{}", case.name);
            for (name, value) in &request.headers {
                let ours = SENT.contains(&name.as_str());
                assert!(ours, "{}: {name}: {value:?} went to the provider", case.name);
            }
            assert_eq!(request.bearer(), Some(KEY), "{}", case.name);
        }
        // What the parser itself refuses has no body of ours; whatever has one is in our envelope.
        let answer = answer.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
        let status = answer.split(' ').nth(1).unwrap_or("none");
        let expected = if case.calls == 1 { &["200"][..] } else { &REFUSED };
        if !expected.contains(&status) {
            wrong.push(format!("{}: status {status}", case.name));
        }
        let alive = stage.app.api.get("/healthz").whole().await;
        assert_eq!(alive.status, 200, "{}", case.name);
    }

    assert!(wrong.is_empty(), "of {count} cases:\n{}", wrong.join("\n"));
    assert!(count >= 100, "{count} cases");
}

/// Two requests that are two requests: what the cases above must not be taken for.
#[tokio::test]
async fn requests_in_a_row_on_one_connection_are_answered_in_a_row() {
    let stage = Stage::start().await;
    let chat = chat(&stage.key, "", "openai/gpt-5-mini");

    let answer = stage.say(&[chat.clone(), chat].concat()).await;

    // The last one is the one that asks for the end.
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert_eq!(stage.fake.requests().len(), 2);
}

/// One request, one answer: the body of the second never becomes a request of its own.
#[tokio::test]
async fn a_refused_request_does_not_lend_its_connection_to_what_follows() {
    let stage = Stage::start().await;
    let hidden = chat(&stage.key, "", HIDDEN);
    let length = hidden.len();
    let refused = [
        // Refused before its body is read, which is itself a request.
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ),
        format!("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
        format!(
            "DELETE /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ),
        format!("GET /v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\
             Authorization: Bearer {}\r\nContent-Length: {length}\r\n\r\n",
            stage.key
        ),
        format!(
            "POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        ),
        format!(
            "POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n"
        ),
    ];

    for head in refused {
        stage.say(&[head.clone().into_bytes(), hidden.clone()].concat()).await;

        assert_eq!(stage.fake.requests().len(), 0, "{head}");
    }
}

/// Sent byte by byte, and cut off at every byte.
#[tokio::test]
async fn a_request_in_pieces_is_one_request_and_half_a_request_is_none() {
    let stage = Stage::start().await;
    let whole = chat(&stage.key, "", "openai/gpt-5-mini");

    for length in 0..whole.len() {
        let mut socket = TcpStream::connect(stage.app.address()).await.expect("a connection");
        socket.write_all(&whole[..length]).await.expect("sent");
        socket.shutdown().await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an end");
        assert!(!answer.contains(" 200 "), "after {length} bytes: {answer}");
    }
    assert_eq!(stage.fake.requests().len(), 0);

    let whole = chat(&stage.key, "Connection: close\r\n", "openai/gpt-5-mini");
    let mut socket = TcpStream::connect(stage.app.address()).await.expect("a connection");
    socket.set_nodelay(true).expect("a socket");
    for byte in &whole {
        socket.write_all(std::slice::from_ref(byte)).await.expect("sent");
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(stage.fake.requests().len(), 1);
}

/// All that ever goes to a provider that takes its key as a bearer token.
const SENT: [&str; 7] = [
    "accept",
    "accept-encoding",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "user-agent",
];

/// No answer at all is a refusal too.
const REFUSED: [&str; 9] = ["none", "400", "401", "404", "405", "411", "413", "414", "431"];

const HIDDEN: &str = "openai/hidden";

struct Stage {
    fake: FakeProvider,
    app: TestApp,
    key: String,
}

impl Stage {
    async fn start() -> Self {
        let fake = FakeProvider::start().await;
        let app = TestApp::start(&fake).await;
        let owner = app.set_up().await;
        let body = json!({ "provider": "openai", "api_key": KEY, "validate_before_save": false });
        app.add_provider_key(&owner, &body).await.expect(201);
        let key = app.gateway_key(&owner, &json!({ "name": "test" })).await.expect(201).at("/key");
        Self { fake, app, key }
    }

    /// Everything the gateway says until it closes. Behind the bytes goes a request that asks it to: whatever the
    /// bytes hid has been answered by then. Where that is taken for a body, our silence ends the connection.
    async fn say(&self, bytes: &[u8]) -> String {
        let socket = TcpStream::connect(self.app.address()).await.expect("a connection");
        let (mut read, mut write) = socket.into_split();
        let bytes = [bytes, LAST_REQUEST].concat();
        // A gateway that has heard enough closes early, and then the rest cannot be sent.
        let sending = tokio::spawn(async move {
            write.write_all(&bytes).await.ok();
            write
        });
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        let ended = loop {
            match tokio::time::timeout(SILENCE, read.read(&mut piece)).await {
                Ok(Ok(count @ 1..)) => answer.extend_from_slice(&piece[..count]),
                Ok(Ok(0) | Err(_)) => break true,
                Err(_) => break false,
            }
        };
        let mut write = sending.await.expect("sent");
        if !ended {
            write.shutdown().await.ok();
            let rest = tokio::time::timeout(PATIENCE, read.read_to_end(&mut answer));
            // A reset is an end too.
            rest.await.expect("the gateway closes a connection that has ended").ok();
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

const LAST_REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
const SILENCE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(20);

struct Case {
    name: String,
    bytes: Vec<u8>,
    /// What the provider may see of it.
    calls: usize,
}

fn case(calls: usize, name: &str, bytes: impl Into<Vec<u8>>) -> Case {
    Case { name: name.to_owned(), bytes: bytes.into(), calls }
}

fn body(model: &str) -> String {
    json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] }).to_string()
}

/// Well formed, with some lines more in its head.
fn chat(key: &str, lines: &str, model: &str) -> Vec<u8> {
    let body = body(model);
    let length = body.len();
    raw(key, &format!("Content-Length: {length}\r\n{lines}"), &body)
}

fn raw(key: &str, lines: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\n{lines}\r\n{body}"
    )
    .into_bytes()
}

/// Where a body ends.
fn framing(key: &str) -> Vec<Case> {
    let body = body("openai/gpt-5-mini");
    let length = body.len();
    let hidden = String::from_utf8(chat(key, "", HIDDEN)).expect("text");
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let all = chunked.len() + hidden.len();
    let te = "Transfer-Encoding: chunked\r\n";
    let send = |lines: &str, body: &str| raw(key, lines, body);
    let mut cases = vec![
        case(1, "chunked", send(te, &chunked)),
        case(1, "chunked with an extension", send(te, &chunked.replacen("\r\n", ";a=b\r\n", 1))),
        case(1, "chunked with trailers", {
            let trailer = "0\r\nAuthorization: Bearer other\r\nX-Evil: 1\r\n\r\n";
            send(te, &chunked.replace("0\r\n\r\n", trailer))
        }),
        case(
            1,
            "CL.TE",
            send(&format!("Content-Length: {all}\r\n{te}"), &(chunked.clone() + &hidden)),
        ),
        case(1, "TE.CL", send(&format!("{te}Content-Length: 4\r\n"), &(chunked.clone() + &hidden))),
        case(
            0,
            "CL.TE, empty",
            send(&format!("Content-Length: {all}\r\n{te}"), &format!("0\r\n\r\n{hidden}")),
        ),
        case(
            0,
            "TE.CL, empty",
            send(&format!("{te}Content-Length: {all}\r\n"), &format!("0\r\n\r\n{hidden}")),
        ),
        case(
            1,
            "the length twice",
            send(&format!("Content-Length: {length}\r\n").repeat(2), &body),
        ),
        case(0, "lengths that differ", {
            let lines = format!("Content-Length: {length}\r\nContent-Length: 0\r\n");
            send(&lines, &format!("{body}{hidden}"))
        }),
        case(0, "lengths that differ, the other way", {
            let lines = format!("Content-Length: 0\r\nContent-Length: {length}\r\n");
            send(&lines, &format!("{body}{hidden}"))
        }),
        case(0, "a length too short", send("Content-Length: 5\r\n", &(body.clone() + &hidden))),
        case(0, "a length too long", send(&format!("Content-Length: {}\r\n", length + 1), &body)),
        case(0, "no length", send("", &(body.clone() + &hidden))),
    ];
    for value in [
        "+9",
        "-1",
        "0x10",
        "1e2",
        "1 0",
        "1,2",
        "٣",
        "",
        "99999999999999999999999",
        "5;",
        "\u{b}5",
        "1_0",
        "0b1",
    ] {
        let lines = format!("Content-Length: {value}\r\n");
        cases.push(case(
            0,
            &format!("a length of {value:?}"),
            send(&lines, &(body.clone() + &hidden)),
        ));
    }
    for value in [
        "xchunked",
        "chunkedx",
        "chunked, identity",
        "identity",
        "gzip",
        "chunked;q=1",
        "\"chunked\"",
        "chunked, gzip",
        "chunked\u{b}",
        "x",
        "",
    ] {
        let lines = format!("Transfer-Encoding: {value}\r\n");
        cases.push(case(
            0,
            &format!("an encoding of {value:?}"),
            send(&lines, &(chunked.clone() + &hidden)),
        ));
    }
    for start in ["\t", "x", "-", "0x", "+", "ffffffffffffffffff", " \n", "\u{feff}"] {
        let bad = format!("{start}{chunked}{hidden}");
        cases.push(case(0, &format!("a chunk that begins with {start:?}"), send(te, &bad)));
    }
    let bare = format!("{length:x}\n{body}\n0\n\n{hidden}");
    cases.push(case(0, "chunks with bare line feeds", send(te, &bare)));
    let short = format!("5\r\n{body}\r\n0\r\n\r\n{hidden}");
    cases.push(case(0, "a chunk longer than its size", send(te, &short)));
    let old = String::from_utf8(send(te, &(chunked + &hidden))).expect("text");
    cases.push(case(0, "chunked in HTTP/1.0", old.replacen("HTTP/1.1", "HTTP/1.0", 1)));
    cases
}

/// What a head may hold.
fn heads(key: &str) -> Vec<Case> {
    let lines = |lines: &str| chat(key, lines, "openai/gpt-5-mini");
    let mut cases = Vec::new();
    for (name, line) in [
        ("a NUL in a value", "X-A: a\0b\r\n"),
        ("a NUL in a name", "X\0A: a\r\n"),
        ("a space before the colon", "X-A : a\r\n"),
        ("a tab before the colon", "X-A\t: a\r\n"),
        ("a folded line", "X-A: a\r\n b\r\n"),
        ("a folded length", "X-A: a\r\n Content-Length: 0\r\n"),
        ("a line without a colon", "X-A\r\n"),
        ("an empty name", ": a\r\n"),
        ("a space in a name", "X A: a\r\n"),
        ("a bare carriage return", "X-A: a\rX-B: b\r\n"),
        ("a length spelled with a space", "Content-Length : 0\r\n"),
        ("an encoding spelled with a space", "Transfer-Encoding : chunked\r\n"),
        ("a name beyond ASCII", "X-é: a\r\n"),
        ("two different keys", "Authorization: Bearer other\r\n"),
        ("two different keys in two headers", "X-Api-Key: other\r\n"),
        ("a third way to send a key", "Api-Key: other\r\nX-Goog-Api-Key: third\r\n"),
        ("another scheme beside the key", "Authorization: Basic b3RoZXI6b3RoZXI=\r\n"),
        ("a compressed body", "Content-Encoding: gzip\r\n"),
        ("two encodings of the body", "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"),
    ] {
        cases.push(case(0, name, lines(line)));
    }
    cases.push(case(0, "the same key twice", lines(&format!("Authorization: Bearer {key}\r\n"))));
    for (name, line) in [
        ("the same key in two headers", format!("X-Api-Key: {key}\r\n")),
        ("headers named by Connection", hop("Connection: close, X-Secret, Authorization, Host\r\n")),
        ("Connection: Content-Length", hop("Connection: content-length, transfer-encoding\r\n")),
        ("hop-by-hop headers", HOP_BY_HOP.to_owned()),
        ("an upgrade to WebSocket", format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{WEB_SOCKET}")),
        ("an upgrade to HTTP/2", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n".to_owned()),
        ("a header for the provider", "OpenAI-Organization: org-other\r\nOpenAI-Project: p\r\nOpenAI-Beta: x\r\n".to_owned()),
        ("addresses and cookies", "X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nVia: 1.1 a\r\nCookie: a=b\r\nReferer: http://a/\r\nOrigin: http://a\r\n".to_owned()),
        ("traces", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nBaggage: a=b\r\nX-Request-Id: a\r\n".to_owned()),
        ("other wishes", "Accept: text/html\r\nAccept-Encoding: gzip\r\nRange: bytes=0-1\r\nIf-None-Match: *\r\nExpect: 100-continue\r\n".to_owned()),
        ("a method in a header", "X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /v1/me\r\n".to_owned()),
        ("a large header", format!("X-A: {}\r\n", "a".repeat(8 << 10))),
        ("a hundred headers", (0..100).map(|n| format!("X-{n}: a\r\n")).collect()),
    ] {
        cases.push(case(1, name, lines(&line)));
    }
    cases.push(case(0, "a huge header", lines(&format!("X-A: {}\r\n", "a".repeat(1 << 20)))));
    let many: String = (0..200).map(|n| format!("X-{n}: a\r\n")).collect();
    cases.push(case(0, "two hundred headers", lines(&many)));
    let text = String::from_utf8(lines("")).expect("text");
    let swap = |from: &str, to: &str| text.replacen(from, to, 1);
    cases.extend([
        case(1, "an absolute target", swap("POST /v1", "POST http://evil.example/v1")),
        case(0, "a target with an authority", swap("POST /v1", "POST //evil.example/v1")),
        case(0, "a target with dots", swap("POST /v1", "POST /v1/../v1")),
        case(0, "an encoded slash", swap("/chat/", "%2fchat/")),
        case(0, "a space in the target", swap("/chat/", "/ chat/")),
        case(0, "a NUL in the target", swap("/chat/", "/\0chat/")),
        case(0, "a small method", swap("POST", "post")),
        case(0, "a method of its own", swap("POST", "POSTPOST")),
        case(0, "a version from the future", swap("HTTP/1.1", "HTTP/9.9")),
        case(0, "no version", swap(" HTTP/1.1", "")),
        case(0, "a huge target", swap("/chat/", &format!("/{}/", "a".repeat(1 << 20)))),
        case(0, "CONNECT", swap("POST /v1/chat/completions", "CONNECT evil.example:443")),
        case(0, "TRACE", swap("POST", "TRACE")),
        case(1, "an empty line before", format!("\r\n{text}")),
        case(0, "a space before", format!(" {text}")),
        case(1, "a query", swap("/completions", "/completions?key=other&x=y")),
    ]);
    cases
}

fn hop(line: &str) -> String {
    format!("{line}X-Secret: a\r\n")
}

const HOP_BY_HOP: &str = "Keep-Alive: timeout=5\r\nProxy-Authorization: Basic eDp4\r\n\
    Proxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-A\r\nProxy-Authenticate: Basic\r\n";
const WEB_SOCKET: &str =
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn other_protocols(key: &str) -> Vec<Case> {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice();
    let hidden = chat(key, "", HIDDEN);
    vec![
        case(0, "HTTP/2's preface and garbage", [preface, &[0xff; 64]].concat()),
        case(0, "HTTP/2's preface and HTTP/1.1", [preface, &hidden].concat()),
        case(0, "half of HTTP/2's preface", &preface[..12]),
        case(0, "HTTP/2's settings twice and a reset", {
            [
                preface,
                &[0, 0, 0, 4, 0, 0, 0, 0, 0].repeat(2),
                &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8],
            ]
            .concat()
        }),
        case(0, "TLS", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3].as_slice()),
        case(0, "HTTP/0.9", "GET /v1/models\r\n"),
        case(0, "an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ]
}

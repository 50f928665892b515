//! A provider that repeats the key: the client sees no twelve characters of it, wherever the network cuts the answer;
//! and an answer without it arrives as the bytes it was, wherever the network cuts it.

mod probe;

use bytes::Bytes;
use serde_json::{Value, json};
use server::config::Layer;
use testkit::canary::{Canaries, base64};
use testkit::fake::{FakeProvider, Reply, Step, chat_stream_bytes, split_at, split_every};
use testkit::http::Whole;
use testkit::{Options, TestApp, hello};

const PLAIN_KEY: &str = "sk-canary-4hG7tQ9zLm2Wx8Rk5Vb3Nc6Yd1Pf0Js";
/// Every character in it is written in some other way by somebody.
const ODD_KEY: &str = "AIza/Q9+x=\"4h\\G7<t>&Lm'2Wx8Rk5Vb3Nc6Yd1Pf0";

#[tokio::test]
async fn a_plain_answer_shows_no_key_wherever_it_is_cut() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let stage = Stage::with(key).await;
        let body = Bytes::from(plain(&spellings(key)));

        for position in 1..body.len() {
            let steps = split_at(body.clone(), &[position]).into_iter().map(Step::Bytes).collect();
            stage.fake.next(Reply::json_steps(steps));
            let answer = stage.chat(false).await.expect(200);

            assert_eq!(answer.body.len(), body.len(), "cut at {position}");
            stage.assert_hidden(&format!("cut at {position}"), &answer);
        }
    }
}

#[tokio::test]
async fn a_stream_shows_no_key_wherever_it_is_cut() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let stage = Stage::with(key).await;
        let body = Bytes::from(streamed(&spellings(key)));

        for position in 1..body.len() {
            stage.fake.next(Reply::stream_of(split_at(body.clone(), &[position])));
            let answer = stage.chat(true).await.expect(200);

            assert!(answer.text().ends_with("data: [DONE]\n\n"), "cut at {position}");
            stage.assert_hidden(&format!("cut at {position}"), &answer);
        }
        for size in 1..8 {
            stage.fake.next(Reply::stream_of(split_every(body.clone(), size)));
            let answer = stage.chat(true).await.expect(200);
            stage.assert_hidden(&format!("cut every {size} bytes"), &answer);
        }
    }
}

/// The provider stops in the middle of the key, cleanly or not.
#[tokio::test]
async fn an_answer_that_ends_inside_the_key_shows_nothing_of_it() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let stage = Stage::with(key).await;
        let escaped = spellings(key).remove(1);
        let plain_text = plain(std::slice::from_ref(&escaped));
        let stream_text = streamed(std::slice::from_ref(&escaped));

        for length in 1..escaped.len() {
            for ending in [None, Some(Step::Cut), Some(Step::Reset)] {
                let cut = |text: &str| {
                    let at = text.find(&escaped).expect("the key") + length;
                    let bytes = Step::bytes(text.as_bytes()[..at].to_vec());
                    [Some(bytes), ending.clone()].into_iter().flatten().collect()
                };
                stage.fake.next(Reply::json_steps(cut(&plain_text)));
                let answer = stage.chat(false).await;
                stage.assert_hidden(&format!("plain, {length} characters"), &answer);

                stage.fake.next(Reply::stream(cut(&stream_text)));
                let answer = stage.chat(true).await;
                stage.assert_hidden(&format!("streamed, {length} characters"), &answer);
                assert!(answer.text().contains("\"error\""), "{}", answer.text());
            }
        }
    }
}

/// Long messages are shortened, and none is shortened to half a key.
#[tokio::test]
async fn a_long_error_shows_no_key_wherever_it_is_shortened() {
    let stage = Stage::with(PLAIN_KEY).await;

    for before in 450..=500 {
        for spelling in spellings(PLAIN_KEY) {
            let words = format!("{}{spelling}{spelling}", "-".repeat(before));
            stage.fake.next(Reply::openai_error(400, "invalid_request_error", None, &words));
            let answer = stage.chat(false).await.expect(400);
            stage.assert_hidden(&format!("{before} characters before"), &answer);
        }
        let words = format!("{}{PLAIN_KEY}", "-".repeat(before));
        let event = format!("data: {}\n\n", json!({ "error": { "message": words } }));
        stage.fake.next(Reply::stream_of(vec![event.into()]));
        let answer = stage.chat(true).await.expect(200);
        stage.assert_hidden(&format!("streamed, {before} characters before"), &answer);
    }
}

#[tokio::test]
async fn every_kind_of_answer_shows_no_key() {
    for key in [PLAIN_KEY, ODD_KEY] {
        let stage = Stage::with(key).await;
        let mut replies = vec![Reply::echo(), Reply::echo_stream()];
        replies
            .extend([300, 400, 401, 402, 403, 404, 413, 429, 500, 503, 529].map(Reply::echo_error));
        for spelling in spellings(key) {
            replies.push(Reply::text(200, "text/html", format!("<p>{spelling}</p>")));
            replies.push(Reply::text(500, "text/plain", spelling.clone()));
            let error =
                json!({ "error": { "message": spelling, "code": spelling, "param": spelling } });
            replies.push(Reply::error(400, &error));
            replies.push(Reply::json(&error));
        }
        for (number, reply) in replies.into_iter().enumerate() {
            for streamed in [false, true] {
                stage.fake.always(reply.clone());
                let answer = stage.chat(streamed).await;
                stage.assert_hidden(&format!("reply {number}"), &answer);
            }
        }
    }
}

/// A hundred hostile sets of headers, on good answers, streams and errors.
#[tokio::test]
async fn of_a_providers_headers_the_client_gets_a_known_few() {
    let stage = Stage::with(PLAIN_KEY).await;
    let values = [
        PLAIN_KEY.to_owned(),
        base64(PLAIN_KEY.as_bytes()),
        format!("application/json; key={PLAIN_KEY}"),
        format!("text/html;{PLAIN_KEY}"),
        format!("1; {PLAIN_KEY}"),
        "99999999999999999999999999".to_owned(),
    ];

    for name in HOSTILE_HEADERS {
        for value in &values {
            for (streamed, reply) in [
                (false, Reply::standard()),
                (true, Reply::standard()),
                (false, Reply::openai_error(429, "rate_limit", None, "slow down")),
            ] {
                stage.fake.next(reply.with_header(name, value));
                let answer = stage.chat(streamed).await;

                stage.assert_hidden(name, &answer);
                for (header, value) in &answer.headers {
                    let known = KNOWN_HEADERS.contains(&header.as_str());
                    assert!(known, "{header}: {value:?} for {name}");
                }
                let kind = answer.header("content-type").expect("a content type");
                assert!(["application/json", "text/event-stream"].contains(&kind), "{kind}");
            }
        }
    }
}

#[tokio::test]
async fn trailers_and_reasons_stay_with_the_gateway() {
    let stage = Stage::with(PLAIN_KEY).await;
    let chunked = "transfer-encoding: chunked\r\ntrailer: x-key, retry-after";
    let chunk = |body: &str| format!("{:x}\r\n{body}\r\n0\r\nx-key: {PLAIN_KEY}\r\n", body.len());
    let stream = streamed(&["hello".to_owned()]);
    let plain = plain(&["hello".to_owned()]);
    let plain_chunk = chunk(&plain);
    let stream_chunk = chunk(&stream);

    for raw in [
        format!(
            "200 {PLAIN_KEY}\r\ncontent-type: application/json\r\n{chunked}\r\n\r\n{plain_chunk}"
        ),
        format!("200 OK\r\ncontent-type: text/event-stream\r\n{chunked}\r\n\r\n{stream_chunk}"),
        format!("400 {PLAIN_KEY}\r\n{chunked}\r\n\r\n{plain_chunk}"),
        format!("599 {PLAIN_KEY}\r\ncontent-length: 0\r\n"),
    ] {
        stage.fake.next(Reply::raw(format!("HTTP/1.1 {raw}\r\n")));
        let answer = stage.chat(true).await;
        stage.assert_hidden(&raw, &answer);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_refused_rather_than_passed_unread() {
    let stage = Stage::with(PLAIN_KEY).await;

    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "GZIP"] {
        for streamed in [false, true] {
            stage.fake.next(Reply::standard().with_header("content-encoding", encoding));
            let answer = stage.chat(streamed).await.expect(502);

            assert_eq!(answer.code(), "upstream_error", "{encoding}");
        }
    }
}

#[tokio::test]
async fn a_stream_arrives_as_it_was_wherever_it_is_cut() {
    let stage = Stage::with(PLAIN_KEY).await;
    let sent = chat_stream_bytes(2, true);
    let events: Vec<&str> =
        std::str::from_utf8(&sent).expect("text").split_inclusive("\n\n").collect();
    let usage = events.len() - 2;
    assert!(events[usage].contains("\"choices\":[],\"usage\":{"), "{}", events[usage]);

    for include_usage in [true, false] {
        let expected: String = events
            .iter()
            .enumerate()
            .filter(|(index, _)| include_usage || *index != usage)
            .map(|(_, event)| *event)
            .collect();
        let mut body = stage.body(true);
        if include_usage {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let pieces = (1..sent.len()).map(|position| split_at(sent.clone(), &[position]));
        let sizes = [1, 2, 3, 7, 64].map(|size| split_every(sent.clone(), size));
        for pieces in pieces.chain(sizes) {
            let cut = pieces[0].len();
            stage.fake.next(Reply::stream_of(pieces));
            let answer = stage.app.chat(&stage.gateway_key, &body).await.expect(200);

            let text = answer.text();
            let (receipts, others): (Vec<_>, Vec<_>) =
                text.split_inclusive("\n\n").partition(|event| event.starts_with(": keystile "));
            assert_eq!(others.concat(), expected, "cut at {cut}");
            assert_eq!(receipts.len(), 1, "cut at {cut}");
            assert!(text.ends_with(&[receipts[0], "data: [DONE]\n\n"].concat()), "cut at {cut}");
        }
    }
}

/// With one key stored, and the search for it.
struct Stage {
    fake: FakeProvider,
    app: TestApp,
    gateway_key: String,
    canaries: Canaries,
}

impl Stage {
    async fn with(key: &str) -> Self {
        let fake = FakeProvider::start().await;
        let mut layer = Layer::default();
        // Thousands of requests, and none of them about the disk.
        layer.journal.sync = Some("never".to_owned());
        let providers = vec![("openai".to_owned(), fake.base_url())];
        let options = Options { layer, providers, ..Options::default() };
        let app = TestApp::start_with(options).await.expect("SQLite is always there");
        let (_, gateway_key) = app.ready(key).await;
        let canaries = Canaries::new().any_part("the key", key);
        Self { fake, app, gateway_key, canaries }
    }

    fn body(&self, streamed: bool) -> Value {
        let mut body = hello("openai/gpt-5-mini");
        body["stream"] = json!(streamed);
        body
    }

    async fn chat(&self, streamed: bool) -> Whole {
        self.app.chat(&self.gateway_key, &self.body(streamed)).await
    }

    #[track_caller]
    fn assert_hidden(&self, what: &str, answer: &Whole) {
        let mut found = self.canaries.scan("the body", &answer.body);
        for (name, value) in &answer.headers {
            found.extend(self.canaries.scan(name.as_str(), name.as_str().as_bytes()));
            found.extend(self.canaries.scan(name.as_str(), value.as_bytes()));
        }
        assert!(found.is_empty(), "{what}: {found:?}\n{}", answer.text());
    }
}

/// Fit for a JSON string: raw if possible, escaped, escaped twice, base64 at three places, hexadecimal, percent-encoded.
fn spellings(key: &str) -> Vec<String> {
    let json = |text: &str| {
        let quoted = Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        format!("Bearer {}", json(key)),
        json(key),
        json(&json(key)),
        json(key).replace('/', "\\/"),
        base64(key.as_bytes()),
        base64(format!("x{key}").as_bytes()),
        base64(format!("Bearer {key}").as_bytes()).replace('+', "-").replace('/', "_"),
        hex,
        percent,
    ]
}

fn plain(contents: &[String]) -> String {
    let choices: Vec<String> = contents
        .iter()
        .map(|content| {
            format!(
                r#"{{"index":0,"message":{{"role":"assistant","content":"{content}"}},"finish_reason":"stop"}}"#
            )
        })
        .collect();
    format!(r#"{{"object":"chat.completion","choices":[{}]}}"#, choices.join(","))
}

/// In contents, in a comment, and in fields and events no client knows.
fn streamed(contents: &[String]) -> String {
    let mut text = String::new();
    for content in contents {
        let delta =
            format!(r#"{{"index":0,"delta":{{"content":"{content}"}},"finish_reason":null}}"#);
        text.push_str(&format!("data: {{\"choices\":[{delta}]}}\n\n"));
    }
    let last = contents.last().map_or("", String::as_str);
    text.push_str(&format!(
        ": {last}\n\nevent: x-echo\nid: {last}\ndata: {{\"x\":\"{last}\"}}\n\n"
    ));
    text.push_str(
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    );
    text + "data: [DONE]\n\n"
}

const HOSTILE_HEADERS: [&str; 24] = [
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "authorization",
    "cf-ray",
    "clear-site-data",
    "connection",
    "content-disposition",
    "content-location",
    "content-security-policy",
    "content-type",
    "etag",
    "link",
    "location",
    "openai-organization",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "www-authenticate",
    "x-keystile-payer",
    "x-keystile-request-id",
    "x-ratelimit-remaining-tokens",
    "x-request-id",
];

const KNOWN_HEADERS: [&str; 21] = [
    "cache-control",
    "content-length",
    "content-type",
    "date",
    "request-id",
    "retry-after",
    "transfer-encoding",
    "x-keystile-attempts",
    "x-keystile-cost-micro-usd",
    "x-keystile-model",
    "x-keystile-payer",
    "x-keystile-provider",
    "x-keystile-provider-key",
    "x-keystile-request-id",
    "x-ratelimit-limit-requests",
    "x-request-id",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];

//! Providers that never stop: what is passed on as it comes has an end too, and nobody waits for the clock.

use std::time::Duration;

use serde_json::{Value, json};
use server::config::Layer;
use testkit::fake::{FakeProvider, Reply, Step, chat_stream_bytes};
use testkit::{Options, TestApp, hello};

const KEY: &str = "sk-proj-endless-key-0123456789";
const LIMIT: usize = 1_000_000;
const MOMENT: Duration = Duration::from_millis(1);
const WITHIN: Duration = Duration::from_secs(20);

async fn bounded(fake: &FakeProvider) -> (TestApp, String) {
    let text = format!("[limits]\nstream_bytes_max = {LIMIT}\n");
    let layer: Layer = toml::from_str(&text).expect("a layer");
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { providers, layer, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let (_, key) = app.ready(KEY).await;
    (app, key)
}

fn streamed() -> Value {
    let mut body = hello("gpt-4o");
    body["stream"] = true.into();
    body
}

#[tokio::test]
async fn a_stream_that_never_stops_is_broken_off_at_its_limit() {
    let fake = FakeProvider::start().await;
    let (app, key) = bounded(&fake).await;
    let begun = chat_stream_bytes(50, false);
    let begun = begun.slice(..begun.len() / 2);
    let piece = [vec![b':'; 50_000], b"\n\n".to_vec()].concat();
    fake.next(Reply::stream(vec![Step::Bytes(begun), Step::Drip(piece.into(), MOMENT)]));

    let answer = app.chat(&key, &streamed()).await.expect(200);

    let text = answer.text();
    assert!(
        text.contains("larger than this gateway carries"),
        "{:?}",
        text.get(text.len() - 400..)
    );
    assert!(!text.contains("[DONE]"));
    assert!(answer.body.len() <= LIMIT + 1000, "{} bytes", answer.body.len());
    let row = &app.attempts_of(&answer).await[0];
    let told = (row.outcome.as_deref(), row.error_code.as_deref());
    assert_eq!(told, (Some("cut"), Some("upstream_error")));
    assert!(fake.wait_closed(WITHIN).await, "the provider is no longer listened to");
}

#[tokio::test]
async fn a_sound_that_never_stops_is_cut_at_its_limit() {
    let fake = FakeProvider::start().await;
    let (app, key) = bounded(&fake).await;
    let drip = Step::Drip(vec![7_u8; 50_000].into(), MOMENT);
    fake.next(Reply::stream(vec![drip]).with_header("content-type", "audio/mpeg"));
    let body = json!({ "model": "openai/gpt-4o-mini-tts", "input": "hello", "voice": "alloy" });

    let mut answer = app.api.post("/v1/audio/speech", &body).bearer(&key).send().await;

    assert_eq!(answer.status, 200);
    let mut bytes = 0;
    let cut = loop {
        match answer.chunk().await {
            Some(Ok(chunk)) => bytes += chunk.len(),
            end => break matches!(end, Some(Err(_))),
        }
    };
    assert!(cut && bytes <= LIMIT && bytes > LIMIT / 2, "{bytes} bytes, cut: {cut}");
    let row = &app.attempts(1).await[0];
    let told = (row.outcome.as_deref(), row.error_code.as_deref());
    assert_eq!(told, (Some("cut"), Some("upstream_error")));
    assert!(fake.wait_closed(WITHIN).await, "the provider is no longer listened to");
}

#[tokio::test]
async fn what_ends_below_the_limit_is_whole() {
    let fake = FakeProvider::start().await;
    let (app, key) = bounded(&fake).await;
    let sound = vec![7_u8; LIMIT];
    let reply = Reply::stream_of(sound.chunks(99_999).map(|it| it.to_vec().into()).collect());
    fake.next(reply.with_header("content-type", "audio/mpeg"));
    let body = json!({ "model": "openai/gpt-4o-mini-tts", "input": "hello", "voice": "alloy" });

    let answer = app.api.post("/v1/audio/speech", &body).bearer(&key).whole().await;

    assert!(answer.body == sound, "{} bytes", answer.body.len());
    assert_eq!(app.attempts_of(&answer).await[0].outcome.as_deref(), Some("completed"));
}

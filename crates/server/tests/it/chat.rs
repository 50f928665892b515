//! Chat completions that go well.

use serde_json::json;
use testkit::fake::FakeProvider;
use testkit::{TestApp, hello};

#[tokio::test]
async fn a_chat_is_answered_with_the_stored_key() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready("sk-good-1234567890").await;

    let answer = app.chat(&key, &hello("openai/gpt-5.4-mini")).await.expect(200);

    assert_eq!(answer.json()["object"], json!("chat.completion"));
    assert_eq!(fake.last_request().bearer(), Some("sk-good-1234567890"));
    assert_eq!(fake.last_request().json()["model"], json!("gpt-5.4-mini"));
    let rows = app.attempts_of(&answer).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].usage.input_tokens, Some(19));
}

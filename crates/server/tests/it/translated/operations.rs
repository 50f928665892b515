//! Everything that is no conversation: the provider's bytes for the caller's bytes, but for the model's name.

use http::Method;
use serde_json::{Value, json};
use testkit::fake::{IMAGE_TOKENS, PROMPT_TOKENS, Reply, SPEECH};
use testkit::http::{Client, Whole};

use super::super::routing::site::Site;

async fn with_keys() -> Site {
    let site = Site::open().await;
    for provider in ["gemini", "groq", "openai", "together"] {
        site.own_paid(provider, provider).await;
    }
    site
}

/// As the caller writes it.
async fn send(site: &Site, path: &str, kind: &str, body: impl Into<bytes::Bytes>) -> Whole {
    let call = site.app.api.call(Method::POST, path).body(kind, body).bearer(&site.key);
    call.whole().await
}

/// What the provider itself answers to the same.
async fn directly(site: &Site, path: &str, kind: &str, body: impl Into<bytes::Bytes>) -> Whole {
    let client = Client::new(site.fake.url());
    client.call(Method::POST, path).body(kind, body).bearer("sk-x-0123456789").whole().await
}

const JSON: &str = "application/json";

#[tokio::test]
async fn json_goes_and_comes_byte_by_byte() {
    let site = with_keys().await;

    for (path, provider, model, rest, usage) in [
        (
            "/v1/embeddings",
            "openai",
            "text-embedding-3-small",
            "\"input\" : [\"a\", \"\u{fc}\"], \"dimensions\":3",
            Some((PROMPT_TOKENS, None)),
        ),
        (
            "/v1/embeddings",
            "openai",
            "text-embedding-3-large",
            "\"input\":\"a\",\"encoding_format\":\"base64\"",
            Some((PROMPT_TOKENS, None)),
        ),
        ("/v1/moderations", "openai", "omni-moderation-latest", "\"input\" : \"a\"", None),
        (
            "/v1/images/generations",
            "openai",
            "gpt-image-1",
            "\"prompt\":\"a\",\"n\":2",
            Some((PROMPT_TOKENS, Some(2 * IMAGE_TOKENS))),
        ),
        (
            "/v1/completions",
            "openai",
            "gpt-3.5-turbo-instruct",
            "\"prompt\":\"a\",\"x_new\":[ 1.50 ]",
            Some((PROMPT_TOKENS, Some(5))),
        ),
        (
            "/v1/completions",
            "together",
            "Qwen/Qwen3.5-9B",
            "\"prompt\":\"a\"",
            Some((PROMPT_TOKENS, Some(5))),
        ),
        (
            "/v1/rerank",
            "together",
            "Salesforce/Llama-Rank-V1",
            "\"query\":\"a\",\"documents\":[\"b\",\"c\"],\"top_n\":1",
            Some((PROMPT_TOKENS, None)),
        ),
    ] {
        let body = |model: &str| format!("{{ \"model\" :\"{model}\" , {rest}\n}}");
        let answer = send(&site, path, JSON, body(&format!("{provider}/{model}"))).await;

        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(site.fake.last_request().body, body(model), "{path}");
        let own = format!("/{provider}{path}");
        assert_eq!(site.fake.last_request().path_and_query, own);
        assert_eq!(answer.body, directly(&site, &own, JSON, body(model)).await.body, "{path}");
        let written = site.app.attempts_of(&answer).await[0].usage;
        let told =
            written.input_tokens.map(|input| (input, written.output_tokens.filter(|n| *n > 0)));
        assert_eq!(told, usage, "{path}");
    }
}

#[tokio::test]
async fn a_stream_of_completions_is_the_providers() {
    let site = with_keys().await;
    let body = |model: &str| {
        format!(
            "{{\"model\":\"{model}\",\"prompt\":\"a\",\"stream\":true,\"stream_options\":{{\"include_usage\":true}}}}"
        )
    };

    let answer = send(&site, "/v1/completions", JSON, body("gpt-3.5-turbo-instruct")).await;
    assert_eq!(answer.status, 404, "it is in no list: {}", answer.text());
    let answer = send(&site, "/v1/completions", JSON, body("openai/gpt-3.5-turbo-instruct")).await;

    let text = answer.expect(200).text();
    let plain: Vec<_> =
        text.split_inclusive("\n\n").filter(|event| !event.starts_with(':')).collect();
    let own = directly(&site, "/openai/v1/completions", JSON, body("gpt-3.5-turbo-instruct")).await;
    assert_eq!(plain.concat(), own.text());
    assert!(text.contains(": keystile {"), "{text}");
}

#[tokio::test]
async fn moderations_need_no_model() {
    let site = with_keys().await;

    send(&site, "/v1/moderations", JSON, "{\"input\":\"a\"}").await.expect(200);

    assert_eq!(site.called(), ["openai/omni-moderation-latest openai"]);
}

#[tokio::test]
async fn speech_is_sound() {
    let site = with_keys().await;

    for (model, provider) in [("openai/gpt-4o-mini-tts", "openai"), ("groq/playai-tts", "groq")] {
        let body = json!({ "model": model, "input": "hello", "voice": "alloy" });
        let answer = send(&site, "/v1/audio/speech", JSON, body.to_string()).await.expect(200);

        assert_eq!(answer.body, SPEECH);
        assert_eq!(answer.header("content-type"), Some("audio/mpeg"));
        assert_eq!(answer.header("x-keystile-provider"), Some(provider));
        let rows = site.app.attempts_of(&answer).await;
        assert_eq!(
            (rows[0].dialect.as_str(), rows[0].outcome.as_deref()),
            ("speech", Some("completed"))
        );
    }
    site.fake.next(Reply::openai_error(400, "invalid_request_error", None, "no such voice"));
    let body = json!({ "model": "openai/tts-1", "input": "hello", "voice": "?" });
    let refused = send(&site, "/v1/audio/speech", JSON, body.to_string()).await.expect(400);
    assert!(refused.at("/error/message").contains("no such voice"));
}

const FORM: &str = "multipart/form-data; boundary=b0undary";

/// A file with everything in it that is no text, and the model at the end.
fn form(model: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut form =
        b"--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\
        Content-Type: audio/mpeg\r\n\r\n"
            .to_vec();
    form.extend((0..=255_u8).cycle().take(70_000));
    for (name, value) in more.iter().chain([&("model", model)]) {
        let part = format!(
            "\r\n--b0undary\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}"
        );
        form.extend(part.bytes());
    }
    form.extend(b"\r\n--b0undary--\r\n");
    form
}

#[tokio::test]
async fn forms_go_byte_by_byte_and_answers_come_as_they_are() {
    let site = with_keys().await;

    for (path, provider, model, more, kind) in [
        ("/v1/audio/transcriptions", "openai", "gpt-4o-transcribe", vec![], JSON),
        ("/v1/audio/transcriptions", "groq", "whisper-large-v3", vec![("language", "de")], JSON),
        (
            "/v1/audio/translations",
            "openai",
            "whisper-1",
            vec![("response_format", "text")],
            "text/plain; charset=utf-8",
        ),
        ("/v1/images/edits", "openai", "gpt-image-1", vec![("image", "x"), ("prompt", "a")], JSON),
    ] {
        let answer = send(&site, path, FORM, form(&format!("{provider}/{model}"), &more)).await;

        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        let seen = site.fake.last_request();
        assert_eq!(seen.header("content-type"), Some(FORM));
        assert!(seen.body == form(model, &more), "{path}: {} bytes", seen.body.len());
        let own = directly(&site, &format!("/{provider}{path}"), FORM, form(model, &more)).await;
        assert_eq!(answer.body, own.body, "{path}");
    }
}

#[tokio::test]
async fn a_form_may_hold_wishes_and_a_header_may() {
    let site = with_keys().await;
    let path = "/v1/audio/transcriptions";
    let model = "openai/whisper-1";
    let wish = [("routing", "{\"only_platform\":true}")];

    let refused = send(&site, path, FORM, form(model, &wish)).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert_eq!(site.called(), [""; 0]);
    let wish = [("routing", "{\"only_byok\":true}")];
    send(&site, path, FORM, form(model, &wish)).await.expect(200);
    assert!(site.fake.last_request().body == form("whisper-1", &[]), "ours are cut out");
    let call = site.app.api.call(Method::POST, path).body(FORM, form(model, &[])).bearer(&site.key);
    call.header("x-keystile-only-platform", "true").whole().await.expect(403);
}

#[tokio::test]
async fn gemini_embeds_in_its_own_words_and_in_openais() {
    let site = with_keys().await;
    let model = "gemini/gemini-embedding-001";

    let body = json!({ "content": { "parts": [{ "text": "hello" }] }, "outputDimensionality": 3 });
    let path = "/v1beta/models/gemini-embedding-001:embedContent";
    let answer = send(&site, path, JSON, body.to_string()).await.expect(200);
    assert_eq!(answer.json()["embedding"]["values"].as_array().map(Vec::len), Some(3));
    assert_eq!(site.fake.last_request().path(), format!("/gemini{path}"));
    assert_eq!(site.fake.last_request().json(), body);

    let body = json!({ "model": model, "input": "hello", "dimensions": 3 });
    let answer = send(&site, "/v1/embeddings", JSON, body.to_string()).await.expect(200);
    assert_eq!(answer.json()["data"][0]["embedding"].as_array().map(Vec::len), Some(3));
    let seen = site.fake.last_request();
    assert_eq!(seen.path(), "/gemini/v1beta/openai/embeddings");
    assert_eq!(seen.bearer(), Some("sk-gemini-0123456789"), "there its key travels otherwise");
}

#[tokio::test]
async fn a_fallback_serves_operations_too() {
    let site = with_keys().await;
    let routing = json!({ "fallback_models": ["gemini/gemini-embedding-001"] });
    let body =
        json!({ "model": "openai/text-embedding-3-small", "input": "a", "routing": routing });
    site.next_fail(1);

    send(&site, "/v1/embeddings", JSON, body.to_string()).await.expect(200);

    let called = ["openai/text-embedding-3-small openai", "gemini/gemini-embedding-001 gemini"];
    assert_eq!(site.called(), called);
}

#[tokio::test]
async fn an_operation_that_a_provider_or_a_model_does_not_have_is_refused() {
    let site = with_keys().await;
    site.own("anthropic", "anthropic").await;

    for (path, body) in [
        ("/v1/embeddings", json!({ "model": "anthropic/claude-sonnet-4-5", "input": "a" })),
        ("/v1/embeddings", json!({ "model": "openai/gpt-4o", "input": "a" })),
        ("/v1/embeddings", json!({ "model": "groq/embedder", "input": "a" })),
        ("/v1/images/generations", json!({ "model": "gemini/some-model", "prompt": "a" })),
        ("/v1/rerank", json!({ "model": "openai/reranker", "query": "a", "documents": [] })),
        ("/v1/chat/completions", json!({ "model": "text-embedding-3-small", "messages": [] })),
    ] {
        let refused: Whole = send(&site, path, JSON, body.to_string()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (400, "invalid_request"),
            "{path} {body}"
        );
        assert_eq!(refused.json()["error"]["param"], Value::from("model"), "{path} {body}");
    }
    assert_eq!(site.called(), [""; 0]);
}

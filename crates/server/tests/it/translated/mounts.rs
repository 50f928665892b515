//! The same routes under the prefixes that some SDKs insist on, and with the models' names in their paths.

use http::Method;
use serde_json::{Value, json};

use super::super::routing::site::Site;
use super::dialects::{Dialect, Topic};

#[tokio::test]
async fn each_prefix_leads_to_its_dialects_routes() {
    let site = Site::open().await;
    site.own("openai", "o").await;

    for (dialect, paths) in [
        (Dialect::Chat, ["/openai/v1/chat/completions", "/openai/chat/completions"]),
        (Dialect::Responses, ["/openai/v1/responses", "/openai/responses"]),
        (Dialect::Messages, ["/anthropic/v1/messages", "/anthropic/v1/messages?beta=true"]),
        (
            Dialect::Gemini,
            [
                "/genai/v1beta/models/gpt-4o:generateContent",
                "/genai/v1/models/gpt-4o:generateContent",
            ],
        ),
    ] {
        for path in paths {
            let body = dialect.body("gpt-4o", false, &Topic::Greeting);
            let answer = site.app.api.post(path, &body).bearer(&site.key).whole().await;

            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(!dialect.said(&answer, false).text.is_empty(), "{path}");
        }
    }
    let body = json!({ "model": "text-embedding-3-small", "input": "a" });
    for path in ["/openai/v1/embeddings", "/openai/embeddings"] {
        site.app.api.post(path, &body).bearer(&site.key).whole().await.expect(200);
    }
}

#[tokio::test]
async fn a_model_in_a_path_is_named_as_elsewhere() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    site.own("groq", "q").await;

    for (name, called) in [
        ("gpt-4o", "openai/gpt-4o o"),
        ("openai.gpt-4o", "openai/gpt-4o o"),
        ("openai%2Fgpt-4o", "openai/gpt-4o o"),
        ("openai/gpt-4o", "openai/gpt-4o o"),
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b q"),
    ] {
        for prefix in ["/v1beta", "/v1", "/genai/v1beta"] {
            for verb in ["generateContent", "streamGenerateContent?alt=sse"] {
                let path = format!("{prefix}/models/{name}:{verb}");
                let body = Dialect::Gemini.body("", false, &Topic::Greeting);
                let call = site.app.api.post(&path, &body).header("x-goog-api-key", &site.key);

                let answer = call.whole().await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                assert_eq!(site.called(), [called], "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_in_the_routes_dialect() {
    let site = Site::open().await;
    let openai =
        |json: &Value| json["error"]["code"].is_string() && json["error"]["type"].is_string();
    let anthropic = |json: &Value| json["type"] == "error" && json["error"]["type"].is_string();
    let google =
        |json: &Value| json["error"]["code"].is_u64() && json["error"]["status"].is_string();

    for (method, path, status, is_envelope) in [
        (Method::POST, "/v1/chat/completions", 401, &openai as &dyn Fn(&Value) -> bool),
        (Method::POST, "/v1/responses", 401, &openai),
        (Method::POST, "/v1/messages", 401, &anthropic),
        (Method::POST, "/anthropic/v1/messages/count_tokens", 401, &anthropic),
        (Method::POST, "/v1beta/models/x:generateContent", 401, &google),
        (Method::POST, "/genai/v1beta/models/x:streamGenerateContent", 401, &google),
        (Method::POST, "/openai/v1/nothing", 404, &openai),
        (Method::POST, "/anthropic/v1/nothing", 404, &anthropic),
        (Method::POST, "/genai/v1beta/models/x:makeCoffee", 404, &google),
        (Method::POST, "/v1beta/models/x:makeCoffee", 404, &google),
        (Method::GET, "/anthropic/v1/nothing", 404, &anthropic),
        (Method::GET, "/v1/messages", 405, &anthropic),
        (Method::DELETE, "/v1/chat/completions", 405, &openai),
    ] {
        let call = site.app.api.call(method.clone(), path).json(&json!({}));
        let refused = call.whole().await;
        assert_eq!(refused.status.as_u16(), status, "{method} {path}: {}", refused.text());
        assert!(is_envelope(&refused.json()), "{method} {path}: {}", refused.text());
    }
}

//! What is held while a call is on its way is what it can cost at most: told by the key's own account in mid-flight.

use super::*;

const GPT: &str = "openai/gpt-4o";
const CLAUDE: &str = "anthropic/claude-sonnet-4-5";
const CHAT: &str = "/v1/chat/completions";
const GEMINI: &str = "/v1beta/models/gemini-2.5-pro:generateContent";
const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A token of input costs a millionth of a dollar: what is held is so many tokens. Output costs nothing.
async fn by_input() -> Site {
    let site = site().await;
    let price = json!({ "input_pico_usd": 1_000_000, "output_pico_usd": 0 });
    let models = [
        GPT,
        "openai/gpt-4o-mini",
        "openai/text-embedding-3-small",
        CLAUDE,
        "gemini/gemini-2.5-pro",
    ];
    let prices: Value = models.into_iter().map(|it| (it.to_owned(), price.clone())).collect();
    site.workspace(json!({ "price_overrides": prices })).await;
    site
}

/// In micro-USD, while the provider has the request and has not answered.
async fn held(site: &Site, path: &str, body: &Value) -> u64 {
    let key = capped(site, 1_000_000_000).await;
    let gate = Gate::default();
    site.fake.next(Reply::standard().held_by(&gate));
    let asking = async { site.app.api.post(path, body).bearer(&key).whole().await };
    let looking = async {
        assert!(gate.reached(TEN_SECONDS).await, "{path} {} was not sent", beginning(body));
        let me = site.app.api.get("/v1/me").bearer(&key).whole().await.expect(200);
        gate.open();
        me.json()["spend"]["held_micro_usd"].as_u64().expect("a number")
    };
    tokio::join!(asking, looking).1
}

/// Enough to tell which body it is.
fn beginning(body: &Value) -> String {
    body.to_string().chars().take(300).collect()
}

/// By what it is held for, beside or in place of the bytes of its body.
enum Input {
    Text,
    Tools,
    /// Of so many tokens, whose data has so many bytes.
    Picture(u64, usize),
    Window(u64),
}
use Input::{Picture, Text, Tools, Window};

impl Input {
    fn tokens(&self, body: &Value) -> u64 {
        let bytes = body.to_string().len() as u64;
        match self {
            Text => bytes,
            Tools => bytes + 1024,
            Picture(tokens, data) => bytes - *data as u64 + tokens,
            Window(tokens) => *tokens,
        }
    }
}

fn chat(model: &str, content: Value) -> Value {
    json!({ "model": model, "max_tokens": 9, "messages": [{ "role": "user", "content": content }] })
}

fn responses(more: Value) -> Value {
    joined(json!({ "model": GPT, "max_output_tokens": 16, "input": "hi" }), more)
}

fn gemini(part: Value, more: Value) -> Value {
    let contents = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }, part] }] });
    joined(contents, more)
}

/// Prose that speaks of everything that would be held for.
const PROSE: &str =
    "research the \"file_id\" of http://a.example, caf\u{e9}: service_tier priority";

fn of_openai() -> Vec<(&'static str, Value, Input)> {
    let png = format!("data:image/png;base64,{}", "A".repeat(80_000));
    let bytes = png.len();
    let picture = json!([{ "type": "image_url", "image_url": { "url": png } }]);
    let far = json!([{ "type": "image_url", "image_url": { "url": "https://a.example/b.png" } }]);
    let pdf = json!([{ "type": "file", "file": { "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf" } }]);
    let function = json!({ "type": "function", "function": { "name": "web_search" } });
    let window = 128_000;
    vec![
        (CHAT, chat(GPT, json!(PROSE)), Text),
        (CHAT, joined(chat(GPT, json!("hi")), json!({ "tools": [function] })), Tools),
        (CHAT, chat(GPT, picture.clone()), Picture(50_000, bytes)),
        (CHAT, chat("openai/gpt-4o-mini", picture.clone()), Picture(50_000, bytes)),
        (CHAT, chat(CLAUDE, picture), Picture(6_000, bytes)),
        (CHAT, chat(GPT, far), Picture(50_000, 0)),
        (CHAT, chat(GPT, pdf), Window(window)),
        (CHAT, joined(chat(GPT, json!("hi")), json!({ "web_search_options": {} })), Window(window)),
        ("/v1/responses", responses(json!({ "input": PROSE })), Text),
        (
            "/v1/responses",
            responses(json!({ "tools": [{ "type": "function", "name": "f", "parameters": {} }] })),
            Tools,
        ),
        (
            "/v1/responses",
            responses(json!({ "tools": [{ "type": "web_search" }] })),
            Window(window),
        ),
        (
            "/v1/responses",
            responses(
                json!({ "tools": [{ "type": "code_interpreter", "container": { "type": "auto" } }] }),
            ),
            Window(window),
        ),
        ("/v1/responses", responses(json!({ "previous_response_id": "resp_1" })), Window(window)),
        ("/v1/responses", responses(json!({ "prompt": { "id": "pmpt_1" } })), Window(window)),
        (
            "/v1/embeddings",
            json!({ "model": "openai/text-embedding-3-small", "input": ["a".repeat(8_000), "b".repeat(8_000)] }),
            Text,
        ),
        ("/passthrough/openai/chat/completions", chat("gpt-4o", json!(PROSE)), Text),
    ]
}

fn of_others() -> Vec<(&'static str, Value, Input)> {
    let data = "A".repeat(40_000);
    let bytes = data.len();
    let source = |kind: &str, media: &str| json!([{ "type": kind, "source": { "type": "base64", "media_type": media, "data": data } }]);
    let tools = |tool: Value| joined(chat(CLAUDE, json!("hi")), json!({ "tools": [tool] }));
    let far = json!([{ "type": "image", "source": { "type": "url", "url": "https://a.example" } }]);
    let inline = |media: &str| json!({ "inlineData": { "mimeType": media, "data": data } });
    let file = json!({ "fileData": { "fileUri": "https://a.example/film" } });
    let (claude, google) = (200_000, 1_048_576);
    let path = "/v1/messages";
    vec![
        (path, chat(CLAUDE, json!(PROSE)), Text),
        (path, chat(CLAUDE, source("image", "image/png")), Picture(6_000, bytes)),
        (path, chat(CLAUDE, far), Picture(6_000, 0)),
        (path, chat(CLAUDE, source("document", "application/pdf")), Window(claude)),
        (path, tools(json!({ "name": "search", "input_schema": { "type": "object" } })), Tools),
        (
            path,
            tools(json!({ "type": "web_search_20250305", "name": "web_search" })),
            Window(claude),
        ),
        (GEMINI, gemini(json!({ "text": PROSE }), json!({})), Text),
        (GEMINI, gemini(inline("image/png"), json!({})), Picture(6_000, bytes)),
        (GEMINI, gemini(inline("video/mp4"), json!({})), Window(google)),
        (GEMINI, gemini(file, json!({})), Window(google)),
        (
            GEMINI,
            gemini(json!({ "text": "a" }), json!({ "tools": [{ "functionDeclarations": [] }] })),
            Tools,
        ),
        (
            GEMINI,
            gemini(json!({ "text": "a" }), json!({ "tools": [{ "googleSearch": {} }] })),
            Window(google),
        ),
        (
            GEMINI,
            gemini(json!({ "text": "a" }), json!({ "cachedContent": "cachedContents/1" })),
            Window(google),
        ),
    ]
}

#[tokio::test]
async fn input_is_held_by_its_bytes_its_pictures_and_what_it_names() {
    let site = by_input().await;

    for (path, body, input) in of_openai().into_iter().chain(of_others()) {
        let tokens = held(&site, path, &body).await;
        assert_eq!(tokens, input.tokens(&body), "{path} {}", beginning(&body));
    }
}

#[tokio::test]
async fn searches_and_dearer_tiers_are_held_where_they_are_asked_for() {
    let site = Site::open().await;
    site.own("openai", "openai").await;
    site.own("anthropic", "anthropic").await;
    let claude = |uses: Value| {
        let tool = joined(json!({ "type": "web_search_20250305", "name": "web_search" }), uses);
        joined(chat(CLAUDE, json!("hi")), json!({ "tools": [tool] }))
    };
    let three = held(&site, "/v1/messages", &claude(json!({ "max_uses": 3 }))).await;
    let ten = held(&site, "/v1/messages", &claude(json!({}))).await;
    assert_eq!(ten - three, 7 * 10_000, "a hundredth of a dollar each");

    // 2.50 and 10 dollars for a million; of the priority tier 4.25 and 17.
    for (asked, input, output) in [
        (json!("default"), 25, 100),
        (json!("flex"), 25, 100),
        (json!("priority"), 42, 170),
        (json!("auto"), 42, 170),
        (json!("soonest"), 42, 170),
    ] {
        let body = joined(chat(GPT, json!(PROSE)), json!({ "service_tier": asked }));
        let bytes = body.to_string().len() as u64;
        let tenths = bytes * input + 9 * output + if input == 42 { bytes / 2 } else { 0 };
        let micro = held(&site, CHAT, &body).await;
        assert!(micro.abs_diff(tenths / 10) <= 1, "{asked}: {micro} is not {tenths} tenths");
    }
}

#[tokio::test]
async fn each_prompt_of_a_list_is_held_an_answer_and_sent_the_limit_that_is_held() {
    let site = site().await;
    for (prompt, n, answers) in [
        (json!("Once"), 1, 1),
        (json!(["Once", "Twice", "Thrice"]), 2, 6),
        (json!([[1, 2], [3]]), 1, 2),
        (json!([1, 2, 3]), 3, 3),
    ] {
        let body = json!({ "model": GPT, "prompt": prompt, "n": n });

        let micro = held(&site, "/v1/completions", &body).await;

        assert_eq!(micro, answers * 16 * MICRO_PER_TOKEN, "{body}");
        assert_eq!(sent(&site)["max_tokens"], 16, "{body}");
        let limited = joined(body, json!({ "max_tokens": 7 }));
        let micro = held(&site, "/v1/completions", &limited).await;
        assert_eq!(micro, answers * 7 * MICRO_PER_TOKEN, "{limited}");
        assert_eq!(sent(&site)["max_tokens"], 7, "{limited}");
    }
    site.ask(&hello(GPT)).await.expect(200);
    let uncapped = json!({ "model": GPT, "prompt": "Once" });
    site.app.api.post("/v1/completions", &uncapped).bearer(&site.key).whole().await.expect(200);
    assert_eq!(sent(&site).get("max_tokens"), None, "nothing is held, and nothing is said");
}

#[tokio::test]
async fn a_passed_through_limit_counts_only_by_the_name_that_its_provider_heeds() {
    let site = site().await;
    site.own("together", "together").await;
    let price = json!({ "output_pico_usd": PICO_PER_TOKEN });
    site.workspace(json!({ "price_overrides": { "together/acme/x": price } })).await;
    let key = capped(&site, 10 * MICRO_PER_TOKEN).await;
    let path = "/passthrough/together/chat/completions";
    let ask = async |limits: Value| {
        let body = joined(json!({ "model": "acme/x", "messages": [] }), limits);
        site.app.api.post(path, &body).bearer(&key).whole().await
    };
    site.called();

    let unheeded = ask(json!({ "max_completion_tokens": 5 })).await;
    assert!([402, 403].contains(&unheeded.status.as_u16()), "{}", unheeded.text());
    assert_capped(&ask(json!({ "max_completion_tokens": 5, "max_tokens": 11 })).await);
    assert_eq!(site.called(), [""; 0]);
    ask(json!({ "max_completion_tokens": 500, "max_tokens": 10 })).await.expect(200);
}

#[tokio::test]
async fn a_number_of_answers_that_is_none_is_refused_in_clear_words() {
    let site = site().await;
    let key = capped(&site, 50 * MICRO_PER_TOKEN).await;
    for (path, body, param) in [
        (CHAT, joined(limited(5), json!({ "n": "3" })), "n"),
        (CHAT, joined(limited(5), json!({ "n": 2.5 })), "n"),
        ("/v1/completions", json!({ "model": GPT, "prompt": "a", "best_of": [2] }), "best_of"),
        (
            GEMINI,
            gemini(
                json!({ "text": "a" }),
                json!({ "generationConfig": { "candidateCount": "2" } }),
            ),
            "candidateCount",
        ),
    ] {
        let answer = site.app.api.post(path, &body).bearer(&key).whole().await.expect(400);
        let words = answer.at("/error/message");
        assert!(words.contains(param) && words.contains("whole number"), "{words}");
    }

    let ten = joined(limited(5), json!({ "n": 10.0 }));
    assert_eq!(held(&site, CHAT, &ten).await, 10 * 5 * MICRO_PER_TOKEN);
    assert_capped(&site.app.chat(&key, &joined(limited(5), json!({ "n": 11 }))).await);
}

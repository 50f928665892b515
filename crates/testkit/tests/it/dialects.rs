//! What the fake provider answers in each dialect: the same words, calls and numbers, each in its own shape.

use http::Method;
use serde_json::{Value, json};
use testkit::fake::{
    FakeProvider, Reply, SPEECH, chat_content, gemini_stream_bytes, messages_stream_bytes,
    responses_stream_bytes,
};
use testkit::http::{Call, Client, Whole};

/// A conversation's route, how its key travels, and how a user's words are written.
struct Dialect {
    path: &'static str,
    stream_path: &'static str,
    key: &'static str,
    ask: fn(&str) -> Value,
    /// Where the answer's text is.
    text: &'static str,
}

const CHAT: Dialect = Dialect {
    path: "/v1/chat/completions",
    stream_path: "/chat/completions",
    key: "authorization",
    ask: |words| json!({ "model": "m", "messages": [{ "role": "user", "content": words }] }),
    text: "/choices/0/message/content",
};
const RESPONSES: Dialect = Dialect {
    path: "/v1/responses",
    stream_path: "/responses",
    key: "authorization",
    ask: |words| json!({ "model": "m", "input": [{ "role": "user", "content": words }] }),
    text: "/output/0/content/0/text",
};
const MESSAGES: Dialect = Dialect {
    path: "/v1/messages",
    stream_path: "/anthropic/v1/messages",
    key: "x-api-key",
    ask: |words| {
        let messages = json!([{ "role": "user", "content": words }]);
        json!({ "model": "m", "max_tokens": 5_000, "messages": messages })
    },
    text: "/content/0/text",
};
const GEMINI: Dialect = Dialect {
    path: "/v1beta/models/gemini-3-pro:generateContent",
    stream_path: "/v1/models/m:streamGenerateContent?alt=sse",
    key: "x-goog-api-key",
    ask: |words| json!({ "contents": [{ "role": "user", "parts": [{ "text": words }] }] }),
    text: "/candidates/0/content/parts/0/text",
};
const DIALECTS: [Dialect; 4] = [CHAT, RESPONSES, MESSAGES, GEMINI];

impl Dialect {
    async fn post(&self, fake: &FakeProvider, body: &Value) -> Whole {
        self.call(fake, self.path, "sk-good", body).whole().await
    }

    fn call(&self, fake: &FakeProvider, path: &str, key: &str, body: &Value) -> Call {
        let key = match self.key {
            "authorization" => format!("Bearer {key}"),
            _ => key.to_owned(),
        };
        let client = Client::new(format!("http://{}", fake.addr()));
        client.post(path, body).header(self.key, &key).header("anthropic-version", "2023-06-01")
    }

    async fn answer(&self, fake: &FakeProvider, body: &Value) -> Value {
        self.post(fake, body).await.expect(200).json()
    }

    async fn stream(&self, fake: &FakeProvider, mut body: Value) -> String {
        if self.key != "x-goog-api-key" {
            body["stream"] = json!(true);
        }
        let answer = self.call(fake, self.stream_path, "sk-good", &body).whole().await;
        answer.expect(200).text()
    }
}

/// What each event carries.
fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn every_dialect_says_the_same_words_and_counts_the_same() {
    let fake = FakeProvider::start().await;
    for dialect in DIALECTS {
        let hello = (dialect.ask)("hello");

        let answer = dialect.answer(&fake, &hello).await;

        let text = answer.pointer(dialect.text).and_then(Value::as_str);
        assert_eq!(text, Some(chat_content(5).as_str()), "{answer}");
        let stream = dialect.stream(&fake, hello).await;
        for word in ["Hello", " from", " the", " fäke", " 🦀"] {
            assert!(stream.contains(&Value::from(word).to_string()), "{stream}");
        }
    }
    let usage = |answer: &Value| answer["usage"].clone();
    let chat = usage(&CHAT.answer(&fake, &(CHAT.ask)("hello")).await);
    assert_eq!((&chat["prompt_tokens"], &chat["completion_tokens"]), (&json!(19), &json!(5)));
    let responses = usage(&RESPONSES.answer(&fake, &(RESPONSES.ask)("hello")).await);
    assert_eq!((&responses["input_tokens"], &responses["total_tokens"]), (&json!(19), &json!(24)));
    let messages = usage(&MESSAGES.answer(&fake, &(MESSAGES.ask)("hello")).await);
    let read = &messages["cache_read_input_tokens"];
    assert_eq!((&messages["input_tokens"], read), (&json!(15), &json!(4)));
    let gemini = &GEMINI.answer(&fake, &(GEMINI.ask)("hello")).await["usageMetadata"];
    assert_eq!((&gemini["promptTokenCount"], &gemini["totalTokenCount"]), (&json!(19), &json!(24)));
}

#[tokio::test]
async fn a_stream_is_the_canonical_one() {
    let fake = FakeProvider::start().await;

    let mut hello = (MESSAGES.ask)("hello");
    hello["model"] = json!("claude-sonnet-4-5");
    let messages = MESSAGES.stream(&fake, hello).await;
    let gemini = GEMINI.stream(&fake, (GEMINI.ask)("hello")).await;

    assert_eq!(messages.as_bytes(), messages_stream_bytes(5));
    let canonical = String::from_utf8(gemini_stream_bytes(5).to_vec()).unwrap();
    assert_eq!(gemini, canonical.replace("gemini-3-flash-preview", "m"));
    assert!(!gemini.contains("[DONE]") && events(&gemini).len() == 5);
}

#[tokio::test]
async fn the_events_of_a_response_come_in_the_order_that_its_clients_insist_on() {
    let fake = FakeProvider::start().await;
    let mut ask = (RESPONSES.ask)("hello");
    ask["reasoning"] = json!({ "effort": "high", "summary": "auto" });

    let stream = RESPONSES.stream(&fake, ask).await;

    let events = events(&stream);
    let numbers: Vec<_> = events.iter().map(|it| it["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let mut kinds: Vec<_> = events.iter().map(|it| it["type"].as_str().unwrap()).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let whole = &events.last().unwrap()["response"];
    assert_eq!(whole["output"].as_array().unwrap().len(), 2, "{whole}");
    assert_eq!(whole["usage"]["output_tokens_details"]["reasoning_tokens"], 3);
    assert!(!responses_stream_bytes(5).windows(6).any(|six| six == b"[DONE]"));
}

#[tokio::test]
async fn a_question_about_the_weather_is_answered_with_calls_and_their_results_with_words() {
    let fake = FakeProvider::start().await;
    let schema = json!({
        "type": "object", "required": ["city"],
        "properties": { "city": { "type": "string" }, "more": { "type": "string" } },
    });
    let function = json!({ "name": "weather", "parameters": schema });
    let ours = json!({ "name": "weather", "input_schema": schema });
    let tools = [
        json!([{ "type": "function", "function": function }]),
        json!([{ "type": "web_search" }, { "type": "function", "name": "weather", "parameters": schema }]),
        json!([{ "type": "web_search_20250305", "name": "web_search" }, ours]),
        json!([{ "functionDeclarations": [{ "name": "weather", "parameters_json_schema": schema }] }]),
    ];
    for (dialect, tools) in DIALECTS.iter().zip(tools) {
        let mut ask = (dialect.ask)("the weather in two cities?");
        ask["tools"] = tools;

        let answer = dialect.answer(&fake, &ask).await.to_string();

        let unescaped = answer.replace('\\', "");
        assert_eq!(unescaped.matches(r#"{"city":"Paris"}"#).count(), 1, "{answer}");
        assert_eq!(unescaped.matches(r#"{"city":"Rome"}"#).count(), 1, "{answer}");
        let stream = dialect.stream(&fake, ask.clone()).await;
        assert!(stream.contains("weather") && !stream.contains("Hello"), "{stream}");
        let mut other = (dialect.ask)("hello");
        other["tools"] = ask["tools"].clone();
        assert!(dialect.answer(&fake, &other).await.to_string().contains("Hello"));
    }
    let mut ask = (CHAT.ask)("the weather?");
    let result = json!({ "role": "tool", "tool_call_id": "call_fake0000", "content": "sunny" });
    ask["messages"].as_array_mut().unwrap().push(result);
    ask["tools"] = json!([{ "type": "function", "function": function }]);
    let answer = CHAT.answer(&fake, &ask).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
}

#[tokio::test]
async fn an_answer_fits_the_schema_that_it_must() {
    let fake = FakeProvider::start().await;
    let schema = json!({
        "type": "object", "required": ["n", "kind", "self"],
        "properties": {
            "n": { "type": "integer", "minimum": 40 }, "kind": { "enum": ["b", "a"] },
            "self": { "anyOf": [{ "$ref": "#/$defs/leaf" }, { "type": "null" }] }, "not": {},
        },
        "$defs": { "leaf": { "type": "array", "items": { "type": "boolean" } } },
    });
    let formats = [
        ("response_format", json!({ "type": "json_schema", "json_schema": { "schema": schema } })),
        ("text", json!({ "format": { "type": "json_schema", "schema": schema } })),
        ("output_config", json!({ "format": { "type": "json_schema", "schema": schema } })),
        (
            "generationConfig",
            json!({ "responseMimeType": "application/json", "responseJsonSchema": schema }),
        ),
    ];
    for (dialect, (field, format)) in DIALECTS.iter().zip(formats) {
        let mut ask = (dialect.ask)("hello");
        ask[field] = format;

        let answer = dialect.answer(&fake, &ask).await;

        let text = answer.pointer(dialect.text).and_then(Value::as_str).unwrap();
        let said: Value = serde_json::from_str(text).unwrap();
        assert_eq!(said, json!({ "n": 40, "kind": "b", "self": [true] }));
    }
}

#[tokio::test]
async fn a_bad_key_and_an_unknown_model_are_refused_in_the_dialects_own_shape() {
    let fake = FakeProvider::start().await;
    let hello = |dialect: &Dialect| (dialect.ask)("hello");
    for (dialect, status, code) in [
        (CHAT, 401, "/error/code=invalid_api_key"),
        (RESPONSES, 401, "/error/code=invalid_api_key"),
        (MESSAGES, 401, "/error/type=authentication_error"),
        (GEMINI, 400, "/error/details/0/reason=API_KEY_INVALID"),
    ] {
        let answer = dialect.call(&fake, dialect.path, "bad-key", &hello(&dialect)).whole().await;

        let (pointer, code) = code.split_once('=').unwrap();
        assert_eq!(answer.expect(status).at(pointer), code);
    }
    for (dialect, path, code) in [
        (CHAT, CHAT.path, "/error/code=model_not_found"),
        (MESSAGES, MESSAGES.path, "/error/type=not_found_error"),
        (GEMINI, "/v1beta/models/no-such:generateContent", "/error/status=NOT_FOUND"),
    ] {
        let mut ask = hello(&dialect);
        ask["model"] = json!("no-such-model");
        let answer = dialect.call(&fake, path, "sk-good", &ask).whole().await;

        let (pointer, code) = code.split_once('=').unwrap();
        assert_eq!(answer.expect(404).at(pointer), code);
    }
    let compat = CHAT.call(&fake, "/v1beta/openai/embeddings", "bad", &json!({})).whole().await;
    assert_eq!(compat.expect(400).at("/0/error/status"), "INVALID_ARGUMENT");
}

#[tokio::test]
async fn anthropic_and_gemini_insist_on_what_translators_forget() {
    let fake = FakeProvider::start().await;
    let call = json!({ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} });
    let user = json!({ "role": "user", "content": "hello" });
    for (field, value, complaint) in [
        ("max_tokens", json!(null), "max_tokens"),
        ("messages", json!([]), "first message"),
        ("messages", json!([{ "role": "assistant", "content": "hello" }]), "first message"),
        (
            "messages",
            json!([{ "role": "user", "content": [{ "type": "text", "text": "" }] }]),
            "non-empty",
        ),
        (
            "messages",
            json!([user, { "role": "assistant", "content": [call] }, user]),
            "without `tool_result`",
        ),
        ("thinking", json!({ "type": "enabled", "budget_tokens": 5_000 }), "budget_tokens"),
    ] {
        let mut ask = (MESSAGES.ask)("hello");
        ask[field] = value;

        let refused = MESSAGES.post(&fake, &ask).await.expect(400);

        assert!(refused.at("/error/message").contains(complaint), "{}", refused.text());
    }

    let mut ask = (GEMINI.ask)("hello");
    let call = json!({ "functionCall": { "name": "weather", "args": {} } });
    let contents = ask["contents"].as_array_mut().unwrap();
    contents.push(json!({ "role": "model", "parts": [call] }));
    let refused = GEMINI.post(&fake, &ask).await.expect(400);
    assert!(refused.at("/error/message").contains("thought_signature"), "{}", refused.text());
}

#[tokio::test]
async fn what_is_no_conversation_is_answered_too() {
    let fake = FakeProvider::start().await;
    let ask = |path: &'static str, body: Value| {
        let call = CHAT.call(&fake, path, "sk-good", &body);
        async move { call.whole().await.expect(200) }
    };

    let input = json!({ "model": "m", "input": ["a", "b"] });
    let vectors = ask("/v1/embeddings", input.clone()).await.json();
    assert_eq!(vectors["data"][1]["embedding"][1], -0.25);
    let mut packed = input.clone();
    packed["encoding_format"] = json!("base64");
    packed["dimensions"] = json!(2);
    let packed = ask("/v1beta/openai/embeddings", packed).await.json();
    // 0.5 and -0.25, each in four bytes with the least first.
    assert_eq!(packed["data"][0]["embedding"], "AAAAPwAAgL4=");
    assert_eq!(ask("/v1/completions", input.clone()).await.at("/choices/0/text"), chat_content(5));
    let results = &ask("/v1/moderations", input).await.json()["results"];
    assert_eq!(results.as_array().unwrap().len(), 2);
    let documents = json!({ "model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1 });
    assert_eq!(ask("/v1/rerank", documents).await.json()["results"][0]["index"], 0);
    let image = ask("/v1/images/generations", json!({ "model": "m", "n": 2 })).await.json();
    assert_eq!(image["usage"]["output_tokens"], 544);
    let speech = ask("/v1/audio/speech", json!({ "model": "m" })).await;
    assert_eq!((speech.header("content-type"), &speech.body[..]), (Some("audio/mpeg"), SPEECH));

    let base = Client::new(format!("http://{}", fake.addr()));
    let listen = |name: &str| {
        let head = format!("content-disposition: form-data; name=\"{name}\"");
        let call = base.call(Method::POST, "/v1/audio/transcriptions").bearer("sk-good");
        let form = format!("--x\r\n{head}\r\n\r\n\r\n--x--");
        call.body("multipart/form-data; boundary=x", form).whole()
    };
    assert_eq!(listen("file").await.expect(200).at("/text"), chat_content(5));
    listen("model").await.expect(400);
}

#[tokio::test]
async fn lists_and_counts_are_those_of_the_dialect() {
    let fake = FakeProvider::start().await;
    let base = Client::new(format!("http://{}", fake.addr()));

    let anthropic = base.get("/v1/models?limit=1").header("x-api-key", "sk-good");
    let anthropic = anthropic.header("anthropic-version", "2023-06-01").whole().await.expect(200);
    let gemini = base.get("/v1beta/models?pageSize=1").header("x-goog-api-key", "AIza-good");
    let gemini = gemini.whole().await.expect(200);
    let (path, hello) = ("/v1/messages/count_tokens", (MESSAGES.ask)("hello"));
    let counted = MESSAGES.call(&fake, path, "sk-good", &hello).whole().await;
    let embedded = GEMINI.call(&fake, "/v1beta/models/m:embedContent", "AIza-good", &json!({}));

    assert_eq!(anthropic.at("/data/0/type"), "model");
    assert!(gemini.at("/models/0/name").starts_with("models/gemini-"));
    assert_eq!(counted.expect(200).json(), json!({ "input_tokens": 19 }));
    assert_eq!(embedded.whole().await.json()["embedding"]["values"][0], 0.5);
}

#[tokio::test]
async fn scripts_and_echoes_hold_for_every_dialect() {
    let fake = FakeProvider::start().await;
    for dialect in DIALECTS {
        let hello = (dialect.ask)("hello");
        fake.next(Reply::empty(503));
        fake.next(Reply::echo());
        fake.next(Reply::echo_stream());
        fake.next(Reply::echo_error(400));

        assert_eq!(dialect.post(&fake, &hello).await.status, 503);
        let whole = dialect.post(&fake, &hello).await.json();
        let text = whole.pointer(dialect.text).and_then(Value::as_str);
        assert!(text.is_some_and(|text| text.contains("sk-good")), "{whole}");
        let stream = dialect.stream(&fake, hello.clone()).await;
        assert!(stream.contains("sk-good") && !stream.contains("Hello"), "{stream}");
        let error = dialect.post(&fake, &hello).await.expect(400);
        assert!(error.at("/error/message").contains("sk-good"), "{}", error.text());
        assert_eq!(fake.last_request().key(), Some("sk-good"));
    }
}

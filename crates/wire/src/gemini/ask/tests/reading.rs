//! What Google's requests mean.

use serde_json::json;

use crate::gemini::ask::read;
use crate::hub::{
    Ask, CachePoint, Effort, Part, Reasoning, Source, Text, Thought, ToolCall, ToolChoice,
    ToolResult, Turn,
};

#[track_caller]
fn ask(body: &serde_json::Value) -> Ask {
    read(body.to_string().as_bytes()).expect("a request")
}

/// A request with one text and these members.
fn with(name: &str, value: serde_json::Value) -> serde_json::Value {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    body[name] = value;
    body
}

fn text(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), cache_point: CachePoint::None })
}

#[test]
fn the_path_says_what_the_body_does_not() {
    let ask = ask(&with("model", json!("gemini-2.5-pro")));

    assert_eq!((ask.model.as_str(), ask.stream), ("", false));
    assert_eq!(ask.turns, [Turn::User(vec![text("Hi")])]);
    assert_eq!(ask.left_out, Vec::<String>::new());
}

#[test]
fn the_proof_of_a_thought_that_was_not_shown_comes_back_before_what_was_said() {
    let ask = ask(&json!({"contents": [
        {"role": "model", "parts": [{"text": "", "thoughtSignature": "ks1t6162"}, {"text": "a"}]},
        {"role": "model", "parts": [{"text": "b", "thoughtSignature": "CpcBAVKh"}]},
        {"role": "model", "parts": [
            {"functionCall": {"id": "c", "name": "f"}, "thought_signature": "ks1s6300"},
        ]},
    ]}));

    let thought = |signature: Option<&str>, sealed: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (signature, sealed) = (owned(signature), owned(sealed));
        Part::Thought(Thought { text: String::new(), signature, sealed })
    };
    let call = Part::ToolCall(ToolCall {
        id: "c".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        signature: None,
    });
    let said = vec![thought(Some("ab"), None), text("ab"), thought(None, Some("c")), call];
    assert_eq!(ask.turns, [Turn::Assistant(said)]);
}

#[test]
fn calls_without_ids_get_some_and_results_find_them() {
    let call = |name: &str| json!({"functionCall": {"name": name, "args": {}}});
    let result = |name: &str, of: &str| json!({"functionResponse": {"name": name, "response": {"output": of}}});

    let ask = ask(&json!({"contents": [
        {"role": "model", "parts": [call("a"), call("b"), call("a")]},
        {"role": "user", "parts": [result("b", "1"), result("a", "2")]},
        {"role": "user", "parts": [result("a", "3")]},
        {"role": "model", "parts": [call("a")]},
        {"role": "user", "parts": [result("a", "4")]},
    ]}));

    let calls = ask.turns.iter().flat_map(|turn| match turn {
        Turn::Assistant(parts) | Turn::User(parts) => parts.clone(),
        Turn::System(_) => Vec::new(),
    });
    let ids: Vec<String> = calls
        .map(|part| match part {
            Part::ToolCall(call) => format!("{} {}", call.name, call.id),
            Part::ToolResult(result) => {
                format!("{:?} answers {}", result.parts, result.call_id)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let answers = |of: &str, id: &str| format!("{:?} answers {id}", [text(of)]);
    assert_eq!(
        ids,
        [
            "a call_0".to_owned(),
            "b call_1".to_owned(),
            "a call_2".to_owned(),
            answers("1", "call_1"),
            answers("2", "call_0"),
            answers("3", "call_2"),
            "a call_3".to_owned(),
            answers("4", "call_3"),
        ]
    );
}

#[test]
fn a_result_counts_by_its_id_first() {
    let call = |id: &str| json!({"functionCall": {"name": "a", "id": id}});
    let result = |id: &str| json!({"functionResponse": {"name": "a", "id": id, "response": {"error": {"code": 1}}}});

    let ask = ask(&json!({"contents": [
        {"role": "model", "parts": [call("x"), call("y")]},
        {"role": "user", "parts": [result("y"), result("other"), result("cut-away")]},
    ]}));

    let Some(Turn::User(parts)) = ask.turns.last() else { panic!("no results") };
    let ids: Vec<&str> = parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(ToolResult { call_id, is_error: true, parts, .. }) => {
                assert_eq!(*parts, [text(r#"{"code":1}"#)]);
                call_id.as_str()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["y", "x", "cut-away"]);
}

#[test]
fn pieces_of_a_stream_are_one_turn_again() {
    let ask = ask(&json!({"contents": [
        {"role": "model", "parts": [{"text": "I ", "thought": true}]},
        {"role": "model", "parts": [{"text": "think", "thought": true}, {"text": "So"}]},
        {"role": "model", "parts": [{"text": " be"}, {"text": " it", "thoughtSignature": "AA=="}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "f", "args": {"n": 1.0}}, "thought_signature": "BB=="},
            {"functionCall": {"name": "g"}, "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="},
        ]},
    ]}));

    let call = |id: &str, name: &str, arguments: &str, signature: Option<&str>| {
        Part::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            signature: signature.map(str::to_owned),
        })
    };
    assert_eq!(
        ask.turns,
        [Turn::Assistant(vec![
            Part::Thought(Thought { text: "I think".to_owned(), ..Thought::default() }),
            text("So be it"),
            call("call_0", "f", r#"{"n":1.0}"#, Some("BB==")),
            call("call_1", "g", "{}", None),
        ])]
    );
}

#[test]
fn where_a_file_lies_tells_who_knows_it() {
    let ask = ask(&json!({"contents": [{"parts": [
        {"fileData": {"fileUri": "gs://b/a.png"}},
        {"fileData": {"fileUri": "https://example.com/a.pdf#2", "displayName": "a"}},
    ]}]}));

    assert_eq!(
        ask.turns,
        [Turn::User(vec![
            Part::Image {
                source: Source::File("gs://b/a.png".to_owned()),
                detail: None,
                cache_point: CachePoint::None
            },
            Part::Document {
                name: Some("a".to_owned()),
                source: Source::Url("https://example.com/a.pdf#2".to_owned()),
                cache_point: CachePoint::None
            },
        ])]
    );
}

#[test]
fn modes_of_calling_are_choices() {
    let chosen =
        |config| ask(&with("toolConfig", json!({"functionCallingConfig": config}))).tool_choice;

    assert_eq!(chosen(json!({})), None);
    assert_eq!(chosen(json!({"mode": "AUTO"})), Some(ToolChoice::Auto));
    assert_eq!(chosen(json!({"mode": "NONE"})), Some(ToolChoice::None));
    assert_eq!(chosen(json!({"mode": "ANY"})), Some(ToolChoice::Required));
    assert_eq!(
        chosen(json!({"mode": "ANY", "allowedFunctionNames": ["f"]})),
        Some(ToolChoice::Named("f".to_owned()))
    );
}

#[test]
fn thinking_is_a_level_or_a_budget() {
    let asked =
        |config| ask(&with("generationConfig", json!({"thinkingConfig": config}))).reasoning;
    let reasoning = |effort, budget_tokens, shown| Some(Reasoning { effort, budget_tokens, shown });

    assert_eq!(asked(json!({})), None);
    assert_eq!(asked(json!({"thinkingBudget": -1})), None);
    assert_eq!(asked(json!({"thinkingBudget": 0})), reasoning(Some(Effort::None), None, false));
    assert_eq!(
        asked(json!({"thinking_budget": 9, "include_thoughts": true})),
        reasoning(None, Some(9), true)
    );
    assert_eq!(
        asked(json!({"thinkingLevel": "MINIMAL"})),
        reasoning(Some(Effort::Minimal), None, false)
    );
}

#[test]
fn a_tier_has_openais_name() {
    let tier = |tier: &str| ask(&with("serviceTier", json!(tier))).service_tier;

    assert_eq!(tier("standard").as_deref(), Some("default"));
    assert_eq!(tier("SERVICE_TIER_PRIORITY").as_deref(), Some("priority"));
    assert_eq!(tier("SERVICE_TIER_UNSPECIFIED"), None);
}

#[test]
fn what_cannot_be_had_elsewhere_is_refused_by_name() {
    let part = |part| json!({"contents": [{"role": "user", "parts": [part]}]});
    let config = |name: &str, value| with("generationConfig", json!({name: value}));
    for (body, param, name) in [
        (json!({}), "contents", "contents"),
        (json!({"contents": []}), "contents", "contents"),
        (json!({"contents": "Hi"}), "contents", "contents"),
        (json!({"contents": [{"parts": [{"text": ""}]}]}), "contents", "contents"),
        (json!({"contents": [{"role": "system", "parts": []}]}), "contents", "contents.role"),
        (part(json!({"text": 1})), "contents", "contents.parts.text"),
        (
            part(json!({"executableCode": {"code": "1"}})),
            "contents",
            "contents.parts.executableCode",
        ),
        (part(json!({"functionCall": {"name": "f"}})), "contents", "functionCall"),
        (
            part(json!({"functionResponse": {"name": "f"}})),
            "contents",
            "contents.parts.functionResponse.name",
        ),
        (
            part(json!({"inlineData": {"mimeType": "video/mp4", "data": ""}})),
            "contents",
            "contents.parts.inlineData.mimeType",
        ),
        (
            part(json!({"fileData": {"fileUri": "https://youtu.be/x"}})),
            "contents",
            "contents.parts.fileData.mimeType",
        ),
        (
            part(json!({"text": "a", "inlineData": {"mimeType": "image/png", "data": ""}})),
            "contents",
            "inlineData",
        ),
        (with("tools", json!([{"codeExecution": {}}])), "tools", "tools.codeExecution"),
        (with("tools", json!([{"quantumLeap": {}}])), "tools", "quantumLeap"),
        (
            with("tools", json!([{"functionDeclarations": [{}]}])),
            "tools",
            "tools.functionDeclarations.name",
        ),
        (
            with(
                "toolConfig",
                json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}}),
            ),
            "toolConfig",
            "allowedFunctionNames",
        ),
        (with("cachedContent", json!("cachedContents/1")), "cachedContent", "cachedContent"),
        (config("candidateCount", json!(2)), "generationConfig", "candidateCount"),
        (config("responseLogprobs", json!(true)), "generationConfig", "responseLogprobs"),
        (config("responseModalities", json!(["AUDIO"])), "generationConfig", "responseModalities"),
        (config("responseMimeType", json!("text/x.enum")), "generationConfig", "responseMimeType"),
        (config("responseSchema", json!({})), "generationConfig", "responseMimeType"),
        (config("responseSchema", json!("STRING")), "generationConfig", "responseSchema"),
        (
            with(
                "tools",
                json!([{"functionDeclarations": [{"name": "f", "parameters": {}, "parametersJsonSchema": {}}]}]),
            ),
            "tools",
            "parametersJsonSchema",
        ),
        (config("maxOutputTokens", json!(-1)), "generationConfig", "maxOutputTokens"),
        (config("topK", json!(1.5)), "generationConfig", "topK"),
        (config("stopSequences", json!([1])), "generationConfig", "stopSequences"),
        (
            config("thinkingConfig", json!({"thinkingLevel": "HUGE"})),
            "generationConfig",
            "thinkingLevel",
        ),
        (config("speechConfig", json!({})), "generationConfig", "speechConfig"),
    ] {
        let invalid = read(body.to_string().as_bytes()).expect_err(name);

        assert_eq!(invalid.param, Some(param), "{name}");
        assert!(invalid.message.contains(name), "{}", invalid.message);
    }
}

#[test]
fn both_spellings_of_one_member_are_one_too_many() {
    let invalid =
        read(br#"{"contents":{"parts":{"text":"a"}},"generationConfig":{"topP":1,"top_p":0}}"#);

    let message = invalid.expect_err("twice").message;
    assert_eq!(message, r#"`generationConfig` has no field "top_p" here, or has it twice"#);
}

#[test]
fn what_may_be_a_key_is_not_repeated() {
    let invalid =
        read(br#"{"contents":{"parts":{"text":"a"}},"AIzaSyD3-x":1}"#).expect_err("unknown");

    assert_eq!(invalid.message, "the body has a field that is not known here");
}

#[test]
fn what_is_no_request_is_told_so() {
    for (body, message) in [
        (&b"[]"[..], "the body must be a JSON object"),
        (b"{\"contents\":", "the body ends before its JSON does"),
        (b"{\"contents\":\xff}", "the body is not UTF-8"),
        (b"{,}", "the body is not valid JSON at line 1, column 2"),
        (b"{\"temperature\":1e999}", "the body holds a number or a text that cannot be read"),
    ] {
        let invalid = read(body).expect_err(message);

        assert_eq!(invalid.message, message);
    }
}

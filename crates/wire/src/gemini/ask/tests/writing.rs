//! What other dialects' requests become.

use serde_json::{Value, json};

use super::written;
use crate::hub::{
    Ask, CachePoint, Effort, Format, ImageDetail, Part, Reasoning, Source, Text, Thought, Tool,
    ToolCall, ToolChoice, ToolResult, Turn,
};

fn text(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), cache_point: CachePoint::None })
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
    Part::ToolCall(ToolCall { id, name, arguments, signature: None })
}

fn result(call_id: &str, parts: Vec<Part>) -> Part {
    Part::ToolResult(ToolResult { call_id: call_id.to_owned(), parts, ..ToolResult::default() })
}

fn image(data: &str) -> Part {
    let source = Source::Base64 { media_type: "image/png".to_owned(), data: data.to_owned() };
    Part::Image { source, detail: None, cache_point: CachePoint::None }
}

fn conversation(turns: Vec<Turn>) -> Ask {
    Ask { turns, ..Ask::default() }
}

#[track_caller]
fn contents(turns: Vec<Turn>, model: &str) -> Value {
    written(&conversation(turns), model).expect("a request").0["contents"].take()
}

#[track_caller]
fn refused(ask: &Ask) -> String {
    written(ask, "gemini-3.8-flash").expect_err("no request").message
}

#[test]
fn the_same_speaker_speaks_once() {
    let system =
        Turn::System(vec![Text { text: "Be brief".to_owned(), cache_point: CachePoint::None }]);
    let turns = vec![
        Turn::User(vec![text("a")]),
        system,
        Turn::User(vec![text(""), text("b")]),
        Turn::Assistant(vec![text("c")]),
        Turn::Assistant(vec![Part::Refusal("d".to_owned())]),
    ];

    assert_eq!(
        contents(turns, "gemini-3.8-flash"),
        json!([
            {"role": "user", "parts": [{"text": "a"}, {"text": "<system>\nBe brief\n</system>"}, {"text": "b"}]},
            {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        ])
    );
}

#[test]
fn nobody_answers_nothing_and_no_model_speaks_first() {
    let space = json!({"role": "user", "parts": [{"text": " "}]});
    let hi = Turn::Assistant(vec![text("Hi")]);

    assert_eq!(contents(vec![], "gemini-2.5-pro"), json!([space]));
    assert_eq!(contents(vec![Turn::User(vec![text("")])], "gemini-2.5-pro"), json!([space]));
    assert_eq!(
        contents(vec![hi], "gemini-2.5-pro"),
        json!([space, {"role": "model", "parts": [{"text": "Hi"}]}])
    );
}

#[test]
fn results_come_first_and_say_what_was_called() {
    let turns = vec![
        Turn::User(vec![text("go")]),
        Turn::Assistant(vec![text("I go"), call("t1", "f", "{\"a\":1.50}"), call("t2", "g", "")]),
        Turn::User(vec![text("and?")]),
        Turn::User(vec![
            result("t2", vec![text("{\"$ref\":\"x\"}")]),
            result("t1", vec![text("a"), text("b")]),
        ]),
    ];

    assert_eq!(
        contents(turns, "gemini-2.5-pro"),
        json!([
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": [
                {"text": "I go"},
                {"functionCall": {"id": "t1", "name": "f", "args": {"a": 1.5}}},
                {"functionCall": {"id": "t2", "name": "g", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "t2", "name": "g", "response": {"output": "{\"$ref\":\"x\"}"}}},
                {"functionResponse": {"id": "t1", "name": "f", "response": {"output": "a\nb"}}},
                {"text": "and?"},
            ]},
        ])
    );
}

#[test]
fn calls_that_another_model_made_are_signed_as_such() {
    let signed = Part::ToolCall(ToolCall {
        id: "t3".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        signature: Some("BB==".to_owned()),
    });
    let turns = vec![
        Turn::User(vec![text("go")]),
        Turn::Assistant(vec![call("t1", "f", "{}"), call("t2", "f", "{}")]),
        Turn::User(vec![result("t1", vec![]), result("t2", vec![])]),
        Turn::Assistant(vec![signed, call("t4", "f", "{}")]),
    ];
    let signatures = |model: &str| -> Vec<Option<String>> {
        let contents = contents(turns.clone(), model);
        let parts = [1, 3]
            .into_iter()
            .flat_map(|at| contents[at]["parts"].as_array().expect("parts").clone());
        parts.map(|part| Some(part.get("thoughtSignature")?.as_str()?.to_owned())).collect()
    };

    let skip = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=".to_owned();
    assert_eq!(signatures("gemini-3.8-flash"), [Some(skip), None, Some("BB==".to_owned()), None]);
    assert_eq!(signatures("gemini-2.5-flash"), [None, None, Some("BB==".to_owned()), None]);
}

#[test]
fn arguments_that_are_no_object_stand_in_one() {
    for broken in ["{\"a\":", "[1]", "{}{}", "\"a\""] {
        let turns =
            vec![Turn::User(vec![text("go")]), Turn::Assistant(vec![call("t", "f", broken)])];

        let contents = contents(turns, "gemini-2.5-pro");

        assert_eq!(contents[1]["parts"][0]["functionCall"]["args"], json!({"_raw": broken}));
    }
}

#[test]
fn a_picture_that_a_tool_gave_back_stands_inside_its_result_or_beside_it() {
    let turns = vec![
        Turn::User(vec![text("go")]),
        Turn::Assistant(vec![call("t", "f", "{}")]),
        Turn::User(vec![result("t", vec![text("here"), image("AAAA")])]),
    ];
    let response = json!({"id": "t", "name": "f", "response": {"output": "here"}});
    let data = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});

    let old = contents(turns.clone(), "gemini-2.5-pro");
    let new = contents(turns, "gemini-3.8-flash");

    assert_eq!(old[2]["parts"], json!([{"functionResponse": response}, data]));
    let mut inside = response;
    inside["parts"] = json!([data]);
    assert_eq!(new[2]["parts"], json!([{"functionResponse": inside}]));
}

#[test]
fn thoughts_go_back_without_anybodys_proof() {
    let turns = vec![
        Turn::User(vec![text("a")]),
        Turn::Assistant(vec![
            Part::Thought(Thought {
                text: "hm".to_owned(),
                signature: Some("EqQ=".to_owned()),
                sealed: None,
            }),
            Part::Thought(Thought { sealed: Some("xyz".to_owned()), ..Thought::default() }),
            text("b"),
        ]),
    ];

    let (body, left_out) = written(&conversation(turns), "gemini-3.8-flash").expect("a request");

    assert_eq!(
        body["contents"][1]["parts"],
        json!([{"text": "hm", "thought": true}, {"text": "b"}])
    );
    assert_eq!(left_out, ["reasoning.encrypted"]);
}

#[test]
fn everything_google_knows_is_told() {
    let ask = Ask {
        model: "any".to_owned(),
        system: vec![
            Text { text: "Be brief".to_owned(), cache_point: CachePoint::None },
            Text::default(),
        ],
        turns: vec![Turn::User(vec![text("a")])],
        tools: vec![Tool {
            name: "f".to_owned(),
            description: Some("does".to_owned()),
            parameters: Some(
                json!({"$schema": "x", "type": "object", "additionalProperties": false}),
            ),
            ..Tool::default()
        }],
        tool_choice: Some(ToolChoice::Named("f".to_owned())),
        parallel_tools: Some(true),
        format: Some(Format::Schema {
            name: "n".to_owned(),
            description: None,
            schema: json!({"type": "object"}),
            strict: Some(true),
        }),
        reasoning: Some(Reasoning {
            effort: Some(Effort::Medium),
            budget_tokens: None,
            shown: true,
        }),
        output_tokens_max: Some(1_000_000),
        temperature: serde_json::Number::from_f64(0.5),
        top_p: serde_json::Number::from_f64(1.0),
        top_k: Some(40),
        presence_penalty: serde_json::Number::from_f64(0.1),
        frequency_penalty: serde_json::Number::from_f64(0.2),
        seed: Some(-7),
        stop: vec!["x".to_owned()],
        service_tier: Some("default".to_owned()),
        stream: true,
        include_usage: true,
        ..Ask::default()
    };

    let (body, left_out) = written(&ask, "gemini-3.8-flash").expect("a request");

    assert_eq!(
        body,
        json!({
            "contents": [{"role": "user", "parts": [{"text": "a"}]}],
            "systemInstruction": {"parts": [{"text": "Be brief"}]},
            "tools": [{"functionDeclarations": [{
                "name": "f",
                "description": "does",
                "parametersJsonSchema": {"$schema": "x", "type": "object", "additionalProperties": false},
            }]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {
                "maxOutputTokens": 65_536,
                "temperature": 0.5,
                "topP": 1.0,
                "topK": 40,
                "presencePenalty": 0.1,
                "frequencyPenalty": 0.2,
                "seed": -7,
                "stopSequences": ["x"],
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object"},
                "thinkingConfig": {"thinkingLevel": "medium", "includeThoughts": true},
            },
            "serviceTier": "standard",
        })
    );
    assert_eq!(left_out, Vec::<String>::new());
}

#[test]
fn what_google_does_not_know_is_left_out_by_name() {
    let source = Source::Url("https://example.com/image".to_owned());
    let detailed =
        Part::Image { source, detail: Some(ImageDetail::High), cache_point: CachePoint::Usual };
    let source = Source::Url("https://example.com/file".to_owned());
    let named =
        Part::Document { name: Some("a.pdf".to_owned()), source, cache_point: CachePoint::Usual };
    let ask = Ask {
        turns: vec![Turn::User(vec![detailed, named])],
        tools: vec![Tool { name: "f".to_owned(), strict: Some(true), ..Tool::default() }],
        parallel_tools: Some(false),
        user: Some("u".to_owned()),
        seed: Some(1 << 40),
        service_tier: Some("scale".to_owned()),
        ..Ask::default()
    };

    let (body, left_out) = written(&ask, "gemini-3.8-flash").expect("a request");

    assert_eq!(
        left_out,
        [
            "cache_control",
            "detail",
            "filename",
            "seed",
            "service_tier",
            "parallel_tool_calls",
            "strict",
            "user"
        ]
    );
    assert_eq!(
        body["contents"][0]["parts"],
        json!([
            {"fileData": {"fileUri": "https://example.com/image"}},
            {"fileData": {"fileUri": "https://example.com/file", "mimeType": "application/pdf"}},
        ])
    );
    assert_eq!(body.get("generationConfig"), None);
}

#[test]
fn a_choice_among_no_tools_is_none() {
    let choice = |choice| {
        let ask = Ask { tool_choice: Some(choice), ..Ask::default() };
        written(&ask, "gemini-3.8-flash").expect("a request").0.get("toolConfig").cloned()
    };

    assert_eq!(choice(ToolChoice::Auto), None);
    assert_eq!(choice(ToolChoice::None), None);
    assert_eq!(
        choice(ToolChoice::Required),
        Some(json!({"functionCallingConfig": {"mode": "ANY"}}))
    );
}

#[test]
fn what_cannot_be_said_is_refused() {
    let foreign = Part::Image {
        source: Source::File("file-abc".to_owned()),
        detail: None,
        cache_point: CachePoint::None,
    };

    assert!(
        refused(&conversation(vec![Turn::User(vec![foreign])]))
            .contains("a file of another provider's")
    );
    assert!(
        refused(&conversation(vec![Turn::User(vec![result("t9", vec![])])]))
            .contains("must belong to a call")
    );
    let stops = Ask { stop: vec!["x".to_owned(); 6], ..Ask::default() };
    assert!(refused(&stops).contains("5 stop sequences"));
}

#[test]
fn a_result_whose_call_is_gone_may_say_its_name_itself() {
    let orphan = ToolResult {
        call_id: "t".to_owned(),
        name: Some("f".to_owned()),
        is_error: true,
        ..ToolResult::default()
    };

    let contents = contents(vec![Turn::User(vec![Part::ToolResult(orphan)])], "gemini-2.5-pro");

    assert_eq!(
        contents[0]["parts"],
        json!([{"functionResponse": {"id": "t", "name": "f", "response": {"error": ""}}}])
    );
}

//! Requests of this dialect, member by member.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read;
use crate::InvalidBody;
use crate::hub::{
    Ask, CachePoint, Effort, Format, Part, Reasoning, Source, Text, Thought, Tool, ToolCall,
    ToolChoice, ToolResult, Turn,
};

fn asked(body: &Value) -> Result<Ask, InvalidBody> {
    read(body.to_string().as_bytes())
}

/// A request with one message and these members more.
fn with(more: Value) -> Value {
    let mut body =
        json!({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]});
    let (Value::Object(body), Value::Object(more)) = (&mut body, more) else { unreachable!() };
    body.extend(more);
    json!(body)
}

/// The parts of one message.
fn parts(role: &str, content: Value) -> Result<Vec<Part>, InvalidBody> {
    let ask = asked(&json!({"messages": [{"role": role, "content": content}]}))?;
    match ask.turns.into_iter().next().expect("a turn") {
        Turn::Assistant(parts) | Turn::User(parts) => Ok(parts),
        Turn::System(texts) => Ok(texts.into_iter().map(Part::Text).collect()),
    }
}

fn text(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), cache_point: CachePoint::None })
}

#[test]
fn the_plainest_request() {
    let ask = asked(&with(json!({"system": "Be brief.", "stream": true}))).expect("an ask");

    assert_eq!(
        ask,
        Ask {
            model: "m".into(),
            system: vec![Text { text: "Be brief.".into(), cache_point: CachePoint::None }],
            turns: vec![Turn::User(vec![text("Hi")])],
            output_tokens_max: Some(10),
            stream: true,
            ..Ask::default()
        }
    );
}

#[test]
fn sampling_and_stops_are_kept_as_written() {
    let ask = asked(&with(json!({
        "temperature": 0.30, "top_p": 1, "top_k": 40, "stop_sequences": ["a", " "],
        "service_tier": "standard_only", "metadata": {"user_id": "u-1"},
    })))
    .expect("an ask");

    assert_eq!(ask.temperature.map(|number| number.to_string()).as_deref(), Some("0.3"));
    assert_eq!(ask.top_p.map(|number| number.to_string()).as_deref(), Some("1"));
    assert_eq!(ask.top_k, Some(40));
    assert_eq!(ask.stop, ["a", " "]);
    assert_eq!(ask.service_tier.as_deref(), Some("default"));
    assert_eq!(ask.user.as_deref(), Some("u-1"));
    assert!(ask.left_out.is_empty());
}

#[test]
fn each_way_to_think_is_understood() {
    let reasoning = |effort, budget_tokens, shown| Some(Reasoning { effort, budget_tokens, shown });
    for (more, expected) in [
        (json!({}), None),
        (json!({"thinking": {"type": "disabled"}}), reasoning(Some(Effort::None), None, false)),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 31999}}),
            reasoning(None, Some(31999), true),
        ),
        (json!({"thinking": {"type": "adaptive"}}), reasoning(Some(Effort::Medium), None, true)),
        (
            json!({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "xhigh"}}),
            reasoning(Some(Effort::Xhigh), None, false),
        ),
        (json!({"output_config": {"effort": "low"}}), reasoning(Some(Effort::Low), None, false)),
    ] {
        assert_eq!(asked(&with(more.clone())).expect("an ask").reasoning, expected, "{more}");
    }
}

#[test]
fn a_format_is_a_strict_schema_under_either_of_its_names() {
    let format = json!({"type": "json_schema", "schema": {"type": "object"}});
    for more in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
        assert_eq!(
            asked(&with(more)).expect("an ask").format,
            Some(Format::Schema {
                name: "response".into(),
                description: None,
                schema: json!({"type": "object"}),
                strict: Some(true),
            })
        );
    }
}

#[test]
fn tools_and_their_choice() {
    let tools = json!([
        {"type": "custom", "name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": true},
        {"name": "g", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}, "defer_loading": false},
    ]);
    let choice = json!({"type": "tool", "name": "g", "disable_parallel_tool_use": true});

    let ask = asked(&with(json!({"tools": tools, "tool_choice": choice}))).expect("an ask");

    assert_eq!(
        ask.tools,
        [
            Tool {
                name: "f".into(),
                description: Some("d".into()),
                parameters: Some(json!({"type": "object"})),
                strict: Some(true),
                cache_point: CachePoint::None,
            },
            Tool {
                name: "g".into(),
                parameters: Some(json!({"type": "object"})),
                cache_point: CachePoint::Usual,
                ..Tool::default()
            },
        ]
    );
    assert_eq!(ask.tool_choice, Some(ToolChoice::Named("g".into())));
    assert_eq!(ask.parallel_tools, Some(false));
    assert_eq!(ask.left_out, ["tools.defer_loading"]);
}

#[test]
fn each_choice_of_tools_is_understood() {
    for (choice, expected) in [
        (json!({"type": "auto"}), ToolChoice::Auto),
        (json!({"type": "any"}), ToolChoice::Required),
        (json!({"type": "none"}), ToolChoice::None),
    ] {
        let ask = asked(&with(json!({"tool_choice": choice}))).expect("an ask");

        assert_eq!((ask.tool_choice, ask.parallel_tools), (Some(expected), None));
    }
}

#[test]
fn a_turn_of_the_models_keeps_its_thoughts_and_calls() {
    let parts = parts(
        "assistant",
        json!([
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
            {"type": "redacted_thinking", "data": "EmwK"},
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, 2.5]}, "caller": {"type": "direct"}},
            {"type": "tool_use", "id": "toolu_2__ks1_Ab-1c-3", "name": "f", "input": {}},
        ]),
    )
    .expect("parts");

    assert_eq!(
        parts,
        [
            Part::Thought(Thought {
                text: "Hm.".into(),
                signature: Some("EqQB".into()),
                sealed: None,
            }),
            Part::Thought(Thought { sealed: Some("EmwK".into()), ..Thought::default() }),
            text("Let me see."),
            Part::ToolCall(ToolCall {
                id: "toolu_1".into(),
                name: "f".into(),
                arguments: r#"{"a":[1,2.5]}"#.into(),
                signature: None,
            }),
            Part::ToolCall(ToolCall {
                id: "toolu_2".into(),
                name: "f".into(),
                arguments: "{}".into(),
                signature: Some("Ab+c=".into()),
            }),
        ]
    );
}

#[test]
fn results_of_tools_hold_texts_images_and_documents() {
    let parts = parts(
        "user",
        json!([
            {"type": "tool_result", "tool_use_id": "toolu_2__ks1_Ab-1c-3", "content": "42"},
            {"type": "tool_result", "tool_use_id": "b", "is_error": true, "cache_control": {"type": "ephemeral"}},
            {"type": "tool_result", "tool_use_id": "c", "content": [
                {"type": "text", "text": "See:"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            ]},
            {"type": "text", "text": "Go on."},
        ]),
    )
    .expect("parts");

    let image = Source::Base64 { media_type: "image/png".into(), data: "AA==".into() };
    assert_eq!(
        parts,
        [
            Part::ToolResult(ToolResult {
                call_id: "toolu_2".into(),
                parts: vec![text("42")],
                ..ToolResult::default()
            }),
            Part::ToolResult(ToolResult {
                call_id: "b".into(),
                is_error: true,
                cache_point: CachePoint::Usual,
                ..ToolResult::default()
            }),
            Part::ToolResult(ToolResult {
                call_id: "c".into(),
                parts: vec![
                    text("See:"),
                    Part::Image { source: image, detail: None, cache_point: CachePoint::None },
                ],
                ..ToolResult::default()
            }),
            text("Go on."),
        ]
    );
}

#[test]
fn documents_are_files_or_texts() {
    let parts = parts(
        "user",
        json!([
            {"type": "document", "title": "T", "source": {"type": "url", "url": "https://a/b.pdf"}, "citations": {"enabled": false}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            {"type": "document", "title": "Notes", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "more"}]}},
        ]),
    )
    .expect("parts");

    let document = |name: Option<&str>, source| Part::Document {
        name: name.map(str::to_owned),
        source,
        cache_point: CachePoint::None,
    };
    assert_eq!(
        parts,
        [
            document(Some("T"), Source::Url("https://a/b.pdf".into())),
            document(None, Source::File("file_1".into())),
            text("Notes"),
            text("words"),
            text("more"),
        ]
    );
}

#[test]
fn instructions_in_the_middle_stay_there() {
    let ask = asked(&json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "system", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},
    ]}))
    .expect("an ask");

    assert_eq!(
        ask.turns[1],
        Turn::System(vec![Text { text: "b".into(), cache_point: CachePoint::Usual }])
    );
}

#[test]
fn what_can_be_done_without_is_told_once() {
    let cited = json!({"type": "text", "text": "x", "citations": [{"type": "char_location"}]});
    let ask = asked(&with(json!({
        "context_management": {"edits": []},
        "cache_control": {"type": "ephemeral"},
        "speed": null,
        "metadata": {"user_id": "u", "team": "t"},
        "output_config": {"task_budget": {"type": "tokens", "total": 9}},
        "messages": [
            {"role": "user", "content": [cited, cited, {"type": "text", "text": "y", "Sk-Pasted": 1}]},
        ],
        "routing": {"receipt": true}, "models": ["a"], "provider": {},
    })))
    .expect("an ask");

    assert_eq!(
        ask.left_out,
        [
            "output_config.task_budget",
            "messages.content.citations",
            "messages.content.?",
            "metadata.team",
            "cache_control",
            "context_management",
        ]
    );
}

#[test]
fn what_only_anthropic_can_do_is_refused_by_name() {
    for (body, param, word) in [
        (with(json!({"mcp_servers": [{}]})), Some("mcp_servers"), "mcp_servers"),
        (with(json!({"container": "c"})), Some("container"), "container"),
        (with(json!({"inference_geo": "eu"})), Some("inference_geo"), "inference_geo"),
        (with(json!({"logprobs": true})), None, "logprobs"),
        (
            with(json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
            Some("tools"),
            "web_search_20250305",
        ),
        (
            with(
                json!({"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]}),
            ),
            Some("messages"),
            "server_tool_use",
        ),
        (
            with(json!({"messages": [{"role": "user", "content": [{"type": "tool_use"}]}]})),
            Some("messages"),
            "tool_use",
        ),
        (with(json!({"system": [{"type": "image"}]})), Some("system"), "image"),
    ] {
        let invalid = asked(&body).expect_err("refused");

        assert_eq!(invalid.param, param, "{body}");
        assert!(invalid.message.contains(word), "{}", invalid.message);
        assert!(invalid.message.contains("leave it out"), "{}", invalid.message);
    }
}

#[test]
fn what_is_of_the_wrong_kind_is_refused_by_name() {
    for (body, expected) in [
        (json!({}), "`messages` must be a list"),
        (json!({"messages": {}}), "`messages` must be a list"),
        (json!({"messages": ["a"]}), "`messages` must be an object"),
        (json!({"messages": [{"content": "a"}]}), "`messages.role` must be a string"),
        (json!({"messages": [{"role": "user"}]}), "`messages.content` must be a string or a list"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image"}]}]}),
            "`messages.content.source` must be an object",
        ),
        (with(json!({"max_tokens": -1})), "`max_tokens` must be a whole number"),
        (with(json!({"temperature": "warm"})), "`temperature` must be a number"),
        (with(json!({"stream": "yes"})), "`stream` must be true or false"),
        (with(json!({"thinking": {"type": "deep"}})), "`thinking.type` must be"),
        (with(json!({"tool_choice": {"type": "tool"}})), "`tool_choice.name` must be a string"),
        (with(json!({"stop_sequences": [1]})), "`stop_sequences` must be a list of strings"),
        (with(json!({"output_config": {"effort": "some"}})), "`output_config.effort` must be"),
    ] {
        let invalid = asked(&body).expect_err("refused");

        assert!(invalid.message.starts_with(expected), "{}", invalid.message);
    }
}

#[test]
fn a_word_that_may_be_a_key_is_not_repeated() {
    let key = "sk-ant-api03-abc";
    for body in [
        with(json!({key: 1})),
        with(json!({"tools": [{"type": key, "name": "f"}]})),
        with(json!({"messages": [{"role": "user", "content": [{"type": key}]}]})),
    ] {
        let invalid = asked(&body).expect_err("refused");

        assert!(!invalid.message.contains(key), "{}", invalid.message);
    }
}

#[test]
fn what_is_no_json_object_is_refused() {
    for body in ["", "[]", "{\"model\":", "\u{0}", "1", &"[".repeat(100_000)] {
        assert!(read(body.as_bytes()).is_err());
    }
    assert!(read(b"\xff").is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = read(&bytes);
    }

    #[test]
    fn no_values_in_the_wrong_places_make_it_panic(
        name in prop::sample::select(vec![
            "messages", "system", "tools", "tool_choice", "thinking", "output_config", "metadata",
        ]),
        value in any_json(),
    ) {
        let _either = asked(&with(json!({name: value})));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "type",
        "text",
        "content",
        "tool_result",
        "tool_use",
        "image",
        "source",
        "document",
        "base64",
        "user",
        "role",
        "thinking",
        "adaptive",
        "effort",
        "format",
        "name",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|yes| json!(yes)),
        any::<i64>().prop_map(|number| json!(number)),
        word.clone().prop_map(|word| json!(word)),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let members = prop::collection::vec((word.clone(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            members.prop_map(|members| {
                Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

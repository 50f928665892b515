//! What a provider is sent, by its quirks and by the limits of the dialect.

use model::catalogue::{Quirks, Traits};
use serde_json::{Value, json};

use super::super::write;
use super::{call, said, target, user, with, written};
use crate::hub::{
    Ask, CachePoint, Effort, Format, Part, Reasoning, Source, Target, Text, Thought, Tool,
    ToolCall, ToolChoice, ToolResult, Turn,
};

/// A little of everything that quirks change.
fn rich() -> Ask {
    let thought = Thought { text: "hm".to_owned(), ..Thought::default() };
    let schema = json!({"type": "object", "$schema": "x", "properties": {
        "strict": {"type": "string", "default": {"$schema": 1}}, "list": {"items": [{"$schema": "y"}]},
    }, "required": ["strict", "list", "$schema"], "additionalProperties": false});
    Ask {
        system: vec![Text { text: "Be brief.".to_owned(), cache_point: CachePoint::None }],
        turns: vec![
            Turn::User(vec![said("a"), said("b")]),
            Turn::Assistant(vec![Part::Thought(thought), Part::ToolCall(call("c", "f"))]),
            Turn::User(vec![Part::ToolResult(ToolResult {
                call_id: "c".to_owned(),
                parts: vec![said("d")],
                ..ToolResult::default()
            })]),
            Turn::Assistant(vec![said("e")]),
            user("f"),
        ],
        tools: vec![Tool {
            name: "f".to_owned(),
            parameters: Some(schema.clone()),
            strict: Some(true),
            ..Tool::default()
        }],
        tool_choice: Some(ToolChoice::Required),
        format: Some(Format::Schema {
            name: "n".to_owned(),
            description: None,
            schema: json!({"type": "object"}),
            strict: None,
        }),
        reasoning: Some(Reasoning { effort: None, budget_tokens: Some(3000), shown: true }),
        output_tokens_max: Some(100),
        ..Ask::default()
    }
}

#[test]
fn each_quirk_changes_what_it_names_and_nothing_else() {
    let plain = Quirks::default();
    let (usual, told) = written(&rich(), &target(&plain));
    assert_eq!(told, vec!["messages.reasoning_content"]);
    let thought = "messages.reasoning_content";
    let object = json!({"type": "json_object"});
    let line = "Answer with one JSON object that matches this JSON schema, and with nothing else:\n{\"type\":\"object\"}";
    let system = format!("Be brief.\n\n{line}");
    let stripped = json!({"type": "object", "properties": {
        "strict": {"type": "string", "default": {"$schema": 1}}, "list": {"items": [{}]},
    }, "required": ["strict", "list", "$schema"], "additionalProperties": false});
    // Where, what is there instead (null: nothing), and what is told.
    type Row = (Quirks, Vec<(&'static str, Value)>, Vec<&'static str>);
    let rows: Vec<Row> = vec![
        (
            with(|quirks| quirks.max_tokens = true),
            vec![("/max_completion_tokens", Value::Null), ("/max_tokens", json!(100))],
            vec![thought],
        ),
        (
            with(|quirks| quirks.required_is_any = true),
            vec![("/tool_choice", json!("any"))],
            vec![thought],
        ),
        (
            with(|quirks| quirks.no_strict = true),
            vec![("/tools/0/function/strict", Value::Null)],
            vec![thought, "tools.strict"],
        ),
        (
            with(|quirks| quirks.no_json_schema = true),
            vec![("/response_format", object), ("/messages/0/content", json!(system))],
            vec![thought],
        ),
        (
            with(|quirks| quirks.reasoning_back = true),
            vec![
                ("/messages/2/reasoning_content", json!("hm")),
                ("/messages/4/reasoning_content", json!(" ")),
            ],
            vec![],
        ),
        (
            with(|quirks| quirks.no_effort = true),
            vec![("/reasoning_effort", Value::Null)],
            vec![thought, "reasoning_effort"],
        ),
        (with(|quirks| quirks.no_name = true), vec![], vec![thought]),
        (
            with(|quirks| quirks.plain_content = true),
            vec![("/messages/1/content", json!("a\n\nb"))],
            vec![thought],
        ),
        (
            with(|quirks| quirks.schema_strip = vec!["$schema".to_owned(), "strict".to_owned()]),
            vec![("/tools/0/function/parameters", stripped)],
            vec![thought],
        ),
    ];
    for (quirks, changes, told) in rows {
        let mut expected = usual.clone();
        for (path, value) in changes {
            let (parent, name) = path.rsplit_once('/').expect("a path");
            let parent = expected.pointer_mut(parent).and_then(Value::as_object_mut).expect(path);
            match value {
                Value::Null => parent.remove(name),
                value => parent.insert(name.to_owned(), value),
            };
        }

        let (body, left_out) = written(&rich(), &target(&quirks));

        assert_eq!(body, expected, "{quirks:?}");
        assert_eq!(left_out, told, "{quirks:?}");
    }
}

#[test]
fn a_choice_that_cannot_be_forced_is_refused_and_none_means_no_tools() {
    let stubborn = with(|quirks| quirks.no_forced_tool = true);
    let traits = Traits { no_forced_tool: true, ..Traits::default() };
    let plain = Quirks::default();
    for choice in [ToolChoice::Required, ToolChoice::Named("f".to_owned())] {
        let ask = Ask { tool_choice: Some(choice), ..rich() };
        for target in [target(&stubborn), Target { traits: Some(&traits), ..target(&plain) }] {
            let invalid = write(&ask, &target, &mut Vec::new()).expect_err("forced");

            assert_eq!(invalid.param, Some("tool_choice"));
        }
    }
    let ask = Ask { tool_choice: Some(ToolChoice::None), ..rich() };
    let (body, _) = written(&ask, &target(&stubborn));
    assert_eq!((body.get("tools"), body.get("tool_choice")), (None, None));
    let (body, _) = written(&ask, &target(&plain));
    assert_eq!(body["tool_choice"], "none");
    let ask = Ask { tool_choice: Some(ToolChoice::Auto), ..rich() };
    assert_eq!(written(&ask, &target(&stubborn)).0["tool_choice"], "auto");
}

#[test]
fn effort_is_told_to_models_that_think() {
    let thinks = Traits { reasoning: true, ..Traits::default() };
    let thinks_never = Traits::default();
    let quirks = Quirks::default();
    for (effort, traits, told, left_out) in [
        (Effort::Low, None, Some("low"), false),
        (Effort::Max, Some(&thinks), Some("xhigh"), false),
        (Effort::None, None, Some("none"), false),
        (Effort::High, Some(&thinks_never), None, true),
        (Effort::None, Some(&thinks_never), None, false),
    ] {
        let reasoning = Some(Reasoning { effort: Some(effort), ..Reasoning::default() });
        let ask = Ask { reasoning, turns: vec![user("hi")], ..Ask::default() };

        let (body, names) = written(&ask, &Target { traits, ..target(&quirks) });

        assert_eq!(body.get("reasoning_effort").and_then(Value::as_str), told, "{effort:?}");
        assert_eq!(names.contains(&"reasoning_effort".to_owned()), left_out, "{effort:?}");
    }
}

#[test]
fn a_tools_result_with_an_image_goes_on_in_the_users_next_message() {
    let image = Part::Image {
        source: Source::Url("https://x".to_owned()),
        detail: None,
        cache_point: CachePoint::None,
    };
    let result = |id: &str, parts, is_error| {
        Part::ToolResult(ToolResult {
            call_id: id.to_owned(),
            parts,
            is_error,
            ..ToolResult::default()
        })
    };
    let ask = Ask {
        turns: vec![
            Turn::Assistant(vec![Part::ToolCall(call("a", "f")), Part::ToolCall(call("b", "f"))]),
            Turn::User(vec![
                said("go on"),
                result("a", vec![image.clone()], false),
                result("b", vec![said("no"), said("way")], true),
            ]),
        ],
        ..Ask::default()
    };

    let quirks = Quirks::default();
    let (body, _) = written(&ask, &target(&quirks));

    assert_eq!(
        body["messages"].as_array().expect("a list")[1..],
        [
            json!({"role": "tool", "tool_call_id": "a", "content": "The result follows in the next message."}),
            json!({"role": "tool", "tool_call_id": "b", "content": "Error: no\n\nway"}),
            json!({"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://x"}}, {"type": "text", "text": "go on"},
            ]}),
        ]
    );
}

#[test]
fn long_ids_are_shortened_alike_in_call_and_result() {
    let ids = ["x".repeat(41), format!("{}y", "x".repeat(40)), "é".repeat(21), "x".repeat(40)];
    let calls = ids.iter().map(|id| Part::ToolCall(call(id, "f"))).collect();
    let results = ids.iter().map(|id| {
        Part::ToolResult(ToolResult {
            call_id: id.clone(),
            parts: vec![said("r")],
            ..ToolResult::default()
        })
    });
    let ask = Ask {
        turns: vec![Turn::Assistant(calls), Turn::User(results.collect())],
        ..Ask::default()
    };

    let quirks = Quirks::default();
    let (body, _) = written(&ask, &target(&quirks));

    let mut seen = std::collections::HashSet::new();
    for (at, id) in ids.iter().enumerate() {
        let call_id = body["messages"][0]["tool_calls"][at]["id"].as_str().expect("an id");
        assert_eq!(body["messages"][at + 1]["tool_call_id"], call_id);
        assert!(call_id.len() <= 40 && seen.insert(call_id.to_owned()), "{call_id}");
        assert_eq!(call_id == id, id.len() <= 40);
    }
}

#[test]
fn json_without_a_schema_is_mentioned_where_nobody_did() {
    let quirks = Quirks::default();
    for (text, mentioned) in [("List them as Json.", true), ("List them.", false)] {
        let ask = Ask { format: Some(Format::Json), turns: vec![user(text)], ..Ask::default() };

        let (body, _) = written(&ask, &target(&quirks));

        assert_eq!(body["response_format"], json!({"type": "json_object"}));
        let first = &body["messages"][0];
        let line = json!({"role": "system", "content": "Answer with one JSON object."});
        assert_eq!(*first == line, !mentioned, "{text}");
    }
}

#[test]
fn limits_of_the_dialect_and_of_the_model_are_kept() {
    let quirks = Quirks::default();
    let ask = |ask: Ask| Ask { turns: vec![user("hi")], ..ask };
    let capped = Target { output_tokens_max: Some(50), ..target(&quirks) };
    let (body, _) =
        written(&ask(Ask { output_tokens_max: Some(64_000), ..Ask::default() }), &capped);
    assert_eq!(body["max_completion_tokens"], 50);
    let (body, _) = written(&ask(Ask::default()), &capped);
    assert_eq!(body.get("max_completion_tokens"), None);

    let silent = Target { include_usage: false, ..target(&quirks) };
    let (body, _) = written(&ask(Ask { stream: true, ..Ask::default() }), &silent);
    assert_eq!((&body["stream"], body.get("stream_options")), (&json!(true), None));

    let long = Ask { user: Some("u".repeat(65)), top_k: Some(5), ..Ask::default() };
    let (body, left_out) = written(&ask(long), &target(&quirks));
    assert_eq!(body.get("user"), None);
    assert_eq!(left_out, vec!["top_k", "user"]);

    let stops = Ask { stop: vec!["x".to_owned(); 5], ..Ask::default() };
    let invalid = write(&ask(stops), &target(&quirks), &mut Vec::new()).expect_err("too many");
    assert_eq!(invalid.param, Some("stop"));
}

#[test]
fn parts_this_dialect_has_no_word_for_are_refused() {
    let sound = |media_type: &str| Source::Base64 {
        media_type: media_type.to_owned(),
        data: "x".to_owned(),
    };
    let quirks = Quirks::default();
    for part in [
        Part::Audio(Source::Url("https://x".to_owned())),
        Part::Audio(sound("audio/ogg")),
        Part::Document {
            name: None,
            source: Source::Url("https://x".to_owned()),
            cache_point: CachePoint::None,
        },
        Part::Image {
            source: Source::File("f".to_owned()),
            detail: None,
            cache_point: CachePoint::None,
        },
        Part::Thought(Thought::default()),
    ] {
        let ask = Ask { turns: vec![Turn::User(vec![part.clone()])], ..Ask::default() };

        let invalid = write(&ask, &target(&quirks), &mut Vec::new()).expect_err("unsayable");

        assert_eq!(invalid.param, Some("messages"), "{part:?}");
    }
    let result = Part::ToolResult(ToolResult::default());
    for part in [Part::Audio(sound("audio/wav")), result] {
        let ask = Ask { turns: vec![Turn::Assistant(vec![part])], ..Ask::default() };

        assert!(write(&ask, &target(&quirks), &mut Vec::new()).is_err());
    }
}

#[test]
fn a_turn_of_nothing_is_not_sent() {
    let quirks = with(|quirks| quirks.reasoning_back = true);
    let sealed = Thought { sealed: Some("s".to_owned()), ..Thought::default() };
    let ask = Ask {
        turns: vec![
            user("hi"),
            Turn::Assistant(vec![]),
            Turn::Assistant(vec![Part::Thought(sealed)]),
            Turn::User(vec![]),
            Turn::System(vec![]),
        ],
        ..Ask::default()
    };

    let (body, _) = written(&ask, &target(&quirks));

    assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}]));
}

#[test]
fn a_schema_is_strict_only_where_openai_would_take_it_so() {
    let quirks = Quirks::default();
    let with = |schema: Value| Ask {
        turns: vec![user("a")],
        tools: vec![Tool {
            name: "f".to_owned(),
            parameters: Some(schema.clone()),
            strict: Some(true),
            ..Tool::default()
        }],
        format: Some(Format::Schema {
            name: "n".to_owned(),
            description: None,
            schema,
            strict: Some(true),
        }),
        ..Ask::default()
    };
    let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let strict = |body: &Value| {
        ["/tools/0/function/strict", "/response_format/json_schema/strict"]
            .map(|at| body.pointer(at).cloned().unwrap_or_default())
    };

    let (body, told) = written(&with(closed), &target(&quirks));
    assert_eq!((strict(&body), told), ([json!(true), json!(true)], vec![]));

    let (body, told) = written(&with(json!({"type": "object"})), &target(&quirks));
    assert_eq!(strict(&body), [json!(false), json!(false)]);
    assert_eq!(told, ["response_format.strict", "tools.strict"]);
    let parameters = body.pointer("/tools/0/function/parameters");
    assert_eq!(parameters, Some(&json!({"type": "object", "properties": {}})));
}

#[test]
fn geminis_proof_of_a_call_is_left_out_and_told() {
    let quirks = Quirks::default();
    let proven = ToolCall { signature: Some("s".to_owned()), ..call("c", "f") };
    let turns = vec![user("a"), Turn::Assistant(vec![Part::ToolCall(proven)])];

    let (body, told) = written(&Ask { turns, ..Ask::default() }, &target(&quirks));

    assert_eq!(body.pointer("/messages/1/tool_calls/0/extra_content"), None);
    assert_eq!(told, ["thought_signature"]);
}

#[test]
fn what_a_reasoning_model_does_not_take_is_left_out_or_refused() {
    let quirks = Quirks::default();
    let traits = Traits { no_sampling: true, no_stop: true, ..Traits::default() };
    let target = Target { traits: Some(&traits), ..target(&quirks) };
    let number = || Some(1.into());
    let ask = Ask {
        turns: vec![user("a")],
        temperature: number(),
        top_p: number(),
        presence_penalty: number(),
        frequency_penalty: number(),
        seed: Some(7),
        ..Ask::default()
    };

    let (body, told) = written(&ask, &target);

    let names = ["temperature", "top_p", "presence_penalty", "frequency_penalty"];
    assert_eq!(told, names);
    assert!(names.iter().all(|name| body.get(name).is_none()));
    assert_eq!(body["seed"], 7);
    let ask = Ask { stop: vec!["x".to_owned()], ..ask };
    let refused = write(&ask, &target, &mut Vec::new()).expect_err("no stops");
    assert_eq!(refused.param, Some("stop"));
}

#[test]
fn ids_are_short_where_the_provider_wants_them_so() {
    let quirks = with(|quirks| {
        quirks.short_call_ids = true;
        quirks.no_seed = true;
    });
    let calls = ["toolu_01A", "toolu_01B", "abcDEF123"].map(|id| Part::ToolCall(call(id, "f")));
    let result = ToolResult {
        call_id: "toolu_01A".to_owned(),
        parts: vec![said("d")],
        ..ToolResult::default()
    };
    let turns = vec![
        user("a"),
        Turn::Assistant(calls.to_vec()),
        Turn::User(vec![Part::ToolResult(result)]),
    ];

    let (body, told) = written(&Ask { turns, seed: Some(1), ..Ask::default() }, &target(&quirks));

    let [first, second, third] =
        [0, 1, 2].map(|at| body["messages"][1]["tool_calls"][at]["id"].as_str().expect("an id"));
    for id in [first, second] {
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }
    assert_ne!(first, second);
    assert_eq!(third, "abcDEF123");
    assert_eq!(body["messages"][2]["tool_call_id"], first);
    assert_eq!((body.get("seed"), told), (None, vec!["seed".to_owned()]));
}

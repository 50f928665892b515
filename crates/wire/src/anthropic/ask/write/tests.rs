//! Requests for a provider of this dialect, and the way back.

use model::catalogue::{Quirks, Thinking, Traits};
use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::super::read;
use super::write;
use crate::InvalidBody;
use crate::hub::{
    Ask, CachePoint, Effort, Format, ImageDetail, Part, Reasoning, Source, Target, Text, Thought,
    Tool, ToolCall, ToolChoice, ToolResult, Turn,
};

const ADAPTIVE: Traits = Traits {
    vision: true,
    tools: true,
    reasoning: true,
    json_schema: true,
    thinking: Some(Thinking::Adaptive),
    no_forced_tool: false,
    no_sampling: false,
    no_stop: false,
};
const ALWAYS: Traits = Traits { no_forced_tool: true, ..ADAPTIVE };
const BUDGET: Traits = Traits { json_schema: false, thinking: Some(Thinking::Budget), ..ADAPTIVE };

/// What a model with these traits is sent, and what it could not be told.
fn sent(ask: &Ask, traits: Option<Traits>) -> Result<(Value, Vec<String>), InvalidBody> {
    let quirks = Quirks::default();
    let target = Target {
        model: "claude",
        quirks: &quirks,
        traits: traits.as_ref(),
        output_tokens_max: None,
        include_usage: false,
    };
    let mut left_out = Vec::new();
    let body = write(ask, &target, &mut left_out)?;
    Ok((serde_json::from_slice(&body).expect("JSON"), left_out))
}

fn text(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), cache_point: CachePoint::None })
}

fn user(words: &str) -> Turn {
    Turn::User(vec![text(words)])
}

fn call(id: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{\"a\":1}".to_owned(),
        signature: None,
    })
}

fn result(id: &str, words: &str) -> Part {
    Part::ToolResult(ToolResult {
        call_id: id.to_owned(),
        parts: vec![text(words)],
        ..ToolResult::default()
    })
}

fn asking(turns: Vec<Turn>) -> Ask {
    Ask { turns, ..Ask::default() }
}

fn messages(turns: Vec<Turn>) -> Value {
    sent(&asking(turns), None).expect("a body").0["messages"].clone()
}

fn tool(name: &str) -> Tool {
    Tool { name: name.to_owned(), ..Tool::default() }
}

fn number(number: f64) -> Option<Number> {
    Number::from_f64(number)
}

fn effort(effort: Effort) -> Option<Reasoning> {
    Some(Reasoning { effort: Some(effort), budget_tokens: None, shown: true })
}

#[test]
fn the_plainest_request_has_an_output_limit() {
    let (body, left_out) = sent(&asking(vec![user("Hi")]), None).expect("a body");

    assert_eq!(
        body,
        json!({
            "model": "claude",
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        })
    );
    assert!(left_out.is_empty());
}

#[test]
fn the_limit_is_the_callers_or_the_models() {
    let quirks = Quirks::default();
    let target = Target {
        model: "claude",
        quirks: &quirks,
        traits: None,
        output_tokens_max: Some(64_000),
        include_usage: false,
    };
    for (asked, expected) in [(None, 64_000), (Some(7), 7)] {
        let ask = Ask { output_tokens_max: asked, ..asking(vec![user("Hi")]) };

        let body = write(&ask, &target, &mut Vec::new()).expect("a body");

        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["max_tokens"], expected);
    }
}

#[test]
fn all_results_of_a_turn_go_first_into_one_message() {
    let messages = messages(vec![
        user("a"),
        Turn::Assistant(vec![call("1"), call("2")]),
        Turn::User(vec![text("first"), result("1", "x")]),
        Turn::System(vec![Text { text: "be kind".into(), cache_point: CachePoint::Usual }]),
        Turn::User(vec![result("2", "y"), text("last")]),
    ]);

    let content = &messages[2]["content"];
    assert_eq!(messages.as_array().map(Vec::len), Some(3));
    assert_eq!(content[0]["tool_use_id"], "1");
    assert_eq!(content[1]["tool_use_id"], "2");
    assert_eq!(content[2]["text"], "first");
    assert_eq!(
        content[3],
        json!({
            "type": "text",
            "text": "<system>\nbe kind\n</system>",
            "cache_control": {"type": "ephemeral"},
        })
    );
    assert_eq!(content[4]["text"], "last");
}

#[test]
fn neighbours_of_a_role_become_one_and_the_first_is_the_users() {
    let messages =
        messages(vec![Turn::Assistant(vec![text("a")]), Turn::Assistant(vec![text("b")])]);

    assert_eq!(
        messages,
        json!([
            {"role": "user", "content": [{"type": "text", "text": "."}]},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ])
    );
}

#[test]
fn blank_texts_are_nowhere() {
    let ask = Ask {
        system: vec![Text::default(), Text { text: "\n".into(), cache_point: CachePoint::Usual }],
        ..asking(vec![
            user(""),
            Turn::Assistant(vec![text(""), call("1")]),
            Turn::User(vec![Part::ToolResult(ToolResult {
                call_id: "1".into(),
                parts: vec![text(" ")],
                ..ToolResult::default()
            })]),
        ])
    };

    let (body, _) = sent(&ask, None).expect("a body");

    assert_eq!(body.get("system"), None);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "."}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
        ])
    );
    assert_eq!(messages(vec![])[0]["role"], "user");
}

#[test]
fn ids_are_rewritten_the_same_way_in_call_and_result() {
    let odd = ["functions.f:0", "a b", "a_b", "", "call_a_20b", "é", "a-b"];

    let ids: Vec<(Value, Value)> = odd
        .iter()
        .map(|id| {
            let messages =
                messages(vec![Turn::Assistant(vec![call(id)]), Turn::User(vec![result(id, "x")])]);
            let id = |at: usize, name: &str| messages[at]["content"][0][name].clone();
            (id(1, "id"), id(2, "tool_use_id"))
        })
        .collect();

    for (called, answered) in &ids {
        let id = called.as_str().expect("a text");
        assert_eq!(called, answered);
        assert!(!id.is_empty());
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
    }
    assert_eq!(ids[2].0, "a_b");
    assert_eq!(ids[6].0, "a-b");
}

#[test]
fn thoughts_go_back_only_with_a_proof_that_may_be_the_providers() {
    let thought = |text: &str, signature: Option<&str>, sealed: Option<&str>| {
        Part::Thought(Thought {
            text: text.to_owned(),
            signature: signature.map(str::to_owned),
            sealed: sealed.map(str::to_owned),
        })
    };
    let ask = asking(vec![
        user("a"),
        Turn::Assistant(vec![
            thought("signed", Some("EqQB"), None),
            thought("", None, Some("EmwK")),
            thought("bare", None, None),
            thought("summed up", None, Some("x")),
            thought("", None, Some("gAAAAABx")),
            text("b"),
        ]),
    ]);

    let (body, left_out) = sent(&ask, None).expect("a body");

    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "signed", "signature": "EqQB"},
            {"type": "redacted_thinking", "data": "EmwK"},
            {"type": "text", "text": "b"},
        ])
    );
    assert_eq!(left_out, ["thoughts"]);
}

#[test]
fn images_and_documents() {
    let ask = asking(vec![Turn::User(vec![
        Part::Image {
            source: Source::Base64 { media_type: "image/png".into(), data: "AA==".into() },
            detail: Some(ImageDetail::High),
            cache_point: CachePoint::Usual,
        },
        Part::Image {
            source: Source::Url("https://a/b.png".into()),
            detail: Some(ImageDetail::Auto),
            cache_point: CachePoint::None,
        },
        Part::Document {
            name: Some("b.pdf".into()),
            source: Source::Base64 { media_type: "application/pdf".into(), data: "AA==".into() },
            cache_point: CachePoint::None,
        },
    ])]);

    let (body, left_out) = sent(&ask, None).expect("a body");

    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AA=="},
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
            {
                "type": "document",
                "title": "b.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            },
        ])
    );
    assert_eq!(left_out, ["detail"]);
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let wav = Source::Base64 { media_type: "audio/wav".into(), data: "AA==".into() };
    let word = Source::Base64 { media_type: "application/msword".into(), data: "AA==".into() };
    for turn in [
        Turn::User(vec![Part::Audio(wav.clone())]),
        Turn::User(vec![Part::Document {
            name: None,
            source: word,
            cache_point: CachePoint::None,
        }]),
        Turn::User(vec![Part::ToolResult(ToolResult {
            parts: vec![Part::Audio(wav.clone())],
            ..ToolResult::default()
        })]),
        Turn::User(vec![call("1")]),
        Turn::Assistant(vec![result("1", "x")]),
        Turn::Assistant(vec![Part::Image {
            source: wav,
            detail: None,
            cache_point: CachePoint::None,
        }]),
    ] {
        let invalid = sent(&asking(vec![turn]), None).expect_err("refused");

        assert_eq!(invalid.param, Some("messages"));
    }
}

#[test]
fn tools_have_a_schema_and_keep_strict_where_it_is_known() {
    let ask = Ask {
        tools: vec![
            tool("bare"),
            Tool {
                description: Some("d".into()),
                parameters: Some(json!({"properties": {"a": {"type": "string", "minLength": 1}}})),
                strict: Some(true),
                cache_point: CachePoint::Usual,
                ..tool("full")
            },
        ],
        ..asking(vec![user("a")])
    };

    let (body, left_out) = sent(&ask, Some(ADAPTIVE)).expect("a body");
    assert_eq!(
        body["tools"],
        json!([
            {"name": "bare", "input_schema": {"type": "object"}},
            {
                "name": "full",
                "description": "d",
                "input_schema": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {"a": {"type": "string", "description": "(minLength: 1)"}},
                },
                "strict": true,
                "cache_control": {"type": "ephemeral"},
            },
        ])
    );
    assert!(left_out.is_empty());

    let (body, left_out) = sent(&ask, Some(BUDGET)).expect("a body");
    assert_eq!(body["tools"][1].get("strict"), None);
    assert_eq!(body["tools"][1]["input_schema"]["properties"]["a"]["minLength"], 1);
    assert_eq!(left_out, ["tools.strict"]);
}

#[test]
fn names_no_tool_may_have_are_refused() {
    for name in ["", "a.b", "é", "json_tool_call", &"a".repeat(129)] {
        let ask = Ask { tools: vec![tool(name)], ..asking(vec![user("a")]) };

        assert_eq!(sent(&ask, None).expect_err("refused").param, Some("tools"), "{name}");
    }
}

#[test]
fn each_choice_of_tools_is_said() {
    for (choice, parallel, expected) in [
        (None, None, json!(null)),
        (None, Some(true), json!(null)),
        (None, Some(false), json!({"type": "auto", "disable_parallel_tool_use": true})),
        (Some(ToolChoice::Auto), None, json!({"type": "auto"})),
        (Some(ToolChoice::None), Some(false), json!({"type": "none"})),
        (
            Some(ToolChoice::Required),
            Some(false),
            json!({"type": "any", "disable_parallel_tool_use": true}),
        ),
        (Some(ToolChoice::Named("f".into())), None, json!({"type": "tool", "name": "f"})),
    ] {
        let ask = Ask {
            tools: vec![tool("f")],
            tool_choice: choice,
            parallel_tools: parallel,
            ..asking(vec![user("a")])
        };

        let (body, _) = sent(&ask, Some(ADAPTIVE)).expect("a body");

        assert_eq!(body.get("tool_choice").cloned().unwrap_or_default(), expected);
    }
}

#[test]
fn a_choice_without_tools_is_refused_where_it_means_something() {
    for (choice, allowed) in
        [(ToolChoice::Auto, true), (ToolChoice::None, true), (ToolChoice::Required, false)]
    {
        let ask = Ask { tool_choice: Some(choice), ..asking(vec![user("a")]) };

        let sent = sent(&ask, None);

        assert_eq!(sent.is_ok(), allowed);
        assert!(sent.is_err() || sent.expect("a body").0.get("tool_choice").is_none());
    }
}

#[test]
fn a_model_that_cannot_be_forced_is_not_asked_to_be() {
    let ask = Ask {
        tools: vec![tool("f")],
        tool_choice: Some(ToolChoice::Required),
        ..asking(vec![user("a")])
    };

    assert_eq!(sent(&ask, Some(ALWAYS)).expect_err("refused").param, Some("tool_choice"));
}

#[test]
fn calls_in_the_past_need_a_tool_in_the_present() {
    let ask = asking(vec![user("a"), Turn::Assistant(vec![call("1")])]);

    let (body, _) = sent(&ask, None).expect("a body");

    assert_eq!(body["tools"][0]["name"], "none");
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
}

#[test]
fn models_are_told_to_think_in_their_own_way() {
    let ask = |reasoning, output_tokens_max| Ask {
        reasoning,
        output_tokens_max: Some(output_tokens_max),
        ..asking(vec![user("a")])
    };
    let enabled = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    let budget =
        |tokens| Some(Reasoning { effort: None, budget_tokens: Some(tokens), shown: true });
    for (traits, reasoning, most, thinking, effort) in [
        (
            ADAPTIVE,
            effort(Effort::High),
            9,
            json!({"type": "adaptive", "display": "summarized"}),
            json!("high"),
        ),
        (
            ADAPTIVE,
            effort(Effort::Minimal),
            9,
            json!({"type": "adaptive", "display": "summarized"}),
            json!("low"),
        ),
        (
            ADAPTIVE,
            Some(Reasoning::default()),
            9,
            json!({"type": "adaptive", "display": "omitted"}),
            json!(null),
        ),
        (
            ADAPTIVE,
            budget(2048),
            9,
            json!({"type": "adaptive", "display": "summarized"}),
            json!("medium"),
        ),
        (ADAPTIVE, effort(Effort::None), 9, json!({"type": "disabled"}), json!(null)),
        (BUDGET, effort(Effort::None), 9, json!(null), json!(null)),
        (BUDGET, effort(Effort::High), 9_000, enabled(4096), json!(null)),
        (BUDGET, budget(7_000), 9_000, enabled(7000), json!(null)),
        (BUDGET, budget(7), 9_000, enabled(1024), json!(null)),
        (BUDGET, effort(Effort::Max), 4096, enabled(2048), json!(null)),
        (BUDGET, Some(Reasoning::default()), 9_000, enabled(2048), json!(null)),
    ] {
        let (body, left_out) = sent(&ask(reasoning, most), Some(traits)).expect("a body");

        let member = |value: Option<&Value>| value.cloned().unwrap_or_default();
        assert_eq!(member(body.get("thinking")), thinking, "{reasoning:?}");
        let config = body.get("output_config");
        assert_eq!(member(config.and_then(|config| config.get("effort"))), effort, "{reasoning:?}");
        assert!(left_out.is_empty(), "{left_out:?}");
    }
}

#[test]
fn thinking_that_cannot_be_had_is_told() {
    let plain = asking(vec![user("a")]);
    let called = asking(vec![user("a"), Turn::Assistant(vec![call("1")])]);
    let forced =
        Ask { tools: vec![tool("f")], tool_choice: Some(ToolChoice::Required), ..plain.clone() };
    let small = Ask { output_tokens_max: Some(1500), ..plain.clone() };
    for (ask, traits, asked) in [
        (&plain, None, Effort::High),
        (&plain, Some(Traits::default()), Effort::High),
        (&plain, Some(ALWAYS), Effort::None),
        (&small, Some(BUDGET), Effort::High),
        (&called, Some(BUDGET), Effort::High),
        (&forced, Some(ADAPTIVE), Effort::High),
    ] {
        let ask = Ask { reasoning: effort(asked), ..ask.clone() };

        let (body, left_out) = sent(&ask, traits).expect("a body");

        assert_eq!(body.get("thinking"), None);
        assert_eq!(left_out, ["reasoning"]);
    }
}

#[test]
fn a_conversation_with_proven_thoughts_goes_on_thinking() {
    let signed = Thought { text: "t".into(), signature: Some("EqQB".into()), sealed: None };
    let ask = Ask {
        reasoning: effort(Effort::High),
        output_tokens_max: Some(9_000),
        ..asking(vec![user("a"), Turn::Assistant(vec![Part::Thought(signed), call("1")])])
    };

    let (body, _) = sent(&ask, Some(BUDGET)).expect("a body");

    assert_eq!(body["thinking"]["type"], "enabled");
}

#[test]
fn sampling_is_what_the_models_take() {
    let warm = Ask { temperature: number(1.5), top_k: Some(5), ..asking(vec![user("a")]) };
    let (body, left_out) = sent(&warm, Some(BUDGET)).expect("a body");
    assert_eq!((&body["temperature"], &body["top_k"]), (&json!(1), &json!(5)));
    assert_eq!(left_out, ["temperature"]);

    let both = Ask { temperature: number(0.5), top_p: number(0.99), ..asking(vec![user("a")]) };
    let (body, left_out) = sent(&both, None).expect("a body");
    assert_eq!(body["temperature"], 0.5);
    assert_eq!(body.get("top_p"), None);
    assert_eq!(left_out, ["top_p"]);

    let thinking = Ask { reasoning: effort(Effort::Low), top_k: Some(5), ..both };
    let (body, left_out) = sent(&thinking, Some(ADAPTIVE)).expect("a body");
    assert_eq!(body.get("temperature"), None);
    assert_eq!(body["top_p"], 0.99);
    assert_eq!(left_out, ["temperature", "top_k"]);

    let narrow = Ask { top_p: number(0.5), ..asking(vec![user("a")]) };
    let (body, left_out) = sent(&narrow, Some(ALWAYS)).expect("a body");
    assert_eq!(body.get("top_p"), None);
    assert_eq!(left_out, ["top_p"]);
}

#[test]
fn what_this_dialect_has_no_word_for_is_told() {
    let ask = Ask {
        presence_penalty: number(0.1),
        frequency_penalty: number(0.1),
        seed: Some(1),
        service_tier: Some("flex".into()),
        stop: vec!["a".into(), "\n".into()],
        stream: true,
        ..asking(vec![user("a")])
    };

    let (body, left_out) = sent(&ask, None).expect("a body");

    assert_eq!(body["stop_sequences"], json!(["a"]));
    assert_eq!(body["stream"], true);
    assert_eq!(left_out, ["stop", "service_tier", "frequency_penalty", "presence_penalty", "seed"]);
}

#[test]
fn nobodys_address_is_passed_on() {
    for (user, passes) in [
        ("u-1", true),
        ("12345678", true),
        ("user@host", true),
        ("550e8400-e29b-41d4-a716-446655440000", true),
        ("ann@example.com", false),
        ("+49 170 1234567", false),
        ("(555) 123-4567", false),
        (&"x".repeat(257), false),
    ] {
        let ask = Ask { user: Some(user.to_owned()), ..asking(vec![super::tests::user("a")]) };

        let (body, left_out) = sent(&ask, None).expect("a body");

        assert_eq!(body.get("metadata").is_some(), passes, "{user}");
        assert_eq!(left_out.is_empty(), passes, "{user}");
    }
}

#[test]
fn a_schema_is_the_models_own_format_where_it_has_one() {
    let ask = Ask {
        format: Some(Format::Schema {
            name: "n".into(),
            description: Some("d".into()),
            schema: json!({"type": "object", "properties": {}}),
            strict: None,
        }),
        ..asking(vec![user("a")])
    };

    for traits in [ADAPTIVE, ALWAYS] {
        let (body, _) = sent(&ask, Some(traits)).expect("a body");

        assert_eq!(
            body["output_config"]["format"],
            json!({"type": "json_schema", "schema": {
                "type": "object", "properties": {}, "additionalProperties": false, "description": "d",
            }})
        );
        assert_eq!(body.get("tools"), None);
    }
}

#[test]
fn elsewhere_a_format_is_a_tool_that_must_be_called() {
    let schema = Format::Schema {
        name: "n".into(),
        description: None,
        schema: json!({"type": "object", "properties": {"a": {"minimum": 1}}}),
        strict: None,
    };
    let named =
        json!({"type": "tool", "name": "json_tool_call", "disable_parallel_tool_use": true});
    let any = json!({"type": "any", "disable_parallel_tool_use": true});
    let own = json!({"type": "any"});
    for (format, tools, choice, expected, last) in [
        (Format::Json, vec![], None, &named, "json_tool_call"),
        (schema.clone(), vec![], None, &named, "json_tool_call"),
        (schema.clone(), vec![tool("f")], None, &any, "json_tool_call"),
        (schema.clone(), vec![tool("f")], Some(ToolChoice::None), &named, "json_tool_call"),
        (schema.clone(), vec![tool("f")], Some(ToolChoice::Required), &own, "f"),
    ] {
        let ask =
            Ask { format: Some(format), tools, tool_choice: choice, ..asking(vec![user("a")]) };

        let (body, _) = sent(&ask, Some(BUDGET)).expect("a body");

        assert_eq!(&body["tool_choice"], expected);
        let tools = body["tools"].as_array().expect("tools");
        assert_eq!(tools.last().expect("a tool")["name"], last);
    }
    let typeless = Format::Schema {
        name: "n".into(),
        description: None,
        schema: json!({"properties": {}}),
        strict: None,
    };
    let ask = Ask { format: Some(typeless), ..asking(vec![user("a")]) };
    let (body, _) = sent(&ask, Some(BUDGET)).expect("a body");
    assert_eq!(body["tools"][0]["input_schema"]["type"], "object");
    let ask = Ask { format: Some(Format::Json), ..asking(vec![user("a")]) };
    assert_eq!(sent(&ask, Some(ALWAYS)).expect_err("refused").param, Some("response_format"));
}

#[test]
fn a_model_that_takes_no_sampling_is_told_none() {
    let ask = Ask {
        temperature: Some(Number::from(1)),
        top_p: Number::from_f64(0.99),
        top_k: Some(5),
        ..asking(vec![user("a")])
    };

    let (body, told) = sent(&ask, Some(Traits { no_sampling: true, ..ADAPTIVE })).expect("a body");

    for name in ["temperature", "top_p", "top_k"] {
        assert_eq!(body.get(name), None);
    }
    assert_eq!(told, ["temperature", "top_p", "top_k"]);
}

#[test]
fn the_output_limit_is_one_the_model_has() {
    let quirks = Quirks::default();
    for (asked, possible, expected) in [
        (None, None, 4_096),
        (None, Some(9_000), 9_000),
        (Some(100), Some(9_000), 100),
        (Some(10_000), Some(9_000), 9_000),
        (Some(10_000), None, 10_000),
    ] {
        let target = Target {
            model: "claude",
            quirks: &quirks,
            traits: None,
            output_tokens_max: possible,
            include_usage: false,
        };
        let ask = Ask { output_tokens_max: asked, ..asking(vec![user("a")]) };

        let body = write(&ask, &target, &mut Vec::new()).expect("a body");

        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["max_tokens"], expected);
    }
}

fn any_point() -> impl Strategy<Value = CachePoint> + Clone {
    prop::sample::select(vec![CachePoint::None, CachePoint::Usual, CachePoint::Hour])
}

/// A request in all that this dialect can say, as it reads back.
fn any_ask() -> impl Strategy<Value = Ask> {
    let words = "[a-z]{1,8}";
    let texts =
        move || (words, any_point()).prop_map(|(text, cache_point)| Text { text, cache_point });
    let image = (words, any_point()).prop_map(|(url, cache_point)| Part::Image {
        source: Source::Url(url),
        detail: None,
        cache_point,
    });
    let document =
        (words, prop::option::of(words), any_point()).prop_map(|(data, name, cache_point)| {
            Part::Document {
                name,
                source: Source::Base64 { media_type: "application/pdf".into(), data },
                cache_point,
            }
        });
    let shown = prop_oneof![texts().prop_map(Part::Text), image, document];
    let results = (words, prop::collection::vec(shown.clone(), 0..3), any::<bool>(), any_point())
        .prop_map(|(call_id, parts, is_error, cache_point)| {
            Part::ToolResult(ToolResult { call_id, name: None, parts, is_error, cache_point })
        });
    let thought = prop_oneof![
        (words, words).prop_map(|(text, signature)| Thought {
            text,
            signature: Some(signature),
            sealed: None,
        }),
        words.prop_map(|data| Thought { sealed: Some(data), ..Thought::default() }),
    ];
    let call = (words, words, 0..9_u8).prop_map(|(id, name, number)| {
        let arguments = format!("{{\"a\":{number}}}");
        Part::ToolCall(ToolCall { id, name, arguments, signature: None })
    });
    let said = prop_oneof![texts().prop_map(Part::Text), thought.prop_map(Part::Thought), call];
    let asked = (prop::collection::vec(results, 0..3), prop::collection::vec(shown, 1..3))
        .prop_map(|(results, shown)| Turn::User([results, shown].concat()));
    let answered = prop::collection::vec(said, 1..4).prop_map(Turn::Assistant);
    let turns = (prop::collection::vec((asked.clone(), answered), 0..3), asked).prop_map(
        |(pairs, last)| {
            let pairs = pairs.into_iter().flat_map(|(asked, answered)| [asked, answered]);
            pairs.chain([last]).collect::<Vec<_>>()
        },
    );
    let tools = prop::collection::vec((words, prop::option::of(words), any_point()), 1..4)
        .prop_map(|tools| {
            let tools = tools.into_iter().map(|(name, description, cache_point)| Tool {
                name,
                description,
                parameters: Some(json!({"type": "object"})),
                strict: None,
                cache_point,
            });
            tools.collect::<Vec<_>>()
        });
    let choice = prop::sample::select(vec![None, Some(ToolChoice::Auto), Some(ToolChoice::None)]);
    let effort = prop::sample::select(vec![
        None,
        Some(Effort::None),
        Some(Effort::Low),
        Some(Effort::Medium),
        Some(Effort::High),
        Some(Effort::Xhigh),
        Some(Effort::Max),
    ]);
    let rest =
        (prop::option::of(words), prop::collection::vec(words, 0..3), any::<bool>(), 1..9_u64);
    (prop::collection::vec(texts(), 0..3), turns, tools, choice, effort, rest).prop_map(
        |(system, turns, tools, tool_choice, effort, (user, stop, stream, most))| Ask {
            model: "claude".into(),
            system,
            turns,
            tools,
            tool_choice,
            reasoning: effort.map(|effort| Reasoning {
                effort: Some(effort),
                budget_tokens: None,
                shown: effort != Effort::None,
            }),
            output_tokens_max: Some(most),
            user,
            stop,
            stream,
            ..Ask::default()
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_it_was(ask in any_ask()) {
        let (body, left_out) = sent(&ask, Some(ADAPTIVE)).expect("a body");

        prop_assert_eq!(left_out, Vec::<String>::new());
        prop_assert_eq!(read(body.to_string().as_bytes()), Ok(ask));
    }
}

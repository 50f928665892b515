//! Requests as callers write them, and what a provider is sent.

use model::catalogue::{Quirks, Traits};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, write};
use crate::InvalidBody;
use crate::hub::{
    Ask, CachePoint, Echo, Effort, Format, ImageDetail, Part, Reasoning, Reply, Source, Target,
    Text, Thought, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use crate::openai::responses::tests as golden;

fn parse(body: &Value) -> Result<Ask, InvalidBody> {
    read(body.to_string().as_bytes())
}

fn sent(ask: &Ask, traits: Option<&Traits>) -> Result<(Value, Vec<String>), InvalidBody> {
    let quirks = Quirks::default();
    let target = Target {
        model: "gpt",
        quirks: &quirks,
        traits,
        output_tokens_max: None,
        include_usage: true,
    };
    let mut left_out = Vec::new();
    let body = write(ask, &target, &mut left_out)?;
    Ok((serde_json::from_slice(&body).expect("JSON"), left_out))
}

fn text(text: &str) -> Text {
    Text { text: text.to_owned(), cache_point: CachePoint::None }
}

#[test]
fn each_request_is_sent_as_its_golden_file_says() {
    for name in golden::names("ask_") {
        let ask = read(&golden::bytes(&format!("{name}.in.json"))).expect(&name);

        let (body, left_out) = sent(&ask, None).expect(&name);

        let told = [ask.left_out, left_out].concat();
        let expected = golden::json(&format!("{name}.out.json"));
        assert_eq!(json!({"sent": body, "left_out": told}), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_had_is_refused_by_its_name() {
    let part = |part: Value| json!([{"role": "user", "content": [part]}]);
    for (name, value, param, words) in [
        ("previous_response_id", json!("resp_1"), "previous_response_id", "whole conversation"),
        ("conversation", json!({"id": "c"}), "conversation", "whole conversation"),
        ("background", json!(true), "background", "leave it out"),
        ("top_logprobs", json!(2), "top_logprobs", "leave it out"),
        ("include", json!(["message.output_text.logprobs"]), "include", "logprobs"),
        ("tools", json!([{"type": "mcp", "server_label": "x"}]), "tools", "`tools[0]`"),
        ("tools", json!([{"type": "function"}]), "tools", "`tools[0].name` must be a string"),
        ("tool_choice", json!("required"), "tool_choice", "not in `tools`"),
        ("tool_choice", json!({"type": "custom", "name": "x"}), "tool_choice", "must be"),
        ("reasoning", json!({"effort": "huge"}), "reasoning", "one of none, minimal"),
        ("text", json!({"format": {"type": "xml"}}), "text", "`text.format.type`"),
        ("temperature", json!("hot"), "temperature", "a number"),
        ("max_output_tokens", json!(-1), "max_output_tokens", "a whole number"),
        ("input", json!(null), "input", "a string or a list of items"),
        ("input", json!([{"type": "item_reference", "id": "x"}]), "input", "`input[0]`"),
        ("input", json!([{"type": "compaction"}]), "input", "`input[0]`"),
        ("input", json!([{"role": "tool", "content": "x"}]), "input", "`input[0].role`"),
        (
            "input",
            json!([{"role": "system", "content": [{"type": "refusal", "refusal": "x"}]}]),
            "input",
            "`input[0].content`",
        ),
        ("input", part(json!({"type": "input_audio"})), "input", "`input[0].content[0]`"),
        ("input", part(json!({"type": "input_image"})), "input", "`input[0].content[0].image_url`"),
        ("input", part(json!({"type": "input_file", "file_data": "AA=="})), "input", "data URL"),
        (
            "input",
            part(json!({"type": "input_text", "text": "a", "colour": 1})),
            "input",
            "\"colour\"",
        ),
    ] {
        let mut body = json!({"model": "m", "input": "Hi"});
        body[name] = value;

        let invalid = parse(&body).expect_err(name);

        assert_eq!(invalid.param, Some(param), "{invalid}");
        assert!(invalid.message.contains(words), "{invalid}");
    }
}

#[test]
fn a_stranger_is_named_unless_it_may_be_a_key() {
    let named = parse(&json!({"input": "Hi", "n": 2})).expect_err("unknown");
    let pasted = parse(&json!({"input": "Hi", "sk-Abc123": 2})).expect_err("unknown");

    assert!(named.message.starts_with("the body has a field \"n\" that cannot be had"), "{named}");
    assert_eq!(pasted.message, "the body has a field that is not known here");
}

#[test]
fn geminis_proof_of_a_call_comes_back_with_it() {
    let call = ToolCall {
        id: "a.b".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        signature: Some("c2ln+/=".to_owned()),
    };
    let parts = vec![Part::ToolCall(call.clone())];
    let reply = Reply { parts: parts.clone(), ..Reply::default() };
    let asked = Ask::default();
    let echo = Echo { ask: &asked, request_id: "req_1", now: 0 };
    let answer = crate::openai::responses::reply::write(&reply, &echo);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");

    let ask = parse(&json!({"input": answer["output"]})).expect("valid");

    assert_eq!(ask.turns, [Turn::Assistant(parts)]);
    assert_eq!(ask.left_out, Vec::<String>::new());
}

#[test]
fn proofs_of_thoughts_come_back_to_whoever_gave_them() {
    let item =
        |content: &str| json!({"type": "reasoning", "summary": [], "encrypted_content": content});
    let body = json!({"input": [item("ks1.sig"), item("ks2.data"), item("gAAAA"), {"role": "user", "content": "Hi"}]});

    let ask = parse(&body).expect("valid");

    let signed = Thought { signature: Some("sig".to_owned()), ..Thought::default() };
    let sealed = Thought { sealed: Some("data".to_owned()), ..Thought::default() };
    let expected = Turn::Assistant(vec![Part::Thought(signed), Part::Thought(sealed)]);
    assert_eq!(ask.turns.first(), Some(&expected));
    assert_eq!(ask.left_out, ["input.encrypted_content"]);
}

#[test]
fn consecutive_calls_are_one_turn_and_their_results_another() {
    let ask = read(&golden::bytes("ask_tool_results.in.json")).expect("valid");

    let kinds: Vec<(&str, usize)> = ask
        .turns
        .iter()
        .map(|turn| match turn {
            Turn::Assistant(parts) => ("assistant", parts.len()),
            Turn::System(texts) => ("system", texts.len()),
            Turn::User(parts) => ("user", parts.len()),
        })
        .collect();
    assert_eq!(kinds, [("user", 1), ("assistant", 4), ("user", 2), ("user", 1)]);
    let Some(Turn::User(results)) = ask.turns.get(2) else { panic!("no results") };
    let names = results.iter().map(|part| match part {
        Part::ToolResult(result) => result.name.as_deref(),
        _ => None,
    });
    assert_eq!(names.collect::<Vec<_>>(), [Some("weather"), Some("now")]);
}

#[test]
fn what_a_provider_of_this_dialect_cannot_do_is_refused_or_told() {
    let user = vec![Turn::User(vec![Part::Text(text("Hi"))])];
    let ask = Ask {
        turns: user.clone(),
        top_k: Some(3),
        seed: Some(1),
        user: Some("u".repeat(65)),
        ..Ask::default()
    };
    let stopping = Ask { stop: vec!["END".to_owned()], ..ask.clone() };
    let sounding = Ask {
        turns: vec![Turn::User(vec![Part::Audio(Source::File("f".to_owned()))])],
        ..ask.clone()
    };
    let forcing = Ask {
        tools: vec![Tool { name: "t".to_owned(), ..Tool::default() }],
        tool_choice: Some(ToolChoice::Required),
        ..ask.clone()
    };
    let unforceable = Traits { no_forced_tool: true, ..Traits::default() };

    let (body, left_out) = sent(&ask, None).expect("valid");

    assert_eq!(left_out, ["top_k", "seed", "user"]);
    assert_eq!(body.get("user"), None);
    assert_eq!(sent(&stopping, None).expect_err("stop").param, Some("stop"));
    assert_eq!(sent(&sounding, None).expect_err("sound").param, Some("messages"));
    assert!(sent(&forcing, None).is_ok());
    let refused = sent(&forcing, Some(&unforceable)).expect_err("forced");
    assert_eq!(refused.param, Some("tool_choice"));
}

#[test]
fn who_asks_for_json_speaks_of_it_where_it_counts() {
    let ask = |words: &str| Ask {
        system: vec![text("Answer in JSON.")],
        turns: vec![Turn::User(vec![Part::Text(text(words))])],
        format: Some(Format::Json),
        ..Ask::default()
    };

    let (body, _) = sent(&ask("Hi"), None).expect("sayable");
    let first = &body["input"][0];
    assert_eq!(first["role"], "developer");
    assert_eq!(first["content"][0]["text"], "Answer with one JSON object.");

    let (body, _) = sent(&ask("Hi, in json"), None).expect("sayable");
    assert_eq!(body["input"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_model_that_takes_no_sampling_is_told_none() {
    let temperature = Some(1.into());
    let ask = Ask { temperature: temperature.clone(), top_p: temperature, ..Ask::default() };
    let traits = Traits { no_sampling: true, ..Traits::default() };

    let (body, told) = sent(&ask, Some(&traits)).expect("sayable");

    assert_eq!((body.get("temperature"), body.get("top_p")), (None, None));
    assert_eq!(told, ["temperature", "top_p"]);
}

#[test]
fn the_output_limit_is_one_the_model_has() {
    let quirks = Quirks::default();
    for (asked, possible, expected) in
        [(1, None, 16), (100, None, 100), (100, Some(50), 50), (100, Some(500), 100)]
    {
        let target = Target {
            model: "gpt",
            quirks: &quirks,
            traits: None,
            output_tokens_max: possible,
            include_usage: true,
        };
        let ask = Ask { output_tokens_max: Some(asked), ..Ask::default() };

        let body = write(&ask, &target, &mut Vec::new()).expect("sayable");

        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["max_output_tokens"], expected);
    }
}

#[test]
fn strictness_that_would_be_refused_is_left_out() {
    let tool = Tool {
        name: "f".to_owned(),
        parameters: Some(json!({})),
        strict: Some(true),
        ..Tool::default()
    };
    let format = Format::Schema {
        name: "n".to_owned(),
        description: None,
        schema: json!({"type": "object"}),
        strict: Some(true),
    };
    let ask = Ask { tools: vec![tool], format: Some(format), ..Ask::default() };

    let (body, told) = sent(&ask, None).expect("sayable");

    assert_eq!(body["tools"][0]["strict"], false);
    assert_eq!(body["tools"][0]["parameters"], json!({"type": "object", "properties": {}}));
    assert_eq!(body["text"]["format"]["strict"], false);
    assert_eq!(told, ["tools.strict", "text.format.strict"]);
}

#[test]
fn efforts_are_told_in_words_and_proofs_are_asked_for() {
    let asked = |reasoning| {
        let ask = Ask { reasoning: Some(reasoning), ..Ask::default() };
        let (body, _) = sent(&ask, None).expect("valid");
        (body["reasoning"].clone(), body["include"].clone())
    };
    let proofs = json!(["reasoning.encrypted_content"]);
    let budget = Reasoning { budget_tokens: Some(31_999), shown: true, effort: None };
    let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };

    assert_eq!(asked(budget), (json!({"effort": "high", "summary": "auto"}), proofs.clone()));
    assert_eq!(asked(effort(Effort::Max)), (json!({"effort": "xhigh"}), proofs));
    assert_eq!(asked(effort(Effort::None)), (json!({"effort": "none"}), Value::Null));
}

#[test]
fn a_failed_tool_says_so_in_its_output() {
    let result = |parts| {
        Part::ToolResult(ToolResult {
            call_id: "c".to_owned(),
            parts,
            is_error: true,
            ..ToolResult::default()
        })
    };
    let url = Source::Url("https://example.com/a.png".to_owned());
    let image = Part::Image { source: url, detail: None, cache_point: CachePoint::None };
    let parts =
        vec![result(vec![Part::Text(text("no such file"))]), result(vec![]), result(vec![image])];
    let ask = Ask { turns: vec![Turn::User(parts)], ..Ask::default() };

    let (body, _) = sent(&ask, None).expect("valid");

    assert_eq!(body["input"][0]["output"], "Error: no such file");
    assert_eq!(body["input"][1]["output"], "Error: ");
    assert_eq!(body["input"][2]["output"][0]["text"], "Error: ");
    assert_eq!(body["input"][2]["output"][1]["type"], "input_image");
}

fn words() -> impl Strategy<Value = String> {
    "[a-zé\\\\\"\n ]{1,12}"
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        "[A-Za-z0-9+/]{0,8}"
            .prop_map(|data| Source::Base64 { media_type: "image/png".to_owned(), data }),
        "file-[a-z]{1,4}".prop_map(Source::File),
        "https://[a-z]{1,4}".prop_map(Source::Url),
    ]
}

fn content() -> impl Strategy<Value = Part> {
    let detail = prop::sample::select(vec![ImageDetail::Auto, ImageDetail::High, ImageDetail::Low]);
    prop_oneof![
        words().prop_map(|words| Part::Text(text(&words))),
        (source(), detail).prop_map(|(source, detail)| Part::Image {
            source,
            detail: Some(detail),
            cache_point: CachePoint::None
        }),
    ]
}

/// A question, an answer with calls, and their results.
fn round() -> impl Strategy<Value = Vec<Turn>> {
    let said = prop_oneof![
        words().prop_map(|words| Part::Text(text(&words))),
        words().prop_map(Part::Refusal)
    ];
    let outputs = prop::collection::vec(prop::collection::vec(content(), 2..4), 1..3);
    (prop::collection::vec(content(), 1..3), prop::collection::vec(said, 1..3), outputs).prop_map(
        |(asked, mut answered, outputs)| {
            let mut results = Vec::new();
            for (at, parts) in outputs.into_iter().enumerate() {
                let (id, name) = (format!("call_{at}"), "weather".to_owned());
                results.push(Part::ToolResult(ToolResult {
                    call_id: id.clone(),
                    name: Some(name.clone()),
                    parts,
                    ..ToolResult::default()
                }));
                let arguments = "{\"a\": 1}".to_owned();
                answered.push(Part::ToolCall(ToolCall { id, name, arguments, signature: None }));
            }
            vec![Turn::User(asked), Turn::Assistant(answered), Turn::User(results)]
        },
    )
}

prop_compose! {
    /// All that this dialect can say.
    fn sayable()(
        system in prop::collection::vec(words(), 0..3),
        rounds in prop::collection::vec(round(), 1..3),
        later in prop::option::of(words()),
        parallel_tools in any::<Option<bool>>(),
        choice in prop::sample::select(vec![None, Some(ToolChoice::Auto), Some(ToolChoice::None),
            Some(ToolChoice::Required), Some(ToolChoice::Named("weather".to_owned()))]),
        format in prop::sample::select(vec![None, Some(Format::Schema {
            name: "n".to_owned(), description: Some("d".to_owned()),
            schema: json!({"type": "object", "additionalProperties": false}), strict: Some(true) })]),
        effort in prop::sample::select(vec![None, Some(Effort::None), Some(Effort::Low), Some(Effort::Xhigh)]),
        shown in any::<bool>(),
        (output_tokens_max, temperature) in any::<(Option<u64>, Option<u8>)>(),
        user in prop::option::of("[a-z]{1,64}"),
        stream in any::<bool>(),
    ) -> Ask {
        let mut turns = rounds.concat();
        turns.extend(later.map(|later| Turn::System(vec![text(&later)])));
        let reasoning = Reasoning { effort, shown, budget_tokens: None };
        let tool = Tool {
            name: "weather".to_owned(),
            description: Some("The weather".to_owned()),
            parameters: Some(json!({
                "type": "object", "properties": {"a": {"type": "integer"}},
                "required": ["a"], "additionalProperties": false,
            })),
            strict: Some(true),
            cache_point: CachePoint::None,
        };
        Ask {
            model: "gpt".to_owned(),
            system: system.iter().map(|words| text(words)).collect(),
            turns,
            tools: vec![tool],
            tool_choice: choice,
            parallel_tools,
            format,
            reasoning: (reasoning != Reasoning::default()).then_some(reasoning),
            output_tokens_max: output_tokens_max.map(|tokens| tokens.max(16)),
            temperature: temperature.map(Into::into),
            top_p: serde_json::Number::from_f64(0.5),
            user,
            service_tier: Some("flex".to_owned()),
            stream,
            ..Ask::default()
        }
    }
}

proptest! {
    #[test]
    fn what_can_be_said_is_understood_as_it_was_meant(ask in sayable()) {
        let (body, left_out) = sent(&ask, None).expect("sayable");

        prop_assert_eq!(parse(&body), Ok(ask));
        prop_assert_eq!(left_out, Vec::<String>::new());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = read(&bytes);
    }

    #[test]
    fn no_damage_to_a_request_makes_it_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut body = golden::bytes("ask_codex.in.json");
        let at = at.index(body.len());
        body[at] = byte;

        if let Ok(ask) = read(&body) {
            let _either = sent(&ask, None);
        }
    }
}

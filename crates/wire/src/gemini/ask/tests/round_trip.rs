//! What Google can say comes back as it was said; what nobody said does no harm.

use proptest::prelude::*;
use serde_json::json;

use super::written;
use crate::gemini::ask::read;
use crate::hub::{
    Ask, CachePoint, Effort, Format, Part, Reasoning, Source, Text, Thought, Tool, ToolCall,
    ToolChoice, ToolResult, Turn,
};

fn words() -> impl Strategy<Value = String> {
    "[ -~é€\\n]{1,12}"
}

fn text() -> impl Strategy<Value = Part> {
    words().prop_map(|text| Part::Text(Text { text, cache_point: CachePoint::None }))
}

fn file() -> impl Strategy<Value = Part> {
    let uri = "https://example\\.com/[a-z]{1,4}\\.";
    let source = |media_type: &'static str, ending: &'static str| {
        let bytes = "[A-Za-z0-9]{4}"
            .prop_map(move |data| Source::Base64 { media_type: media_type.to_owned(), data });
        prop_oneof![bytes, uri.prop_map(move |uri| Source::Url(uri + ending))]
    };
    prop_oneof![
        source("audio/wav", "wav").prop_map(Part::Audio),
        source("application/pdf", "pdf").prop_map(|source| Part::Document {
            name: None,
            source,
            cache_point: CachePoint::None
        }),
        source("image/png", "png").prop_map(|source| Part::Image {
            source,
            detail: None,
            cache_point: CachePoint::None
        }),
    ]
}

fn calls() -> impl Strategy<Value = Vec<ToolCall>> {
    let call = ("[a-z]{1,8}", 0..9, proptest::option::of("[A-Z]{4}"));
    proptest::collection::vec(call, 0..3).prop_map(|calls| {
        let numbered = calls.into_iter().enumerate();
        numbered
            .map(|(at, (name, number, signature))| ToolCall {
                id: format!("t{at}"),
                name,
                arguments: json!({"n": number, "s": "x"}).to_string(),
                signature,
            })
            .collect()
    })
}

/// A question, what the model thought, said and called, what came of it, and more words.
fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let question = proptest::collection::vec(prop_oneof![text(), file()], 1..4);
    let thought = proptest::option::of(words());
    let result = (words(), any::<bool>());
    (question, thought, text(), calls(), result, text()).prop_map(
        |(question, thought, said, calls, (outcome, is_error), more)| {
            let thought = thought.map(|text| Part::Thought(Thought { text, ..Thought::default() }));
            let results = calls.iter().map(|call| {
                Part::ToolResult(ToolResult {
                    call_id: call.id.clone(),
                    name: Some(call.name.clone()),
                    parts: vec![Part::Text(Text {
                        text: outcome.clone(),
                        cache_point: CachePoint::None,
                    })],
                    is_error,
                    cache_point: CachePoint::None,
                })
            });
            let answer: Vec<Part> = results.chain([more]).collect();
            let spoken = thought.into_iter().chain([said]);
            let spoken = spoken.chain(calls.into_iter().map(Part::ToolCall)).collect();
            vec![Turn::User(question), Turn::Assistant(spoken), Turn::User(answer)]
        },
    )
}

fn tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>)> {
    let tool = ("[a-z]{1,8}", proptest::option::of(words()), any::<bool>());
    let tool = tool.prop_map(|(name, description, takes_any)| Tool {
        name,
        description,
        parameters: takes_any
            .then(|| json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})),
        ..Tool::default()
    });
    let choice = prop_oneof![
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::None)),
        Just(Some(ToolChoice::Required)),
        "[a-z]{1,8}".prop_map(|name| Some(ToolChoice::Named(name))),
    ];
    (proptest::collection::vec(tool, 1..3), choice)
}

fn format() -> impl Strategy<Value = Option<Format>> {
    let schema = Format::Schema {
        name: "response".to_owned(),
        description: None,
        schema: json!({"type": "array", "items": {"enum": [1, null]}}),
        strict: None,
    };
    prop_oneof![Just(None), Just(Some(Format::Json)), Just(Some(schema))]
}

fn reasoning() -> impl Strategy<Value = Option<Reasoning>> {
    let effort = proptest::sample::select(vec![Effort::Low, Effort::Medium, Effort::High]);
    proptest::option::of((effort, any::<bool>())).prop_map(|it| {
        it.map(|(effort, shown)| Reasoning { effort: Some(effort), budget_tokens: None, shown })
    })
}

prop_compose! {
    fn asks()(
        system in proptest::collection::vec(words(), 0..3),
        turns in turns(),
        (tools, tool_choice) in tools(),
        format in format(),
        reasoning in reasoning(),
        output_tokens_max in proptest::option::of(1..65_536u64),
        hundredths in proptest::option::of(0..200),
        top_k in proptest::option::of(1..100u64),
        seed in proptest::option::of(any::<i32>()),
        stop in proptest::collection::vec(words(), 0..5),
        tier in proptest::option::of(proptest::sample::select(vec!["default", "flex", "priority"])),
    ) -> Ask {
        Ask {
            system: system.into_iter().map(|text| Text { text, cache_point: CachePoint::None }).collect(),
            turns,
            tools,
            tool_choice,
            format,
            reasoning,
            output_tokens_max,
            temperature: hundredths.and_then(|it| serde_json::Number::from_f64(f64::from(it) / 100.0)),
            top_k,
            seed: seed.map(i64::from),
            stop,
            service_tier: tier.map(str::to_owned),
            ..Ask::default()
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_as_it_was_meant(ask in asks()) {
        let (body, left_out) = written(&ask, "gemini-3.8-flash").expect("a request");

        let again = read(body.to_string().as_bytes()).expect("a request");

        prop_assert_eq!(again, ask);
        prop_assert_eq!(left_out, Vec::<String>::new());
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes).ok();
    }

    #[test]
    fn members_of_any_kind_are_read_or_refused(
        name in proptest::sample::select(vec!["contents", "tools", "toolConfig", "systemInstruction", "generationConfig"]),
        inner in proptest::sample::select(vec!["parts", "functionDeclarations", "functionCallingConfig", "thinkingConfig", "responseSchema"]),
        value in proptest::sample::select(vec!["1", "\"a\"", "[]", "[[]]", "{}", "[{}]", "{\"a\":1}", "true", "{\"text\":\"a\"}", "{\"type\":1}", "{\"nullable\":true,\"anyOf\":1}"]),
    ) {
        let whole = format!(r#"{{"contents":{{"parts":{{"text":"a"}}}},"{name}":{{"{inner}":{value}}}}}"#);
        let bare = format!(r#"{{"{name}":{value}}}"#);

        for body in [whole, bare] {
            if let Ok(ask) = read(body.as_bytes()) {
                written(&ask, "gemini-3.8-flash").ok();
            }
        }
    }
}

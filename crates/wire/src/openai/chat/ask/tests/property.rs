//! What this dialect can say, it says and understands; what it cannot, breaks nothing.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Number, Value, json};

use model::catalogue::Quirks;

use super::super::{read, write};
use super::{call, said, target, user, with};
use crate::hub::{
    Ask, CachePoint, Effort, Format, ImageDetail, Part, Reasoning, Source, Text, Thought, Tool,
    ToolCall, ToolChoice, ToolResult, Turn,
};

fn text() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n {}]{1,12}".prop_filter("tells something", |text| !text.trim().is_empty())
}

fn texts(texts: impl Strategy<Value = String>) -> impl Strategy<Value = Part> {
    texts.prop_map(|text| said(&text))
}

fn data(media_type: &'static str) -> impl Strategy<Value = Source> {
    "[A-Za-z0-9+/]{0,8}"
        .prop_map(move |data| Source::Base64 { media_type: media_type.to_owned(), data })
}

fn user_part() -> impl Strategy<Value = Part> {
    let source = prop_oneof![data("image/png"), "https://[a-z]{1,5}".prop_map(Source::Url)];
    let detail = option::of(select(vec![ImageDetail::Auto, ImageDetail::High, ImageDetail::Low]));
    let image = (source, detail).prop_map(|(source, detail)| Part::Image {
        source,
        detail,
        cache_point: CachePoint::None,
    });
    let document = (data("application/pdf"), text()).prop_map(|(source, name)| Part::Document {
        name: Some(name),
        source,
        cache_point: CachePoint::None,
    });
    let audio = prop_oneof![data("audio/wav"), data("audio/mpeg")].prop_map(Part::Audio);
    prop_oneof![4 => texts(text()), 1 => image, 1 => document, 1 => audio]
}

/// Ids and names are given later, when it is known which calls there are.
#[derive(Clone, Debug)]
enum Draft {
    Assistant {
        thought: Option<String>,
        text: Option<String>,
        refusal: Option<String>,
        calls: Vec<String>,
    },
    Results(Vec<(Index, String)>, Vec<Part>),
    System(String),
    User(Vec<Part>),
}

fn draft() -> impl Strategy<Value = Draft> {
    let calls = vec("[a-z_]{1,8}", 0..3);
    prop_oneof![
        (option::of(text()), option::of(text()), option::of(text()), calls).prop_map(
            |(thought, text, refusal, calls)| Draft::Assistant { thought, text, refusal, calls }
        ),
        (vec((any::<Index>(), text()), 1..3), vec(user_part(), 0..2))
            .prop_map(|(results, parts)| Draft::Results(results, parts)),
        text().prop_map(Draft::System),
        vec(user_part(), 1..4).prop_map(Draft::User),
    ]
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    vec(draft(), 0..8).prop_map(|drafts| {
        let mut turns = vec![user("hi")];
        let mut known: Vec<ToolCall> = Vec::new();
        for draft in drafts {
            let after_results = matches!(turns.last(), Some(Turn::User(parts)) if matches!(parts.last(), Some(Part::ToolResult(_))));
            match draft {
                Draft::Assistant { thought, text, refusal, calls } => {
                    let thought = thought.map(|text| Part::Thought(Thought { text, ..Thought::default() }));
                    let mut parts: Vec<Part> = thought.into_iter().collect();
                    parts.extend(text.map(|text| said(&text)));
                    parts.extend(refusal.map(Part::Refusal));
                    for name in calls {
                        let call = call(&format!("call_{}", known.len()), &name);
                        parts.push(Part::ToolCall(call.clone()));
                        known.push(call);
                    }
                    turns.extend((!parts.is_empty()).then_some(Turn::Assistant(parts)));
                }
                Draft::Results(results, others) if !known.is_empty() && !after_results => {
                    let result = |(at, text): (Index, String)| {
                        let call = at.get(&known);
                        Part::ToolResult(ToolResult {
                            call_id: call.id.clone(),
                            name: Some(call.name.clone()),
                            parts: vec![said(&text)],
                            ..ToolResult::default()
                        })
                    };
                    turns.push(Turn::User(results.into_iter().map(result).chain(others).collect()));
                }
                Draft::System(text) => turns.push(Turn::System(vec![Text { text, cache_point: CachePoint::None }])),
                Draft::User(parts) if !after_results => turns.push(Turn::User(parts)),
                Draft::Results(..) | Draft::User(_) => {}
            }
        }
        turns
    })
}

fn tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>, Option<bool>)> {
    let tool = ("[a-z]{1,5}", option::of(text()), option::of(any::<bool>())).prop_map(
        |(name, description, strict)| Tool {
            name,
            description,
            parameters: Some(json!({
                "type": "object", "properties": {"a": {"type": "string"}},
                "required": ["a"], "additionalProperties": false,
            })),
            strict,
            cache_point: CachePoint::None,
        },
    );
    let choice = select(vec![
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Named("f".to_owned()),
    ]);
    (vec(tool, 0..3), option::of(choice), option::of(any::<bool>())).prop_map(
        |(tools, choice, parallel)| {
            let any = !tools.is_empty();
            (tools, choice.filter(|_| any), parallel.filter(|_| any))
        },
    )
}

fn format() -> impl Strategy<Value = Option<Format>> {
    let schema = (text(), option::of(text()), option::of(any::<bool>())).prop_map(
        |(name, description, strict)| Format::Schema {
            name,
            description,
            schema: json!({"type": "object", "additionalProperties": false}),
            strict,
        },
    );
    option::of(prop_oneof![Just(Format::Json), schema])
}

fn number() -> impl Strategy<Value = Option<Number>> {
    option::of((0..200_i32).prop_map(|n| Number::from_f64(f64::from(n) / 100.0).expect("finite")))
}

fn asks() -> impl Strategy<Value = Ask> {
    let numbers = (number(), number(), number(), number());
    let effort = option::of(select(Effort::ALL[..6].to_vec()));
    let small = (
        option::of(any::<i64>()),
        option::of(any::<u64>()),
        vec(text(), 0..4),
        option::of("[a-z]{1,8}"),
    );
    (option::of(text()), turns(), tools(), format(), effort, numbers, small, any::<bool>())
        .prop_map(
            |(
                system,
                turns,
                (tools, tool_choice, parallel_tools),
                format,
                effort,
                numbers,
                small,
                stream,
            )| {
                let system =
                    if format == Some(Format::Json) { Some("As JSON.".to_owned()) } else { system };
                let (temperature, top_p, presence_penalty, frequency_penalty) = numbers;
                let (seed, output_tokens_max, stop, word) = small;
                Ask {
                    model: "m".to_owned(),
                    system: system
                        .map(|text| Text { text, cache_point: CachePoint::None })
                        .into_iter()
                        .collect(),
                    turns,
                    tools,
                    tool_choice,
                    parallel_tools,
                    format,
                    reasoning: effort.map(|effort| Reasoning {
                        effort: Some(effort),
                        budget_tokens: None,
                        shown: effort != Effort::None,
                    }),
                    output_tokens_max,
                    temperature,
                    top_p,
                    top_k: None,
                    presence_penalty,
                    frequency_penalty,
                    seed,
                    stop,
                    user: word.clone(),
                    service_tier: word,
                    stream,
                    include_usage: stream,
                    left_out: Vec::new(),
                }
            },
        )
}

/// JSON whose members have names that are looked for.
fn nearly_a_request() -> impl Strategy<Value = Value> {
    let words = vec![
        "messages",
        "role",
        "content",
        "type",
        "text",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "tools",
        "tool_choice",
        "response_format",
        "json_schema",
        "schema",
        "reasoning",
        "effort",
        "thinking",
        "stop",
        "image_url",
        "url",
        "file",
        "reasoning_details",
        "data",
        "index",
        "user",
        "assistant",
        "tool",
        "system",
        "auto",
        "data:a;base64,b",
        "choices",
        "message",
        "delta",
        "finish_reason",
        "usage",
    ];
    let word = || select(words.clone()).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(select(words.clone()).prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_is_read_again(ask in asks()) {
        let quirks = with(|quirks| quirks.reasoning_back = true);
        let mut left_out = Vec::new();

        let body = write(&ask, &target(&quirks), &mut left_out).expect("sayable");

        prop_assert_eq!(read(&body).expect("valid"), ask);
        prop_assert_eq!(left_out, Vec::<String>::new());
    }

    #[test]
    fn no_bytes_make_it_panic(body in vec(any::<u8>(), 0..200)) {
        let _either = read(&body);
    }

    #[test]
    fn no_json_makes_it_panic(body in nearly_a_request()) {
        if let Ok(ask) = read(body.to_string().as_bytes()) {
            let quirks = Quirks::default();
            let _either = write(&ask, &target(&quirks), &mut Vec::new());
        }
        let _either = crate::openai::chat::reply::read(body.to_string().as_bytes());
    }
}

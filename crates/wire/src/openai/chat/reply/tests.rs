//! Answers as providers write them, and as they reach a caller of the same dialect.

use model::{ServiceTier, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, write};
use crate::hub::{Ask, CachePoint, Echo, Part, Reply, Stop, Text, Thought, ToolCall};

fn asked() -> Ask {
    Ask { model: "asked".to_owned(), ..Ask::default() }
}

fn written(reply: &Reply) -> Value {
    let echo = Echo { ask: &asked(), request_id: "req_1", now: 1_700_000_000 };
    serde_json::from_slice(&write(reply, &echo)).expect("JSON")
}

#[test]
fn answers_come_out_in_one_shape_whoever_gave_them() {
    for name in [
        "deepseek",
        "filtered",
        "gemini",
        "groq",
        "length",
        "mistral",
        "openai",
        "openrouter",
        "refusal",
        "tools",
        "vllm",
        "xai",
    ] {
        let file = |end: &str| {
            let path =
                format!("{}/golden/chat/reply/{name}.{end}.json", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(&path).expect(&path)
        };
        let reply = read(&file("in")).expect(name);

        let expected: Value = serde_json::from_slice(&file("out")).expect(name);
        assert_eq!(written(&reply), expected, "{name}");
        let again = read(&file("out")).expect(name);
        assert_eq!(written(&again), expected, "{name}: nothing more is lost");
    }
}

#[test]
fn what_is_no_answer_is_none() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "{\"choices\":[]}",
        "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":7}]}",
        "{\"choices\":[{\"message\":{\"content\":7}}]}",
        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"c\"}]}}]}",
        "{\"error\":{\"message\":\"no\"}}",
    ] {
        assert_eq!(read(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn a_piece_nobody_knows_is_passed_over() {
    let body = json!({"choices": [{"message": {"content": [
        {"type": "hologram", "text": "?"}, {"type": "text", "text": "Hi"}, {"text": "no type"}, 7,
    ]}}]});

    let reply = read(body.to_string().as_bytes()).expect("an answer");

    let text = Text { text: "Hi".to_owned(), cache_point: CachePoint::None };
    assert_eq!(reply.parts, [Part::Text(text)]);
}

#[test]
fn a_reason_to_stop_is_understood_in_every_providers_word() {
    for (reason, stop) in [
        (json!("stop"), Stop::End),
        (json!("eos"), Stop::End),
        (json!("STOP"), Stop::End),
        (json!("something new"), Stop::End),
        (Value::Null, Stop::End),
        (json!("length"), Stop::Length),
        (json!("model_length"), Stop::Length),
        (json!("MAX_TOKENS"), Stop::Length),
        (json!("content_filter"), Stop::Filtered),
        (json!("sensitive"), Stop::Filtered),
        // Nothing was called.
        (json!("tool_calls"), Stop::End),
    ] {
        let body = json!({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]});

        assert_eq!(read(body.to_string().as_bytes()).expect("an answer").stop, stop, "{reason}");
    }
}

#[test]
fn tools_that_were_called_are_the_reason_whatever_else_was_said() {
    let calls = json!([{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}]);
    for (reason, stop) in
        [("stop", Stop::ToolCalls), ("tool_calls", Stop::ToolCalls), ("length", Stop::Length)]
    {
        let message = json!({"content": "", "tool_calls": calls});
        let body = json!({"choices": [{"message": message, "finish_reason": reason}]});

        let reply = read(body.to_string().as_bytes()).expect("an answer");

        assert_eq!(reply.stop, stop, "{reason}");
        let call = ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: "{\"a\":1}".to_owned(),
            signature: None,
        };
        assert_eq!(reply.parts, vec![Part::ToolCall(call)]);
    }
}

#[test]
fn calls_without_ids_get_ones_that_differ() {
    let body = |name: &str| {
        let call = json!({"function": {"name": name}});
        json!({"choices": [{"message": {"tool_calls": [call, call]}}]}).to_string()
    };
    let ids = |body: &str| -> Vec<String> {
        let parts = read(body.as_bytes()).expect("an answer").parts.into_iter();
        parts
            .filter_map(|part| if let Part::ToolCall(call) = part { Some(call.id) } else { None })
            .collect()
    };

    let (one, other) = (ids(&body("f")), ids(&body("g")));

    assert_eq!(ids(&body("f")), one, "the same every time");
    let all: std::collections::HashSet<_> = one.iter().chain(&other).collect();
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn an_old_function_call_is_a_tool_call() {
    let message = json!({"content": null, "function_call": {"name": "f", "arguments": "{}"}});
    let body = json!({"choices": [{"message": message, "finish_reason": "function_call"}]});

    let reply = read(body.to_string().as_bytes()).expect("an answer");

    assert_eq!(reply.stop, Stop::ToolCalls);
    assert!(matches!(&reply.parts[..], [Part::ToolCall(call)] if call.name == "f"));
}

#[test]
fn what_a_provider_did_not_tell_is_told_of_the_request() {
    let value = written(&Reply::default());

    assert_eq!(
        value,
        json!({
            "id": "chatcmpl-req_1", "object": "chat.completion", "created": 1_700_000_000, "model": "asked",
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "", "refusal": null},
            }],
        })
    );
}

#[test]
fn usage_is_told_as_far_as_it_is_known() {
    let usage = Usage {
        input_tokens: Some(100),
        cached_tokens: None,
        cache_write_tokens: Some(30),
        output_tokens: Some(7),
        reasoning_tokens: Some(5),
        ..Usage::default()
    };

    let value = written(&Reply { usage: Some(usage), ..Reply::default() });

    assert_eq!(
        value["usage"],
        json!({
            "prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 30},
            "completion_tokens_details": {"reasoning_tokens": 5},
        })
    );
    let value = written(&Reply { usage: Some(Usage::default()), ..Reply::default() });
    let nothing = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
    assert_eq!(value["usage"], nothing);
}

/// In the order this dialect has for them, and with nothing that runs together.
fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    let text = || "[a-zé\"\n]{1,8}".prop_filter("tells something", |text| !text.trim().is_empty());
    let thought = prop_oneof![
        (text(), prop::option::of(text())).prop_map(|(text, signature)| Thought {
            text,
            signature,
            sealed: None
        }),
        ("[a-z]{0,4}", text()).prop_map(|(text, sealed)| Thought {
            text,
            signature: None,
            sealed: Some(sealed)
        }),
    ];
    let said = text().prop_map(|text| Part::Text(Text { text, cache_point: CachePoint::None }));
    let call = (text(), text(), prop::option::of("[a-z]{1,6}"));
    (
        prop::collection::vec(thought, 0..3),
        prop::option::of(said),
        prop::option::of(text()),
        prop::collection::vec(call, 0..3),
    )
        .prop_map(|(thoughts, said, refusal, calls)| {
            let calls = calls.into_iter().enumerate().map(|(at, (name, arguments, signature))| {
                Part::ToolCall(ToolCall { id: format!("call_{at}"), name, arguments, signature })
            });
            let thoughts = thoughts.into_iter().map(Part::Thought);
            thoughts.chain(said).chain(refusal.map(Part::Refusal)).chain(calls).collect()
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(parts in any_parts(), id in "[a-z]{1,4}", output in 0_u64..9) {
        let calls_tools = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let reply = Reply {
            model: id.clone(),
            id,
            created: Some(7),
            parts,
            stop: if calls_tools { Stop::ToolCalls } else { Stop::Length },
            usage: Some(Usage {
                input_tokens: Some(1),
                output_tokens: Some(output),
                tier: Some(ServiceTier::Flex),
                ..Usage::default()
            }),
            service_tier: Some("flex".to_owned()),
        };

        let again = read(written(&reply).to_string().as_bytes());

        prop_assert_eq!(again, Some(reply));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = read(&body);
    }
}

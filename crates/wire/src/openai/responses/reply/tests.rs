//! Whole answers, as providers give them and as callers get them.

use model::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, write};
use crate::hub::{Ask, CachePoint, Echo, Part, Reply, Stop, Text, Thought, ToolCall};
use crate::openai::responses::tests as golden;

fn written(reply: &Reply, ask: &Ask) -> Value {
    let echo = Echo { ask, request_id: "req_1", now: 1_770_000_000 };
    serde_json::from_slice(&write(reply, &echo)).expect("JSON")
}

#[test]
fn each_answer_is_given_as_its_golden_file_says() {
    for name in golden::names("reply_") {
        let reply = read(&golden::bytes(&format!("{name}.in.json"))).expect(&name);

        let answer = written(&reply, &golden::asked());

        assert_eq!(answer, golden::json(&format!("{name}.out.json")), "{name}");
    }
}

#[test]
fn why_it_stopped_is_found_in_what_it_said() {
    for (name, stop) in [
        ("reply_text", Stop::End),
        ("reply_tools", Stop::ToolCalls),
        ("reply_length", Stop::Length),
        ("reply_filtered", Stop::Filtered),
        ("reply_refusal", Stop::Filtered),
    ] {
        let reply = read(&golden::bytes(&format!("{name}.in.json"))).expect(name);
        assert_eq!(reply.stop, stop, "{name}");
    }
}

#[test]
fn an_answer_of_another_dialect_has_all_that_sdks_insist_on() {
    let reply = Reply {
        id: "msg_01".to_owned(),
        model: "claude".to_owned(),
        parts: vec![
            Part::Thought(Thought {
                text: "Hm".to_owned(),
                signature: Some("sig".to_owned()),
                sealed: None,
            }),
            Part::Thought(Thought { sealed: Some("data".to_owned()), ..Thought::default() }),
            Part::Text(Text { text: "Hello".to_owned(), cache_point: CachePoint::None }),
            Part::ToolCall(ToolCall { name: "now".to_owned(), ..ToolCall::default() }),
        ],
        stop: Stop::ToolCalls,
        usage: Some(Usage { input_tokens: Some(5), output_tokens: Some(7), ..Usage::default() }),
        ..Reply::default()
    };

    let answer = written(&reply, &golden::asked());

    assert_eq!(answer["id"], "resp_msg_01");
    assert_eq!(answer["created_at"], 1_770_000_000);
    assert_eq!(answer["status"], "completed");
    assert_eq!(answer["output"][0]["encrypted_content"], "ks1.sig");
    assert_eq!(answer["output"][1]["encrypted_content"], "ks2.data");
    assert_eq!(answer["output"][3]["call_id"], "call_msg_01_3");
    assert_eq!(answer["usage"]["total_tokens"], 12);
    for name in [
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "parallel_tool_calls",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
    ] {
        assert!(answer.get(name).is_some(), "{name}");
    }
    assert_eq!(written(&Reply::default(), &Ask::default())["id"], "resp_req_1");
}

#[test]
fn what_failed_or_is_none_is_no_answer() {
    for body in [
        json!({"status": "failed", "output": []}),
        json!({"status": "cancelled", "output": []}),
        json!({"choices": []}),
        json!({"output": "text"}),
        json!([]),
    ] {
        assert_eq!(read(body.to_string().as_bytes()), None, "{body}");
    }
}

proptest! {
    #[test]
    fn no_damage_to_an_answer_makes_it_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut body = golden::bytes("reply_tools.in.json");
        let at = at.index(body.len());
        body[at] = byte;

        let _either = read(&body).map(|reply| written(&reply, &Ask::default()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = read(&bytes);
    }
}

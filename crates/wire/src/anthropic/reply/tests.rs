//! Whole answers, part by part. More of them in `golden/anthropic/reply/`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, write};
use crate::hub::{
    Ask, CachePoint, Echo, Effort, Part, Reasoning, Reply, Stop, Text, Thought, ToolCall,
};

fn written(reply: &Reply) -> Value {
    let reasoning = Reasoning { shown: true, ..Reasoning::default() };
    written_for(Some(reasoning), reply)
}

fn written_for(reasoning: Option<Reasoning>, reply: &Reply) -> Value {
    let ask = Ask { model: "asked".into(), reasoning, ..Ask::default() };
    let body = write(reply, &Echo { ask: &ask, request_id: "req_1", now: 7 });
    serde_json::from_slice(&body).expect("JSON")
}

fn call(arguments: &str, signature: Option<&str>) -> Part {
    Part::ToolCall(ToolCall {
        id: "c".into(),
        name: "f".into(),
        arguments: arguments.into(),
        signature: signature.map(str::to_owned),
    })
}

fn text(text: &str) -> Part {
    Part::Text(Text { text: text.into(), cache_point: CachePoint::None })
}

#[test]
fn an_answer_of_nothing_still_has_what_the_sdks_insist_on() {
    assert_eq!(
        written(&Reply::default()),
        json!({
            "id": "msg_req_1",
            "type": "message",
            "role": "assistant",
            "model": "asked",
            "content": [],
            "stop_reason": "end_turn",
            "stop_sequence": null,
            "usage": {
                "input_tokens": 0,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 0,
            },
        })
    );
}

#[test]
fn a_tool_call_is_acted_on_though_the_provider_said_stop() {
    let reply = Reply {
        parts: vec![text(""), text("Wait."), call("", None)],
        stop: Stop::End,
        ..Reply::default()
    };

    let body = written(&reply);

    assert_eq!(body["stop_reason"], "tool_use");
    assert_eq!(
        body["content"],
        json!([
            {"type": "text", "text": "Wait."},
            {"type": "tool_use", "id": "c", "name": "f", "input": {}},
        ])
    );
}

#[test]
fn a_proof_of_geminis_travels_in_the_id() {
    let body = written(&Reply { parts: vec![call("{}", Some("Ab+/="))], ..Reply::default() });

    assert_eq!(body["content"][0]["id"], "c__ks1_Ab-1-2-3");
}

#[test]
fn thoughts_are_for_those_who_asked() {
    let thought = |signature: Option<&str>| {
        let signature = signature.map(str::to_owned);
        Part::Thought(Thought { text: "hm".into(), signature, sealed: None })
    };
    let parts = vec![thought(Some("s")), thought(None), text("Hi")];
    let reply = Reply { parts, ..Reply::default() };
    let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
    let said = json!({"type": "text", "text": "Hi"});

    for unasked in [None, Some(off)] {
        assert_eq!(written_for(unasked, &reply)["content"], json!([said]));
    }
    let proof = json!({"type": "thinking", "thinking": "", "signature": "s"});
    let wordless = written_for(Some(Reasoning::default()), &reply);
    assert_eq!(wordless["content"], json!([proof, said]));
}

#[test]
fn of_two_answers_in_json_the_first_counts() {
    let answer = |number: u8| json!({"type": "tool_use", "id": "t", "name": "json_tool_call", "input": {"a": number}});
    let body = json!({"content": [answer(1), answer(2)], "stop_reason": "tool_use"});

    let reply = read(body.to_string().as_bytes()).expect("an answer");

    assert_eq!(reply.parts, [text("{\"a\":1}")]);
}

#[test]
fn every_thought_has_a_signature() {
    let thought = |text: &str, signature: Option<&str>, sealed: Option<&str>| {
        Part::Thought(Thought {
            text: text.into(),
            signature: signature.map(str::to_owned),
            sealed: sealed.map(str::to_owned),
        })
    };
    let parts = vec![
        thought("bare", None, None),
        thought("signed", Some("s"), None),
        thought("summed up", None, Some("gAAAA")),
        thought("", None, Some("gAAAA")),
    ];

    assert_eq!(
        written(&Reply { parts, ..Reply::default() })["content"],
        json!([
            {"type": "thinking", "thinking": "bare", "signature": "ks1."},
            {"type": "thinking", "thinking": "signed", "signature": "s"},
            {"type": "thinking", "thinking": "summed up", "signature": "ks1.gAAAA"},
            {"type": "redacted_thinking", "data": "gAAAA"},
        ])
    );
}

#[test]
fn a_refusal_is_a_text_and_a_reason() {
    let reply = Reply { parts: vec![Part::Refusal("No.".into())], ..Reply::default() };

    let body = written(&reply);

    assert_eq!(body["content"], json!([{"type": "text", "text": "No."}]));
    assert_eq!(body["stop_reason"], "refusal");
}

#[test]
fn the_tier_is_told_in_openais_word() {
    for (tier, expected) in [("standard", "default"), ("priority", "priority")] {
        let body = json!({"content": [], "usage": {"service_tier": tier}});

        let reply = read(body.to_string().as_bytes()).expect("a reply");

        assert_eq!(reply.service_tier.as_deref(), Some(expected));
        assert_eq!(reply.usage, None);
    }
}

#[test]
fn a_stop_at_a_text_says_which() {
    let body = json!({"content": [], "stop_reason": "stop_sequence", "stop_sequence": "END"});

    let reply = read(body.to_string().as_bytes()).expect("a reply");

    assert_eq!(reply.stop, Stop::Sequence(Some("END".into())));
}

#[test]
fn what_is_no_message_is_none() {
    for body in [
        "",
        "{}",
        "[]",
        r#"{"content":null}"#,
        r#"{"content":"a"}"#,
        r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
    ] {
        assert_eq!(read(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn blocks_of_the_providers_own_tools_are_passed_over() {
    let body = json!({"content": [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "a"},
        {},
        1,
    ]});

    assert_eq!(read(body.to_string().as_bytes()).expect("a reply").parts, [text("a")]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = read(&bytes);
    }

    #[test]
    fn what_is_written_reads_back_as_it_was(
        words in prop::collection::vec("[a-z]{1,8}", 0..3),
        thought in prop::option::of(("[a-z]{0,8}", "[a-z]{1,8}")),
        arguments in prop::collection::vec(0..9_u8, 0..3),
    ) {
        let thought = thought.map(|(text, signature)| {
            Part::Thought(Thought { text, signature: Some(signature), sealed: None })
        });
        let stop = if arguments.is_empty() { Stop::Length } else { Stop::ToolCalls };
        let calls = arguments.iter().map(|number| call(&format!("{{\"a\":{number}}}"), None));
        let reply = Reply {
            id: "i".into(),
            model: "m".into(),
            parts: thought.into_iter().chain(words.iter().map(|word| text(word))).chain(calls).collect(),
            stop,
            usage: Some(model::Usage {
                input_tokens: Some(9),
                cached_tokens: Some(4),
                cache_write_tokens: Some(0),
                output_tokens: Some(2),
                ..model::Usage::default()
            }),
            ..Reply::default()
        };

        prop_assert_eq!(read(written(&reply).to_string().as_bytes()), Some(reply));
    }
}

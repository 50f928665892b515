//! Answers: read and written again, and one by one.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, write};
use crate::hub::{Ask, CachePoint, Echo, Part, Reasoning, Reply, Stop, Text, Thought, ToolCall};

fn asked(shown: bool) -> Ask {
    let reasoning = Reasoning { shown, ..Reasoning::default() };
    Ask { model: "gemini-asked".to_owned(), reasoning: Some(reasoning), ..Ask::default() }
}

fn written(reply: &Reply, ask: &Ask) -> Value {
    let echo = Echo { ask, request_id: "req_1", now: 0 };
    serde_json::from_slice(&write(reply, &echo)).expect("JSON")
}

#[test]
fn answers_of_googles_keep_their_meaning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/gemini/reply");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        let Some(stem) = name.strip_suffix(".in.json") else { continue };
        seen += 1;
        let reply = read(&fs::read(&path).expect("an answer")).expect("an answer");

        let body = written(&reply, &asked(true));

        let golden = fs::read(folder.join(format!("{stem}.out.json"))).expect("what it becomes");
        let golden: Value = serde_json::from_slice(&golden).expect("JSON");
        assert_eq!(body, golden, "{stem}: {body:#}");
    }
    assert_eq!(seen, 7);
}

#[test]
fn a_call_ends_an_answer_whatever_google_says() {
    let stop = |reason: &str, parts: Value| {
        let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": reason}]});
        read(body.to_string().as_bytes()).expect("an answer").stop
    };
    let call = json!([{"functionCall": {"name": "f"}}]);

    for (reason, without, with) in [
        ("STOP", Stop::End, Stop::ToolCalls),
        ("MAX_TOKENS", Stop::Length, Stop::ToolCalls),
        ("MALFORMED_FUNCTION_CALL", Stop::End, Stop::ToolCalls),
        ("SAFETY", Stop::Filtered, Stop::Filtered),
        ("RECITATION", Stop::Filtered, Stop::Filtered),
        ("IMAGE_SAFETY", Stop::Filtered, Stop::Filtered),
        ("A_REASON_OF_TOMORROW", Stop::End, Stop::ToolCalls),
    ] {
        assert_eq!(stop(reason, json!([{"text": "a"}])), without, "{reason}");
        assert_eq!(stop(reason, call.clone()), with, "{reason}");
    }
}

#[test]
fn ids_that_google_left_out_differ_from_answer_to_answer() {
    let ids = |response_id: &str| {
        let body = json!({"responseId": response_id, "candidates": [{"content": {"parts": [
            {"functionCall": {"name": "f"}}, {"functionCall": {"name": "f", "id": "own"}}, {"functionCall": {"name": "f"}},
        ]}}]});
        let reply = read(body.to_string().as_bytes()).expect("an answer");
        let ids = reply.parts.iter().map(|part| match part {
            Part::ToolCall(call) => call.id.clone(),
            other => panic!("{other:?}"),
        });
        ids.collect::<Vec<_>>()
    };

    assert_eq!(ids("a-B_1"), ["call_a-B_1_0", "own", "call_a-B_1_2"]);
    assert_eq!(ids(""), ["call_0", "own", "call_2"]);
    assert!(ids(&"x".repeat(99)).iter().all(|id| id.len() <= 40));
}

#[test]
fn what_is_no_answer_is_none() {
    for body in [
        &b""[..],
        b"[]",
        b"{}",
        br#"{"candidates":[]}"#,
        br#"{"candidates":[],"promptFeedback":{}}"#,
        br#"{"error":{"code":500}}"#,
        b"<html>",
        b"\xff",
    ] {
        assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn proofs_of_thoughts_that_nobody_saw_go_with_what_is_said_next() {
    let thought = |text: &str, signature: Option<&str>, sealed: Option<&str>| {
        Part::Thought(Thought {
            text: text.to_owned(),
            signature: signature.map(str::to_owned),
            sealed: sealed.map(str::to_owned),
        })
    };
    let text = || Part::Text(Text { text: "a".to_owned(), cache_point: CachePoint::None });
    let call = |signature: Option<&str>| {
        let signature = signature.map(str::to_owned);
        let (id, name) = ("c".to_owned(), "f".to_owned());
        Part::ToolCall(ToolCall { id, name, arguments: "{}".to_owned(), signature })
    };
    let (omitted, sealed) = (|| thought("", Some("ab"), None), || thought("", None, Some("c")));
    let signed = |mut part: Value, proof: &str| {
        part["thoughtSignature"] = proof.into();
        part
    };
    let (said, alone) = (json!({"text": "a"}), json!({"text": ""}));
    let called = json!({"functionCall": {"id": "c", "name": "f", "args": {}}});

    for (parts, expected) in [
        (vec![omitted(), text()], json!([signed(said.clone(), "ks1t6162")])),
        (vec![sealed(), call(None), text()], json!([signed(called.clone(), "ks1s6300"), said])),
        (
            vec![omitted(), sealed(), text()],
            json!([signed(alone.clone(), "ks1t6162"), signed(said.clone(), "ks1s6300")]),
        ),
        (vec![text(), omitted()], json!([said, signed(alone.clone(), "ks1t6162")])),
        (
            vec![omitted(), call(Some("own"))],
            json!([signed(alone, "ks1t6162"), signed(called, "own")]),
        ),
        // Half of it is no proof.
        (vec![thought("hm", Some("ab"), None), text()], json!([said])),
    ] {
        let reply = Reply { parts, ..Reply::default() };

        let body = written(&reply, &asked(false));

        assert_eq!(body["candidates"][0]["content"]["parts"], expected, "{:?}", reply.parts);
    }
}

#[test]
fn thoughts_are_for_those_who_asked() {
    let thought =
        Thought { text: "hm".to_owned(), signature: Some("Eq+/Q==".to_owned()), sealed: None };
    let text = Text { text: "a".to_owned(), cache_point: CachePoint::None };
    let reply =
        Reply { parts: vec![Part::Thought(thought.clone()), Part::Text(text)], ..Reply::default() };

    let hidden = written(&reply, &asked(false));
    let shown = written(&reply, &asked(true));

    assert_eq!(hidden["candidates"][0]["content"]["parts"], json!([{"text": "a"}]));
    let again = read(shown.to_string().as_bytes()).expect("an answer");
    assert_eq!(again.parts.first(), Some(&Part::Thought(thought)));
}

#[test]
fn what_nobody_said_is_known_from_the_request() {
    let body = written(&Reply::default(), &asked(false));

    assert_eq!(body["modelVersion"], "gemini-asked");
    assert_eq!(body["responseId"], "req_1");
    assert_eq!(body.get("usageMetadata"), None);
}

#[test]
fn a_call_with_broken_arguments_is_an_object_all_the_same() {
    let call =
        ToolCall { name: "f".to_owned(), arguments: "{\"a\"".to_owned(), ..ToolCall::default() };
    let reply =
        Reply { parts: vec![Part::ToolCall(call)], stop: Stop::ToolCalls, ..Reply::default() };

    let body = written(&reply, &asked(false));

    let parts = &body["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0]["functionCall"]["args"], json!({"_raw": "{\"a\""}));
    assert_eq!(body["candidates"][0]["finishReason"], "STOP");
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn members_of_any_kind_are_read_or_not(
        name in proptest::sample::select(vec!["content", "finishReason", "parts"]),
        value in proptest::sample::select(vec!["1", "null", "[]", "[1]", "{\"parts\":1}", "{\"parts\":[1,{\"functionCall\":1},{\"inlineData\":[]},{\"text\":{}}]}"]),
    ) {
        let body = format!(r#"{{"candidates":[{{"{name}":{value}}}],"usageMetadata":{value},"promptFeedback":{value}}}"#);

        prop_assert!(read(body.as_bytes()).is_some());
    }
}

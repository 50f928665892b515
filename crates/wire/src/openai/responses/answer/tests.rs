//! Plain answers as providers give them.

use model::Usage;

use super::{embedded_error, usage};
use crate::openai::responses::tests as golden;

#[test]
fn what_was_used_includes_what_was_cached_and_thought() {
    let expected = Usage {
        input_tokens: Some(75),
        cached_tokens: Some(32),
        output_tokens: Some(1186),
        reasoning_tokens: Some(1024),
        ..Usage::default()
    };

    assert_eq!(usage(&golden::bytes("reply_text.in.json")), Some(expected));
}

#[test]
fn output_that_leaves_reasoning_out_is_mended_by_the_total() {
    let body = br#"{"usage":{"input_tokens":12,"output_tokens":1,"output_tokens_details":{"reasoning_tokens":290},"total_tokens":303}}"#;

    let usage = usage(body).expect("told");

    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (Some(291), Some(290)));
}

#[test]
fn nothing_told_is_nothing_used() {
    for body in
        [&b"{}"[..], b"{\"usage\":null}", b"{\"usage\":{}}", b"{\"usage\":7}", b"[", b"\xff"]
    {
        assert_eq!(usage(body), None);
    }
}

#[test]
fn a_failed_answer_is_an_error_whatever_its_status() {
    let failed = br#"{"status":"failed","instructions":"x","error":{"code":"server_error","message":"Oh"},"output":[]}"#;
    let minimax = br#"{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#;

    let error = embedded_error(failed).expect("failed");

    assert_eq!(
        (error.code.as_deref(), error.message.as_deref()),
        (Some("server_error"), Some("Oh"))
    );
    assert_eq!(embedded_error(minimax).and_then(|error| error.code).as_deref(), Some("1008"));
    assert!(embedded_error(br#"{"status":"cancelled","output":[]}"#).is_some());
    for name in ["reply_text", "reply_length", "reply_filtered"] {
        assert_eq!(embedded_error(&golden::bytes(&format!("{name}.in.json"))), None, "{name}");
    }
}

//! Streams as recorded, event by event.

use model::Usage;
use proptest::prelude::*;

use super::Meter;
use crate::Seen;

const FIRST: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9},"modelVersion":"m"}"#;
const NEXT: &str = r#"{"candidates": [{"content": {"parts": [{"text": " \"usageMetadata\": \"finishReason\""}],"role": "model"}}],"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 4,"totalTokenCount": 13},"modelVersion": "m"}"#;
const LAST: &str = r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5,"thoughtsTokenCount":6,"totalTokenCount":20}}"#;
const CALL: &str = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"text":1,"usageMetadata":{"promptTokenCount":1}}}}]}}]}"#;

/// Feeds data lines as events; the names of what was seen.
fn watch(meter: &mut Meter, lines: &[&str]) -> Vec<&'static str> {
    let frames = lines.iter().map(|line| format!("data: {line}\r\n\r\n"));
    frames.map(|frame| name(&meter.see(frame.as_bytes()))).collect()
}

fn name(seen: &Seen) -> &'static str {
    match seen {
        Seen::Content => "content",
        Seen::Done => "done",
        Seen::Error(_) => "error",
        Seen::Finish => "finish",
        Seen::Other => "other",
        Seen::UsageOnly => "usage",
    }
}

fn counted(input: u64, output: u64) -> Usage {
    Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
}

#[test]
fn the_model_is_the_answers_own() {
    let mut meter = Meter::new();
    assert_eq!(meter.answered_by(), None);

    watch(&mut meter, &[FIRST, NEXT, LAST]);

    assert_eq!(meter.answered_by(), Some("m"));
}

#[test]
fn a_call_nobody_understands_is_an_error_where_nothing_was_said() {
    for reason in ["MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL"] {
        let end = format!(r#"{{"candidates":[{{"content":{{}},"finishReason":"{reason}"}}]}}"#);

        assert_eq!(watch(&mut Meter::new(), &[&end]), ["error"], "{reason}");
        assert_eq!(watch(&mut Meter::new(), &[FIRST, &end]), ["content", "finish"], "{reason}");
    }
}

#[test]
fn a_stream_ends_with_a_reason_and_the_last_count() {
    let mut meter = Meter::new();

    assert_eq!(watch(&mut meter, &[FIRST, NEXT, NEXT]), ["content", "content", "content"]);
    assert!(!meter.finished());
    assert_eq!(meter.usage(), counted(9, 4));

    assert_eq!(watch(&mut meter, &[LAST]), ["finish"]);
    assert!(meter.finished());
    assert_eq!(meter.usage(), Usage { reasoning_tokens: Some(6), ..counted(9, 11) });
}

#[test]
fn a_last_piece_with_a_reason_is_a_piece() {
    let mut meter = Meter::new();
    let last = FIRST.replace("\"index\":0", "\"finishReason\":\"MAX_TOKENS\"");

    assert_eq!(watch(&mut meter, &[FIRST, &last]), ["content", "content"]);
    assert!(meter.finished());
}

#[test]
fn arguments_of_a_call_are_not_taken_for_members_of_the_event() {
    let mut meter = Meter::new();

    assert_eq!(watch(&mut meter, &[FIRST, CALL]), ["content", "content"]);
    assert_eq!(meter.usage(), counted(9, 0));
}

#[test]
fn everything_a_model_makes_is_content() {
    for part in [
        r#"{"text":"hm","thought":true}"#,
        r#"{"functionCall":{"name":"f"}}"#,
        r#"{"inlineData":{"mimeType":"image/png","data":"AA"}}"#,
        r#"{"executableCode":{"code":"1"}}"#,
        r#"{"text":"","thoughtSignature":"AA=="}"#,
    ] {
        let event = format!(r#"{{"candidates":[{{"content":{{"parts":[{part}]}}}}]}}"#);

        assert_eq!(watch(&mut Meter::new(), &[&event]), ["content"], "{part}");
    }
}

#[test]
fn a_refused_prompt_is_an_end() {
    let mut meter = Meter::new();

    let seen = watch(
        &mut meter,
        &[
            r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9}}"#,
        ],
    );

    assert_eq!(seen, ["finish"]);
    assert!(meter.finished());
    assert_eq!(meter.usage(), counted(9, 0));
}

#[test]
fn an_error_is_seen_before_and_after_the_first_piece() {
    let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
    for lines in [&[error][..], &[FIRST, error]] {
        let mut meter = Meter::new();

        assert_eq!(watch(&mut meter, lines).last(), Some(&"error"));
        assert!(!meter.finished());
    }
}

#[test]
fn what_says_nothing_is_neither() {
    let mut meter = Meter::new();

    let lines = [
        "",
        "{}",
        "[DONE]",
        r#"{"candidates":[{"content":{"role":"model"}}]}"#,
        "{\"candidates\":[",
    ];
    assert_eq!(watch(&mut meter, &lines), ["other"; 5]);
    assert_eq!(meter.see(b": still here\n\n"), Seen::Other);
    assert!(!meter.finished());
    assert_eq!(
        meter.usage(),
        Usage { estimated: true, output_tokens: Some(0), ..Usage::default() }
    );
}

#[test]
fn without_a_count_every_piece_is_a_token() {
    let mut meter = Meter::new();
    let bare = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;

    watch(&mut meter, &[bare, bare, bare]);

    assert_eq!(
        meter.usage(),
        Usage { estimated: true, output_tokens: Some(3), ..Usage::default() }
    );
}

proptest! {
    #[test]
    fn bytes_of_any_kind_can_be_watched(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut meter = Meter::new();
        watch(&mut meter, &[FIRST]);
        meter.see(&bytes);
        meter.see(&[b"data: ", bytes.as_slice()].concat());
    }

    #[test]
    fn a_glance_sees_what_a_study_sees(lines in proptest::collection::vec(proptest::sample::select(vec![FIRST, NEXT, CALL]), 1..9)) {
        let mut glancing = Meter::new();
        watch(&mut glancing, &lines);
        let last_counted = lines.iter().rfind(|line| **line != CALL);

        let mut studying = Meter::new();
        watch(&mut studying, &last_counted.map(|line| vec![*line]).unwrap_or_default());

        if last_counted.is_some() {
            prop_assert_eq!(glancing.usage(), studying.usage());
        }
    }
}

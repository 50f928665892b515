//! Streams as Anthropic sends them, event by event.

use model::{Geo, ServiceTier, Usage};
use proptest::prelude::*;

use super::Meter;
use crate::Seen;

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":100,"output_tokens":2}}}"#;
const BLOCK: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const TEXT: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
const STOP_BLOCK: &str = r#"{"type":"content_block_stop","index":0}"#;
const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const PING: &str = r#"{"type":"ping"}"#;

fn frame(data: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
    let event = value.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
    format!("event: {event}\ndata: {data}\n\n")
}

/// Feeds events by their data; the names of what was seen.
fn watch(meter: &mut Meter, lines: &[&str]) -> Vec<&'static str> {
    lines.iter().map(|line| name(&meter.see(frame(line).as_bytes()))).collect()
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

#[test]
fn a_whole_stream() {
    let mut meter = Meter::new();

    let seen = watch(&mut meter, &[START, BLOCK, PING, TEXT, TEXT, STOP_BLOCK, END, STOP]);

    assert_eq!(seen, ["other", "other", "other", "content", "content", "other", "finish", "done"]);
    assert!(meter.finished());
    assert_eq!(
        meter.usage(),
        Usage {
            input_tokens: Some(109),
            cached_tokens: Some(100),
            cache_write_tokens: Some(0),
            output_tokens: Some(15),
            ..Usage::default()
        }
    );
}

#[test]
fn the_tier_the_place_the_searches_and_the_model_are_the_answers_own() {
    let start = START.replace(
        r#""output_tokens":2"#,
        r#""output_tokens":2,"service_tier":"priority","inference_geo":"us""#,
    );
    let end = END.replace(
        r#""output_tokens":15"#,
        r#""output_tokens":15,"speed":"fast","server_tool_use":{"web_search_requests":2}"#,
    );
    let mut meter = Meter::new();
    assert_eq!(meter.answered_by(), None);

    watch(&mut meter, &[&start, BLOCK, TEXT]);
    assert_eq!(meter.answered_by(), Some("m"));
    assert_eq!(meter.usage().tier, Some(ServiceTier::Priority));

    watch(&mut meter, &[&end, STOP]);
    let usage = meter.usage();
    assert_eq!((usage.tier, usage.geo), (Some(ServiceTier::Fast), Some(Geo::Us)));
    assert_eq!((usage.searches, usage.output_tokens), (Some(2), Some(15)));
}

#[test]
fn a_stream_that_is_cut_counts_its_input_and_its_pieces() {
    let mut meter = Meter::new();

    watch(&mut meter, &[START, BLOCK, TEXT, TEXT, TEXT]);

    let usage = meter.usage();
    assert!(usage.estimated);
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(109), Some(3)));
    assert!(!meter.finished());
}

#[test]
fn a_stream_that_tells_nothing_counts_its_pieces() {
    let mut meter = Meter::new();
    assert_eq!(meter.usage().output_tokens, Some(0));

    watch(&mut meter, &[TEXT, TEXT]);

    assert_eq!(meter.usage().output_tokens, Some(2));
    assert_eq!(meter.usage().input_tokens, None);
}

#[test]
fn the_first_piece_may_be_anything_the_model_makes() {
    let start = |block: &str| {
        format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#)
    };
    for (data, expected) in [
        (start(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#), "content"),
        (start(r#"{"type":"redacted_thinking","data":"x"}"#), "content"),
        (start(r#"{"type":"thinking","thinking":""}"#), "other"),
        (start(r#"{"type":"text","text":""}"#), "other"),
        (TEXT.replace("text_delta", "thinking_delta"), "content"),
        (TEXT.replace("text_delta", "input_json_delta"), "content"),
        (TEXT.replace("text_delta", "signature_delta"), "content"),
    ] {
        assert_eq!(watch(&mut Meter::new(), &[START, &data]), ["other", expected], "{data}");
    }
}

#[test]
fn errors_in_the_middle_are_seen() {
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n";
    for (frame, code) in [
        (overloaded, "overloaded_error"),
        ("data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n", "api_error"),
        ("data: {\"error\":{\"type\":\"api_error\"}}\n\n", "api_error"),
        ("data: {\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate\"}}\n\n", "1002"),
    ] {
        for earlier in [&[][..], &[START, BLOCK, TEXT]] {
            let mut meter = Meter::new();
            watch(&mut meter, earlier);

            let Seen::Error(error) = meter.see(frame.as_bytes()) else {
                panic!("no error: {frame}");
            };
            assert!(error.codes().any(|found| found == code), "{frame}");
        }
    }
    assert_eq!(name(&Meter::new().see(b"event: error\r\ndata: overloaded\r\n\r\n")), "error");
}

#[test]
fn what_the_model_writes_fools_nobody() {
    for text in [
        r#"\"usage\":{\"output_tokens\":999}"#,
        "usage",
        "error",
        "message_stop",
        r#"{\"type\":\"message_stop\"}"#,
        r#"event: error\ndata: {\"error\":{\"type\":\"x\"}}\n\n"#,
    ] {
        let delta = TEXT.replace("Hi", text);
        let mut meter = Meter::new();

        let seen = watch(&mut meter, &[START, &delta, &delta, END]);

        assert_eq!(seen, ["other", "content", "content", "finish"], "{text}");
        assert_eq!(meter.usage().output_tokens, Some(15), "{text}");
    }
}

#[test]
fn ordinary_pieces_are_never_parsed() {
    let mut meter = Meter::new();
    assert!(!meter.is_ordinary(TEXT.as_bytes()));

    watch(&mut meter, &[TEXT]);

    assert!(meter.is_ordinary(TEXT.as_bytes()));
    assert!(meter.is_ordinary(TEXT.replace(':', " : ").as_bytes()));
    for data in [START, BLOCK, STOP_BLOCK, END, STOP, PING] {
        assert!(!meter.is_ordinary(data.as_bytes()), "{data}");
    }
}

#[test]
fn the_events_name_stands_in_for_a_missing_type() {
    let mut meter = Meter::new();

    let seen = [
        meter.see(b"event: content_block_delta\ndata: {\"delta\":{\"text\":\"a\"}}\n\n"),
        meter.see(b"event: message_stop\ndata: {}\n\n"),
    ];

    assert_eq!(seen, [Seen::Content, Seen::Done]);
}

#[test]
fn what_is_no_event_is_passed_by() {
    for frame in [
        "\n",
        ":\n\n",
        "event: ping\n\n",
        "data: \n\n",
        "data: {\"a\n\n",
        "data: []\n\n",
        "data: 1\n\n",
    ] {
        assert_eq!(Meter::new().see(frame.as_bytes()), Seen::Other, "{frame:?}");
    }
}

/// An event with its members in any order, as nobody sends it and anybody may.
fn any_event() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "content_block_delta",
        "message_delta",
        "message_start",
        "message_stop",
        "ping",
    ]);
    let usage = prop::sample::select(vec!["null", "{\"output_tokens\":7}", "{}"]);
    let text = prop::sample::select(vec!["a", "usage", "\\\"usage\\\":1", "message_delta"]);
    let reason = prop::sample::select(vec!["null", "\"end_turn\""]);
    (kind, usage, text, reason, any::<bool>()).prop_map(|(kind, usage, text, reason, last)| {
        let rest = format!(
            r#""delta":{{"text":"{text}","stop_reason":{reason}}},"usage" : {usage},"message":{{"usage":{usage}}}"#
        );
        let kind = format!(r#""type": "{kind}""#);
        if last { format!("{{{rest},{kind}}}") } else { format!("{{{kind},{rest}}}") }
    })
}

proptest! {
    #[test]
    fn a_glance_misses_nothing_that_a_parse_would_find(events in prop::collection::vec(any_event(), 1..12)) {
        let (mut glancing, mut parsing) = (Meter::new(), Meter::new());
        for event in &events {
            let seen = glancing.see(format!("data: {event}\n\n").as_bytes());
            prop_assert_eq!(seen, parsing.study(event.as_bytes(), b""));
        }

        prop_assert_eq!(glancing.finished, parsing.finished);
        prop_assert_eq!(glancing.counts, parsing.counts);
    }

    #[test]
    fn no_bytes_make_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let mut meter = Meter::new();
        watch(&mut meter, &[TEXT]);
        for frame in frames {
            meter.see(&[b"data:", frame.as_slice()].concat());
        }
    }
}

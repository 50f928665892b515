//! Streams for a caller, out of what others say.

use bytes::Bytes;
use model::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Writer;
use crate::hub::{Ask, Echo, Event, Reasoning, Stop};
use crate::provider_error::UpstreamErrorBody;
use crate::sse;

fn write(events: impl IntoIterator<Item = Event>) -> Vec<Bytes> {
    let reasoning = Reasoning { shown: true, ..Reasoning::default() };
    write_for(Some(reasoning), events)
}

fn write_for(reasoning: Option<Reasoning>, events: impl IntoIterator<Item = Event>) -> Vec<Bytes> {
    let ask = Ask { model: "asked".into(), reasoning, ..Ask::default() };
    let mut writer = Writer::new(&Echo { ask: &ask, request_id: "req_1", now: 0 });
    let mut out = Vec::new();
    events.into_iter().for_each(|event| writer.write(event, &mut out));
    out
}

fn data(frame: &Bytes) -> Value {
    let data = sse::data(frame).expect("data");
    serde_json::from_slice(&data).expect("JSON")
}

/// A stream in a few words each: `+0 text`, `0 "Hi"`, `-0`.
fn said(events: impl IntoIterator<Item = Event>) -> Vec<String> {
    write(events).iter().map(|frame| in_words(&data(frame))).collect()
}

fn in_words(event: &Value) -> String {
    let index = &event["index"];
    match event["type"].as_str().expect("a type") {
        "content_block_start" => {
            let block = &event["content_block"];
            let kind = block["type"].as_str().expect("a type");
            match kind {
                "tool_use" => format!("+{index} {} {}", block["name"], block["id"]),
                "redacted_thinking" => format!("+{index} {}", block["data"]),
                _ => format!("+{index} {kind}"),
            }
        }
        "content_block_delta" => {
            let pieces = ["text", "thinking", "signature", "partial_json"];
            let piece = pieces.iter().find_map(|name| event["delta"].get(name)).expect("a piece");
            format!("{index} {piece}")
        }
        "content_block_stop" => format!("-{index}"),
        "message_delta" => format!("end {}", event["delta"]["stop_reason"]),
        "error" => format!("error {}", event["error"]["type"]),
        kind => kind.to_owned(),
    }
}

fn start() -> Event {
    Event::Start { id: "id".into(), model: "m".into() }
}

fn text(text: &str) -> Event {
    Event::Text(text.into())
}

fn thought(text: &str) -> Event {
    Event::Thought(text.into())
}

fn call(index: usize) -> Event {
    Event::ToolCall { index, id: Some(format!("t{index}")), name: "f".into(), signature: None }
}

fn piece(index: usize, json: &str) -> Event {
    Event::Arguments { index, json: json.into() }
}

#[test]
fn a_stream_begins_once_and_ends_once() {
    let events = [
        start(),
        start(),
        text("Hi"),
        Event::Stop(Stop::Length),
        Event::End,
        Event::End,
        text("late"),
        Event::Error(UpstreamErrorBody::default()),
    ];

    assert_eq!(
        said(events),
        ["message_start", "+0 text", "0 \"Hi\"", "-0", "end \"max_tokens\"", "message_stop",]
    );
}

#[test]
fn events_have_the_names_and_the_shape_the_sdks_know() {
    let frames = write([start(), text("Hi"), Event::End]);

    assert_eq!(
        frames[0],
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"id\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n"
    );
    for frame in &frames {
        assert_eq!(sse::event(frame), data(frame)["type"].as_str().map(str::as_bytes));
    }
    assert_eq!(frames[5], "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

#[test]
fn without_a_beginning_it_begins_on_its_own() {
    let frames = write([text("Hi")]);

    let message = &data(&frames[0])["message"];
    assert_eq!(message["id"], "msg_req_1");
    assert_eq!(message["model"], "asked");
    assert_eq!(said([Event::End]), ["message_start", "end \"end_turn\"", "message_stop"]);
}

#[test]
fn what_says_nothing_opens_no_block() {
    let events = [start(), text(""), thought(""), Event::Refusal(String::new()), Event::Ping];

    assert_eq!(said(events), ["message_start", "ping"]);
}

#[test]
fn a_change_of_kind_closes_one_block_and_loses_nothing_of_the_next() {
    let events = [
        start(),
        thought("a"),
        thought("b"),
        text("c"),
        call(0),
        piece(0, "{}"),
        text("d"),
        Event::End,
    ];

    assert_eq!(
        said(events),
        [
            "message_start",
            "+0 thinking",
            "0 \"a\"",
            "0 \"b\"",
            "0 \"ks1.\"",
            "-0",
            "+1 text",
            "1 \"c\"",
            "-1",
            "+2 \"f\" \"t0\"",
            "2 \"{}\"",
            "-2",
            "+3 text",
            "3 \"d\"",
            "-3",
            "end \"tool_use\"",
            "message_stop",
        ]
    );
}

#[test]
fn a_proof_ends_its_thought() {
    let events = [
        start(),
        thought("a"),
        Event::Signature("s".into()),
        thought("b"),
        Event::SealedThought("sealed".into()),
        Event::SealedThought("alone".into()),
        Event::Signature("of nothing".into()),
        Event::End,
    ];

    assert_eq!(
        said(events),
        [
            "message_start",
            "+0 thinking",
            "0 \"a\"",
            "0 \"s\"",
            "-0",
            "+1 thinking",
            "1 \"b\"",
            "1 \"ks1.sealed\"",
            "-1",
            "+2 \"alone\"",
            "-2",
            "+3 thinking",
            "3 \"of nothing\"",
            "-3",
            "end \"end_turn\"",
            "message_stop",
        ]
    );
}

#[test]
fn one_call_after_the_other_flows() {
    let mut events = vec![start(), call(0), piece(0, "{\"a\""), piece(0, ":\"}\"}"), call(1)];
    let before_the_second = said(events.clone());

    events.extend([piece(1, "{}"), Event::Stop(Stop::End), Event::End]);

    assert_eq!(
        before_the_second,
        [
            "message_start",
            "+0 \"f\" \"t0\"",
            "0 \"{\\\"a\\\"\"",
            "0 \":\\\"}\\\"}\"",
            "-0",
            "+1 \"f\" \"t1\""
        ]
    );
    assert_eq!(said(events)[6..], ["1 \"{}\"", "-1", "end \"tool_use\"", "message_stop"]);
}

#[test]
fn mingled_calls_wait_for_each_other() {
    let events = [
        start(),
        call(0),
        call(1),
        piece(1, "{\"b\":"),
        piece(0, "{\"a\":"),
        text("\n"),
        piece(1, "2}"),
        piece(0, "1}"),
        Event::End,
    ];

    assert_eq!(
        said(events),
        [
            "message_start",
            "+0 \"f\" \"t0\"",
            "0 \"{\\\"a\\\":\"",
            "0 \"1}\"",
            "-0",
            "+1 \"f\" \"t1\"",
            "1 \"{\\\"b\\\":2}\"",
            "-1",
            "end \"tool_use\"",
            "message_stop",
        ]
    );
}

#[test]
fn what_a_call_lacks_is_waited_for_or_made_up() {
    let nameless = Event::ToolCall { index: 0, id: None, name: String::new(), signature: None };
    let named = Event::ToolCall {
        index: 0,
        id: Some(String::new()),
        name: "f".into(),
        signature: Some("a+".into()),
    };

    let events =
        [start(), nameless, piece(0, "{"), named.clone(), piece(0, "}"), named, Event::End];

    assert_eq!(
        said(events),
        [
            "message_start",
            "+0 \"f\" \"toolu_req_1_0__ks1_a-1\"",
            "0 \"{\"",
            "0 \"}\"",
            "-0",
            "end \"tool_use\"",
            "message_stop",
        ]
    );
}

#[test]
fn calls_that_make_no_sense_end_the_stream() {
    for events in [
        vec![start(), piece(0, "{}"), Event::End],
        vec![start(), call(0), piece(0, "{"), text("a"), piece(0, "}"), Event::End],
        (0..2000).map(call).collect(),
    ] {
        let said = said(events);

        assert_eq!(said.last().map(String::as_str), Some("error \"api_error\""));
        assert_eq!(said.iter().filter(|word| word.starts_with("error")).count(), 1);
    }
    // An empty place in the list of calls is none.
    let empty = Event::ToolCall { index: 0, id: None, name: String::new(), signature: None };
    assert_eq!(
        said([start(), empty, text("a"), Event::End]).last().expect("an end"),
        "message_stop"
    );
}

#[test]
fn usage_is_told_at_the_end_however_it_came() {
    let usage = |output| {
        Event::Usage(Usage {
            input_tokens: Some(100),
            cached_tokens: Some(60),
            cache_write_tokens: Some(30),
            output_tokens: Some(output),
            ..Usage::default()
        })
    };
    for events in [
        vec![usage(1), text("a"), Event::Stop(Stop::End), usage(5), Event::End],
        vec![text("a"), usage(5), Event::Stop(Stop::End), Event::End],
    ] {
        let frames = write(events);

        let end = data(&frames[frames.len() - 2]);
        assert_eq!(
            end,
            json!({
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {
                    "input_tokens": 10,
                    "cache_creation_input_tokens": 30,
                    "cache_read_input_tokens": 60,
                    "output_tokens": 5,
                },
            })
        );
    }
}

#[test]
fn thoughts_are_for_those_who_asked() {
    let said_for = |reasoning| {
        let thinking = [thought("hm"), Event::Signature("s".into()), text("Hi"), Event::End];
        let frames = write_for(reasoning, [start()].into_iter().chain(thinking));
        let said: Vec<String> = frames.iter().map(|frame| in_words(&data(frame))).collect();
        said.join(", ")
    };

    let unasked = said_for(None);
    assert!(unasked.starts_with("message_start, +0 text, 0 \"Hi\", -0"), "{unasked}");
    let wordless = said_for(Some(Reasoning::default()));
    let proof = "message_start, +0 thinking, 0 \"s\", -0, +1 text";
    assert!(wordless.starts_with(proof), "{wordless}");
}

#[test]
fn each_reason_to_stop_is_said() {
    let reason = |events: Vec<Event>| {
        let said = said(events.into_iter().chain([Event::End]));
        said[said.len() - 2].clone()
    };
    for (stop, expected) in [
        (Stop::End, "end \"end_turn\""),
        (Stop::Filtered, "end \"refusal\""),
        (Stop::Length, "end \"max_tokens\""),
        (Stop::Sequence(Some("x".into())), "end \"stop_sequence\""),
        (Stop::ToolCalls, "end \"end_turn\""),
    ] {
        assert_eq!(reason(vec![text("a"), Event::Stop(stop.clone())]), expected);
        let of_a_call =
            if stop == Stop::Length { "end \"max_tokens\"" } else { "end \"tool_use\"" };
        assert_eq!(reason(vec![call(0), Event::Stop(stop)]), of_a_call);
    }
    assert_eq!(reason(vec![Event::Refusal("No.".into())]), "end \"refusal\"");
}

#[test]
fn an_error_repeats_none_of_the_providers_words() {
    let error = |kind: &str| {
        Event::Error(UpstreamErrorBody {
            kind: Some(kind.into()),
            message: Some("canary".into()),
            ..UpstreamErrorBody::default()
        })
    };

    for (kind, expected) in
        [("overloaded_error", "error \"overloaded_error\""), ("canary", "error \"api_error\"")]
    {
        let frames = write([start(), text("a"), error(kind)]);
        let last = frames.last().expect("an event");

        assert_eq!(in_words(&data(last)), expected);
        assert!(!String::from_utf8_lossy(last).contains("canary"));
    }
    assert_eq!(said([error("x")]), ["error \"api_error\""]);
}

fn any_event() -> impl Strategy<Value = Event> {
    let word = prop::sample::select(vec!["", "a", "{", "}", "\"", "{}", "\n"]);
    let index = 0..3_usize;
    prop_oneof![
        word.clone().prop_map(text),
        word.clone().prop_map(thought),
        word.clone().prop_map(|word| Event::Signature(word.into())),
        word.clone().prop_map(|word| Event::SealedThought(word.into())),
        index.clone().prop_map(call),
        (index, word).prop_map(|(index, word)| piece(index, word)),
        Just(start()),
        Just(Event::Stop(Stop::End)),
        Just(Event::Ping),
    ]
}

proptest! {
    #[test]
    fn blocks_never_overlap_and_are_numbered(events in prop::collection::vec(any_event(), 0..40)) {
        let frames = write(events.into_iter().chain([Event::End]));

        let (mut open, mut next) = (None, 0);
        let mut kinds: Vec<String> = Vec::new();
        for event in frames.iter().map(data) {
            let index = event["index"].as_u64();
            let kind = event["type"].as_str().expect("a type");
            match kind {
                "content_block_start" => {
                    prop_assert_eq!((open, index), (None, Some(next)));
                    open = index;
                }
                "content_block_delta" => prop_assert!(open.is_some() && open == index),
                "content_block_stop" => {
                    prop_assert!(open.is_some() && open == index);
                    (open, next) = (None, next + 1);
                }
                _ => kinds.push(kind.to_owned()),
            }
        }
        kinds.retain(|kind| kind != "ping");
        let well = kinds == ["message_start", "message_delta", "message_stop"];
        let badly = kinds == ["message_start", "error"];
        prop_assert!(well || badly, "{:?}", kinds);
        prop_assert!(open.is_none() || badly);
    }
}

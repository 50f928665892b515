//! What each event of a provider's means. Whole streams in `golden/anthropic/stream/`.

use model::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Reader;
use crate::hub::{Event, Stop};
use crate::provider_error::UpstreamErrorBody;

fn read(reader: &mut Reader, event: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    let name = event["type"].as_str().unwrap_or_default();
    reader.read(format!("event: {name}\ndata: {event}\n\n").as_bytes(), &mut events);
    events
}

fn read_all(events: &[Value]) -> Vec<Event> {
    let mut reader = Reader::new();
    events.iter().flat_map(|event| read(&mut reader, event)).collect()
}

fn start(block: Value) -> Value {
    json!({"type": "content_block_start", "index": 0, "content_block": block})
}

fn delta(delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": 0, "delta": delta})
}

fn stop() -> Value {
    json!({"type": "content_block_stop", "index": 0})
}

fn tool(id: &str, name: &str) -> Value {
    start(json!({"type": "tool_use", "id": id, "name": name, "input": {}}))
}

fn piece(json: &str) -> Value {
    delta(json!({"type": "input_json_delta", "partial_json": json}))
}

fn called(index: usize, id: &str, name: &str) -> Event {
    Event::ToolCall { index, id: Some(id.into()), name: name.into(), signature: None }
}

fn arguments(index: usize, json: &str) -> Event {
    Event::Arguments { index, json: json.into() }
}

#[test]
fn the_beginning_and_the_end_tell_what_was_used() {
    let events = read_all(&[
        json!({"type": "message_start", "message": {
            "id": "msg_1", "model": "m", "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1},
        }}),
        json!({"type": "ping"}),
        json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 8}}),
        json!({"type": "message_stop"}),
    ]);

    let usage = |output| {
        Event::Usage(Usage {
            input_tokens: Some(7),
            cached_tokens: Some(4),
            output_tokens: Some(output),
            ..Usage::default()
        })
    };
    assert_eq!(
        events,
        [
            Event::Start { id: "msg_1".into(), model: "m".into() },
            usage(1),
            Event::Ping,
            Event::Stop(Stop::Length),
            usage(8),
            Event::End,
        ]
    );
}

#[test]
fn calls_are_counted_apart_from_blocks() {
    let events = read_all(&[
        start(json!({"type": "text", "text": ""})),
        delta(json!({"type": "text_delta", "text": "a"})),
        stop(),
        tool("t1", "f"),
        piece(""),
        piece("{\"a\""),
        piece(":1}"),
        stop(),
        tool("t2", "g"),
        stop(),
        json!({"type": "message_stop"}),
    ]);

    assert_eq!(
        events,
        [
            Event::Text("a".into()),
            called(0, "t1", "f"),
            arguments(0, "{\"a\""),
            arguments(0, ":1}"),
            called(1, "t2", "g"),
            arguments(1, "{}"),
            Event::End,
        ]
    );
}

#[test]
fn a_call_that_was_cut_before_its_arguments_is_not_completed() {
    let stream = |reason: &str| {
        read_all(&[
            tool("t", "f"),
            stop(),
            json!({"type": "message_delta", "delta": {"stop_reason": reason}}),
            json!({"type": "message_stop"}),
        ])
    };

    let whole = [arguments(0, "{}"), Event::Stop(Stop::ToolCalls), Event::End];
    assert_eq!(stream("tool_use")[1..], whole);
    assert_eq!(stream("max_tokens")[1..], [Event::Stop(Stop::Length), Event::End]);
}

#[test]
fn input_that_comes_with_the_beginning_is_not_lost() {
    let events = read_all(&[
        start(json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})),
        stop(),
        start(json!({"type": "text", "text": "b"})),
        start(json!({"type": "thinking", "thinking": "c"})),
    ]);

    assert_eq!(
        events,
        [
            called(0, "t", "f"),
            arguments(0, "{\"a\":1}"),
            Event::Text("b".into()),
            Event::Thought("c".into()),
        ]
    );
}

#[test]
fn the_input_of_the_providers_own_tools_is_nobodys() {
    let events = read_all(&[
        start(json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
        piece("{\"query\":\"q\"}"),
        stop(),
        piece("{}"),
    ]);

    assert_eq!(events, []);
}

#[test]
fn a_proof_is_told_whole_when_its_thought_ends() {
    let events = read_all(&[
        start(json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(json!({"type": "thinking_delta", "thinking": "a"})),
        delta(json!({"type": "signature_delta", "signature": "Eq"})),
        delta(json!({"type": "signature_delta", "signature": "QB"})),
        stop(),
        start(json!({"type": "redacted_thinking", "data": "EmwK"})),
        stop(),
        start(json!({"type": "thinking", "thinking": "", "signature": ""})),
        stop(),
    ]);

    assert_eq!(
        events,
        [
            Event::Thought("a".into()),
            Event::Signature("EqQB".into()),
            Event::SealedThought("EmwK".into()),
        ]
    );
}

#[test]
fn the_call_that_is_the_answer_is_a_text() {
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}});

    let events = read_all(&[
        tool("t", "json_tool_call"),
        piece("{\"a\":"),
        piece("1}"),
        stop(),
        tool("u", "json_tool_call"),
        stop(),
        end.clone(),
    ]);
    let with_another = read_all(&[tool("t", "json_tool_call"), tool("u", "f"), end]);

    assert_eq!(
        events,
        [Event::Text("{\"a\":".into()), Event::Text("1}".into()), Event::Stop(Stop::End),]
    );
    assert_eq!(with_another.last(), Some(&Event::Stop(Stop::ToolCalls)));
}

#[test]
fn an_error_is_the_last_thing_said() {
    let mut reader = Reader::new();

    let told = read(
        &mut reader,
        &json!({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}),
    );
    let after = read(&mut reader, &json!({"type": "message_stop"}));

    let error = UpstreamErrorBody {
        kind: Some("overloaded_error".into()),
        message: Some("m".into()),
        ..UpstreamErrorBody::default()
    };
    assert_eq!(told, [Event::Error(error)]);
    assert_eq!(after, []);
}

#[test]
fn errors_in_other_shapes_are_errors_too() {
    for frame in [
        "event: error\ndata: overloaded\n\n",
        "event: error\ndata: {\"error\":{}}\n\n",
        "data: {\"error\":{\"message\":\"m\"}}\n\n",
    ] {
        let mut events = Vec::new();

        Reader::new().read(frame.as_bytes(), &mut events);

        assert!(matches!(events[..], [Event::Error(_)]), "{frame:?}");
    }
}

#[test]
fn the_end_comes_once() {
    let end = json!({"type": "message_stop"});

    assert_eq!(read_all(&[end.clone(), end, tool("t", "f")]), [Event::End]);
}

#[test]
fn what_is_no_event_is_passed_by() {
    for frame in
        ["\n", ": ping\n\n", "data: \n\n", "data: {\"a\n\n", "data: []\n\n", "data: [DONE]\n\n"]
    {
        let mut events = Vec::new();

        Reader::new().read(frame.as_bytes(), &mut events);

        assert_eq!(events, [], "{frame:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)) {
        let (mut reader, mut events) = (Reader::new(), Vec::new());
        for frame in frames {
            reader.read(&[b"data:", frame.as_slice()].concat(), &mut events);
        }
    }

    #[test]
    fn no_order_of_events_makes_it_panic(order in prop::collection::vec(0..8_usize, 0..30)) {
        let all = [
            start(json!({"type": "text", "text": ""})),
            start(json!({"type": "thinking"})),
            tool("t", "f"),
            piece("{"),
            delta(json!({"type": "text_delta", "text": "a"})),
            delta(json!({"type": "signature_delta", "signature": "s"})),
            stop(),
            json!({"type": "message_start"}),
        ];
        let events: Vec<Value> = order.into_iter().map(|at| all[at].clone()).collect();

        read_all(&events);
    }
}

//! Streams, recorded and invented, whole and in pieces.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use model::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Reader, Writer};
use crate::hub::{Ask, Echo, Event, Reasoning, Source, Stop};
use crate::provider_error::UpstreamErrorBody;
use crate::sse::Frames;

fn asked(shown: bool) -> Ask {
    let reasoning = Reasoning { shown, ..Reasoning::default() };
    Ask { model: "gemini-asked".to_owned(), reasoning: Some(reasoning), ..Ask::default() }
}

fn writer(ask: &Ask) -> Writer {
    Writer::new(&Echo { ask, request_id: "req_1", now: 0 })
}

/// Through reader and writer, as it came over the wire in these pieces.
fn translated(pieces: &[&[u8]]) -> Vec<u8> {
    let mut frames = Frames::default();
    let mut reader = Reader::new();
    let mut writer = writer(&asked(true));
    let mut events = Vec::new();
    let mut out = Vec::new();
    for piece in pieces {
        frames.push(Bytes::copy_from_slice(piece));
        for frame in frames.by_ref() {
            reader.read(&frame.expect("a frame"), &mut events);
        }
    }
    events.push(Event::End);
    events.into_iter().for_each(|event| writer.write(event, &mut out));
    out.concat()
}

/// What a writer makes of these events, as JSON.
fn written(events: Vec<Event>) -> Vec<Value> {
    let mut writer = writer(&asked(true));
    let mut out = Vec::new();
    events.into_iter().for_each(|event| writer.write(event, &mut out));
    let values = out.iter().map(|event| {
        assert!(event.starts_with(b"data: {") && event.ends_with(b"}\r\n\r\n"));
        serde_json::from_slice(&crate::sse::data(event).expect("data")).expect("JSON")
    });
    values.collect()
}

fn read(chunks: &[Value]) -> Vec<Event> {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    for chunk in chunks {
        reader.read(format!("data: {chunk}\n\n").as_bytes(), &mut events);
    }
    events
}

/// The parts of each event.
fn parts(events: Vec<Event>) -> Vec<Value> {
    written(events)
        .into_iter()
        .map(|mut it| it["candidates"][0]["content"]["parts"].take())
        .collect()
}

fn call(index: usize, name: &str) -> Event {
    let (id, name) = (Some(format!("t{index}")), name.to_owned());
    Event::ToolCall { index, id, name, signature: None }
}

fn arguments(index: usize, json: &str) -> Event {
    Event::Arguments { index, json: json.to_owned() }
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

#[test]
fn streams_of_googles_keep_their_meaning_wherever_they_are_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/gemini/stream");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        let Some(stem) = name.strip_suffix(".in.sse") else { continue };
        seen += 1;
        let stream = fs::read(&path).expect("a stream");
        let golden = fs::read(folder.join(format!("{stem}.out.sse"))).expect("what it becomes");

        for at in 0..=stream.len() {
            let (head, tail) = stream.split_at(at);
            let out = translated(&[head, tail]);
            assert_eq!(out, golden, "{stem} at {at}: {}", String::from_utf8_lossy(&out));
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(translated(&bytes), golden, "{stem} byte by byte");
    }
    assert_eq!(seen, 6);
}

#[test]
fn one_event_may_say_several_things() {
    let events = read(&[json!({
        "candidates": [{
            "content": {"parts": [
                {"text": "hm", "thought": true},
                {"text": "So"},
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "AA=="},
                {"functionCall": {"name": "g"}},
            ]},
            "finishReason": "STOP",
        }],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        "responseId": "r",
        "modelVersion": "m",
    })]);

    assert_eq!(
        events,
        [
            Event::Start { id: "r".to_owned(), model: "m".to_owned() },
            Event::Thought("hm".to_owned()),
            text("So"),
            Event::ToolCall {
                index: 0,
                id: Some("call_r_0".to_owned()),
                name: "f".to_owned(),
                signature: Some("AA==".to_owned()),
            },
            arguments(0, r#"{"a":1}"#),
            Event::ToolCall {
                index: 1,
                id: Some("call_r_1".to_owned()),
                name: "g".to_owned(),
                signature: None,
            },
            arguments(1, "{}"),
            Event::Usage(Usage {
                input_tokens: Some(3),
                output_tokens: Some(2),
                ..Usage::default()
            }),
            Event::Stop(Stop::ToolCalls),
        ]
    );
}

#[test]
fn a_call_in_an_earlier_event_counts_at_the_end() {
    let events = read(&[
        json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}),
        json!({"candidates": [{"finishReason": "STOP"}]}),
    ]);

    assert_eq!(events.last(), Some(&Event::Stop(Stop::ToolCalls)));
}

#[test]
fn an_error_is_the_last_thing_that_is_read() {
    let events = read(&[
        json!({"error": {"code": 503, "status": "UNAVAILABLE"}}),
        json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}),
    ]);

    let [Event::Error(error)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(error.code.as_deref(), Some("503"));
}

#[test]
fn a_call_nobody_understands_is_an_error_where_nothing_was_said() {
    let end = json!({"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}]});
    let hi = json!({"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]});

    let bare = read(&[end.clone(), hi.clone()]);
    let said = read(&[hi, end]);

    let reasons = vec!["MALFORMED_FUNCTION_CALL".to_owned()];
    let error = UpstreamErrorBody { reasons, ..UpstreamErrorBody::default() };
    assert_eq!(bare[1..], [Event::Error(error)]);
    assert_eq!(said[1..], [text("Hi"), Event::Stop(Stop::End)]);
}

#[test]
fn what_is_no_event_of_googles_is_nothing() {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    for frame in
        [&b"data: [DONE]\n\n"[..], b"data: {\"candidates\":\n\n", b"data: \xff\n\n", b"data:\n\n"]
    {
        reader.read(frame, &mut events);
    }
    assert_eq!(events, []);

    reader.read(b": still here\n\n", &mut events);
    assert_eq!(events, [Event::Ping]);
}

#[test]
fn a_call_is_told_whole_as_soon_as_it_is() {
    let told = parts(vec![
        call(0, "f"),
        arguments(0, "{\"a\":\"}\\\""),
        call(1, "g"),
        arguments(1, " {}"),
        text("meanwhile"),
        arguments(0, "\",\"b\":{}}"),
        arguments(0, "\n"),
        call(2, "h"),
        Event::Stop(Stop::ToolCalls),
        Event::End,
    ]);

    let called = |id: &str, name: &str, args: Value| json!([{"functionCall": {"id": id, "name": name, "args": args}}]);
    assert_eq!(
        told,
        [
            called("t1", "g", json!({})),
            json!([{"text": "meanwhile"}]),
            called("t0", "f", json!({"a": "}\"", "b": {}})),
            called("t2", "h", json!({})),
            json!([{"text": ""}]),
        ]
    );
}

#[test]
fn arguments_that_never_close_are_told_at_the_end() {
    let told = parts(vec![call(0, "f"), arguments(0, "{\"a\":"), Event::End]);

    assert_eq!(told[0][0]["functionCall"]["args"], json!({"_raw": "{\"a\":"}));
    assert_eq!(told.len(), 2);
}

#[test]
fn the_end_is_said_once_with_reason_and_usage() {
    let usage = Usage { input_tokens: Some(4), output_tokens: Some(2), ..Usage::default() };
    let start = Event::Start { id: "r".to_owned(), model: "m".to_owned() };

    let told = written(vec![
        start,
        text("a"),
        Event::Stop(Stop::Length),
        Event::Ping,
        Event::Usage(usage),
        Event::End,
        Event::End,
        text("b"),
        Event::Error(UpstreamErrorBody::default()),
    ]);

    let rest = json!({"modelVersion": "m", "responseId": "r"});
    let with = |members: Value| {
        let mut event = rest.clone();
        for (name, value) in members.as_object().expect("an object") {
            event[name] = value.clone();
        }
        event
    };
    assert_eq!(
        told,
        [
            with(
                json!({"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}]})
            ),
            with(json!({
                "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}],
                "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6},
            })),
        ]
    );
}

#[test]
fn an_end_without_a_reason_is_an_end() {
    let last = |events| written(events).pop().expect("an event");

    for events in [vec![Event::End], vec![call(0, "f"), Event::End]] {
        let event = last(events);
        assert_eq!(event["candidates"][0]["finishReason"], "STOP");
        assert_eq!(
            (event["modelVersion"].as_str(), event["responseId"].as_str()),
            (Some("gemini-asked"), Some("req_1"))
        );
    }
    let filtered =
        last(vec![Event::Refusal("no".to_owned()), Event::Stop(Stop::Filtered), Event::End]);
    assert_eq!(filtered["candidates"][0]["finishReason"], "SAFETY");
}

#[test]
fn a_failure_is_googles_error_in_our_words() {
    let words =
        UpstreamErrorBody { message: Some("secret".to_owned()), ..UpstreamErrorBody::default() };

    let told = written(vec![text("a"), Event::Error(words), Event::End]);

    assert_eq!(told.len(), 2);
    assert_eq!(
        told[1],
        json!({"error": {"code": 502, "message": "the provider broke off in the middle of its answer", "status": "UNAVAILABLE"}})
    );
}

#[test]
fn thoughts_are_told_with_their_proof_to_those_who_asked() {
    let events = || {
        vec![
            Event::Thought("hm".to_owned()),
            Event::Signature("ab".to_owned()),
            Event::SealedThought("c".to_owned()),
        ]
    };

    assert_eq!(
        parts(events()),
        [
            json!([{"text": "hm", "thought": true}]),
            json!([{"text": "", "thought": true, "thoughtSignature": "ks1t6162"}]),
            json!([{"text": "", "thought": true, "thoughtSignature": "ks1s6300"}]),
        ]
    );
    let mut out = Vec::new();
    let ask = asked(false);
    let mut writer = writer(&ask);
    events().into_iter().for_each(|event| writer.write(event, &mut out));
    assert_eq!(out, Vec::<Bytes>::new());
    [text("a"), text("b"), Event::Signature("ab".to_owned()), Event::End]
        .into_iter()
        .for_each(|event| writer.write(event, &mut out));
    let signed = |text: &str| format!("[{{\"text\":\"{text}\",\"thoughtSignature\":\"ks1");
    let parts: Vec<_> = out.iter().map(|event| String::from_utf8_lossy(event)).collect();
    // The sealed one, with what was said next; the one whose thought had no text, at the end.
    assert!(parts[0].contains(&signed("a")) && parts[0].contains("ks1s6300"), "{parts:?}");
    assert!(parts[1].contains("[{\"text\":\"b\"}]"), "{parts:?}");
    assert!(parts[2].contains(&signed("")) && parts[2].contains("ks1t6162"), "{parts:?}");
}

#[test]
fn a_picture_comes_and_goes_in_a_stream() {
    let part = json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}});
    let chunk = json!({"candidates": [{"content": {"parts": [part]}}], "responseId": "r"});

    let events = read(&[chunk]);

    let picture = Source::Base64 { media_type: "image/png".to_owned(), data: "iVBO".to_owned() };
    assert!(events.contains(&Event::Image(picture)), "{events:?}");
    assert_eq!(parts(events)[0], json!([part]));
    let elsewhere = Event::Image(Source::Url("https://a.example/b.png".to_owned()));
    let file = json!({"mimeType": "image/png", "fileUri": "https://a.example/b.png"});
    assert_eq!(parts(vec![elsewhere])[0], json!([{"fileData": file}]));
    let kept = Event::Image(Source::File("file-1".to_owned()));
    assert_eq!(parts(vec![kept]), Vec::<Value>::new());
}

#[test]
fn a_call_without_an_id_gets_one_of_the_answers() {
    let nameless = Event::ToolCall { index: 3, id: None, name: "f".to_owned(), signature: None };

    let told = parts(vec![nameless, Event::End]);

    assert_eq!(told[0][0]["functionCall"]["id"], "call_req_1_3");
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new();
        let mut events = Vec::new();
        reader.read(&bytes, &mut events);
        reader.read(&[b"data: ", bytes.as_slice()].concat(), &mut events);
    }

    #[test]
    fn every_stream_ends_once_and_every_call_is_told_once(
        steps in proptest::collection::vec((0..6u8, 0..3usize, "[{}\"a\\\\ ]{0,4}"), 0..20),
    ) {
        let mut begun = Vec::new();
        let mut events = Vec::new();
        for (kind, index, words) in steps {
            match kind {
                0 if !begun.contains(&index) => {
                    begun.push(index);
                    events.push(call(index, "f"));
                }
                1 | 2 => events.push(arguments(index, &words)),
                3 => events.push(text(&words)),
                4 => events.push(Event::Stop(Stop::End)),
                _ => events.push(Event::Ping),
            }
        }
        events.extend([Event::End, Event::End]);

        let told = written(events);

        let ends = told.iter().filter(|it| it["candidates"][0].get("finishReason").is_some()).count();
        let calls = told.iter().filter(|it| it["candidates"][0]["content"]["parts"][0].get("functionCall").is_some());
        prop_assert_eq!(ends, 1);
        prop_assert_eq!(calls.count(), begun.len());
    }
}

//! Whole requests, answers and streams as recorded, read and written again. Files: `golden/anthropic/`.

use std::path::PathBuf;

use bytes::Bytes;
use model::catalogue::{Quirks, Thinking, Traits};
use serde_json::Value;

use super::events::{Reader, Writer};
use super::{ask, reply};
use crate::hub::{Ask, Echo, Event, Reasoning, Target};
use crate::sse::Frames;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/anthropic").join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// Of a caller who wants to see thoughts.
fn thinking() -> Ask {
    let reasoning = Reasoning { shown: true, ..Reasoning::default() };
    Ask { reasoning: Some(reasoning), ..Ask::default() }
}

fn echo(ask: &Ask) -> Echo<'_> {
    Echo { ask, request_id: "req_1", now: 0 }
}

#[test]
fn requests_are_read_and_written_again() {
    let adaptive = Traits { json_schema: true, ..Traits::default() };
    let adaptive = Traits { thinking: Some(Thinking::Adaptive), ..adaptive };
    let budget = Traits { thinking: Some(Thinking::Budget), ..Traits::default() };
    for (name, traits, hints) in [
        ("claude_code", adaptive, &["context_management"][..]),
        ("claude_code_budget", budget, &[]),
        ("images", budget, &[]),
        ("structured", adaptive, &[]),
        ("structured_by_tool", budget, &[]),
        ("tool_choice", adaptive, &["tools.input_examples"]),
    ] {
        let asked = name.trim_end_matches("_by_tool");
        let ask = ask::read(&file(&format!("ask/{asked}.in.json"))).expect(name);
        let quirks = Quirks::default();
        let target = Target {
            model: "claude",
            quirks: &quirks,
            traits: Some(&traits),
            output_tokens_max: None,
            include_usage: false,
        };
        let mut told = Vec::new();

        let body = ask::write(&ask, &target, &mut told).expect(name);

        assert_eq!(json(&body), json(&file(&format!("ask/{name}.out.json"))), "{name}");
        assert_eq!(ask.left_out, hints, "{name}");
        assert!(told.is_empty(), "{name}: {told:?}");
    }
}

#[test]
fn answers_are_read_and_written_again() {
    let ask = thinking();
    for name in ["json_tool", "stop_sequence", "text", "thinking_and_tools"] {
        let reply = reply::read(&file(&format!("reply/{name}.in.json"))).expect(name);

        let body = reply::write(&reply, &echo(&ask));

        assert_eq!(json(&body), json(&file(&format!("reply/{name}.out.json"))), "{name}");
    }
}

/// What a caller is sent for a stream that comes in these chunks.
fn streamed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let ask = thinking();
    let (mut frames, mut reader) = (Frames::default(), Reader::new());
    let mut writer = Writer::new(&echo(&ask));
    let mut out: Vec<Bytes> = Vec::new();
    for chunk in chunks {
        frames.push(Bytes::copy_from_slice(chunk));
        for frame in frames.by_ref() {
            let mut events: Vec<Event> = Vec::new();
            reader.read(&frame.expect("short"), &mut events);
            events.into_iter().for_each(|event| writer.write(event, &mut out));
        }
    }
    out.concat()
}

#[test]
fn streams_are_the_same_wherever_they_are_split() {
    for name in ["json_tool", "overloaded", "text", "thinking_and_tools"] {
        let stream = file(&format!("stream/{name}.in.sse"));
        let expected = file(&format!("stream/{name}.out.sse"));

        for at in 0..=stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(streamed([first, second]), expected, "{name} at {at}");
        }
        assert_eq!(streamed(stream.chunks(1)), expected, "{name} byte by byte");

        let stream = String::from_utf8(stream).expect("text").replace('\n', "\r\n");
        assert_eq!(streamed([stream.as_bytes()]), expected, "{name} with other line ends");
    }
}

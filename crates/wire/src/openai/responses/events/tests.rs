//! Streams, read from providers and written for callers.

use model::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Reader, Writer};
use crate::hub::{Ask, Echo, Event, Stop};
use crate::openai::responses::tests as golden;
use crate::provider_error::UpstreamErrorBody;

fn writer() -> Writer {
    Writer::new(&Echo { ask: &golden::asked(), request_id: "req_1", now: 1_770_000_000 })
}

fn write(steps: impl IntoIterator<Item = Event>) -> Vec<u8> {
    let (mut writer, mut out) = (writer(), Vec::new());
    steps.into_iter().for_each(|step| writer.write(step, &mut out));
    out.concat()
}

fn read(stream: &[u8]) -> Vec<Event> {
    let (mut reader, mut steps) = (Reader::new(), Vec::new());
    golden::frames([stream]).iter().for_each(|frame| reader.read(frame, &mut steps));
    steps
}

/// From chunks, as they come from the network.
fn translate<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut reader, mut writer) = (Reader::new(), writer());
    let (mut steps, mut out) = (Vec::new(), Vec::new());
    for frame in golden::frames(chunks) {
        reader.read(&frame, &mut steps);
        steps.drain(..).for_each(|step| writer.write(step, &mut out));
    }
    out.concat()
}

/// What there is of a stream without the long objects in it.
fn outline(stream: &[u8]) -> Vec<String> {
    let line = |(name, data): (String, Value)| {
        let name = name.trim_start_matches("response.").to_owned();
        let at = data.get("output_index").map(Value::to_string).unwrap_or_default();
        let said = ["delta", "text", "refusal", "arguments"].iter().find_map(|name| data.get(name));
        [name, at, said.map(Value::to_string).unwrap_or_default()].join(" ").trim_end().to_owned()
    };
    golden::events(stream).into_iter().map(line).collect()
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn thought(text: &str) -> Event {
    Event::Thought(text.to_owned())
}

fn call(index: usize, name: &str) -> Event {
    let id = Some(format!("call_{name}"));
    Event::ToolCall { index, id, name: name.to_owned(), signature: None }
}

fn arguments(index: usize, json: &str) -> Event {
    Event::Arguments { index, json: json.to_owned() }
}

#[test]
fn each_stream_is_given_as_its_golden_file_says() {
    for name in golden::names("stream_") {
        let stream = golden::bytes(&format!("{name}.in.sse"));

        let given = translate([stream.as_slice()]);

        let expected = golden::bytes(&format!("{name}.out.sse"));
        assert_eq!(golden::events(&given), golden::events(&expected), "{name}");
    }
}

#[test]
fn wherever_the_network_cuts_a_stream_it_is_the_same() {
    for name in golden::names("stream_") {
        let stream = golden::bytes(&format!("{name}.in.sse"));
        // From the same events comes the same stream, and cutting is all that the network does.
        let events = golden::frames([stream.as_slice()]);
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(golden::frames([left, right]), events, "{name} {at}");
        }
        assert_eq!(translate(stream.chunks(1)), translate([stream.as_slice()]), "{name}");
    }
}

#[test]
fn every_event_is_numbered_and_placed() {
    for name in golden::names("stream_") {
        let given = translate([golden::bytes(&format!("{name}.in.sse")).as_slice()]);
        let events = golden::events(&given);
        let events = events.iter().filter(|(name, _)| !name.is_empty());
        for (number, (event, data)) in events.enumerate() {
            assert_eq!(data["type"], *event, "{name}");
            assert_eq!(data["sequence_number"], number, "{name}");
            if data.get("response").is_none() {
                assert!(data["output_index"].is_u64() && data["item_id"].is_string(), "{name}");
            }
        }
    }
}

#[test]
fn what_we_write_is_read_as_it_was_meant() {
    let steps = [
        Event::Start { id: "resp_1".to_owned(), model: "claude".to_owned() },
        thought("Hm"),
        text("I "),
        text("look."),
        call(0, "weather"),
        arguments(0, "{\"a\":"),
        arguments(0, "1}"),
        call(1, "now"),
        arguments(1, "{}"),
        Event::Usage(Usage {
            input_tokens: Some(3),
            cached_tokens: Some(0),
            cache_write_tokens: Some(0),
            output_tokens: Some(5),
            reasoning_tokens: Some(0),
            ..Usage::default()
        }),
        Event::Stop(Stop::ToolCalls),
        Event::End,
    ];

    assert_eq!(read(&write(steps.clone())), steps);
}

#[test]
fn an_item_is_over_before_the_next_begins() {
    let given =
        write([thought("Hm"), text("Hi"), call(0, "a"), arguments(0, "{}"), text("!"), Event::End]);

    assert_eq!(
        outline(&given),
        [
            "created",
            "in_progress",
            "output_item.added 0",
            "reasoning_summary_part.added 0",
            "reasoning_summary_text.delta 0 \"Hm\"",
            "reasoning_summary_text.done 0 \"Hm\"",
            "reasoning_summary_part.done 0",
            "output_item.done 0",
            "output_item.added 1",
            "content_part.added 1",
            "output_text.delta 1 \"Hi\"",
            "output_text.done 1 \"Hi\"",
            "content_part.done 1",
            "output_item.done 1",
            "output_item.added 2",
            "function_call_arguments.delta 2 \"{}\"",
            "function_call_arguments.done 2 \"{}\"",
            "output_item.done 2",
            "output_item.added 3",
            "content_part.added 3",
            "output_text.delta 3 \"!\"",
            "output_text.done 3 \"!\"",
            "content_part.done 3",
            "output_item.done 3",
            "completed",
        ]
    );
}

#[test]
fn calls_whose_pieces_come_mixed_are_given_one_after_the_other() {
    let given = write([
        call(0, "a"),
        call(1, "b"),
        arguments(1, "{\"b\":"),
        arguments(0, "{\"a\":\"}\\\"\""),
        arguments(1, "1}"),
        call(2, "c"),
        arguments(0, "}"),
        Event::Stop(Stop::ToolCalls),
        Event::End,
    ]);

    assert_eq!(
        outline(&given)[2..],
        [
            "output_item.added 0",
            "function_call_arguments.delta 0 \"{\\\"a\\\":\\\"}\\\\\\\"\\\"\"",
            "function_call_arguments.delta 0 \"}\"",
            "function_call_arguments.done 0 \"{\\\"a\\\":\\\"}\\\\\\\"\\\"}\"",
            "output_item.done 0",
            "output_item.added 1",
            "function_call_arguments.delta 1 \"{\\\"b\\\":1}\"",
            "function_call_arguments.done 1 \"{\\\"b\\\":1}\"",
            "output_item.done 1",
            "output_item.added 2",
            "function_call_arguments.delta 2 \"{}\"",
            "function_call_arguments.done 2 \"{}\"",
            "output_item.done 2",
            "completed",
        ]
    );
}

#[test]
fn signed_thoughts_stay_apart_and_keep_their_proofs() {
    let given = write([
        thought("One"),
        Event::Signature("sig".to_owned()),
        Event::Signature("other".to_owned()),
        thought("Two"),
        Event::SealedThought("data".to_owned()),
        Event::End,
    ]);

    let events = golden::events(&given);
    let (_, last) = events.last().expect("an end");
    let output = last["response"]["output"].as_array().expect("items").iter();
    let items: Vec<(&Value, &Value)> =
        output.map(|item| (&item["summary"][0]["text"], &item["encrypted_content"])).collect();
    let (one, two) = (Value::from("One"), Value::from("Two"));
    let [signed, other, sealed] = ["ks1.sig", "ks1.other", "ks2.data"].map(Value::from);
    let nothing = &Value::Null;
    assert_eq!(items, [(&one, &signed), (nothing, &other), (&two, nothing), (nothing, &sealed)]);
}

#[test]
fn a_failure_comes_after_a_beginning_and_calls_nothing_done() {
    let error = || {
        Event::Error(UpstreamErrorBody {
            kind: Some("overloaded_error".to_owned()),
            ..Default::default()
        })
    };

    let at_once = write([error()]);
    let amid =
        write([text("Hi"), call(0, "a"), arguments(0, "{\"a\":"), error(), text("!"), Event::End]);

    assert_eq!(outline(&at_once), ["created", "in_progress", "failed"]);
    let events = golden::events(&amid);
    let (_, last) = events.last().expect("an end");
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"]["code"], "server_is_overloaded");
    assert_eq!(last["response"]["output"].as_array().map(Vec::len), Some(1), "the text alone");
    assert!(!outline(&amid).contains(&"output_item.done 1".to_owned()));
}

#[test]
fn after_the_end_there_is_nothing_and_before_the_start_only_signs_of_life() {
    let given = write([Event::Ping, Event::End, text("!"), Event::Ping, Event::End]);

    assert_eq!(outline(&given), ["", "created", "in_progress", "completed"]);
    assert!(given.starts_with(b": ping\n\n"));
}

#[test]
fn a_call_that_the_limit_cut_off_is_not_complete() {
    let given =
        write([call(0, "a"), arguments(0, "{\"a\":"), Event::Stop(Stop::Length), Event::End]);

    let events = golden::events(&given);
    let (name, last) = events.last().expect("an end");
    assert_eq!(name, "response.incomplete");
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
}

#[test]
fn geminis_proof_of_a_call_stands_before_it() {
    let proven = Event::ToolCall {
        index: 0,
        id: Some("call_a".to_owned()),
        name: "a".to_owned(),
        signature: Some("c2ln".to_owned()),
    };

    let given = write([text("Hi"), proven, arguments(0, "{}"), Event::End]);

    let (_, last) = golden::events(&given).pop().expect("an end");
    let output = &last["response"]["output"];
    let kinds = [0, 1, 2].map(|at| output[at]["type"].as_str().expect("a type"));
    assert_eq!(kinds, ["message", "reasoning", "function_call"]);
    assert_eq!(output[1]["encrypted_content"], "ks2.call.call_a.c2ln");
}

#[test]
fn a_call_cut_before_its_arguments_is_not_called_complete() {
    let given = write([call(0, "a"), Event::Stop(Stop::Length), Event::End]);

    let (_, last) = golden::events(&given).pop().expect("an end");
    let item = &last["response"]["output"][0];
    assert_eq!((&item["status"], &item["arguments"]), (&json!("incomplete"), &json!("")));
}

#[test]
fn a_call_without_an_id_is_given_one() {
    let step = Event::ToolCall { index: 0, id: None, name: "a".to_owned(), signature: None };

    let events = golden::events(&write([step, Event::End]));

    assert_eq!(events[2].1["item"]["call_id"], "call_req_1_0");
}

#[test]
fn a_reader_tells_an_error_once_and_then_nothing() {
    let steps = read(&golden::bytes("stream_failed.in.sse"));

    let [Event::Start { .. }, Event::Text(_), Event::Error(error)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(error.code.as_deref(), Some("rate_limit_exceeded"));
}

#[test]
fn thoughts_that_come_in_two_forms_are_told_in_one() {
    let steps = read(&golden::bytes("stream_both_thoughts.in.sse"));

    let thoughts: Vec<&Event> =
        steps.iter().filter(|step| matches!(step, Event::Thought(_))).collect();
    assert_eq!(thoughts, [&thought("Whole")]);
}

#[test]
fn items_without_a_name_or_a_place_are_told_apart_by_their_order() {
    let done = |text: &str| {
        let item = json!({"type": "message", "content": [{"type": "output_text", "text": text}]});
        format!("data: {}\n\n", json!({"type": "response.output_item.done", "item": item}))
    };
    let delta = json!({"type": "response.output_text.delta", "delta": "One"});
    let stream = format!("data: {delta}\n\n{}{}", done("One"), done("Two"));

    let steps = read(stream.as_bytes());

    assert_eq!(steps[1..], [text("One"), text("Two")]);
}

fn any_step() -> impl Strategy<Value = Event> {
    let words = || prop::sample::select(vec!["", "{", "}", "a", "{}", "\"", "\\", "é"]);
    prop_oneof![
        words().prop_map(text),
        words().prop_map(thought),
        words().prop_map(|words| Event::Refusal(words.to_owned())),
        words().prop_map(|words| Event::Signature(words.to_owned())),
        words().prop_map(|words| Event::SealedThought(words.to_owned())),
        (0..4_usize).prop_map(|index| call(index, "a")),
        (0..4_usize, words()).prop_map(|(index, words)| arguments(index, words)),
        Just(Event::Ping),
        Just(Event::Stop(Stop::Length)),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_items_begin_once_and_end_once(steps in prop::collection::vec(any_step(), 0..30)) {
        let given = write(steps.into_iter().chain([Event::End]));

        let events = golden::events(&given);
        let places = |wanted: &str| -> Vec<u64> {
            let wanted = events.iter().filter(|(name, _)| name == wanted);
            wanted.filter_map(|(_, data)| data["output_index"].as_u64()).collect()
        };
        let (added, mut done) = (places("response.output_item.added"), places("response.output_item.done"));
        done.sort_unstable();
        prop_assert_eq!(&added, &done);
        prop_assert_eq!(added, (0..done.len() as u64).collect::<Vec<_>>());
        let (_, last) = events.last().expect("an end");
        let output = last["response"]["output"].as_array().expect("items");
        for (_, data) in events.iter().filter(|(name, _)| name == "response.output_item.done") {
            let at = data["output_index"].as_u64().expect("a place") as usize;
            prop_assert_eq!(&output[at], &data["item"]);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
        read(&[b"data: {\"type\":\"response.output_item.done\",", bytes.as_slice()].concat());
    }

    #[test]
    fn no_damage_to_a_stream_makes_it_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut stream = golden::bytes("stream_tools.in.sse");
        let at = at.index(stream.len());
        stream[at] = byte;

        let given = Ask::default();
        let mut writer = Writer::new(&Echo { ask: &given, request_id: "", now: 0 });
        let mut out = Vec::new();
        read(&stream).into_iter().for_each(|step| writer.write(step, &mut out));
    }
}

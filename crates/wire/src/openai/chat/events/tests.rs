//! Streams as providers write them, and as they reach a caller of the same dialect.

use bytes::Bytes;
use model::{Dialect, Usage};
use serde_json::json;

use super::{Reader, Writer};
use crate::hub::{Ask, Echo, Event, Source, Stop};
use crate::provider_error::UpstreamErrorBody;
use crate::sse::Frames;
use crate::translate::StreamTranslator;

mod property;

fn asked(include_usage: bool) -> Ask {
    Ask { model: "asked".to_owned(), include_usage, ..Ask::default() }
}

fn echo(ask: &Ask) -> Echo<'_> {
    Echo { ask, request_id: "req_1", now: 1_700_000_000 }
}

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Bytes> {
    let (mut frames, mut whole) = (Frames::default(), Vec::new());
    for chunk in chunks {
        frames.push(Bytes::copy_from_slice(chunk));
        whole.extend(frames.by_ref().map(|frame| frame.expect("short")));
    }
    whole
}

/// A stream, through to its end.
fn translated(frames: &[Bytes]) -> String {
    let mut translator = StreamTranslator::new(Dialect::Chat, Dialect::Chat, &echo(&asked(true)));
    let mut out = Vec::new();
    for frame in frames {
        translator.push(frame, &mut out);
    }
    translator.finish(&mut out);
    String::from_utf8(out.concat()).expect("UTF-8")
}

#[test]
fn pictures_come_beside_the_text_as_openrouter_has_them() {
    let url = "data:image/png;base64,iVBO";
    let image = |index: u8| json!({"type": "image_url", "image_url": {"url": url}, "index": index});
    let chunk = json!({"choices": [{"index": 0, "delta": {"images": [image(0), image(1)]}}]});
    let frame = Bytes::from(format!("data: {chunk}\n\n"));

    let mut events = Vec::new();
    Reader::new().read(&frame, &mut events);

    let picture = Source::Base64 { media_type: "image/png".to_owned(), data: "iVBO".to_owned() };
    let told = events.iter().filter(|event| **event == Event::Image(picture.clone()));
    assert_eq!(told.count(), 2, "{events:?}");
    let out = translated(&[frame, Bytes::from_static(b"data: [DONE]\n\n")]);
    for index in 0..2 {
        assert!(out.contains(&format!("\"images\":[{}]", image(index))), "{out}");
    }
}

#[test]
fn streams_come_out_in_one_shape_wherever_the_network_cuts_them() {
    for name in STREAMS {
        let file = |end: &str| {
            let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/chat/stream");
            std::fs::read(format!("{golden}/{name}.{end}.sse")).expect(name)
        };
        let stream = file("in");
        let whole = frames(std::iter::once(&stream[..]));
        let expected = String::from_utf8(file("out")).expect(name);

        assert_eq!(translated(&whole), expected, "{name}");
        assert_eq!(translated(&frames(stream.chunks(1))), expected, "{name} byte by byte");
        for at in 0..stream.len() {
            let (one, other) = stream.split_at(at);
            assert_eq!(frames([one, other].into_iter()), whole, "{name} cut at {at}");
        }
        assert!(!expected.contains("CANARY"), "{name}");
        // What is written is a stream like any other.
        if !expected.contains("\"error\"") {
            let again = frames(std::iter::once(expected.as_bytes()));
            assert_eq!(translated(&again), expected, "{name} again");
        }
    }
}

const STREAMS: [&str; 24] = [
    "azure",
    "deepseek",
    "gemini",
    "groq",
    "groq_error",
    "interleaved",
    "magistral",
    "minimax_error",
    "mistral",
    "moonshot",
    "nameless_at_first",
    "no_terminator",
    "old_function_call",
    "old_vllm",
    "openai",
    "openai_tools",
    "openrouter",
    "openrouter_error",
    "refusal",
    "split_names",
    "together",
    "unnumbered",
    "usage_first",
    "vllm",
];

fn events(frames: &[&str]) -> Vec<Event> {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    for frame in frames {
        reader.read(format!("{frame}\n\n").as_bytes(), &mut events);
    }
    events
}

fn start() -> Event {
    Event::Start { id: "i".to_owned(), model: "m".to_owned() }
}

#[test]
fn there_is_an_end_to_calls() {
    let piece = |at: usize| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":{at},\"id\":\"c{at}\",\"function\":{{\"name\":\"f\"}}}}]}}}}]}}"
        )
    };
    let frames: Vec<String> = (0..1_026).map(piece).collect();
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();

    let events = events(&frames);

    assert_eq!(events.last(), Some(&Event::Error(UpstreamErrorBody::default())));
    let is_call = |event: &&Event| matches!(event, Event::ToolCall { .. });
    assert_eq!(events.iter().filter(is_call).count(), 1_023);
}

#[test]
fn arguments_of_a_call_without_a_name_are_not_kept_for_ever() {
    let piece = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{}\"}}}}]}}}}]}}",
        "a".repeat(70_000)
    );

    assert_eq!(events(&[&piece]).last(), Some(&Event::Error(UpstreamErrorBody::default())));
}

#[test]
fn a_stream_starts_once_and_ends_once() {
    let hei = "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hei\"},\"finish_reason\":\"stop\"}]}";

    let events =
        events(&[": hold on", hei, hei, "data: [DONE]", "data: [DONE]", hei, ": still here"]);

    let text = || Event::Text("Hei".to_owned());
    assert_eq!(
        events,
        vec![Event::Ping, start(), text(), Event::Stop(Stop::End), text(), Event::End]
    );
}

#[test]
fn nothing_follows_an_error() {
    let events = events(&[
        "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"He\"}}]}",
        "data: {\"error\":{\"code\":\"overloaded\",\"message\":\"later\"}}",
        "data: [DONE]",
    ]);

    let error = UpstreamErrorBody {
        code: Some("overloaded".to_owned()),
        message: Some("later".to_owned()),
        ..UpstreamErrorBody::default()
    };
    assert_eq!(events, vec![start(), Event::Text("He".to_owned()), Event::Error(error)]);
}

#[test]
fn only_the_first_of_several_answers_is_read() {
    let events = events(&[
        "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},{\"index\":0,\"delta\":{\"content\":\"yes\"}}]}",
        "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}",
    ]);

    assert_eq!(events, vec![start(), Event::Text("yes".to_owned())]);
}

#[test]
fn sealed_thoughts_and_proofs_are_passed_on() {
    let events = events(&[
        "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"a\"},{\"type\":\"reasoning.encrypted\",\"data\":\"d\",\"id\":\"rs_1\"}]}}]}",
        "data: {\"choices\":[{\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"s\",\"id\":\"c\",\"format\":\"google-gemini-v1\"}],\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
    ]);

    let call = Event::ToolCall {
        index: 0,
        id: Some("c".to_owned()),
        name: "f".to_owned(),
        signature: Some("s".to_owned()),
    };
    assert_eq!(
        events,
        vec![
            start(),
            Event::Thought("a".to_owned()),
            Event::SealedThought("d".to_owned()),
            call,
            Event::Arguments { index: 0, json: "{}".to_owned() },
        ]
    );
}

fn written(ask: &Ask, events: Vec<Event>) -> Vec<String> {
    let mut writer = Writer::new(&echo(ask));
    let mut out = Vec::new();
    events.into_iter().for_each(|event| writer.write(event, &mut out));
    out.into_iter().map(|event| String::from_utf8(event.to_vec()).expect("UTF-8")).collect()
}

/// What lies in the only choice of each chunk; other events as they are.
fn deltas(events: &[String]) -> Vec<String> {
    let delta = |event: &String| {
        let (_, delta) = event.split_once("\"delta\":")?;
        Some(delta.trim_end().trim_end_matches("}]}").to_owned())
    };
    events.iter().map(|event| delta(event).unwrap_or_else(|| event.trim_end().to_owned())).collect()
}

const ROLE: &str = "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null";
const DONE: &str = "data: [DONE]";

#[test]
fn a_writer_begins_and_ends_on_its_own() {
    let stop = "{},\"finish_reason\":\"stop\"";
    for (events, expected) in [
        (vec![Event::End], vec![ROLE, stop, DONE]),
        (vec![start(), start(), Event::End, Event::End, Event::Ping], vec![ROLE, stop, DONE]),
        (
            vec![Event::Text("a".to_owned()), Event::Stop(Stop::Length), Event::End, start()],
            vec![
                ROLE,
                "{\"content\":\"a\"},\"finish_reason\":null",
                "{},\"finish_reason\":\"length\"",
                DONE,
            ],
        ),
        (vec![Event::Ping, Event::End], vec![": ping", ROLE, stop, DONE]),
        (
            vec![Event::Stop(Stop::Filtered), Event::End],
            vec![ROLE, "{},\"finish_reason\":\"content_filter\"", DONE],
        ),
        (vec![Event::Stop(Stop::Sequence(None)), Event::End], vec![ROLE, stop, DONE]),
    ] {
        assert_eq!(deltas(&written(&asked(true), events.clone())), expected, "{events:?}");
    }
}

#[test]
fn a_stream_without_a_name_gets_one_of_the_request() {
    let unnamed = Event::Start { id: String::new(), model: String::new() };

    let first = written(&asked(false), vec![unnamed]).remove(0);

    assert_eq!(
        first,
        "data: {\"id\":\"chatcmpl-req_1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"asked\",\
         \"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
    );
}

#[test]
fn usage_is_told_to_those_who_asked_and_only_the_last() {
    let usage = |output| {
        let usage =
            Usage { input_tokens: Some(2), output_tokens: Some(output), ..Usage::default() };
        Event::Usage(usage)
    };
    let events = || vec![start(), usage(1), Event::Stop(Stop::End), usage(3), Event::End];

    let asked_for = written(&asked(true), events());
    let not_asked_for = written(&asked(false), events());

    assert_eq!(asked_for.len(), 4);
    assert!(asked_for[2].contains(
        "\"choices\":[],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":3,\"total_tokens\":5}"
    ));
    assert_eq!(not_asked_for.len(), 3);
    assert!(!not_asked_for.concat().contains("usage"));
}

#[test]
fn an_error_is_told_in_our_words_and_ends_without_a_terminator() {
    let error =
        UpstreamErrorBody { message: Some("sk-CANARY".to_owned()), ..UpstreamErrorBody::default() };

    let out = written(
        &asked(true),
        vec![start(), Event::Error(error), Event::Text("a".to_owned()), Event::End],
    );

    assert_eq!(
        out[1..],
        [
            "data: {\"error\":{\"message\":\"the provider broke off in the middle of its answer\",\"type\":\"server_error\",\
          \"code\":\"upstream_error\",\"param\":null},\"request_id\":\"req_1\"}\n\n"
        ]
    );
}

#[test]
fn calls_are_numbered_as_they_come_and_always_have_arguments() {
    let call = |index, id: Option<&str>| {
        let id = id.map(str::to_owned);
        Event::ToolCall { index, id, name: "f".to_owned(), signature: None }
    };
    let arguments = |index, json: &str| Event::Arguments { index, json: json.to_owned() };

    let out = written(
        &asked(false),
        vec![
            call(3, Some("a")),
            arguments(3, "{\"x\""),
            call(1, None),
            arguments(3, ":1}"),
            arguments(1, ""),
            arguments(7, "lost"),
            Event::End,
        ],
    );

    assert_eq!(
        deltas(&out)[1..],
        [
            "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},\"finish_reason\":null",
            "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\"\"}}]},\"finish_reason\":null",
            "{\"tool_calls\":[{\"index\":1,\"id\":\"call_fc5862f2b584e9ef_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},\"finish_reason\":null",
            "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]},\"finish_reason\":null",
            "{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":null",
            "{},\"finish_reason\":\"tool_calls\"",
            DONE,
        ]
    );
}

#[test]
fn each_thought_has_a_number_of_its_own() {
    let text = |text: &str| text.to_owned();
    let proven = Event::ToolCall {
        index: 0,
        id: Some(text("c")),
        name: text("f"),
        signature: Some(text("g")),
    };

    let out = written(
        &asked(false),
        vec![
            Event::Thought(text("a")),
            Event::Thought(text("b")),
            Event::Signature(text("s")),
            Event::SealedThought(text("d")),
            Event::Thought(text("e")),
            Event::Text(text("f")),
            Event::Thought(text("g")),
            proven,
        ],
    );

    let deltas = deltas(&out);
    let details = deltas.iter().filter_map(|delta| {
        let (_, details) = delta.split_once("\"reasoning_details\":[")?;
        Some(details.split_once(']')?.0.to_owned())
    });
    assert_eq!(
        details.collect::<Vec<_>>(),
        [
            "{\"type\":\"reasoning.text\",\"text\":\"a\",\"index\":0}",
            "{\"type\":\"reasoning.text\",\"text\":\"b\",\"index\":0}",
            "{\"type\":\"reasoning.text\",\"signature\":\"s\",\"index\":0}",
            "{\"type\":\"reasoning.encrypted\",\"data\":\"d\",\"index\":1}",
            "{\"type\":\"reasoning.text\",\"text\":\"e\",\"index\":2}",
            "{\"type\":\"reasoning.text\",\"text\":\"g\",\"index\":3}",
            "{\"type\":\"reasoning.encrypted\",\"data\":\"g\",\"id\":\"c\",\"format\":\"google-gemini-v1\",\"index\":4}",
        ]
    );
}

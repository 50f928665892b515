//! Streams as no specification has them. A plain request is never answered by one.

use std::time::Duration;

use bytes::Bytes;
use model::Dialect;
use testkit::fake::{Reply, Step, split_at, split_every};

use super::fault::Expected::{Answered, Broken, Passed};
use super::fault::{Expected, Fault, GARBLED, refused};
use super::pair::Pair;
use super::upstream::KEY;

pub fn events(pair: Pair) -> Vec<Fault> {
    [pieces(pair), lines(pair), ends(pair), sizes(pair), errors(pair), junk(pair)]
        .into_iter()
        .flatten()
        .collect()
}

const BROKEN: Expected = Broken("upstream_error");

fn streamed(name: &str, pieces: Vec<Bytes>, expected: Expected) -> Fault {
    Fault::one(name, Reply::stream_of(pieces), GARBLED, expected)
}

fn whole(name: &str, bytes: impl Into<Bytes>, expected: Expected) -> Fault {
    streamed(name, vec![bytes.into()], expected)
}

/// However the network cuts it.
fn pieces(pair: Pair) -> Vec<Fault> {
    let stream = pair.upstream.stream();
    let inside = |at: &usize| stream.get(*at).is_some_and(|byte| (0x80..0xc0).contains(byte));
    let in_letters: Vec<usize> = (0..stream.len()).filter(inside).collect();
    assert!(!in_letters.is_empty(), "some letters are longer than a byte");
    vec![
        streamed("single bytes", split_every(stream.clone(), 1), Answered(1)),
        streamed("pieces of three", split_every(stream.clone(), 3), Answered(1)),
        streamed("letters in pieces", split_at(stream.clone(), &in_letters), Answered(1)),
        streamed("one piece", vec![stream], Answered(1)),
    ]
}

/// Lines and blank lines.
fn lines(pair: Pair) -> Vec<Fault> {
    let stream = text(&pair.upstream.stream());
    let ended = |end: &str| stream.replace('\n', end);
    let in_turn = pair.upstream.events().into_iter().zip(["\n", "\r\n", "\r"].into_iter().cycle());
    let mixed: String = in_turn.map(|(event, end)| text(&event).replace('\n', end)).collect();
    let mut joined = stream.clone();
    joined.remove(pair.upstream.begun().len() - 1);
    let (spaced, tight) = (stream.replace("\n\n", "\n\n\n\n\n"), stream.replace("data: ", "data:"));
    let many_lines = stream.replace(",\"", ",\ndata: \"");
    let fields = format!("id: 1\nretry: 5\n\nevent: ping\n\nx: {KEY}\n\n{stream}");
    vec![
        whole("CRLF", ended("\r\n"), Answered(1)),
        whole("CR", ended("\r"), Answered(1)),
        streamed("CRLF in single bytes", split_every(ended("\r\n").into(), 1), Answered(1)),
        whole("all line ends in turn", mixed, Answered(1)),
        whole("a byte order mark", format!("\u{feff}{stream}"), Answered(1)),
        whole("more blank lines", spaced, Answered(1)),
        whole("no space behind the colon", tight, Answered(1)),
        whole("data in many lines", many_lines, Answered(1)),
        whole("other fields", fields, Answered(1)),
        whole("a missing blank line", joined, Passed),
        whole("no blank lines", stream.replace("\n\n", "\n"), GARBLED),
        whole("a last event without its blank line", stream.trim_end().to_owned(), Answered(1)),
    ]
}

/// How it ends, or does not.
fn ends(pair: Pair) -> Vec<Fault> {
    let (stream, events) = (pair.upstream.stream(), pair.upstream.events());
    let last = events.last().expect("a last event").clone();
    let without_last = stream.slice(..stream.len() - last.len());
    let unended = match pair.upstream.0 {
        // The terminator is a courtesy where a reason to stop was given.
        Dialect::Anthropic | Dialect::Chat => Passed,
        Dialect::Gemini | Dialect::Responses => BROKEN,
    };
    let more = pair.upstream.begun();
    vec![
        streamed("nothing", Vec::new(), GARBLED),
        whole("blank lines only", "\n\n\n\n", GARBLED),
        whole("a preamble only", pair.upstream.preamble(), GARBLED),
        whole("no last event", without_last, unended),
        whole("no word of an end", pair.upstream.unended(), BROKEN),
        whole("half a word of an end", pair.upstream.half_ended(), BROKEN),
        whole("an end after the first words", pair.upstream.begun(), BROKEN),
        whole("two ends", [stream.clone(), last].concat(), pair.answered_or(Passed)),
        whole("more after the end", [stream.clone(), more].concat(), pair.answered_or(Passed)),
        whole("a key after the end", [&stream, KEY.as_bytes()].concat(), Answered(1)),
    ]
}

const MOMENT: Duration = Duration::from_millis(1);

/// More than anybody should send.
fn sizes(pair: Pair) -> Vec<Fault> {
    let (stream, begun) = (pair.upstream.stream(), pair.upstream.begun());
    let line = Bytes::from(format!("data: {}", "x".repeat(17 << 20)));
    let event = format!("data: {}\n", "x".repeat(1000)).repeat(2000);
    let comments = format!(": {KEY}\n\n");
    let flood = Bytes::from(comments.repeat(10_000));
    let beat = Step::Drip(format!(": {}\n\n", "x".repeat(500_000)).into(), MOMENT);
    let endless = Reply::stream(vec![Step::Bytes(begun.clone()), beat]);
    let inside = format!(": {KEY}\n").repeat(1000);
    vec![
        streamed("a line of seventeen megabytes", vec![line.clone()], GARBLED),
        streamed("a line of seventeen megabytes after the first words", vec![begun, line], BROKEN),
        whole("an event of many lines", event, GARBLED),
        streamed("a flood of comments", vec![flood.clone(), stream.clone()], Answered(1)),
        whole("comments in an event", [inside.as_bytes(), &stream].concat(), Answered(1)),
        whole("comments and nothing else", comments.repeat(10), GARBLED),
        Fault::one("a provider that never stops", endless, GARBLED, BROKEN),
        // More than is held back: the caller has been told that an answer comes.
        streamed("a flood and nothing else", vec![flood], BROKEN),
    ]
}

/// The provider gives up, in a stream whose status says that it does not.
fn errors(pair: Pair) -> Vec<Fault> {
    let upstream = pair.upstream;
    let (stream, error) = (upstream.stream(), upstream.error_event());
    let after = |before: Bytes| [before, error.clone()].concat();
    let failed = match upstream.0 {
        Dialect::Anthropic | Dialect::Gemini => refused(503, "upstream_unavailable").twice(),
        Dialect::Chat | Dialect::Responses => GARBLED.twice(),
    };
    let last = upstream.events().last().expect("a last event").clone();
    let before_last = stream.slice(..stream.len() - last.len());
    let unreadable = Bytes::from(format!("event: error\ndata: {KEY}\n\n"));
    vec![
        Fault::once_streamed("an error that passes", Reply::stream_of(vec![error.clone()])),
        whole("an error", error.clone(), failed),
        whole("an error after a preamble", after(upstream.preamble()), failed),
        whole("an error and an answer", [error.clone(), stream.clone()].concat(), failed),
        whole("an error after the first words", after(upstream.begun()), BROKEN),
        streamed("an error in pieces", split_every(error.clone(), 1), failed),
        whole("an error before the last event", after(before_last), BROKEN),
        whole("an error after the end", after(stream), pair.answered_or(BROKEN)),
        whole("an error of no JSON", [upstream.begun(), unreadable].concat(), BROKEN),
    ]
}

/// What nobody understands is passed on, or left out, and does no harm.
fn junk(pair: Pair) -> Vec<Fault> {
    let rest = pair.upstream.stream().slice(pair.upstream.begun().len()..);
    let deep = format!("data: {}\n\n", "[".repeat(50_000));
    let closed = format!("data: {{\"x\":{}{}}}\n\n", "[".repeat(50_000), "]".repeat(50_000));
    let key = format!("data: {KEY}\n\n");
    let rows: [(&str, &[u8]); 8] = [
        ("no JSON", key.as_bytes()),
        ("half of JSON", b"data: {\"id\":\"x\",\"choices\":[{\n\n"),
        ("no letters", b"data: {\"x\":\"\xff\xfe\x80\"}\n\n"),
        ("nuls", b"data: \0\0\0\n\n\0\0\n\n"),
        ("other JSON", b"data: null\n\ndata: 1\n\ndata: []\n\ndata: {}\n\ndata: \"x\"\n\n"),
        ("an unknown event", b"event: x-new\ndata: {\"type\":\"x-new\"}\n\n"),
        ("a deep event cut", deep.as_bytes()),
        ("a deep event", closed.as_bytes()),
    ];
    let row = |(what, junk): (&str, &[u8])| {
        let stream = [&pair.upstream.begun(), junk, &rest].concat();
        whole(&format!("{what} in the middle"), stream, Answered(1))
    };
    rows.into_iter().map(row).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

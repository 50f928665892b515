//! Answers that are none: a success by their status, and by nothing else.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::fake::Reply;

use super::fault::Expected::{Answered, Broken, Passed};
use super::fault::{Expected, Fault, GARBLED, refused};
use super::pair::Pair;
use super::upstream::{KEY, http};

pub fn bodies(pair: Pair) -> Vec<Fault> {
    [texts(pair), types(pair), lengths(pair), statuses(pair), heads(pair)]
        .into_iter()
        .flatten()
        .collect()
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// What is no JSON object is no answer.
fn texts(pair: Pair) -> Vec<Fault> {
    let whole = pair.upstream.json();
    let text = |body: Bytes| Reply::text(200, JSON, body);
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let of = |body: &str| text(Bytes::from(body.to_owned()));
    vec![
        Fault::same("an empty 200", Reply::empty(200), GARBLED),
        Fault::same("an empty JSON 200", of(""), GARBLED),
        Fault::same("blank lines", of("\r\n \n\n"), GARBLED),
        Fault::same("no JSON", of(&format!("Bearer {KEY}")), GARBLED),
        Fault::same("a list", of(&format!("[\"{KEY}\"]")), GARBLED),
        Fault::same("a word", of(&format!("\"{KEY}\"")), GARBLED),
        Fault::same("a number", of("1e999999"), GARBLED),
        Fault::same("null", of("null"), GARBLED),
        Fault::same("half the JSON", text(whole.slice(..whole.len() / 2)), GARBLED),
        Fault::same("JSON and more", text([&whole, KEY.as_bytes()].concat().into()), GARBLED),
        Fault::same("no text", text(Bytes::from_static(b"{\"x\":\"\xff\xfe\"}")), GARBLED),
        Fault::same("a nul", text(Bytes::from_static(b"{\"x\":\0}")), GARBLED),
        Fault::same("JSON nested deep and cut", of(&"[".repeat(100_000)), GARBLED),
        Fault::one("JSON nested deep", of(&deep), pair.passed_or(GARBLED), GARBLED),
        Fault::one("an empty object", of("{}"), pair.passed_or(GARBLED), GARBLED),
        Fault::same("an answer too large", of(&" ".repeat(2_000_000)), GARBLED),
    ]
}

/// A type that is not the body's, or none.
fn types(pair: Pair) -> Vec<Fault> {
    let (json, stream) = (pair.upstream.json(), pair.upstream.stream());
    let html = format!("<html><body onload=\"alert()\">{KEY}</body></html>");
    let plain = |kind: &str| (Reply::text(200, kind, json.clone()), Answered(1));
    let streamed = |kind: &str, expected| (Reply::text(200, kind, stream.clone()), expected);
    let encoded = |encoding: &str| {
        let named = |reply: Reply| reply.with_header("content-encoding", encoding);
        let body = named(Reply::text(200, JSON, gzip(&json)));
        Fault::each(
            format!("an answer in {encoding}"),
            (body, GARBLED),
            (named(Reply::text(200, EVENTS, gzip(&stream))), GARBLED),
        )
    };
    vec![
        Fault::same("a page", Reply::text(200, "text/html", html), GARBLED),
        Fault::each("plain text", plain("text/plain"), streamed("text/plain", GARBLED)),
        Fault::each("a type with a key", plain(KEY), streamed(KEY, GARBLED)),
        Fault::each(
            "a type in capitals",
            plain("Application/JSON; charset=UTF-8"),
            streamed("Text/Event-Stream;charset=UTF-8", Answered(1)),
        ),
        Fault::same(
            "an answer of the other form's type",
            Reply::text(200, EVENTS, json.clone()),
            GARBLED,
        ),
        Fault::each(
            "the form that was not asked for",
            (Reply::text(200, EVENTS, stream.clone()), GARBLED),
            (Reply::text(200, JSON, json.clone()), GARBLED),
        ),
        encoded("gzip"),
        encoded("br"),
        encoded("x-unknown"),
        Fault::each(
            "an encoding that is none",
            (identity(Reply::text(200, JSON, json.clone())), Answered(1)),
            (identity(Reply::text(200, EVENTS, stream.clone())), Answered(1)),
        ),
    ]
}

fn identity(reply: Reply) -> Reply {
    reply.with_header("content-encoding", "identity")
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory").into()
}

/// A length that is not the body's.
fn lengths(pair: Pair) -> Vec<Fault> {
    let begun = pair.upstream.begun();
    let each = |name: &str, length: &str, plain: Expected, streamed: Expected| {
        let reply = |kind: &str, body: &Bytes| {
            let head = format!("200 OK\r\ncontent-type: {kind}\r\n{length}");
            Reply::raw(http(&head, body))
        };
        let stream = pair.upstream.stream();
        let json = pair.upstream.json();
        Fault::each(name, (reply(JSON, &json), plain), (reply(EVENTS, &stream), streamed))
    };
    let short = format!("content-length: {}", begun.len());
    let broken = Broken("upstream_error");
    let two = "content-length: 10\r\ncontent-length: 12";
    let (huge, bad) = ("content-length: 99999999999", "content-length: -1");
    let to_its_end = "connection: close";
    vec![
        each("a length too short", "content-length: 20", GARBLED, GARBLED),
        Fault::each(
            "a length that ends an answer early",
            (Reply::raw(http(&format!("200 OK\r\n{short}"), pair.upstream.json())), GARBLED),
            (
                Reply::raw(http(
                    &format!("200 OK\r\ncontent-type: {EVENTS}\r\n{short}"),
                    pair.upstream.stream(),
                )),
                broken,
            ),
        ),
        each("a length too long", huge, GARBLED, pair.ended_or(broken)),
        each("a length below zero", bad, GARBLED, GARBLED),
        each("two lengths", two, GARBLED, GARBLED),
        each("a length of letters", "content-length: many", GARBLED, GARBLED),
        each("no length", to_its_end, Answered(1), Answered(1)),
        Fault::each(
            "a chunk of no size",
            (Reply::raw(chunked(JSON, &pair.upstream.json().slice(..40), "zz\r\n")), GARBLED),
            (Reply::raw(chunked(EVENTS, &begun, "zz\r\n")), broken),
        ),
        Fault::each(
            "chunks without an end",
            (Reply::raw(chunked(JSON, &pair.upstream.json().slice(..40), "")), GARBLED),
            (Reply::raw(chunked(EVENTS, &begun, "")), broken),
        ),
        Fault::each(
            "trailers with a key",
            (Reply::raw(chunked(JSON, &pair.upstream.json(), &trailers())), Answered(1)),
            (Reply::raw(chunked(EVENTS, &pair.upstream.stream(), &trailers())), Answered(1)),
        ),
    ]
}

fn chunked(kind: &str, body: &[u8], end: &str) -> Bytes {
    let head = format!("200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked");
    let size = format!("{:x}\r\n", body.len());
    http(&head, [size.as_bytes(), body, b"\r\n", end.as_bytes()].concat())
}

fn trailers() -> String {
    format!("0\r\nx-key: {KEY}\r\nset-cookie: {KEY}\r\n\r\n")
}

/// A success that is none.
fn statuses(pair: Pair) -> Vec<Fault> {
    let upstream = pair.upstream;
    let stream = |status: u16| Reply::stream_of(vec![upstream.stream()]).with_status(status);
    let json = |status: u16| Reply::text(status, JSON, upstream.json());
    vec![
        Fault::same("a 204", Reply::empty(204), GARBLED),
        Fault::same("a 205", Reply::empty(205), GARBLED),
        Fault::each("a 201", (json(201), Passed), (stream(201), Passed)),
        Fault::same("an error in a 200", upstream.embedded_error(), GARBLED.twice()),
        Fault::once("an error in a 200 that passes", upstream.embedded_error()),
        Fault::same(
            "a bad key in a 200",
            upstream.bad_key().with_status(200),
            refused(424, "upstream_key_invalid"),
        ),
    ]
}

/// Heads that hold too much, or are none.
fn heads(pair: Pair) -> Vec<Fault> {
    let (json, stream) = (pair.upstream.json(), pair.upstream.stream());
    let each = |name: &str, before: &str, more: &str, expected: Expected| {
        let reply = |kind: &str, body: &Bytes| {
            let head =
                format!("200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}{more}", body.len());
            Reply::raw([before.as_bytes(), &http(&head, body)].concat())
        };
        Fault::each(name, (reply(JSON, &json), expected), (reply(EVENTS, &stream), expected))
    };
    let continues = "HTTP/1.1 100 Continue\r\n\r\n".repeat(2_000);
    let hints = format!("HTTP/1.1 103 Early Hints\r\nlink: <{KEY}>\r\n\r\n").repeat(200);
    let many = "\r\nx-filler: 1".repeat(200);
    let large = format!("\r\nx-filler: {}", "x".repeat(1_000_000));
    let same = |name: &str, raw: String, expected| Fault::same(name, Reply::raw(raw), expected);
    vec![
        each("a storm of 100s", &continues, "", Answered(1)),
        each("a storm of 103s", &hints, "", Answered(1)),
        each("too many headers", "", &many, GARBLED),
        each("a header of a megabyte", "", &large, GARBLED),
        each("a header without a name", "", "\r\n: x", GARBLED),
        each("a header with a nul", "", "\r\nx-a: \0", GARBLED),
        same(
            "a 101",
            format!("HTTP/1.1 101 {KEY}\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            GARBLED.twice(),
        ),
        same("a status of one figure", "HTTP/1.1 2 OK\r\n\r\n".to_owned(), GARBLED),
        same("a status of letters", format!("HTTP/1.1 {KEY}\r\n\r\n"), GARBLED),
        same("another HTTP", "HTTP/9.9 200 OK\r\n\r\n".to_owned(), GARBLED),
        same("no HTTP", format!("+OK {KEY}\r\n\r\n"), GARBLED),
    ]
}

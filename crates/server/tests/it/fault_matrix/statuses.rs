//! Every status a provider refuses with, in its dialect, with the key in its words.

use testkit::fake::Reply;

use super::fault::{Fault, GARBLED, LATE, refused};
use super::pair::Pair;
use super::upstream::{KEY, Upstream, http, words};

pub fn statuses(pair: Pair) -> Vec<Fault> {
    let upstream = pair.upstream;
    [numbered(upstream), classed(upstream), rate_limits(upstream), bodies(upstream), redirects()]
        .into_iter()
        .flatten()
        .collect()
}

fn numbered(upstream: Upstream) -> Vec<Fault> {
    let overloaded = refused(503, "upstream_unavailable").twice();
    let rows = [
        (400, refused(400, "invalid_request")),
        (401, refused(424, "upstream_key_invalid")),
        (402, refused(424, "upstream_no_credit")),
        (403, refused(424, "upstream_key_invalid")),
        (404, refused(404, "model_not_found")),
        (405, refused(405, "invalid_request")),
        (408, LATE),
        (409, refused(409, "invalid_request")),
        (413, refused(413, "request_too_large")),
        (422, refused(422, "invalid_request")),
        (500, GARBLED.twice()),
        (501, GARBLED.twice()),
        (502, GARBLED.twice()),
        (503, overloaded),
        (504, LATE),
        (520, GARBLED.twice()),
        (529, overloaded),
        (522, LATE),
        (524, LATE),
        (598, LATE),
        (599, LATE),
        (999, GARBLED.twice()),
    ];
    let row = |(status, expected)| {
        Fault::same(format!("a {status}"), upstream.error(status, &words()), expected)
    };
    rows.into_iter().map(row).collect()
}

/// What is told by a code and not by the status, and what passes.
fn classed(upstream: Upstream) -> Vec<Fault> {
    let error = |status| upstream.error(status, &words());
    let at_once = error(429).with_header("retry-after", "0");
    vec![
        Fault::same("a bad key", upstream.bad_key(), refused(424, "upstream_key_invalid")),
        Fault::same("no credit", upstream.no_credit(), refused(424, "upstream_no_credit")),
        Fault::once("a 500 that passes", error(500)),
        Fault::once("a 503 that passes", error(503)),
        Fault::once("a 529 that passes", error(529)),
        Fault::once("a 429 that passes", at_once),
    ]
}

/// Whoever says when to come back is believed within reason, and waited for only a moment.
fn rate_limits(upstream: Upstream) -> Vec<Fault> {
    let limited = refused(429, "upstream_rate_limited");
    let reply = || upstream.error(429, &words());
    let rows = [
        ("0", limited.twice()),
        ("0.5", limited.twice()),
        ("1", limited.twice()),
        ("3", limited),
        ("Sat, 21 Nov 2026 12:00:01 GMT", limited.twice()),
        ("Saturday, 21-Nov-26 12:00:01 GMT", limited.twice()),
        ("Sat Nov 21 12:00:01 2026", limited.twice()),
        ("Sat, 21 Nov 2026 12:00:03 GMT", limited),
        ("Sat, 21 Nov 2026 11:59:59 GMT", limited),
        ("Wed, 25 Nov 2026 07:28:00 GMT", limited),
        ("-5", limited),
        ("864000", limited),
        ("99999999999999999999999", limited),
        ("soon", limited),
        (KEY, limited),
    ];
    let row = |(after, expected)| {
        let name = format!("a 429 with Retry-After {after}");
        Fault::same(name, reply().with_header("retry-after", after), expected)
    };
    let absent = Fault::same("a 429 without Retry-After", reply(), limited);
    rows.into_iter().map(row).chain([absent]).collect()
}

/// The status has said enough, whatever comes with it.
fn bodies(upstream: Upstream) -> Vec<Fault> {
    let bad = refused(400, "invalid_request");
    let html = format!("<!doctype html><html><h1>Bad gateway</h1>{KEY}</html>");
    let halved = upstream.error(400, &words());
    let told = http(&format!("500 {KEY}\r\ncontent-length: 0"), "");
    let text = |status, kind, body: String| Reply::text(status, kind, body);
    let deep = format!("{}\"{KEY}\"{}", "[".repeat(20_000), "]".repeat(20_000));
    vec![
        Fault::same("an error without a body", Reply::empty(400), bad),
        Fault::same("a key in the status line", Reply::raw(told), GARBLED.twice()),
        Fault::same("an outage without a body", Reply::empty(500), GARBLED.twice()),
        Fault::same("an error page", text(502, "text/html", html), GARBLED.twice()),
        Fault::same("an error of plain words", text(400, "text/plain", words()), bad),
        Fault::same("an error of half its JSON", text(400, "application/json", half()), bad),
        Fault::same("an error nested deep", text(400, "application/json", deep), bad),
        Fault::same("an error of a megabyte", text(400, "text/plain", KEY.repeat(30_000)), bad),
        Fault::same("an error of no letters", Reply::text(400, "text/plain", NOT_TEXT), bad),
        Fault::same("an error as events", halved.with_header("content-type", EVENTS), bad),
        Fault::same(
            "a compressed error",
            upstream.error(400, &words()).with_header("content-encoding", "gzip"),
            bad,
        ),
    ]
}

fn half() -> String {
    format!("{{\"error\":{{\"message\":\"{KEY}")
}

const NOT_TEXT: &[u8] = b"\xff\xfe\x00\x01\x80";
const EVENTS: &str = "text/event-stream";

/// Answered like any other failure, and never followed.
fn redirects() -> Vec<Fault> {
    let to = format!("http://169.254.169.254/{KEY}");
    let row = |status| {
        Fault::same(format!("a {status} elsewhere"), Reply::redirect(status, &to), GARBLED)
    };
    [300, 301, 302, 303, 304, 307, 308].into_iter().map(row).collect()
}

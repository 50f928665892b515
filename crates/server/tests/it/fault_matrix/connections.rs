//! Connections that break: before an answer, in its head, in its body, at its very end; and those that speak no HTTP.

use bytes::Bytes;
use testkit::fake::{Reply, Step};

use super::fault::Expected::Broken;
use super::fault::{Fault, GARBLED};
use super::pair::Pair;
use super::upstream::{KEY, http};

pub fn connections(pair: Pair) -> Vec<Fault> {
    let mut faults = others();
    for (breaks, how) in [("is closed", Step::Cut), ("is reset", Step::Reset)] {
        faults.extend(broken(pair, breaks, &how));
    }
    faults
}

fn broken(pair: Pair, breaks: &str, how: &Step) -> Vec<Fault> {
    let (json, upstream) = (pair.upstream.json(), pair.upstream);
    let before = match how {
        Step::Reset => Reply::reset_before_headers(),
        _ => Reply::cut_before_headers(),
    };
    let half_head = Step::bytes("HTTP/1.1 200 OK\r\ncontent-type: appli");
    let after = |bytes: Bytes| vec![Step::Bytes(bytes), how.clone()];
    let name = |when: &str| format!("a connection that {breaks} {when}");
    let broken = Broken("upstream_error");
    vec![
        Fault::same(name("before an answer"), before, GARBLED),
        Fault::same(name("in a head"), Reply::raw_steps(vec![half_head, how.clone()]), GARBLED),
        Fault::same(
            name("in an error"),
            Reply::raw_steps(after(http("400 Bad\r\ncontent-length: 99", KEY))),
            super::fault::refused(400, "invalid_request"),
        ),
        Fault::each(
            name("behind a head"),
            (Reply::json_steps(vec![how.clone()]), GARBLED),
            (Reply::stream(vec![how.clone()]), GARBLED),
        ),
        Fault::each(
            name("before the first word"),
            (Reply::json_steps(after(json.slice(..1))), GARBLED),
            (Reply::stream(after(upstream.preamble())), GARBLED),
        ),
        Fault::each(
            name("in the answer"),
            (Reply::json_steps(after(json.slice(..json.len() / 2))), GARBLED),
            (Reply::stream(after(upstream.begun())), broken),
        ),
        Fault::each(
            name("in the last event"),
            (Reply::json_steps(after(json.slice(..json.len() - 2))), GARBLED),
            (Reply::stream(after(upstream.half_ended())), broken),
        ),
        Fault::each(
            name("behind the answer"),
            (Reply::json_steps(after(json)), GARBLED),
            (Reply::stream(after(upstream.stream())), pair.ended_or(broken)),
        ),
    ]
}

fn others() -> Vec<Fault> {
    let rows: [(&str, &[u8]); 5] = [
        ("nothing", b""),
        ("blank lines", b"\r\n\r\n\r\n"),
        ("TLS", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
        ("HTTP/2", b"\0\0\0\x04\0\0\0\0\0"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ];
    let row = |(what, bytes): (&str, &'static [u8])| {
        Fault::same(format!("a provider that speaks {what}"), Reply::raw(bytes), GARBLED)
    };
    rows.into_iter().map(row).collect()
}

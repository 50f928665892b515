//! Providers that take their time: in the end the gateway does not.

use std::time::Duration;

use bytes::Bytes;
use testkit::fake::{Reply, Step};

use super::fault::Expected::{Answered, Broken};
use super::fault::{Expected, Fault, LATE, refused};
use super::pair::Pair;
use super::upstream::{Upstream, http};

/// What is held back is given out before the whole is too late, and later than a silence is one.
pub const LIMITS: &str = "[limits]\nfirst_byte_seconds_max = 1\nidle_seconds_max = 1\n\
                          held_seconds_max = 2\ntotal_seconds_max = 3\n";

const MOMENT: Duration = Duration::from_millis(50);

pub fn slow(pair: Pair) -> Vec<Fault> {
    [heads(), bodies(pair), errors(), vec![patient(pair.upstream)]].into_iter().flatten().collect()
}

const TIMEOUT: Expected = Broken("upstream_timeout");

fn drip(text: &'static str) -> Step {
    Step::Drip(Bytes::from_static(text.as_bytes()), MOMENT)
}

fn heads() -> Vec<Fault> {
    let raw = |steps| Reply::raw_steps(steps);
    let begun = Step::bytes("HTTP/1.1 200 OK\r\n");
    vec![
        Fault::same("no head", Reply::stall_before_headers(), LATE),
        Fault::same("half a head", raw(vec![begun.clone(), Step::Stall]), LATE),
        Fault::same("a head that drips", raw(vec![begun, drip("x-a: b\r\n")]), LATE),
        Fault::same("100s that drip", raw(vec![drip("HTTP/1.1 100 Continue\r\n\r\n")]), LATE),
        Fault::same("blank lines that drip", raw(vec![drip("\r\n")]), LATE),
    ]
}

fn bodies(pair: Pair) -> Vec<Fault> {
    let upstream = pair.upstream;
    let (json, stream) = (upstream.json(), upstream.stream());
    let bytes = |bytes: Bytes| Step::Bytes(bytes);
    let row = |name: &str, plain: Vec<Step>, events: Vec<Step>, expected: Expected| {
        let (plain, streamed) = (Reply::json_steps(plain), Reply::stream(events));
        Fault::each(name, (plain, LATE), (streamed, expected))
    };
    let half = bytes(json.slice(..json.len() / 2));
    let begun = bytes(upstream.begun());
    let preamble = bytes(upstream.preamble());
    let again = Step::Drip(upstream.piece(), MOMENT);
    let text = || bytes("{\"x\":\"".into());
    vec![
        row("a head and no more", vec![Step::Stall], vec![Step::Stall], LATE),
        row("a preamble and no more", vec![text(), Step::Stall], vec![preamble, Step::Stall], LATE),
        row("half an answer", vec![half, Step::Stall], vec![begun.clone(), Step::Stall], TIMEOUT),
        row(
            "an answer and no end",
            vec![bytes(json), Step::Stall],
            vec![bytes(stream), Step::Stall],
            pair.ended_or(TIMEOUT),
        ),
        row("signs of life for ever", vec![drip(" ")], vec![drip(": alive\n\n")], TIMEOUT),
        row("an answer for ever", vec![text(), drip("x")], vec![begun.clone(), again], TIMEOUT),
        row("a line for ever", vec![drip("[")], vec![drip("x")], LATE),
        row(
            "half an event for ever",
            vec![text(), drip("\\n")],
            vec![begun, drip("data: x")],
            TIMEOUT,
        ),
    ]
}

/// The status has said enough.
fn errors() -> Vec<Fault> {
    let bad = refused(400, "invalid_request");
    let reply = |step| Reply::json_steps(vec![step]).with_status(400);
    vec![
        Fault::same("an error without its words", reply(Step::Stall), bad),
        Fault::same("an error that drips", reply(drip("x")), bad),
    ]
}

/// Slow, and not too slow.
fn patient(upstream: Upstream) -> Fault {
    let pause = Step::Pause(2 * MOMENT);
    let json = upstream.json();
    let head = "200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let plain = http(head, &json);
    let middle = plain.len() - json.len() / 2;
    let pieces = [plain.slice(..9), plain.slice(9..middle), plain.slice(middle..)];
    let plain = pieces.into_iter().flat_map(|piece| [pause.clone(), Step::Bytes(piece)]);
    let events = upstream.events().into_iter();
    let events = events.flat_map(|event| [Step::Pause(MOMENT), Step::Bytes(event)]);
    Fault::each(
        "an answer that takes its time",
        (Reply::raw_steps(plain.collect()), Answered(1)),
        (Reply::stream(events.collect()), Answered(1)),
    )
}

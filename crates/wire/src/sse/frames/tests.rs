//! Whatever the chunking: the same events, and all the bytes.

use bytes::Bytes;
use proptest::prelude::*;

use super::{Frames, TooLong};

const SAMPLES: &[(&str, &[&str])] = &[
    ("data: a\n\ndata: b\n\n", &["data: a\n\n", "data: b\n\n"]),
    ("data: a\r\n\r\ndata: b\r\n\r\n", &["data: a\r\n\r\n", "data: b\r\n\r\n"]),
    ("data: a\r\rdata: b\r\r", &["data: a\r\r", "data: b\r\r"]),
    (
        "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n:x\n\n",
        &["data: a\r\n\n", "data: b\n\r\n", "data: c\r\r\n", ":x\n\n"],
    ),
    ("data: a\n\r", &["data: a\n\r"]),
    ("\u{feff}data: ü\n\n: ping\n\n", &["\u{feff}data: ü\n\n", ": ping\n\n"]),
    ("event: error\nid: 1\ndata: {\ndata: }\n\n", &["event: error\nid: 1\ndata: {\ndata: }\n\n"]),
    ("\n\n\r\n\rdata\n\n", &["\n", "\n", "\r\n", "\r", "data\n\n"]),
    ("data: a\n\ndata: no end\n", &["data: a\n\n", "data: no end\n"]),
    ("data: [DONE]", &["data: [DONE]"]),
    ("", &[]),
];

/// Everything that comes out, the tail last.
fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Bytes> {
    let mut frames = Frames::default();
    let mut out = Vec::new();
    for chunk in chunks {
        frames.push(Bytes::copy_from_slice(chunk));
        out.extend(frames.by_ref().map(|frame| frame.expect("short")));
    }
    out.extend(frames.rest());
    out
}

#[test]
fn every_split_point_gives_the_same_events() {
    for (stream, events) in SAMPLES {
        let stream = stream.as_bytes();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(split(chunks), *events, "{first} {second}");
            }
        }
        assert_eq!(split(stream.chunks(1)), *events, "byte by byte");
    }
}

#[test]
fn an_event_in_one_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\ndata: c");
    let mut frames = Frames::default();

    frames.push(chunk.clone());
    frames.next();
    let second = frames.next().expect("whole").expect("short");

    assert_eq!(second.as_ptr(), chunk[9..].as_ptr());
}

#[test]
fn an_event_is_out_as_soon_as_its_blank_line_is_in() {
    let mut frames = Frames::default();

    frames.push(Bytes::from_static(b"data: a\r\n\r\n"));

    assert!(frames.next().is_some());
    assert!(frames.rest().is_none());
}

#[test]
fn chunks_may_pile_up_before_they_are_read() {
    let mut frames = Frames::default();

    for byte in b"data: a\n\ndata: b\n\ndat" {
        frames.push(Bytes::copy_from_slice(&[*byte]));
    }

    assert_eq!(frames.by_ref().count(), 2);
    assert_eq!(frames.rest().expect("a tail"), "dat");
}

#[test]
fn the_limit_counts_the_whole_event_however_it_comes() {
    let fits: &[u8] = b"data: 345678\n\n";
    let long: &[u8] = b"data: 3456789\n\n";

    for chunk_bytes in 1..=20 {
        let mut frames = Frames::new(fits.len());
        let mut seen = Vec::new();
        for chunk in [fits, long, fits].concat().chunks(chunk_bytes) {
            frames.push(Bytes::copy_from_slice(chunk));
            seen.extend(frames.by_ref());
        }

        assert_eq!(
            seen,
            [Ok(Bytes::from_static(fits)), Err(TooLong { limit_bytes: fits.len() })],
            "{chunk_bytes}"
        );
    }
}

#[test]
fn an_endless_line_is_not_kept() {
    let mut frames = Frames::new(1000);
    let chunk = Bytes::from(vec![b'x'; 100]);

    for _ in 0..1000 {
        frames.push(chunk.clone());
        let _error = frames.next();
    }

    assert!(frames.rest().expect("what came before it stopped").len() <= 1100);
}

/// The rule said slowly: an event ends with the first line end that follows a line end, or that begins it.
fn slowly(stream: &[u8]) -> Vec<Bytes> {
    let mut events = Vec::new();
    let (mut start, mut at, mut line_is_empty) = (0, 0, true);
    while at < stream.len() {
        let ending = match &stream[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        at += ending.max(1);
        if ending > 0 && line_is_empty {
            events.push(Bytes::copy_from_slice(&stream[start..at]));
            start = at;
        }
        line_is_empty = ending > 0;
    }
    if start < stream.len() {
        events.push(Bytes::copy_from_slice(&stream[start..]));
    }
    events
}

proptest! {
    #[test]
    fn any_stream_in_any_chunks(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["\n", "\r", "\r\n", "data: x", ":", "é", "\u{feff}"]), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = pieces.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();

        let events = split(cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]));

        prop_assert_eq!(events.concat(), stream.clone());
        prop_assert_eq!(events, slowly(&stream));
    }
}

//! The files under `golden/responses` for all tests of this dialect: what came, and what is made of it.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;

use crate::hub::{Ask, CachePoint, Reasoning, Text, Tool};
use crate::sse::{self, Frames};

/// The names of all that begin with `kind`, without `.in.` and what follows.
pub(super) fn names(kind: &str) -> Vec<String> {
    let files = fs::read_dir(folder()).expect("the folder").map(|file| file.expect("a file"));
    let names = files.map(|file| file.file_name().into_string().expect("a plain name"));
    let names = names.filter(|name| name.starts_with(kind));
    let mut names: Vec<String> =
        names.filter_map(|name| Some(name.split_once(".in.")?.0.to_owned())).collect();
    names.sort();
    assert!(!names.is_empty(), "no files of {kind}");
    names
}

pub(super) fn bytes(file: &str) -> Vec<u8> {
    fs::read(folder().join(file)).unwrap_or_else(|_| panic!("{file} is missing"))
}

pub(super) fn json(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The request all answers here answer.
pub(super) fn asked() -> Ask {
    let text = |text: &str| Text { text: text.to_owned(), cache_point: CachePoint::None };
    Ask {
        model: "anthropic/claude".to_owned(),
        system: vec![text("Be brief."), text("Truly.")],
        tools: vec![Tool { name: "weather".to_owned(), ..Tool::default() }],
        reasoning: Some(Reasoning { shown: true, ..Reasoning::default() }),
        output_tokens_max: Some(100),
        ..Ask::default()
    }
}

/// The events of a stream that comes in these chunks, each whole, and what is left in the end.
pub(super) fn frames<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Bytes> {
    let mut frames = Frames::default();
    let mut whole = Vec::new();
    for chunk in chunks {
        frames.push(Bytes::copy_from_slice(chunk));
        whole.extend(frames.by_ref().map(|frame| frame.expect("short")));
    }
    whole.extend(frames.rest());
    whole
}

/// The names and the data of a stream's events: whatever the order of members.
pub(super) fn events(stream: &[u8]) -> Vec<(String, Value)> {
    let event = |frame: Bytes| {
        let name = sse::event(&frame).unwrap_or_default();
        let data = sse::data(&frame).unwrap_or_default();
        let data = serde_json::from_slice(&data).unwrap_or_default();
        (String::from_utf8_lossy(name).into_owned(), data)
    };
    frames([stream]).into_iter().map(event).collect()
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden", "responses"].iter().collect()
}

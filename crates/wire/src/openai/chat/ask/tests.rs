//! Requests as callers write them, and as they reach a provider of the same dialect.

use model::catalogue::Quirks;
use serde_json::{Value, json};

use super::{read, write};
use crate::hub::{Ask, CachePoint, Part, Target, Text, ToolCall, Turn};

mod property;
mod reading;
mod writing;

/// Of a provider that takes all that OpenAI does.
fn target(quirks: &Quirks) -> Target<'_> {
    Target { model: "m", quirks, traits: None, output_tokens_max: None, include_usage: true }
}

fn written(ask: &Ask, target: &Target<'_>) -> (Value, Vec<String>) {
    let mut left_out = Vec::new();
    let body = write(ask, target, &mut left_out).expect("sayable");
    (serde_json::from_slice(&body).expect("JSON"), left_out)
}

fn with(quirk: impl FnOnce(&mut Quirks)) -> Quirks {
    let mut quirks = Quirks::default();
    quirk(&mut quirks);
    quirks
}

fn user(text: &str) -> Turn {
    Turn::User(vec![said(text)])
}

fn said(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), cache_point: CachePoint::None })
}

fn call(id: &str, name: &str) -> ToolCall {
    let (id, name) = (id.to_owned(), name.to_owned());
    ToolCall { id, name, arguments: "{}".to_owned(), signature: None }
}

#[test]
fn requests_come_out_as_they_went_in() {
    for name in [
        "audio_and_files",
        "hints",
        "images",
        "settings",
        "stops",
        "structured",
        "system",
        "text",
        "thinking",
        "tool_choice",
        "tool_results",
        "tools",
    ] {
        let file = |end: &str| {
            let path = format!("{}/golden/chat/ask/{name}.{end}.json", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(&path).expect(&path)
        };
        let ask = read(&file("in")).expect(name);
        let quirks = Quirks::default();

        let (body, left_out) = written(&ask, &target(&quirks));

        let expected: Value = serde_json::from_slice(&file("out")).expect(name);
        let told = json!({"read": ask.left_out, "write": left_out});
        assert_eq!(json!({"left_out": told, "body": body}), expected, "{name}");
    }
}

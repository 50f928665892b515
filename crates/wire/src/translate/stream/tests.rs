//! How streams end that do not end by themselves.

use bytes::Bytes;
use model::{Code, Dialect, Refusal, Usage};

use super::{KEPT_BYTES_MAX, StreamTranslator};
use crate::hub::{Ask, Echo, Tool};

const ALL: [Dialect; 4] = [Dialect::Anthropic, Dialect::Chat, Dialect::Gemini, Dialect::Responses];

fn translator(to: Dialect) -> StreamTranslator {
    let ask = Ask { include_usage: true, ..Ask::default() };
    StreamTranslator::new(Dialect::Chat, to, &Echo { ask: &ask, request_id: "req_1", now: 0 })
}

fn hei() -> Vec<u8> {
    chunk(r#"{"content":"hei"}"#)
}

fn chunk(delta: &str) -> Vec<u8> {
    format!("data: {{\"id\":\"i\",\"choices\":[{{\"delta\":{delta}}}]}}\n\n").into_bytes()
}

fn text(out: &[Bytes]) -> String {
    String::from_utf8(out.concat()).expect("UTF-8")
}

#[test]
fn a_failure_is_told_once_in_the_callers_dialect() {
    let refusal = Refusal::new(Code::UpstreamTimeout, "it took too long");
    for (to, sign) in [
        (Dialect::Anthropic, "event: error\n"),
        (Dialect::Chat, "\"code\":\"upstream_timeout\""),
        (Dialect::Gemini, "\"UPSTREAM_TIMEOUT\""),
        (Dialect::Responses, "event: response.failed\n"),
    ] {
        let (mut translator, mut out) = (translator(to), Vec::new());
        translator.push(&hei(), &mut out);
        assert!(!translator.has_failed());
        out.clear();

        translator.fail(&refusal, &mut out);

        let told = text(&out);
        assert!(told.contains("it took too long") && told.contains(sign), "{to:?}: {told}");
        assert!(translator.has_failed());
        out.clear();
        translator.push(&hei(), &mut out);
        translator.finish(&mut out);
        translator.fail(&refusal, &mut out);
        assert_eq!(text(&out), "", "{to:?}");
    }
}

#[test]
fn nothing_fails_behind_its_end() {
    for to in ALL {
        let (mut translator, mut out) = (translator(to), Vec::new());
        translator.push(&hei(), &mut out);
        translator.finish(&mut out);
        out.clear();

        translator.fail(&Refusal::new(Code::UpstreamTimeout, "too late"), &mut out);

        assert_eq!(text(&out), "", "{to:?}");
    }
}

#[test]
fn usage_is_assumed_where_none_was_told() {
    let used =
        |count| Usage { input_tokens: Some(count), output_tokens: Some(count), ..Usage::default() };
    let told = br#"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":7}}

"#;
    for (frame, expected) in [(hei(), 4321), (told.to_vec(), 7)] {
        let (mut translator, mut out) = (translator(Dialect::Chat), Vec::new());
        translator.push(&frame, &mut out);

        translator.assume(used(4321), &mut out);
        translator.finish(&mut out);

        assert!(text(&out).contains(&format!("\"prompt_tokens\":{expected},")), "{}", text(&out));
    }
}

#[test]
fn an_answer_without_end_is_ended() {
    let (mut translator, mut out) = (translator(Dialect::Responses), Vec::new());
    let piece = chunk(&format!("{{\"content\":\"{}\"}}", "a".repeat(1 << 20)));

    for _ in 0..=KEPT_BYTES_MAX >> 20 {
        if translator.has_failed() {
            break;
        }
        out.clear();
        translator.push(&piece, &mut out);
    }

    assert!(translator.has_failed());
    assert!(text(&out).starts_with("event: response.failed\n"));
    out.clear();
    translator.push(&piece, &mut out);
    assert!(out.is_empty());
}

#[test]
fn a_call_comes_under_the_name_the_caller_gave() {
    let name = "mcp.files/read";
    let tool = Tool { name: name.to_owned(), ..Tool::default() };
    let ask = Ask { tools: vec![tool], ..Ask::default() };
    let told = super::super::names::fitted(&ask, Dialect::Chat).tools[0].name.clone();
    let echo = Echo { ask: &ask, request_id: "req_1", now: 0 };
    let mut translator = StreamTranslator::new(Dialect::Chat, Dialect::Anthropic, &echo);
    let call = format!(
        "{{\"tool_calls\":[{{\"index\":0,\"id\":\"c\",\"function\":{{\"name\":\"{told}\",\"arguments\":\"{{}}\"}}}}]}}"
    );

    let mut out = Vec::new();
    translator.push(&chunk(&call), &mut out);
    translator.finish(&mut out);

    assert!(text(&out).contains("\"name\":\"mcp.files/read\""));
}

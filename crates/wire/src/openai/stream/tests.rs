//! Streams as recorded from each provider, event by event.

use model::{ServiceTier, Usage};
use proptest::prelude::*;

use super::{ChatMeter, Seen, UpstreamErrorBody};

const ROLE: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null,"obfuscation":"x"}"#;
const TEXT: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"yz"}"#;
const FINISH: &str =
    r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// Feeds data lines as events; the names of what was seen.
fn watch(meter: &mut ChatMeter, lines: &[&str]) -> Vec<&'static str> {
    let frames = lines.iter().map(|line| format!("data: {line}\n\n"));
    frames.map(|frame| name(&meter.see(frame.as_bytes()))).collect()
}

fn name(seen: &Seen) -> &'static str {
    match seen {
        Seen::Content => "content",
        Seen::Done => "done",
        Seen::Error(_) => "error",
        Seen::Finish => "finish",
        Seen::Other => "other",
        Seen::UsageOnly => "usage",
    }
}

fn counted(input: u64, output: u64) -> Usage {
    Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
}

#[test]
fn openai_asked_for_usage() {
    let mut meter = ChatMeter::new();

    let seen = watch(&mut meter, &[ROLE, TEXT, TEXT, FINISH, USAGE, "[DONE]"]);

    assert_eq!(seen, ["other", "content", "content", "finish", "usage", "done"]);
    assert_eq!(meter.usage(), counted(9, 2));
    assert_eq!(meter.content_events(), 2);
    assert_eq!(meter.content_bytes(), 2 * (TEXT.len() as u64 + 8));
    assert!(meter.finished());
}

#[test]
fn usage_on_the_finish_chunk_stays_with_it() {
    // mistral, zai, moonshot, deepseek
    let both = r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
    let all = r#"{"choices":[{"index":0,"delta":{"content":"bye"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
    for (last, expected) in [(both, "finish"), (all, "content")] {
        let mut meter = ChatMeter::new();

        let seen = watch(&mut meter, &[ROLE, TEXT, last, "[DONE]"]);

        assert_eq!(seen, ["other", "content", expected, "done"]);
        assert_eq!(meter.usage(), counted(9, 2));
        assert!(meter.finished());
    }
}

#[test]
fn openrouters_usage_comes_with_an_empty_delta() {
    let usage = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"native_finish_reason":null}],
        "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cost":0.1}}"#.replace('\n', "");
    let mut meter = ChatMeter::new();

    assert_eq!(meter.see(b": OPENROUTER PROCESSING\n\n"), Seen::Other);
    let seen = watch(&mut meter, &[ROLE, TEXT, FINISH, &usage, "[DONE]"]);
    assert_eq!(seen, ["other", "content", "finish", "usage", "done"]);
    let reported_pico_usd = Some(100_000_000_000);
    assert_eq!(meter.usage(), Usage { reported_pico_usd, ..counted(9, 2) });

    // Before the finish the same chunk is part of the answer.
    let seen = watch(&mut ChatMeter::new(), &[ROLE, &usage, TEXT]);
    assert_eq!(seen, ["other", "other", "content"]);
}

#[test]
fn the_tier_and_the_model_are_the_answers_own() {
    let chunk =
        |tier: &str| TEXT.replacen('{', &format!(r#"{{"model":"m-1","service_tier":{tier},"#), 1);
    let mut meter = ChatMeter::new();
    assert_eq!(meter.answered_by(), None);

    watch(&mut meter, &[&chunk("\"priority\"")]);
    assert_eq!(meter.answered_by(), Some("m-1"));
    assert_eq!(meter.usage().tier, Some(ServiceTier::Priority));

    watch(&mut meter, &[FINISH, &USAGE.replacen('{', r#"{"service_tier":null,"model":"m-2","#, 1)]);
    assert_eq!(meter.usage(), Usage { tier: Some(ServiceTier::Priority), ..counted(9, 2) });
    watch(&mut meter, &[&USAGE.replacen('{', r#"{"service_tier":"default","#, 1)]);
    assert_eq!(meter.usage(), counted(9, 2));
    assert_eq!(meter.answered_by(), Some("m-1"));
}

#[test]
fn groq_counts_twice_and_is_counted_once() {
    let first = r#"{"choices":[{"delta":{"role":"assistant"},"finish_reason":null}],"x_groq":{"id":"req"}}"#;
    let last = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}}"#;
    let mut meter = ChatMeter::new();

    let seen = watch(&mut meter, &[first, TEXT, last]);
    assert_eq!(seen, ["other", "content", "finish"]);
    assert_eq!(meter.usage(), counted(9, 2));

    let again =
        USAGE.replace("\"completion_tokens\":2", "\"completion_tokens\":2,\"total_time\":0.1");
    assert_eq!(watch(&mut meter, &[&again, "[DONE]"]), ["usage", "done"]);
    assert_eq!(meter.usage(), counted(9, 2));
}

#[test]
fn cumulative_usage_on_every_chunk_is_not_added_up() {
    let chunk = |output| {
        format!(
            r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"usage":{{"prompt_tokens":5,"completion_tokens":{output},"total_tokens":{}}}}}"#,
            output + 9
        )
    };
    let mut meter = ChatMeter::new();

    let seen = watch(&mut meter, &[&chunk(1), &chunk(2), &chunk(3)]);

    assert_eq!(seen, ["content", "content", "content"]);
    assert_eq!(meter.usage(), counted(5, 7));
}

#[test]
fn moonshots_older_models_count_inside_the_choice() {
    let last = r#"{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}]}"#;
    let mut meter = ChatMeter::new();

    assert_eq!(watch(&mut meter, &[TEXT, last]), ["content", "finish"]);
    assert_eq!(meter.usage(), counted(9, 2));
}

#[test]
fn without_usage_the_pieces_are_counted() {
    let mut meter = ChatMeter::new();
    assert_eq!(meter.usage().output_tokens, Some(0));

    watch(&mut meter, &[ROLE, TEXT, TEXT, TEXT]);

    let usage = meter.usage();
    assert!(usage.estimated);
    assert_eq!((usage.input_tokens, usage.output_tokens), (None, Some(3)));
    assert!(!meter.finished());
}

#[test]
fn the_first_piece_may_be_anything_the_model_makes() {
    for (delta, expected) in [
        (r#"{"content":"a"}"#, "content"),
        (r#"{"content":[{"type":"thinking","thinking":[]}]}"#, "content"),
        (r#"{"reasoning_content":"a","content":null}"#, "content"),
        (r#"{"reasoning":"a","content":""}"#, "content"),
        (r#"{"reasoning_details":[{"text":"a"}]}"#, "content"),
        (r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#, "content"),
        (r#"{"function_call":{"name":"f"}}"#, "content"),
        (r#"{"refusal":"no"}"#, "content"),
        (r#"{"role":"assistant"}"#, "other"),
        (r#"{"content":"","tool_calls":[],"reasoning":null,"refusal":""}"#, "other"),
        ("{}", "other"),
        ("null", "other"),
    ] {
        let chunk =
            format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#);

        assert_eq!(watch(&mut ChatMeter::new(), &[&chunk]), [expected], "{delta}");
    }
    // The older completions.
    assert_eq!(watch(&mut ChatMeter::new(), &[r#"{"choices":[{"text":"a"}]}"#]), ["content"]);
    // Azure's first chunk.
    assert_eq!(
        watch(&mut ChatMeter::new(), &[r#"{"choices":[],"prompt_filter_results":[]}"#]),
        ["other"]
    );
}

#[test]
fn errors_in_the_middle_are_seen() {
    for (frame, code) in [
        // openrouter
        (
            "data: {\"id\":\"g\",\"error\":{\"code\":502,\"message\":\"gone\"},\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
            Some("502"),
        ),
        ("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n", None),
        // groq
        (
            "event: error\ndata: {\"error\":{\"message\":\"over\",\"type\":\"t\",\"code\":\"over_capacity\",\"status_code\":498}}\n\n",
            Some("over_capacity"),
        ),
        ("event: error\r\ndata: overloaded\r\n\r\n", None),
        // vLLM, old and new
        ("data: {\"object\":\"error\",\"message\":\"m\",\"code\":400}\n\n", Some("400")),
        ("data: {\"error\":{\"message\":\"m\",\"code\":400}}\n\n", Some("400")),
        // gemini
        ("data: [{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}]\n\n", Some("503")),
        // minimax
        (
            "data: {\"choices\":null,\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate limit\"}}\n\n",
            Some("1002"),
        ),
        ("data: {\"error\":\"Unauthorized\"}\n\n", None),
    ] {
        for earlier in [&[][..], &[ROLE, TEXT], &[ROLE, TEXT, FINISH]] {
            let mut meter = ChatMeter::new();
            watch(&mut meter, earlier);

            let Seen::Error(UpstreamErrorBody { code: found, .. }) = meter.see(frame.as_bytes())
            else {
                panic!("no error: {frame}");
            };
            assert_eq!(found.as_deref(), code, "{frame}");
        }
    }
}

#[test]
fn a_base_resp_of_zero_is_no_error() {
    let chunk =
        r#"{"choices":[{"delta":{"content":"a"}}],"base_resp":{"status_code":0,"status_msg":""}}"#;

    assert_eq!(watch(&mut ChatMeter::new(), &[chunk, chunk]), ["content", "content"]);
}

#[test]
fn what_the_model_writes_fools_nobody() {
    for text in [
        r#"\"usage\":{\"completion_tokens\":999}"#,
        r#"usage"#,
        r#"error"#,
        r#"finish_reason"#,
        r#"\"finish_reason\":\"stop\""#,
        r#"[DONE]"#,
        r#"data: [DONE]\n\n"#,
        r#"\"error\":{\"message\":\"x\"}"#,
    ] {
        let chunk = format!(
            r#"{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":null}}],"usage":null}}"#
        );
        let mut meter = ChatMeter::new();

        let seen = watch(&mut meter, &[&chunk, &chunk, FINISH]);

        assert_eq!(seen, ["content", "content", "finish"], "{text}");
        assert_eq!(meter.usage().output_tokens, Some(2), "{text}");
    }
}

#[test]
fn ordinary_pieces_are_never_parsed() {
    let mut meter = ChatMeter::new();
    watch(&mut meter, &[TEXT]);

    let spaced = TEXT.replace(":null", " : null");
    assert!(meter.is_ordinary(TEXT.as_bytes()));
    assert!(meter.is_ordinary(spaced.as_bytes()));
    assert!(!meter.is_ordinary(FINISH.as_bytes()));
    assert!(!meter.is_ordinary(USAGE.as_bytes()));
}

#[test]
fn after_a_finish_only_content_is_content() {
    let empty = r#"{"choices":[{"index":0,"delta":{}}]}"#;
    let other_choice = r#"{"choices":[{"index":1,"delta":{"content":"a"}}]}"#;
    let mut meter = ChatMeter::new();

    let seen = watch(&mut meter, &[TEXT, FINISH, empty, other_choice]);

    assert_eq!(seen, ["content", "finish", "other", "content"]);
}

#[test]
fn the_terminator_may_be_written_in_many_ways() {
    for frame in ["data: [DONE]\n\n", "data:[DONE]\r\n\r\n", "data: [DONE]", "data:  [DONE] \n\n"] {
        assert_eq!(ChatMeter::new().see(frame.as_bytes()), Seen::Done, "{frame:?}");
    }
}

#[test]
fn what_is_no_chunk_is_passed_by() {
    for frame in [
        "\n",
        ":\n\n",
        "event: ping\n\n",
        "id: 1\n\n",
        "data: \n\n",
        "data: {\"a\n\n",
        "data: []\n\n",
        "data: 1\n\n",
    ] {
        assert_eq!(ChatMeter::new().see(frame.as_bytes()), Seen::Other, "{frame:?}");
    }
}

/// A chunk with its parts in any order, as no provider sends it and any may.
fn any_chunk() -> impl Strategy<Value = String> {
    let part = |values: &'static [&'static str]| prop::sample::select(values);
    let delta = part(&[
        "{}",
        "{\"content\":\"a\"}",
        "{\"content\":\"\\\"usage\\\":1\"}",
        "{\"role\":\"assistant\"}",
    ]);
    let finish = part(&["null", " null", "\"stop\"", "\"length\""]);
    let usage = part(&["null", "{\"completion_tokens\":7}", " {\"total_tokens\":1}"]);
    (delta, finish, usage, part(&["", " "]), any::<bool>()).prop_map(
        |(delta, finish, usage, space, usage_first)| {
            let choices =
                format!("\"choices\":[{{\"finish_reason\"{space}:{finish},\"delta\":{delta}}}]");
            let usage = format!("\"usage\"{space}:{usage}");
            let (first, second) = if usage_first { (usage, choices) } else { (choices, usage) };
            format!("{{{first},{space}{second}}}")
        },
    )
}

proptest! {
    #[test]
    fn a_glance_misses_nothing_that_a_parse_would_find(chunks in prop::collection::vec(any_chunk(), 1..12)) {
        let (mut glancing, mut parsing) = (ChatMeter::new(), ChatMeter::new());
        for chunk in &chunks {
            glancing.see(format!("data: {chunk}\n\n").as_bytes());
            parsing.study(chunk.as_bytes());
        }

        prop_assert_eq!(glancing.finished, parsing.finished);
        prop_assert_eq!(glancing.usage, parsing.usage);
    }

    #[test]
    fn no_bytes_make_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let mut meter = ChatMeter::new();
        watch(&mut meter, &[TEXT]);
        for frame in frames {
            meter.see(&[b"data:", frame.as_slice()].concat());
        }
    }
}

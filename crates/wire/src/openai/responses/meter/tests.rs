//! Streams as recorded, event by event.

use model::{ServiceTier, Usage};
use proptest::prelude::*;

use super::{Meter, Seen};
use crate::openai::responses::tests as golden;

fn watch(meter: &mut Meter, stream: &[u8]) -> String {
    let seen = golden::frames([stream]).into_iter().map(|frame| match meter.see(&frame) {
        Seen::Content => 'c',
        Seen::Done => 'D',
        Seen::Error(_) => 'E',
        Seen::Finish | Seen::UsageOnly => '?',
        Seen::Other => '.',
    });
    seen.collect()
}

fn watched(name: &str) -> (String, Meter) {
    let mut meter = Meter::new();
    let seen = watch(&mut meter, &golden::bytes(&format!("{name}.in.sse")));
    (seen, meter)
}

#[test]
fn pieces_are_content_and_the_last_event_is_the_end() {
    for (name, expected) in [
        ("stream_text", "....ccc...D"),
        ("stream_tools", "....cc...c.....c...ccc..cc..D"),
        ("stream_length", "....c...cc..D"),
        ("stream_filtered", "..D"),
        ("stream_refusal", "....cc..D"),
        ("stream_failed", "....cE."),
        ("stream_error", "....c...ccE"),
        ("stream_whole_items", "....D."),
    ] {
        let (seen, meter) = watched(name);
        assert_eq!(seen, expected, "{name}");
        assert_eq!(meter.finished(), expected.contains('D'), "{name}");
    }
}

#[test]
fn the_tier_the_searches_the_cost_and_the_model_are_the_answers_own() {
    let end = r#"{"type":"response.completed","response":{"model":"m-1","service_tier":"flex","output":[
        {"type":"web_search_call","action":{"type":"search","query":"q"}},{"type":"web_search_call"},
        {"type":"web_search_call","action":{"type":"open_page"}},{"type":"message","content":[]}],
        "usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12,"cost_in_usd_ticks":3}}}"#;
    let mut meter = Meter::new();
    let created = r#"{"type":"response.created","response":{"model":"m-0","usage":null}}"#;

    meter.see(format!("data: {created}\n\n").as_bytes());
    assert_eq!(meter.answered_by(), Some("m-0"));
    assert!(!meter.finished());

    meter.see(format!("data: {}\n\n", end.replace('\n', "")).as_bytes());
    let expected = Usage {
        input_tokens: Some(5),
        output_tokens: Some(7),
        tier: Some(ServiceTier::Flex),
        searches: Some(2),
        reported_pico_usd: Some(300),
        ..Usage::default()
    };
    assert_eq!(meter.usage(), expected);
    assert_eq!(meter.answered_by(), Some("m-1"));
}

#[test]
fn the_providers_count_is_believed() {
    let expected = Usage {
        input_tokens: Some(75),
        cached_tokens: Some(32),
        output_tokens: Some(1186),
        reasoning_tokens: Some(1024),
        ..Usage::default()
    };

    for name in ["stream_text", "stream_length", "stream_failed"] {
        assert_eq!(watched(name).1.usage(), expected, "{name}");
    }
}

#[test]
fn without_a_count_each_piece_is_one_token() {
    let estimate = watched("stream_error").1.usage();

    assert!(estimate.estimated);
    assert_eq!(estimate.output_tokens, Some(3));
}

#[test]
fn an_error_says_what_it_was_in_either_form() {
    for (event, code) in [
        (
            "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"Oh\"}\n\n",
            "server_error",
        ),
        (
            "data: {\"type\":\"error\",\"error\":{\"type\":\"t\",\"code\":\"c\",\"message\":\"Oh\"}}\n\n",
            "c",
        ),
        ("data: {\"error\":{\"code\":\"nameless\",\"message\":\"Oh\"}}\n\n", "nameless"),
        ("event: error\ndata: {\"error\":{\"code\":\"groqs\",\"message\":\"Oh\"}}\n\n", "groqs"),
        (
            "data: {\"sequence_number\":1,\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"f\",\"message\":\"Oh\"}}}\n\n",
            "f",
        ),
    ] {
        let Seen::Error(error) = Meter::new().see(event.as_bytes()) else { panic!("{event}") };
        assert_eq!((error.code.as_deref(), error.message.as_deref()), (Some(code), Some("Oh")));
    }
}

#[test]
fn half_of_the_last_event_ends_nothing() {
    for whole in [
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{}}",
        "data: {\"response\":{\"usage\":{\"input_tokens\":1}},\"type\":\"response.incomplete\"}",
    ] {
        for length in 0..whole.len() {
            let mut meter = Meter::new();
            assert_eq!(meter.see(&whole.as_bytes()[..length]), Seen::Other, "{length} of {whole}");
            assert!(!meter.finished());
        }
        assert_eq!(Meter::new().see(whole.as_bytes()), Seen::Done, "{whole}");
    }
}

#[test]
fn a_name_is_found_wherever_it_stands() {
    for event in [
        "event: response.output_text.delta\ndata: {\"delta\":\"a\"}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
        "data: {\"delta\":\"a\", \"type\" : \"response.output_text.delta\"}\n\n",
        "event: message\r\ndata: {\"type\":\"response.custom_tool_call_input.delta\"}\r\n\r\n",
    ] {
        assert_eq!(Meter::new().see(event.as_bytes()), Seen::Content, "{event}");
    }
    for event in
        [": ping\n\n", "data: [DONE]\n\n", "data: {\"type\":\"keepalive\"}\n\n", "data: \n\n"]
    {
        assert_eq!(Meter::new().see(event.as_bytes()), Seen::Other, "{event}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Meter::new().see(&[b"data: {\"type\":\"response.completed\",", bytes.as_slice()].concat());
        Meter::new().see(&bytes);
    }
}

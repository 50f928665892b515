//! Bodies of every dialect, and what they reach for.

use model::ServiceTier::{Fast, Flex, Priority};

use proptest::prelude::*;

use super::*;

fn reach(body: &str) -> Reach {
    Reach::read(body.as_bytes())
}

fn open(searches: u64) -> Reach {
    Reach { is_open: true, searches, ..Reach::default() }
}

fn tooled(reach: Reach) -> Reach {
    Reach { has_tools: true, ..reach }
}

const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";

#[test]
fn everyday_text_reaches_for_nothing() {
    for body in [
        r#"{"messages":[{"content":"research the priority of service_tier, http://a.b, data:image/png"}]}"#,
        r#"{"messages":[{"content":"caf\u00e9 \"file_id\" \"web_search\""}]}"#,
        r#"{"input":["search","\"previous_response_id\":\"x\""],"speed":1.25}"#,
        r#"{"previous_response_id":null,"container":"","file_ids":[],"plugins":[],"tools":null}"#,
        r#"{"messages":[{"content":[{"type":"tool_use","id":"t","input":{"file_id":"mine","source":{"type":"url"}}}]}]}"#,
        r#"{"contents":[{"parts":[{"functionCall":{"args":{"inlineData":{"data":"a"}}}}]}]}"#,
        r#"{"response_format":{"json_schema":{"schema":{"properties":{"file_id":{"const":"x"}}}}}}"#,
        r#"{"messages":[{"content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"all of it"}}]}]}"#,
        r#"{"audio":{"voice":"alloy","format":"wav"},"service_tier":"default","prompt":"once"}"#,
        r#"{"service_tier":"standard_only"}"#,
    ] {
        assert_eq!(reach(body), Reach::default(), "{body}");
    }
}

#[test]
fn a_picture_counts_as_one_and_its_bytes_are_no_text() {
    let bytes = PNG.len() as u64;
    let one = |picture_bytes| Reach { pictures: 1, picture_bytes, ..Reach::default() };
    for (body, expected) in [
        (format!(r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"{PNG}"}}}}]}}]}}"#), one(bytes)),
        (format!(r#"{{"input":[{{"content":[{{"type":"input_image","image_url":"{PNG}"}}]}}]}}"#), one(bytes)),
        (r#"{"a":[{"image_url":{"detail":"high","url":"https://example.com/a.png"}}]}"#.into(), one(0)),
        (r#"{"a":{"type":"image","source":{"data":"AAAA","media_type":"image/png","type":"base64"}}}"#.into(), one(4)),
        (r#"{"a":{"source":{"type":"url","url":"https://example.com/a"},"type":"image"}}"#.into(), one(0)),
        (r#"{"parts":[{"inlineData":{"data":"AAAA","mimeType":"image/webp"}}]}"#.into(), one(4)),
        (r#"{"parts":[{"inline_d\u0061ta":{"mime_type":"IMAGE/png","data":"AAAA"}}]}"#.into(), one(4)),
        (r#"{"parts":{"fileData":{"fileUri":"gs://a/b","mimeType":"image/png"}}}"#.into(), one(0)),
    ] {
        assert_eq!(reach(&body), expected, "{body}");
    }
    let two = format!(r#"{{"a":[{{"image_url":"{PNG}"}},{{"image_url":"{PNG}"}}]}}"#);
    assert_eq!((reach(&two).pictures, reach(&two).picture_bytes), (2, 2 * bytes));
}

#[test]
fn what_a_name_stands_for_is_not_bounded_by_the_body() {
    for body in [
        r#"{"previous_response_id":"resp_1"}"#,
        r#"{"pr\u0065vious_response_id":"resp_1"}"#,
        r#"{"conversation":{"id":"conv_1"}}"#,
        r#"{"prompt":{"id":"pmpt_1"}}"#,
        r#"{"cachedContent":"cachedContents/1"}"#,
        r#"{"container":{"id":"c"}}"#,
        r#"{"mcp_servers":[{"type":"url","url":"https://a.example"}]}"#,
        r#"{"input":[{"type":"item_reference","id":"rs_1"}]}"#,
        r#"{"input":[{"content":[{"type":"input_file","file_id":"f"}]}]}"#,
        r#"{"input":[{"content":[{"type":"input_file","file_url":"https://a.example/b.pdf"}]}]}"#,
        r#"{"input":[{"content":[{"type":"input_file","file_data":"data:application/pdf;base64,AA"}]}]}"#,
        r#"{"type":"tool_use","input":[{"file_id":"f"}]}"#,
        r#"{"messages":[{"content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,AA"}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"AA"}}]}]}"#,
        r#"{"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}"#,
        r#"{"messages":[{"content":[{"image_url":{"url":"data:application/pdf;base64,AA"}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"video_url","video_url":{"url":"https://a.example"}}]}]}"#,
        r#"{"a":{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA"}}}"#,
        r#"{"a":{"type":"document","source":{"type":"url","url":"https://a.example"}}}"#,
        r#"{"a":[{"type":"base64","data":"AA","media_type":"image/png"}]}"#,
        r#"{"parts":[{"inlineData":{"mimeType":"video/mp4","data":"AA"}}]}"#,
        r#"{"parts":[{"inlineData":{"data":"AA"}}]}"#,
        r#"{"parts":[{"fileData":{"fileUri":"https://youtu.be/x"}}]}"#,
    ] {
        assert_eq!(reach(body), open(0), "{body}");
    }
}

#[test]
fn what_is_said_twice_counts_as_the_most_that_it_can_be() {
    for body in [
        r#"{"previous_response_id":"resp_1","previous_response_id":null}"#,
        r#"{"parts":[{"inlineData":{"mimeType":"image/png","mimeType":"video/mp4","data":"AA"}}]}"#,
        r#"{"a":{"type":"image","source":{"type":"base64","type":"text","media_type":"image/png","data":"AA"}}}"#,
        r#"{"a":{"type":"document","type":"image","source":{"type":"url","url":"https://a.example"}}}"#,
        r#"{"a":[{"type":"tool_use","type":"text","input":{"file_id":"f"}}]}"#,
        r#"{"tools":[{"type":"web_search","type":"function","name":"f"}]}"#,
        r#"{"tools":[{"type":"file_search"}],"tools":[]}"#,
    ] {
        assert!(reach(body).is_open, "{body}");
    }
    let tiers = |body| reach(body).tiers;
    assert_eq!(
        tiers(r#"{"service_tier":"priority","service_tier":"default"}"#),
        Tiers::One(Priority)
    );
    assert_eq!(tiers(r#"{"service_tier":"priority","service_tier":"flex"}"#), Tiers::Any);
    let uses = r#"{"tools":[{"type":"web_search_20250305","max_uses":3,"max_uses":7}]}"#;
    assert_eq!(reach(uses).searches, 7);
}

#[test]
fn tools_of_the_callers_bring_nothing_in_and_those_of_the_provider_do() {
    let client = Reach { client_tools: 1, ..Reach::default() };
    for (body, expected) in [
        (
            r#"[{"type":"function","function":{"name":"web_search","parameters":{"search":{}}}}]"#,
            Reach::default(),
        ),
        (
            r#"[{"type":"function","name":"search","parameters":{},"strict":true}]"#,
            Reach::default(),
        ),
        (r#"[{"type":"custom","name":"search","format":{"type":"text"}}]"#, Reach::default()),
        (
            r#"[{"name":"search","description":"searches","input_schema":{},"cache_control":{}}]"#,
            Reach::default(),
        ),
        (r#"[{"functionDeclarations":[{"name":"googleSearch"}]}]"#, Reach::default()),
        (r#"[{"function_declarations":[],"googleSearch":null}]"#, Reach::default()),
        (
            r#"[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}]"#,
            Reach::default(),
        ),
        (r#"[{"type":"bash_20250124","name":"bash"}]"#, client),
        (r#"[{"type":"text_editor_20250728","name":"e"}]"#, client),
        (r#"[{"type":"computer_use_preview"}]"#, client),
        (r#"[{"type":"web_search"}]"#, open(10)),
        (r#"[{"type":"web_search_20250305","name":"web_search","max_uses":3}]"#, open(3)),
        (r#"[{"max_uses":3,"type":"web_search_20250305"},{"type":"web_search"}]"#, open(13)),
        (r#"[{"type":"web_fetch_20250910"}]"#, open(0)),
        (r#"[{"type":"tool_search_tool_regex_20251119"}]"#, open(0)),
        (r#"[{"type":"code_interpreter","container":{"type":"auto"}}]"#, open(0)),
        (r#"[{"type":"mcp","server_url":"https://a.example"}]"#, open(0)),
        (r#"[{"type":"namespace","tools":[{"type":"mcp"}]}]"#, open(0)),
        (r#"[{"googleSearch":{}}]"#, open(10)),
        (r#"{"google_search":{}}"#, open(10)),
        (r#"[{"functionDeclarations":[],"codeExecution":{}}]"#, open(0)),
        (r#"[{"type":["function"]}]"#, open(0)),
    ] {
        assert_eq!(reach(&format!("{{\"tools\":{body}}}")), tooled(expected), "{body}");
    }
    assert_eq!(reach(r#"{"functions":[{"name":"f","parameters":{}}]}"#), tooled(Reach::default()));
}

#[test]
fn searches_are_asked_for_beside_tools_too() {
    for body in [
        r#"{"web_search_options":{}}"#,
        r#"{"search_parameters":{"mode":"on"}}"#,
        r#"{"plugins":[{"id":"web"}]}"#,
    ] {
        assert_eq!(reach(body), open(SEARCHES_MAX), "{body}");
    }
}

#[test]
fn only_a_tier_that_is_named_exactly_is_taken_at_its_word() {
    for (body, tiers) in [
        (r#"{"service_tier":"flex"}"#, Tiers::One(Flex)),
        (r#"{"service_tier":"priority"}"#, Tiers::One(Priority)),
        (r#"{"speed":"fast"}"#, Tiers::One(Fast)),
        (r#"{"serviceTier":"priority"}"#, Tiers::One(Priority)),
        (r#"{"service_tier":"auto"}"#, Tiers::Any),
        (r#"{"service_tier":"Priority"}"#, Tiers::Any),
        (r#"{"service_tier":"soonest"}"#, Tiers::Any),
        (r#"{"service_tier":["priority"]}"#, Tiers::Any),
        (r#"{"service_tier":"flex","speed":"fast"}"#, Tiers::Any),
        (r#"{"service_tier":null,"speed":"standard"}"#, Tiers::Usual),
    ] {
        assert_eq!(reach(body), Reach { tiers, ..Reach::default() }, "{body}");
    }
}

#[test]
fn what_cannot_be_read_may_be_anything() {
    for body in ["", "{", "{\"a\":1} 2", "{\"a\":\"\\ud800\"}"] {
        assert_eq!(reach(body), Reach { tiers: Tiers::Any, ..open(SEARCHES_MAX) }, "{body}");
    }
}

/// An object whose members are those that matter, some of them twice.
fn object() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = [
        "audio",
        "container",
        "data",
        "fileData",
        "fileUri",
        "id",
        "image_url",
        "inlineData",
        "input",
        "mimeType",
        "plugins",
        "prompt",
        "service_tier",
        "source",
        "tools",
        "type",
        "url",
    ];
    let words = [
        "base64",
        "data:image/png;base64,AA",
        "data:text/plain,a",
        "fast",
        "function",
        "https://a.example",
        "image",
        "image/png",
        "item_reference",
        "priority",
        "text",
        "text/plain",
        "tool_use",
        "url",
        "web_search",
    ];
    let leaf = prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| format!("\"{word}\"")),
        1 => prop::sample::select(vec!["null", "1", "1.5", "true", "[]", "{}", "\"\""])
            .prop_map(str::to_owned),
    ];
    let value = leaf.prop_recursive(3, 24, 5, move |inner| {
        let member = (prop::sample::select(names.to_vec()), inner.clone());
        prop_oneof![
            3 => prop::collection::vec(member, 0..5).prop_map(|members| written(&members)),
            1 => prop::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
        ]
    });
    prop::collection::vec((prop::sample::select(names.to_vec()), value), 0..6)
}

fn written(members: &[(&'static str, String)]) -> String {
    let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

proptest! {
    #[test]
    fn the_order_of_members_says_nothing_and_nothing_is_taken_back(members in object()) {
        let turned: Vec<_> = members.iter().rev().cloned().collect();
        let nulls = members.iter().map(|(name, _)| (*name, "null".to_owned()));
        let taken_back: Vec<_> = members.iter().cloned().chain(nulls).collect();
        let [one, other, same] = [&members, &turned, &taken_back].map(|all| reach(&written(all)));

        prop_assert!(one == other || (one.is_open && other.is_open), "{one:?} {other:?}");
        prop_assert_eq!((one.searches, one.tiers), (other.searches, other.tiers));
        prop_assert_eq!(one, same);
        prop_assert!(one.picture_bytes <= written(&members).len() as u64);
    }
}

//! Bodies as clients write them, and the bytes that leave.

use bytes::Bytes;
use model::DataPolicy;
use serde_json::{Value, json};

use super::{InvalidBody, Names, Request, Shape, Splice, Wishes};

mod property;

const CHAT: Shape = Shape { model: true, stream: true, stream_options: true };

fn parse(body: &str) -> Result<Request, InvalidBody> {
    Request::parse(Bytes::copy_from_slice(body.as_bytes()), CHAT)
}

fn splice(model: &str, include_usage: bool) -> Splice<'_> {
    Splice { model, include_usage, keep_openrouter: false, output_limit: None }
}

fn text(slices: &[Bytes]) -> String {
    String::from_utf8(slices.concat()).expect("UTF-8")
}

fn spliced(body: &str, model: &str, include_usage: bool) -> String {
    let request = parse(body).expect(body);
    text(&request.splice(&splice(model, include_usage)))
}

#[test]
fn the_model_is_replaced_and_nothing_else_is_touched() {
    let body = "{ \"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9 é\"} ],\n\t\"model\" : \"openai\\/gpt-5\" , \"x\":1.50 }\n";

    let request = parse(body).expect("valid");

    assert_eq!(request.model.as_deref(), Some("openai/gpt-5"));
    assert!(!request.stream);
    assert_eq!(spliced(body, "a\"b\\", true), body.replace("\"openai\\/gpt-5\"", "\"a\\\"b\\\\\""));
}

#[test]
fn slices_share_the_body() {
    let body = Bytes::from_static(b"{\"a\":1,\"model\":\"m\",\"b\":2}");
    let request = Request::parse(body.clone(), CHAT).expect("valid");

    let slices = request.splice(&splice("other", true));

    assert_eq!(slices.len(), 3);
    assert_eq!(slices[0].as_ptr(), body.as_ptr());
    assert_eq!(slices[2].as_ptr(), body[18..].as_ptr());
}

#[test]
fn routing_leaves_without_a_trace_wherever_it_stood() {
    for (body, expected) in [
        ("{\"routing\":{},\"model\":\"a\"}", "{\"model\":\"M\"}"),
        ("{\"model\":\"a\",\"routing\":{}}", "{\"model\":\"M\"}"),
        ("{ \"routing\" : { } , \"model\":\"a\" }", "{  \"model\":\"M\" }"),
        ("{\"model\":\"a\" ,\n \"routing\" : null\n}", "{\"model\":\"M\" \n}"),
        ("{\"a\":1,\"r\\u006futing\":{},\"model\":\"a\"}", "{\"a\":1,\"model\":\"M\"}"),
        (
            "{\"a\":\"\\\"\",\"routing\":{\"project\":\"}\\\"\"},\"model\":\"a\"}",
            "{\"a\":\"\\\"\",\"model\":\"M\"}",
        ),
        (
            "{\"model\":\"a\",\"x\":{\"routing\":{\"only_byok\":true}}}",
            "{\"model\":\"M\",\"x\":{\"routing\":{\"only_byok\":true}}}",
        ),
    ] {
        assert_eq!(spliced(body, "M", true), expected, "{body}");
    }
}

#[test]
fn usage_is_asked_for_exactly_when_the_client_did_not() {
    const ASK: &str = "\"stream_options\":{\"include_usage\":true}";
    for (options, asked, expected) in [
        ("", false, format!("{{\"model\":\"M\",{ASK},\"stream\":true}}")),
        (",\"stream_options\":null", false, format!("{{\"model\":\"M\",\"stream\":true,{ASK}}}")),
        (
            ",\"stream_options\":{ }",
            false,
            "{\"model\":\"M\",\"stream\":true,\"stream_options\":{\"include_usage\":true }}"
                .to_owned(),
        ),
        (
            ",\"stream_options\":{\"x\":1}",
            false,
            "{\"model\":\"M\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"x\":1}}"
                .to_owned(),
        ),
        (
            ",\"stream_options\":{\"include_usage\":false}",
            false,
            format!("{{\"model\":\"M\",\"stream\":true,{ASK}}}"),
        ),
        (
            ",\"stream_options\":{\"include_\\u0075sage\" : null}",
            false,
            "{\"model\":\"M\",\"stream\":true,\"stream_options\":{\"include_\\u0075sage\" : true}}"
                .to_owned(),
        ),
        (
            ",\"stream_options\":{\"include_usage\":true}",
            true,
            format!("{{\"model\":\"M\",\"stream\":true,{ASK}}}"),
        ),
    ] {
        let body = format!("{{\"model\":\"a\",\"stream\":true{options}}}");

        assert_eq!(parse(&body).expect(&body).include_usage, asked);
        assert_eq!(spliced(&body, "M", true), expected, "{body}");
        assert_eq!(spliced(&body, "M", false), body.replace("\"a\"", "\"M\""));
    }
}

#[test]
fn a_plain_call_is_never_asked_for_usage() {
    for body in ["{\"model\":\"a\"}", "{\"model\":\"a\",\"stream\":false,\"stream_options\":null}"]
    {
        assert_eq!(spliced(body, "M", true), body.replace("\"a\"", "\"M\""));
    }
}

#[test]
fn insertion_and_cut_may_meet_behind_the_model() {
    let body = "{\"stream\":true,\"model\":\"a\",\"routing\":{}}";

    assert_eq!(
        spliced(body, "M", true),
        "{\"stream\":true,\"model\":\"M\",\"stream_options\":{\"include_usage\":true}}"
    );
}

#[test]
fn wishes_are_read_word_for_word() {
    let body = json!({"model": "a", "routing": {
        "only_byok": true, "only_platform": false, "provider_key": "pk_1", "fallback_models": ["b", "c/d"],
        "data_policy": "zdr", "receipt": true, "project": null,
    }});

    let request = parse(&body.to_string()).expect("valid");

    assert_eq!(
        request.wishes,
        Wishes {
            only_byok: true,
            only_platform: false,
            provider_key: Some("pk_1".to_owned()),
            fallback_models: Some(vec!["b".to_owned(), "c/d".to_owned()]),
            data_policy: Some(DataPolicy::Zdr),
            receipt: true,
            project: None,
            providers: Names::default(),
            names_preset: false,
        }
    );
}

#[test]
fn bad_bodies_are_explained() {
    for (body, param, message) in [
        ("", None, "the body ends before its JSON does"),
        ("{\"model\":\"a\"", None, "the body ends before its JSON does"),
        ("{\"model\":secret}", None, "the body is not valid JSON at line 1, column 10"),
        ("[\"model\"]", None, "the body must be a JSON object"),
        ("\"secret\"", None, "the body must be a JSON object"),
        (
            "{\"model\":\"a\"}\n{}",
            None,
            "the body goes on after its JSON object, at line 2, column 1",
        ),
        ("{\"model\":[\"secret\"]}", Some("model"), "`model` must be a string"),
        ("{\"model\":\"\"}", Some("model"), "`model` is empty"),
        ("{\"model\":\"\\ud800\"}", Some("model"), "`model` must be a string"),
        ("{\"model\":\"a\",\"model\":\"b\"}", Some("model"), "`model` is given twice"),
        ("{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", Some("model"), "`model` is given twice"),
        (
            "{\"model\":\"a\",\"stream\":true,\"stream\":false}",
            Some("stream"),
            "`stream` is given twice",
        ),
        (
            "{\"model\":\"a\",\"routing\":{},\"routing\":{}}",
            Some("routing"),
            "`routing` is given twice",
        ),
        ("{\"model\":\"a\",\"stream\":\"yes\"}", Some("stream"), "`stream` must be true or false"),
        (
            "{\"model\":\"a\",\"stream\":true,\"stream_options\":[]}",
            Some("stream_options"),
            "`stream_options` must be a JSON object",
        ),
        (
            "{\"model\":\"a\",\"stream_options\":{}}",
            Some("stream_options"),
            "`stream_options` may only be given with `stream: true`",
        ),
        (
            "{\"model\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":1}}",
            Some("stream_options"),
            "`stream_options.include_usage` must be true or false",
        ),
        (
            "{\"model\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_usage\":true}}",
            Some("stream_options"),
            "`stream_options.include_usage` is given twice",
        ),
        ("{\"model\":\"a\",\"routing\":[]}", Some("routing"), "`routing` must be a JSON object"),
        (
            "{\"model\":\"a\",\"routing\":{\"only_byo\":true}}",
            Some("routing"),
            "`routing` has no field \"only_byo\"",
        ),
        (
            "{\"model\":\"a\",\"routing\":{\"only_byok\":\"secret\"}}",
            Some("routing"),
            "`routing.only_byok` must be true or false",
        ),
        (
            "{\"model\":\"a\",\"routing\":{\"project\":7}}",
            Some("routing"),
            "`routing.project` must be a string",
        ),
        (
            "{\"model\":\"a\",\"routing\":{\"fallback_models\":\"b\"}}",
            Some("routing"),
            "`routing.fallback_models` must be a list of strings",
        ),
        (
            "{\"model\":\"a\",\"routing\":{\"data_policy\":\"ZDR\"}}",
            Some("routing"),
            "`routing.data_policy` must be \"none\", \"no_training\" or \"zdr\"",
        ),
        ("{\"models\":[\"a\",7]}", Some("models"), "`models` must be a list of strings"),
        ("{\"models\":[],\"models\":[]}", Some("models"), "`models` is given twice"),
        ("{\"provider\":\"groq\"}", Some("provider"), "`provider` must be a JSON object"),
        (
            "{\"provider\":{\"sort\":\"price\"}}",
            Some("provider"),
            "`provider` has no field \"sort\"",
        ),
        (
            "{\"provider\":{\"zdr\":true,\"data_collection\":\"some\"}}",
            Some("provider"),
            "`provider.data_collection` must be \"allow\" or \"deny\"",
        ),
        (
            "{\"provider\":{\"only\":\"groq\"}}",
            Some("provider"),
            "`provider.only` must be a list of strings",
        ),
        (
            "{\"model\":\"a\",\"routing\":{\"receipt\":true,\"receipt\":true}}",
            Some("routing"),
            "`routing.receipt` is given twice",
        ),
        (
            "{\"model\":\"a\",\"routing\":{\"only_byok\":true,\"only_platform\":true}}",
            Some("routing"),
            "`routing.only_byok` and `routing.only_platform` exclude each other",
        ),
    ] {
        // What is meant for OpenRouter is only wrong where it is read as wishes of ours.
        let wishes = parse(body).map(|request| request.openrouter.expect(body));
        let invalid = wishes.and_then(|wishes| wishes).expect_err(body);

        assert_eq!((invalid.param, invalid.message.as_str()), (param, message), "{body}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let invalid = Request::parse(Bytes::from_static(b"{\"model\":\"a\",\"x\":\"\xff\"}"), CHAT);

    let message = invalid.expect_err("not UTF-8").message;
    assert_eq!(message, "the body is not UTF-8 after its first 18 bytes");
}

#[test]
fn debug_output_holds_no_prompt() {
    let request = parse("{\"model\":\"a\",\"messages\":\"canary\"}").expect("valid");

    assert!(!format!("{request:?}").contains("canary"));
}

#[test]
fn a_model_that_was_left_to_the_settings_is_put_in_first() {
    for (body, expected) in [
        ("{}", "{\"model\":\"M\"}"),
        (" {\n} ", " {\"model\":\"M\"\n} "),
        ("{\"x\":1}", "{\"model\":\"M\",\"x\":1}"),
        ("{ \"x\":1}", "{\"model\":\"M\", \"x\":1}"),
        ("{\"routing\":{}}", "{\"model\":\"M\"}"),
        ("{ \"routing\" : {} , \"models\":[] }", "{\"model\":\"M\"  }"),
        ("{\"routing\":{},\"x\":1}", "{\"model\":\"M\",\"x\":1}"),
        ("{\"x\":1,\"routing\":{}}", "{\"model\":\"M\",\"x\":1}"),
        ("{\"x\":1,\"model\":null}", "{\"x\":1,\"model\":\"M\"}"),
    ] {
        assert_eq!(parse(body).expect(body).model, None, "{body}");
        assert_eq!(spliced(body, "M", true), expected, "{body}");
    }
}

#[test]
fn a_model_and_usage_can_both_be_put_in_first() {
    let ask = "\"model\":\"$M\",\"stream_options\":{\"include_usage\":true},\"stream\":true";

    for body in ["{\"stream\":true}", "{\"routing\":{},\"stream\":true,\"models\":[]}"] {
        assert_eq!(spliced(body, "$M", true), format!("{{{ask}}}"), "{body}");
    }
}

#[test]
fn a_model_in_the_path_leaves_the_body_alone() {
    let path = Shape { model: false, stream: false, stream_options: false };
    let body = "{\"model\":7,\"routing\":{},\"stream\":\"x\",\"stream_options\":1}";

    let request = Request::parse(Bytes::from(body), path).expect("valid");

    assert_eq!((request.model.as_deref(), request.stream), (None, false));
    let expected = "{\"model\":7,\"stream\":\"x\",\"stream_options\":1}";
    assert_eq!(text(&request.splice(&splice("M", true))), expected);
    let only_wishes = Request::parse(Bytes::from("{\"routing\":{}}"), path).expect("valid");
    assert_eq!(text(&only_wishes.splice(&splice("M", true))), "{}");
}

#[test]
fn openrouters_members_are_wishes_and_reach_nobody_else() {
    let body = json!({"models": ["a", "b"], "provider": {
        "order": ["groq"], "only": ["groq", "xai"], "ignore": ["together"], "allow_fallbacks": false,
        "data_collection": "deny", "zdr": null,
    }, "x": 1});
    let body = body.to_string();

    let request = parse(&body).expect("valid");

    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(request.wishes, Wishes::default());
    assert_eq!(
        request.openrouter,
        Some(Ok(Wishes {
            fallback_models: Some(names(&["a", "b"])),
            data_policy: Some(DataPolicy::NoTraining),
            providers: Names {
                order: names(&["groq"]),
                only: Some(names(&["groq", "xai"])),
                ignore: names(&["together"]),
                no_fallbacks: true,
            },
            ..Wishes::default()
        }))
    );
    assert_eq!(spliced(&body, "M", true), "{\"model\":\"M\",\"x\":1}");
    let kept = Splice { keep_openrouter: true, ..splice("M", true) };
    let kept = text(&request.splice(&kept));
    let expected = body.replacen("{\"models\":[\"a\",\"b\"],", "{\"model\":\"M\",", 1);
    assert_eq!(kept, expected, "which models are asked is decided here");
}

#[test]
fn what_openrouter_is_told_itself_still_binds_where_data_may_go() {
    for (provider, data_policy) in [
        (json!({"sort": "price"}), None),
        (json!({"sort": "price", "data_collection": "deny"}), Some(DataPolicy::NoTraining)),
        (json!({"zdr": true, "data_collection": "deny"}), Some(DataPolicy::Zdr)),
        (json!({"zdr": "x", "data_collection": 1}), None),
        (json!("price"), None),
    ] {
        let body = json!({"model": "openrouter/a", "models": ["b"], "provider": provider});
        let request = parse(&body.to_string()).expect("valid");

        let fallback_models = Some(vec!["b".to_owned()]);
        let wishes = Wishes { fallback_models, data_policy, ..Wishes::default() };
        assert_eq!(request.at_openrouter, Some(Ok(wishes)), "{provider}");
    }
}

#[test]
fn nobody_names_more_than_anybody_can_try() {
    let many = |count: usize| vec!["a"; count];
    for (body, message) in [
        (
            json!({"routing": {"fallback_models": many(21)}}),
            "`routing.fallback_models` may hold at most 20 models",
        ),
        (json!({"models": many(21)}), "`models` may hold at most 20 models"),
        (json!({"provider": {"only": many(65)}}), "`provider.only` may hold at most 64 names"),
    ] {
        let told = parse(&body.to_string())
            .and_then(|request| request.openrouter.unwrap_or(Ok(request.wishes)));
        assert_eq!(told.expect_err("too many").message, message);
    }
    for body in [json!({"models": many(20)}), json!({"provider": {"order": many(64)}})] {
        let request = parse(&body.to_string()).expect("valid");
        assert!(request.openrouter.is_some_and(|told| told.is_ok()), "{body}");
    }
}

#[test]
fn openrouters_members_may_say_nothing() {
    for (body, wishes) in [
        ("{\"models\":null,\"provider\":null}", None),
        ("{\"provider\":{}}", Some(Wishes::default())),
        (
            "{\"provider\":{\"data_collection\":\"allow\",\"allow_fallbacks\":true}}",
            Some(Wishes::default()),
        ),
        (
            "{\"provider\":{\"data_collection\":\"allow\",\"zdr\":true}}",
            Some(Wishes { data_policy: Some(DataPolicy::Zdr), ..Wishes::default() }),
        ),
    ] {
        let request = parse(body).expect(body);

        assert_eq!(request.openrouter, wishes.map(Ok), "{body}");
        assert_eq!(spliced(body, "M", true), "{\"model\":\"M\"}", "{body}");
    }
}

/// Every order of every choice of these.
fn arrangements(members: &[&'static str]) -> Vec<Vec<&'static str>> {
    let mut all = vec![Vec::new()];
    for (at, member) in members.iter().enumerate() {
        let others = [&members[..at], &members[at + 1..]].concat();
        for mut rest in arrangements(&others) {
            rest.insert(0, member);
            all.push(rest);
        }
    }
    all
}

#[test]
fn whatever_is_cut_where_valid_json_with_the_rest_is_left() {
    let members = ["routing", "models", "provider", "model", "x"];
    for names in arrangements(&members) {
        for (space, keep_openrouter) in [("", false), (" ", false), ("\n\t", true)] {
            let member = |name: &&str| match *name {
                "models" => format!("{space}\"models\"{space}:{space}[\"}},\"]{space}"),
                "model" => format!("{space}\"model\"{space}:{space}\"a\"{space}"),
                "x" => format!("{space}\"x\"{space}:{space}[1]{space}"),
                ours => format!("{space}\"{ours}\"{space}:{space}{{{space}}}{space}"),
            };
            let body = format!("{{{}}}", names.iter().map(member).collect::<Vec<_>>().join(","));

            let request = parse(&body).expect(&body);
            let leaving = text(&request.splice(&Splice { keep_openrouter, ..splice("M", true) }));

            let mut expected: Value = serde_json::from_str(&body).expect(&body);
            let object = expected.as_object_mut().expect("an object");
            let ours: &[&str] = if keep_openrouter {
                &["routing", "models"]
            } else {
                &["routing", "models", "provider"]
            };
            object.retain(|name, _| !ours.contains(&name.as_str()));
            object.insert("model".to_owned(), json!("M"));
            let value: Value = serde_json::from_str(&leaving).expect(&leaving);
            assert_eq!(value, expected, "{body} -> {leaving}");
        }
    }
}

#[test]
fn an_excessive_body_is_refused_before_it_is_parsed() {
    let deep = format!("{{\"model\":\"a\",\"x\":{}}}", "[".repeat(64));

    let invalid = parse(&deep).expect_err("too deep");

    assert_eq!(invalid.message, "the body is nested deeper than 64 levels");
}

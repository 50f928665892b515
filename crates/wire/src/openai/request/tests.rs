//! Bodies as clients write them, and the bytes that leave.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ChatRequest, InvalidBody, Wishes};

fn parse(body: &str) -> Result<ChatRequest, InvalidBody> {
    ChatRequest::parse(Bytes::copy_from_slice(body.as_bytes()))
}

fn spliced(body: &str, model: &str, include_usage: bool) -> String {
    let request = parse(body).expect(body);
    let slices = request.splice(model, include_usage).concat();
    String::from_utf8(slices).expect("UTF-8")
}

#[test]
fn the_model_is_replaced_and_nothing_else_is_touched() {
    let body = "{ \"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9 é\"} ],\n\t\"model\" : \"openai\\/gpt-5\" , \"x\":1.50 }\n";

    let request = parse(body).expect("valid");

    assert_eq!(request.model, "openai/gpt-5");
    assert!(!request.stream);
    assert_eq!(spliced(body, "a\"b\\", true), body.replace("\"openai\\/gpt-5\"", "\"a\\\"b\\\\\""));
}

#[test]
fn slices_share_the_body() {
    let body = Bytes::from_static(b"{\"a\":1,\"model\":\"m\",\"b\":2}");
    let request = ChatRequest::parse(body.clone()).expect("valid");

    let slices = request.splice("other", true);

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
            fallback_models: vec!["b".to_owned(), "c/d".to_owned()],
            data_policy: Some("zdr".to_owned()),
            receipt: true,
            project: None,
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
        ("{}", Some("model"), "`model` is missing"),
        ("{\"model\":null}", Some("model"), "`model` must be a string"),
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
        let invalid = parse(body).expect_err(body);

        assert_eq!((invalid.param, invalid.message.as_str()), (param, message), "{body}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let invalid = ChatRequest::parse(Bytes::from_static(b"{\"model\":\"a\",\"x\":\"\xff\"}"));

    let message = invalid.expect_err("not UTF-8").message;
    assert_eq!(message, "the body is not UTF-8 after its first 18 bytes");
}

#[test]
fn debug_output_holds_no_prompt() {
    let request = parse("{\"model\":\"a\",\"messages\":\"canary\"}").expect("valid");

    assert!(!format!("{request:?}").contains("canary"));
}

/// Members of an object with their values as written.
fn raw_members(object: &str) -> Vec<(String, String)> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, String)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) =
                map.next_entry::<String, &serde_json::value::RawValue>()?
            {
                members.push((name, value.get().to_owned()));
            }
            Ok(members)
        }
    }
    let mut json = serde_json::Deserializer::from_str(object);
    let members = serde::Deserializer::deserialize_map(&mut json, Members).expect(object);
    json.end().expect(object);
    members
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z{}\\[\\],:\"\\\\ é\n]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name =
            prop_oneof![Just("model".to_owned()), Just("routing".to_owned()), "[a-z\"\\\\]{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A name as JSON, in one of its spellings.
fn spell(name: &str, escaped: &prop::sample::Index) -> String {
    let at = escaped.index(name.len() * 2);
    let spelled = name.chars().enumerate().map(|(place, letter)| {
        if place == at { format!("\\u{:04X}", u32::from(letter)) } else { letter.to_string() }
    });
    format!("\"{}\"", spelled.collect::<String>())
}

#[derive(Clone, Debug)]
struct Written {
    name: String,
    spelled: String,
    value: Value,
    /// Around the name, the colon, the value and the comma.
    spaces: Vec<String>,
    pretty: bool,
}

impl Written {
    fn value(&self) -> String {
        if self.pretty {
            serde_json::to_string_pretty(&self.value).expect("JSON")
        } else {
            self.value.to_string()
        }
    }

    fn text(&self) -> String {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| &self.spaces[at]);
        format!("{a}{}{b}:{c}{}{d}", self.spelled, self.value())
    }
}

fn written(
    name: impl Strategy<Value = String>,
    value: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Written> {
    let space = prop::sample::select(vec!["", "", " ", "\n", "\r\n\t"]).prop_map(str::to_owned);
    let spaces = prop::collection::vec(space, 4);
    (name, value, any::<prop::sample::Index>(), spaces, any::<bool>()).prop_map(
        |(name, value, escaped, spaces, pretty)| Written {
            spelled: spell(&name, &escaped),
            name,
            value,
            spaces,
            pretty,
        },
    )
}

fn fixed(name: &'static str, values: Vec<Value>) -> impl Strategy<Value = Written> {
    written(Just(name.to_owned()), prop::sample::select(values))
}

fn any_members() -> impl Strategy<Value = Vec<Written>> {
    let others = prop::collection::vec(written("[a-d]{1,3}_[é\"]?", any_json()), 0..5).prop_map(
        |mut others| {
            for (at, other) in others.iter_mut().enumerate() {
                // Distinct, as far as the members we know are concerned; repeated strangers are none of our affair.
                other.name = format!("{at}{}", other.name);
                other.spelled = Value::from(other.name.as_str()).to_string();
            }
            others
        },
    );
    let model = fixed("model", vec![json!("gpt-5"), json!("a\"/\u{e9}"), json!("}")]);
    let routing = fixed(
        "routing",
        vec![json!({}), Value::Null, json!({"only_byok": true, "project": "},\""})],
    );
    let stream = fixed("stream", vec![json!(true), json!(true), json!(false), Value::Null]);
    let options = fixed(
        "stream_options",
        vec![
            Value::Null,
            json!({}),
            json!({"include_usage": false}),
            json!({"include_usage": true, "x": [1]}),
            json!({"a": {}, "x": "{"}),
        ],
    );
    (others, model, prop::option::of(routing), prop::option::of(stream), prop::option::of(options))
        .prop_map(|(mut members, model, routing, stream, options)| {
            let streams = stream.as_ref().is_some_and(|stream| stream.value == true);
            members.push(model);
            members.extend(routing);
            members.extend(stream);
            members.extend(options.filter(|options| streams || options.value.is_null()));
            members
        })
        .prop_shuffle()
}

/// What should leave: the member list with raw values, by the plain meaning of the words.
fn expected(
    members: &[Written],
    model: &str,
    include_usage: bool,
) -> (Value, Vec<(String, String)>) {
    let streams = members.iter().any(|member| member.name == "stream" && member.value == true);
    let mut object = serde_json::Map::new();
    let mut untouched = Vec::new();
    for member in members.iter().filter(|member| member.name != "routing") {
        object.insert(member.name.clone(), member.value.clone());
        if !["model", "stream_options"].contains(&member.name.as_str()) {
            untouched.push((member.name.clone(), member.value()));
        }
    }
    object.insert("model".to_owned(), json!(model));
    if streams && include_usage {
        let options = object.entry("stream_options").or_insert(Value::Null);
        if options.is_null() {
            *options = json!({});
        }
        options["include_usage"] = json!(true);
    }
    (Value::Object(object), untouched)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_leaves_is_what_came_but_for_the_named_edits(
        members in any_members(),
        model in "[a-z\"\\\\/\n]{0,6}",
        include_usage: bool,
    ) {
        let texts: Vec<String> = members.iter().map(Written::text).collect();
        let body = format!(" {{{}}}\n", texts.join(","));

        let leaving = spliced(&body, &model, include_usage);

        let (value, untouched) = expected(&members, &model, include_usage);
        prop_assert_eq!(serde_json::from_str::<Value>(&leaving).expect(&leaving), value, "{} -> {}", body, leaving);
        let mut kept = raw_members(&leaving);
        kept.retain(|(name, _)| !["model", "stream_options"].contains(&name.as_str()));
        prop_assert_eq!(kept, untouched);
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = ChatRequest::parse(Bytes::from(body));
    }

    #[test]
    fn no_damaged_body_makes_it_panic(members in any_members(), at: prop::sample::Index, byte: u8) {
        let texts: Vec<String> = members.iter().map(Written::text).collect();
        let mut body = format!("{{{}}}", texts.join(",")).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;

        if let Ok(request) = ChatRequest::parse(Bytes::from(body)) {
            let leaving = request.splice("m", true).concat();
            prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&leaving).is_ok());
        }
    }
}

//! Bodies nobody would write, and what leaves of them.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Request, Splice};
use super::{CHAT, parse, splice, text};

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
    let model = fixed("model", vec![json!("gpt-5"), json!("a\"/\u{e9}"), json!("}"), Value::Null]);
    let routing = fixed(
        "routing",
        vec![json!({}), Value::Null, json!({"only_byok": true, "project": "},\""})],
    );
    let models = fixed("models", vec![json!([]), Value::Null, json!(["},\"", "b"])]);
    let provider = fixed("provider", vec![json!({}), Value::Null, json!({"order": ["{\""]})]);
    let ours = (prop::option::of(routing), prop::option::of(models), prop::option::of(provider));
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
    let asked = (prop::option::of(stream), prop::option::of(options));
    (others, prop::option::of(model), ours, asked)
        .prop_map(|(mut members, model, (routing, models, provider), (stream, options))| {
            let streams = stream.as_ref().is_some_and(|stream| stream.value == true);
            members.extend(model.into_iter().chain(routing).chain(models).chain(provider));
            members.extend(stream);
            members.extend(options.filter(|options| streams || options.value.is_null()));
            members
        })
        .prop_shuffle()
}

/// What should leave: the member list with raw values, by the plain meaning of the words.
fn expected(members: &[Written], splice: &Splice<'_>) -> (Value, Vec<(String, String)>) {
    let ours: &[&str] = if splice.keep_openrouter {
        &["routing", "models"]
    } else {
        &["routing", "models", "provider"]
    };
    let streams = members.iter().any(|member| member.name == "stream" && member.value == true);
    let mut object = serde_json::Map::new();
    let mut untouched = Vec::new();
    for member in members.iter().filter(|member| !ours.contains(&member.name.as_str())) {
        object.insert(member.name.clone(), member.value.clone());
        if !["model", "stream_options"].contains(&member.name.as_str()) {
            untouched.push((member.name.clone(), member.value()));
        }
    }
    object.insert("model".to_owned(), json!(splice.model));
    if streams && splice.include_usage {
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
        keep_openrouter: bool,
    ) {
        let texts: Vec<String> = members.iter().map(Written::text).collect();
        let body = format!(" {{{}}}\n", texts.join(","));

        let splice =
            Splice { model: &model, include_usage, keep_openrouter, output_limit: None };
        let leaving = text(&parse(&body).expect(&body).splice(&splice));

        let (value, untouched) = expected(&members, &splice);
        prop_assert_eq!(serde_json::from_str::<Value>(&leaving).expect(&leaving), value, "{} -> {}", body, leaving);
        let mut kept = raw_members(&leaving);
        kept.retain(|(name, _)| !["model", "stream_options"].contains(&name.as_str()));
        prop_assert_eq!(kept, untouched);
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = Request::parse(Bytes::from(body), CHAT);
    }

    #[test]
    fn no_damaged_body_makes_it_panic(members in any_members(), at: prop::sample::Index, byte: u8) {
        let texts: Vec<String> = members.iter().map(Written::text).collect();
        let mut body = format!("{{{}}}", texts.join(",")).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;

        if let Ok(request) = Request::parse(Bytes::from(body), CHAT) {
            let leaving = request.splice(&splice("m", true)).concat();
            prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&leaving).is_ok());
        }
    }
}

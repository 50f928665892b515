//! Members under every spelling, and every way not to be an object.

use super::{Flaw, Reading, is_telling, members, range_in, string};
use serde_json::value::RawValue;

#[test]
fn members_come_raw_and_in_the_order_asked() {
    let text = " { \"b\" : [1, {\"a\":2}] , \"x\":0,\"\\u0061\": \"\\u00e9\" }\n";

    let [a, b, c] = members(text, &["a", "b", "c"], Reading::Unambiguous).expect("an object");

    assert_eq!(a.map(RawValue::get), Some("\"\\u00e9\""));
    assert_eq!(a.and_then(string).as_deref(), Some("é"));
    let b = b.expect("there").get();
    assert_eq!(text.get(range_in(text, b)), Some(b));
    assert!(c.is_none());
}

#[test]
fn a_flaw_names_the_place_and_nothing_of_the_text() {
    for (text, flaw) in [
        ("", Flaw::Truncated),
        ("{\"a\":", Flaw::Truncated),
        ("{\"a\":tru}", Flaw::NotJson { line: 1, column: 9 }),
        ("{\n\"a\":1,}", Flaw::NotJson { line: 2, column: 7 }),
        ("{'a':1}", Flaw::NotJson { line: 1, column: 2 }),
        ("{\"a\":01}", Flaw::NotJson { line: 1, column: 7 }),
        ("[\"a\"]", Flaw::NotAnObject),
        ("\"a\"", Flaw::NotAnObject),
        ("null", Flaw::NotAnObject),
        ("1", Flaw::NotAnObject),
        ("{} {}", Flaw::Trailing { line: 1, column: 4 }),
        ("{\"a\":1,\"\\u0061\":1}", Flaw::Twice("a")),
    ] {
        let result = members(text, &["a"], Reading::Unambiguous);

        assert_eq!(result.map(|_| ()), Err(flaw), "{text}");
    }
}

#[test]
fn readings_differ_in_what_they_forgive() {
    let twice = "{\"a\":1,\"a\":2}";
    let [a] = members(twice, &["a"], Reading::Lenient).expect("forgiven");
    assert_eq!(a.map(RawValue::get), Some("2"));
    assert_eq!(members(twice, &["a"], Reading::Closed).map(|_| ()), Err(Flaw::Twice("a")));

    let stranger = "{\"b\\n\":1}";
    assert!(members(stranger, &["a"], Reading::Unambiguous).is_ok());
    assert_eq!(
        members(stranger, &["a"], Reading::Closed).map(|_| ()),
        Err(Flaw::Unknown("b\n".to_owned()))
    );
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{{\"x\":{}1{},\"a\":2}}", "[".repeat(200_000), "]".repeat(200_000));

    let [a] = members(&deep, &["a"], Reading::Unambiguous).expect("an object");

    assert_eq!(a.map(RawValue::get), Some("2"));
}

#[test]
fn hollow_values_tell_nothing() {
    for (text, telling) in [
        ("null", false),
        ("false", false),
        ("\"\"", false),
        ("[ ]", false),
        ("{\n}", false),
        ("0", true),
        ("\" \"", true),
        ("[0]", true),
        ("{\"a\":null}", true),
    ] {
        let value: &RawValue = serde_json::from_str(text).expect("JSON");
        assert_eq!(is_telling(value), telling, "{text}");
    }
}

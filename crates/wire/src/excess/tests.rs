//! Bodies that are too deep or too long, and those that only look it.

use proptest::prelude::*;
use serde_json::json;

use super::refuse_excess;

fn excess(text: &str) -> Option<String> {
    refuse_excess(text).err().map(|invalid| invalid.message)
}

#[test]
fn a_text_may_be_nested_so_deep_and_no_deeper() {
    const TOO_DEEP: Option<&str> = Some("the body is nested deeper than 64 levels");
    let wide = "{\"a\":[[],[{}]]},".repeat(100);
    for (text, refused) in [
        (format!("{}{}", "[".repeat(64), "]".repeat(64)), None),
        (format!("{}{}", "[".repeat(65), "]".repeat(65)), TOO_DEEP),
        (format!("{}1{}", "{\"a\":[".repeat(32), "]}".repeat(32)), None),
        (format!("{}{{", "{\"a\":[".repeat(32)), TOO_DEEP),
        (format!("[{wide}{}{}1]", "[".repeat(63), "]".repeat(63)), None),
        (format!("[{wide}{}", "[".repeat(64)), TOO_DEEP),
        // Not JSON, which somebody else will say.
        (format!("{}{}", "]".repeat(9), "[".repeat(64)), None),
        ("[".repeat(1_000_000), TOO_DEEP),
    ] {
        assert_eq!(excess(&text).as_deref(), refused, "{:.80}", text);
    }
}

#[test]
fn a_text_may_hold_so_much_and_no_more() {
    const TOO_MANY: Option<&str> = Some("the body holds more than 1000000 values");
    for (text, refused) in [
        // The opening, and a comma for each but the last.
        (format!("[{}0]", "0,".repeat(999_999)), None),
        (format!("[{}0]", "0,".repeat(1_000_000)), TOO_MANY),
        (format!("[{}0]", "\",\",".repeat(999_999)), None),
        (format!("[{}0]", "\",\",".repeat(1_000_000)), TOO_MANY),
        (format!("[{}[]]", "{},".repeat(499_999)), None),
        (format!("[{}[]]", "{},".repeat(500_000)), TOO_MANY),
    ] {
        assert_eq!(excess(&text).as_deref(), refused, "{:.40}", text);
    }
}

#[test]
fn what_stands_in_a_string_counts_nothing() {
    let brackets = "[{,".repeat(1_000_000);
    for text in [
        format!("{{\"a\":\"{brackets}\"}}"),
        format!("{{\"{brackets}\":1}}"),
        format!("[\"\\\"{brackets}\\\\\\\"{brackets}\"]"),
        format!("[\"\\u0022\\n{brackets}\"]"),
        // Never closed.
        format!("[\"{brackets}"),
        format!("[\"{brackets}\\"),
        format!("[\"{brackets}\\\""),
    ] {
        assert_eq!(excess(&text), None, "{:.40}", text);
    }
    let closed = "[".repeat(65);
    for text in
        [format!("[\"\\\\\"{closed}"), format!("[\"\\\\\\\"\"{closed}"), format!("\"\"{closed}")]
    {
        assert!(excess(&text).is_some(), "{:.40}", text);
    }
}

proptest! {
    #[test]
    fn no_valid_tree_is_taken_for_another(text in "[a-z{}\\[\\],\"\\\\é]{0,12}", depth in 1_usize..70) {
        let tree = (1..depth).fold(json!([text]), |tree, _| json!({text.clone(): tree}));

        let refused = refuse_excess(&tree.to_string()).is_err();

        // The innermost list is a level itself.
        prop_assert_eq!(refused, depth > 64);
    }
}

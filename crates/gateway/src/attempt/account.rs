//! What a request names that a provider keeps in an account: stored answers, files, caches. On the operator's account, which
//! many share, it may be somebody else's.

use memchr::memmem;
use serde_json::Value;

/// The member of a body that names such a thing.
pub fn kept_thing(body: &[u8]) -> Option<&'static str> {
    let names = [SAID, HELD].concat();
    let mut glances = names.iter().map(|name| format!("\"{name}\"")).chain([ESCAPED.to_owned()]);
    // Most bodies name nothing of the sort.
    glances.find(|glance| memmem::find(body, glance.as_bytes()).is_some())?;
    let body: Value = serde_json::from_slice(body).ok()?;
    let is_said = |name: &&str| match body.get(name) {
        // Older routes call the text itself so.
        Some(Value::String(_)) if *name == "prompt" => false,
        value => value.is_some_and(is_kept),
    };
    SAID.iter().copied().find(is_said).or_else(|| held(&body))
}

/// A name may be spelled in another way.
const ESCAPED: &str = "\\u00";
/// Beside the conversation. A container that is made for the request is an object of one word.
const SAID: &[&str] = &[
    "previous_response_id",
    "conversation",
    "preset",
    "prompt",
    "background",
    "cachedContent",
    "cached_content",
    "container",
];
/// Anywhere within it.
const HELD: &[&str] = &[
    "file_id",
    "file_ids",
    "vector_store_ids",
    "container",
    "item_reference",
    "fileUri",
    "file_uri",
];
/// What the caller and the model say to each other through tools means nothing to the provider.
const OWN_WORDS: &[&str] = &[
    "args",
    "arguments",
    "input_schema",
    "json_schema",
    "metadata",
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "response",
    "responseJsonSchema",
    "responseSchema",
    "schema",
];

fn is_kept(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::String(name) => !name.is_empty(),
        Value::Object(_) => value.get("id").is_some(),
        _ => false,
    }
}

fn held(value: &Value) -> Option<&'static str> {
    let members = match value {
        Value::Array(items) => return items.iter().find_map(held),
        Value::Object(members) => members,
        _ => return None,
    };
    let kind = members.get("type").and_then(Value::as_str).unwrap_or_default();
    if kind == "item_reference" {
        return Some("item_reference");
    }
    let is_call = kind.ends_with("tool_use");
    let own = |name: &str| OWN_WORDS.contains(&name) || (is_call && name == "input");
    members.iter().filter(|(name, _)| !own(name)).find_map(|(name, value)| {
        let named = HELD.iter().copied().find(|held| held == name);
        named.filter(|name| is_named(name, value)).or_else(|| held(value))
    })
}

fn is_named(name: &str, value: &Value) -> bool {
    match value {
        // Of Google's files only those it keeps itself: others are addresses.
        Value::String(uri) if matches!(name, "fileUri" | "file_uri") => {
            uri.contains("generativelanguage.googleapis.com") || uri.starts_with("files/")
        }
        Value::String(id) => !id.is_empty(),
        Value::Array(ids) => !ids.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_that_an_account_keeps_are_found_however_they_are_spelled() {
        for (body, found) in [
            (r#"{"previous_response_id":"resp_1"}"#, Some("previous_response_id")),
            (r#"{"pr\u0065vious_response_id":"resp_1"}"#, Some("previous_response_id")),
            (r#"{"conversation":{"id":"conv_1"}}"#, Some("conversation")),
            (r#"{"prompt":{"id":"pmpt_1"}}"#, Some("prompt")),
            (r#"{"preset":"mine"}"#, Some("preset")),
            (r#"{"background":true}"#, Some("background")),
            (r#"{"cachedContent":"cachedContents/1"}"#, Some("cachedContent")),
            (r#"{"container":"container_1"}"#, Some("container")),
            (r#"{"input":[{"content":[{"type":"input_file","file_id":"f"}]}]}"#, Some("file_id")),
            (r#"{"tools":[{"vector_store_ids":["vs_1"]}]}"#, Some("vector_store_ids")),
            (r#"{"tools":[{"container":{"type":"auto","file_ids":["f"]}}]}"#, Some("file_ids")),
            (r#"{"input":[{"type":"item_reference","id":"rs_1"}]}"#, Some("item_reference")),
        ] {
            assert_eq!(kept_thing(body.as_bytes()), found, "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_them_is_let_through() {
        for body in [
            r#"{"previous_response_id":null,"background":false,"container":null}"#,
            r#"{"messages":[{"content":"\"file_id\" and \"prompt\""}]}"#,
            r#"{"tools":[{"container":{"type":"auto"}}]}"#,
            r#"{"tools":[{"input_schema":{"properties":{"file_id":{"const":"x"}}}}]}"#,
            r#"{"messages":[{"content":[{"type":"tool_use","input":{"file_id":"mine"}}]}]}"#,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://example.com/a.png"}}]}]}"#,
        ] {
            assert_eq!(kept_thing(body.as_bytes()), None, "{body}");
        }
        assert_eq!(kept_thing(br#"{"prompt":"Once upon a time"}"#), None);
    }
}

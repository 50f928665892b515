//! What our translations hide in a conversation for the way back, taken out again where a provider gets the conversation as
//! its caller wrote it: it could not read other providers' proofs, and refuses them.

use bytes::Bytes;
use memchr::memmem;
use model::Dialect;
use serde_json::{Value, json};

/// Whether there may be something to take out: a glance, and no parsing.
pub fn may_bear_marks(dialect: Dialect, body: &[u8]) -> bool {
    marks(dialect).iter().any(|mark| memmem::find(body, format!("\"{mark}").as_bytes()).is_some())
}

/// The body without them; `None` where there is nothing to take out.
pub fn without_our_marks(dialect: Dialect, body: &[u8]) -> Option<Bytes> {
    if !may_bear_marks(dialect, body) {
        return None;
    }
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let is_changed = match dialect {
        Dialect::Anthropic => clean_messages(&mut body),
        Dialect::Gemini => clean_contents(&mut body),
        Dialect::Responses => drop_if(body.get_mut("input"), |item| {
            is(item, "type", "reasoning") && is_marked(dialect, item, "encrypted_content")
        }),
        Dialect::Chat => false,
    };
    is_changed.then(|| Bytes::from(body.to_string()))
}

/// What a proof begins with that another provider gave.
const fn marks(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Anthropic => &["ks1."],
        Dialect::Chat => &[],
        Dialect::Gemini => &["ks1s", "ks1t"],
        Dialect::Responses => &["ks1.", "ks2."],
    }
}

fn clean_messages(body: &mut Value) -> bool {
    let mut is_changed = false;
    for message in items(body.get_mut("messages")) {
        is_changed |= drop_if(message.get_mut("content"), |block| {
            is(block, "type", "thinking") && is_marked(Dialect::Anthropic, block, "signature")
        });
    }
    // Who only thought said nothing.
    let is_empty = |message: &Value| {
        message.get("content").and_then(Value::as_array).is_some_and(Vec::is_empty)
    };
    if is_changed {
        drop_if(body.get_mut("messages"), is_empty);
    }
    is_changed
}

fn clean_contents(body: &mut Value) -> bool {
    let mut is_changed = false;
    for content in items(body.get_mut("contents")) {
        for part in items(content.get_mut("parts")) {
            let is_call = part.get("functionCall").or(part.get("function_call")).is_some();
            for name in ["thoughtSignature", "thought_signature"] {
                if !is_marked(Dialect::Gemini, part, name) {
                    continue;
                }
                let Some(part) = part.as_object_mut() else { continue };
                is_changed = true;
                match is_call {
                    true => part.insert(name.to_owned(), json!(SKIP)),
                    false => part.remove(name),
                };
            }
        }
    }
    is_changed
}

/// Google wants something under a call, and takes this where another model made it.
const SKIP: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

fn items(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

fn drop_if(list: Option<&mut Value>, is_out: impl Fn(&Value) -> bool) -> bool {
    let Some(list) = list.and_then(Value::as_array_mut) else { return false };
    let before = list.len();
    list.retain(|item| !is_out(item));
    list.len() < before
}

fn is(item: &Value, name: &str, text: &str) -> bool {
    item.get(name).and_then(Value::as_str) == Some(text)
}

fn is_marked(dialect: Dialect, item: &Value, name: &str) -> bool {
    let text = item.get(name).and_then(Value::as_str);
    text.is_some_and(|text| marks(dialect).iter().any(|mark| text.starts_with(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(dialect: Dialect, body: &Value) -> Option<Value> {
        let cleaned = without_our_marks(dialect, body.to_string().as_bytes())?;
        Some(serde_json::from_slice(&cleaned).expect("JSON"))
    }

    #[test]
    fn thoughts_that_another_provider_proved_do_not_reach_anthropic() {
        let own = json!({"type": "thinking", "thinking": "t", "signature": "Eq"});
        let foreign = json!({"type": "thinking", "thinking": "t", "signature": "ks1.gAAA"});
        let text = json!({"type": "text", "text": "\"ks1."});
        let body =
            |content: Value| json!({"messages": [{"role": "assistant", "content": content}]});

        assert_eq!(
            cleaned(Dialect::Anthropic, &body(json!([foreign, own, text]))),
            Some(body(json!([own, text])))
        );
        assert_eq!(cleaned(Dialect::Anthropic, &body(json!([own, text]))), None);
        assert_eq!(
            cleaned(Dialect::Anthropic, &body(json!([foreign]))),
            Some(json!({"messages": []}))
        );
    }

    #[test]
    fn neither_do_they_reach_openai() {
        let item = |proof: &str| json!({"type": "reasoning", "encrypted_content": proof});
        let message = json!({"role": "user", "content": "hi"});

        assert_eq!(
            cleaned(
                Dialect::Responses,
                &json!({"input": [item("ks1.a"), item("gAAA"), item("ks2.b"), message]})
            ),
            Some(json!({"input": [item("gAAA"), message]}))
        );
    }

    #[test]
    fn google_gets_its_word_for_a_call_that_another_model_made() {
        let body = json!({"contents": [{"parts": [
            {"text": "so", "thought": true, "thoughtSignature": "ks1taa00"},
            {"functionCall": {"name": "f"}, "thoughtSignature": "ks1saa00"},
            {"functionCall": {"name": "g"}, "thoughtSignature": "CpcB"},
        ]}]});

        let expected = json!({"contents": [{"parts": [
            {"text": "so", "thought": true},
            {"functionCall": {"name": "f"}, "thoughtSignature": SKIP},
            {"functionCall": {"name": "g"}, "thoughtSignature": "CpcB"},
        ]}]});
        assert_eq!(cleaned(Dialect::Gemini, &body), Some(expected));
        assert_eq!(cleaned(Dialect::Chat, &body), None);
    }
}

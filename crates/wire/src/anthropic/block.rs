//! The blocks that requests and answers have in common.

use serde_json::{Map, Value, json};

use super::proof;
use crate::hub::{Stop, Thought};

/// The tool a model must call where its answer must be JSON and there is no better way to say so. Its input is the answer.
pub(super) const JSON_TOOL: &str = "json_tool_call";

pub(super) fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

pub(super) fn thought(thought: &Thought) -> Value {
    match thought {
        Thought { text, signature: None, sealed: Some(data) } if text.is_empty() => {
            json!({"type": "redacted_thinking", "data": data})
        }
        _ => json!({
            "type": "thinking",
            "thinking": thought.text,
            "signature": proof::signature(thought),
        }),
    }
}

pub(super) fn tool_use(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input(arguments)})
}

/// Arguments as an object, which they must be here. What a model wrote instead is kept as it is, under one name.
fn input(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(arguments) {
        Ok(Value::Object(input)) => Value::Object(input),
        _ => json!({"_raw": arguments}),
    }
}

/// Why the answer ended, and the text it ended at. Clients act on a tool call only where this says so: never on one that
/// the output limit may have cut.
pub(super) fn stop_reason(
    stop: &Stop,
    called: bool,
    refused: bool,
) -> (&'static str, Option<&str>) {
    match stop {
        Stop::Length => ("max_tokens", None),
        _ if called => ("tool_use", None),
        Stop::Filtered => ("refusal", None),
        _ if refused => ("refusal", None),
        Stop::End | Stop::ToolCalls => ("end_turn", None),
        Stop::Sequence(text) => ("stop_sequence", text.as_deref()),
    }
}

/// The other way about. Where the tool that was called is none of the caller's, the answer simply ended.
pub(super) fn stop(reason: &str, sequence: Option<&str>, called: bool) -> Stop {
    match reason {
        "tool_use" if called => Stop::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => Stop::Sequence(sequence.map(str::to_owned)),
        "refusal" => Stop::Filtered,
        _ => Stop::End,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{input, stop, stop_reason};
    use crate::hub::Stop;

    #[test]
    fn arguments_are_always_an_object() {
        for (arguments, expected) in [
            ("", json!({})),
            (" ", json!({})),
            (r#"{"a":1.50}"#, json!({"a": 1.5})),
            ("[1]", json!({"_raw": "[1]"})),
            ("{}{}", json!({"_raw": "{}{}"})),
            (r#"{"a":"#, json!({"_raw": "{\"a\":"})),
        ] {
            assert_eq!(input(arguments), expected, "{arguments}");
        }
    }

    #[test]
    fn a_tool_call_is_the_reason_unless_it_may_have_been_cut() {
        for said in [Stop::End, Stop::ToolCalls, Stop::Filtered] {
            assert_eq!(stop_reason(&said, true, false), ("tool_use", None));
        }
        assert_eq!(stop_reason(&Stop::Length, true, false), ("max_tokens", None));
        assert_eq!(stop_reason(&Stop::ToolCalls, false, false), ("end_turn", None));
    }

    #[test]
    fn reasons_survive_a_round_trip() {
        for said in [
            Stop::End,
            Stop::Filtered,
            Stop::Length,
            Stop::Sequence(Some("x".into())),
            Stop::Sequence(None),
        ] {
            let (reason, sequence) = stop_reason(&said, false, false);

            assert_eq!(stop(reason, sequence, false), said);
        }
        assert_eq!(stop("tool_use", None, true), Stop::ToolCalls);
        assert_eq!(stop("tool_use", None, false), Stop::End);
        assert_eq!(stop("pause_turn", None, false), Stop::End);
        assert_eq!(stop("model_context_window_exceeded", None, false), Stop::Length);
    }
}

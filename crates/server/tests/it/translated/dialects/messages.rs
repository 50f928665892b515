//! Anthropic's messages, as its SDKs and Claude Code write and read them.

use serde_json::{Value, json};

use super::{Call, Event, Said, TOOL, Topic, Used, WEATHER, count, list, parameters, schema, text};

pub fn body(topic: &Topic<'_>) -> Value {
    let thinking = json!({ "type": "enabled", "budget_tokens": 2_048 });
    let hello = json!([{ "role": "user", "content": "hello" }]);
    let weather = |thinks: bool, more: Vec<Value>| {
        let asked = json!({ "role": "user", "content": [{ "type": "text", "text": WEATHER }] });
        let messages: Vec<Value> = [asked].into_iter().chain(more).collect();
        let tools =
            json!([{ "name": TOOL, "description": "The weather", "input_schema": parameters() }]);
        let mut body = json!({ "max_tokens": 8_192, "messages": messages, "tools": tools });
        if thinks {
            body["thinking"] = thinking.clone();
        }
        body
    };
    match topic {
        Topic::Greeting => json!({ "max_tokens": 8_192, "messages": hello }),
        Topic::Json => {
            let format = json!({ "type": "json_schema", "schema": schema() });
            json!({ "max_tokens": 8_192, "messages": hello, "output_config": { "format": format } })
        }
        Topic::Thought => json!({ "max_tokens": 8_192, "messages": hello, "thinking": thinking }),
        Topic::Weather { thinks } => weather(*thinks, Vec::new()),
        Topic::WeatherTold { thinks, said } => {
            let result = |call: &Call| json!({ "type": "tool_result", "tool_use_id": call.id, "content": "21" });
            let results: Vec<Value> = said.calls.iter().map(result).collect();
            let turns = [
                json!({ "role": "assistant", "content": said.turn }),
                json!({ "role": "user", "content": results }),
            ];
            weather(*thinks, turns.into())
        }
    }
}

pub fn whole(answer: &Value) -> Said {
    assert_eq!((&answer["type"], &answer["role"]), (&json!("message"), &json!("assistant")));
    assert!(!text(&answer["id"]).is_empty() && answer["model"].is_string(), "{answer}");
    assert_eq!(answer["stop_sequence"], Value::Null);
    said(answer["content"].clone(), &answer["stop_reason"], &answer["usage"])
}

/// As the SDKs put pieces together: blocks begin and end in their order, none inside another.
pub fn streamed(events: &[Event]) -> Said {
    let mut message = Value::Null;
    let mut blocks: Vec<Value> = Vec::new();
    let (mut open, mut json, mut is_over) = (false, String::new(), false);
    for event in events {
        let told = event.json();
        assert_eq!(event.name.as_deref(), told["type"].as_str());
        assert!(!is_over, "nothing follows the end: {told}");
        let is_current =
            told["index"].as_u64() == blocks.len().checked_sub(1).map(|index| index as u64);
        match text(&told["type"]).as_str() {
            "ping" => {}
            "message_start" => message = told["message"].clone(),
            "content_block_start" => {
                assert!(!open && told["index"] == blocks.len(), "{told}");
                open = true;
                blocks.push(told["content_block"].clone());
            }
            "content_block_delta" => {
                assert!(open && is_current, "{told}");
                let block = blocks.last_mut().expect("a block");
                add(block, &told["delta"], &mut json);
            }
            "content_block_stop" => {
                assert!(open && is_current, "{told}");
                open = false;
                if !json.is_empty() {
                    let input = serde_json::from_str(&std::mem::take(&mut json));
                    blocks.last_mut().expect("a block")["input"] = input.expect("whole JSON");
                }
            }
            "message_delta" => {
                assert!(!open, "{told}");
                message["stop_reason"] = told["delta"]["stop_reason"].clone();
                for (name, tokens) in told["usage"].as_object().expect("usage") {
                    message["usage"][name] = tokens.clone();
                }
            }
            "message_stop" => is_over = true,
            other => panic!("an event of type {other}"),
        }
    }
    assert!(is_over && message["type"] == "message", "{message}");
    said(blocks.into(), &message["stop_reason"], &message["usage"])
}

fn add(block: &mut Value, delta: &Value, json: &mut String) {
    let (member, piece) = match text(&delta["type"]).as_str() {
        "input_json_delta" => return json.push_str(&text(&delta["partial_json"])),
        "signature_delta" => ("signature", &delta["signature"]),
        "text_delta" => ("text", &delta["text"]),
        "thinking_delta" => ("thinking", &delta["thinking"]),
        other => panic!("a delta of type {other}"),
    };
    block[member] = (block[member].as_str().unwrap_or_default().to_owned() + &text(piece)).into();
}

fn said(content: Value, stop_reason: &Value, usage: &Value) -> Said {
    let mut said = Said {
        waits_for_tools: match stop_reason.as_str() {
            Some("end_turn") => false,
            Some("tool_use") => true,
            _ => panic!("stop_reason {stop_reason}"),
        },
        used: used(usage),
        ..Said::default()
    };
    for block in list(&content) {
        match block["type"].as_str() {
            Some("text") => said.text += &text(&block["text"]),
            Some("thinking") => {
                said.thought += &text(&block["thinking"]);
                assert!(block["signature"].is_string(), "an SDK insists on it: {block}");
            }
            Some("tool_use") => {
                let (id, name) = (text(&block["id"]), text(&block["name"]));
                let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
                assert!(id.chars().all(plain), "what Anthropic takes for an id: {id}");
                said.calls.push(Call { id, name, arguments: block["input"].clone() });
            }
            // Sealed, and to be sent back as it is.
            Some("redacted_thinking") => assert!(block["data"].is_string(), "{block}"),
            _ => panic!("a block that nobody asked for: {block}"),
        }
    }
    said.turn = content;
    said
}

/// What came from a cache stands beside the input here.
fn used(usage: &Value) -> Used {
    let cached = usage["cache_read_input_tokens"].as_u64().unwrap_or_default();
    let written = usage["cache_creation_input_tokens"].as_u64().unwrap_or_default();
    Used {
        input: count(&usage["input_tokens"]) + cached + written,
        cached,
        output: count(&usage["output_tokens"]),
        thoughts: None,
    }
}

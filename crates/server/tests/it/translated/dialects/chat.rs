//! OpenAI's chat completions, as its SDKs write and read them.

use serde_json::{Value, json};

use super::{Call, Event, Said, TOOL, Topic, Used, WEATHER, count, list, parameters, schema, text};

pub fn body(topic: &Topic<'_>) -> Value {
    let hello = json!({ "messages": [{ "role": "user", "content": "hello" }] });
    let function =
        json!({ "name": TOOL, "description": "The weather", "parameters": parameters() });
    let weather = |thinks: bool, more: Vec<Value>| {
        let asked = json!({ "role": "user", "content": WEATHER });
        let messages: Vec<Value> = [asked].into_iter().chain(more).collect();
        let tools = json!([{ "type": "function", "function": function }]);
        let mut body = json!({ "messages": messages, "tools": tools, "tool_choice": "auto" });
        if thinks {
            body["reasoning_effort"] = "high".into();
        }
        body
    };
    match topic {
        Topic::Greeting => hello,
        Topic::Json => {
            let format = json!({ "name": "weather", "schema": schema(), "strict": true });
            let format = json!({ "type": "json_schema", "json_schema": format });
            json!({ "messages": hello["messages"], "response_format": format })
        }
        Topic::Thought => json!({ "messages": hello["messages"], "reasoning_effort": "high" }),
        Topic::Weather { thinks } => weather(*thinks, Vec::new()),
        Topic::WeatherTold { thinks, said } => {
            let result =
                |call: &Call| json!({ "role": "tool", "tool_call_id": call.id, "content": "21" });
            let results = said.calls.iter().map(result);
            weather(*thinks, [said.turn.clone()].into_iter().chain(results).collect())
        }
    }
}

pub fn whole(answer: &Value) -> Said {
    assert_eq!(answer["object"], "chat.completion");
    assert!(!text(&answer["id"]).is_empty() && answer["created"].is_i64(), "{answer}");
    let [choice] = list(&answer["choices"]) else { panic!("{answer}") };
    assert_eq!(choice["index"], 0);
    said(choice["message"].clone(), &choice["finish_reason"], &answer["usage"])
}

pub fn streamed(events: &[Event]) -> Said {
    let (done, chunks) = events.split_last().expect("events");
    assert_eq!(done.data, "[DONE]");
    let mut message = json!({ "content": null });
    let (mut finish, mut usage) = (Value::Null, Value::Null);
    let id = chunks[0].json()["id"].clone();
    for chunk in chunks.iter().map(Event::json) {
        assert_eq!((&chunk["object"], &chunk["id"]), (&json!("chat.completion.chunk"), &id));
        if chunk["usage"].is_object() {
            usage = chunk["usage"].clone();
        }
        let Some(choice) = list(&chunk["choices"]).first() else { continue };
        assert_eq!((&choice["index"], &finish), (&json!(0), &Value::Null), "nothing after the end");
        add(&mut message, &choice["delta"]);
        finish = choice["finish_reason"].clone();
    }
    said(message, &finish, &usage)
}

/// As the SDKs put pieces together.
fn add(message: &mut Value, delta: &Value) {
    for (name, piece) in delta.as_object().expect("a delta") {
        match piece {
            Value::Array(pieces) => pieces.iter().for_each(|piece| match name.as_str() {
                "tool_calls" => add_call(&mut message[name], piece),
                _ => list_in(&mut message[name]).push(piece.clone()),
            }),
            Value::String(more) if name != "role" && !message[name].is_null() => {
                message[name] = (text(&message[name]) + more).into();
            }
            Value::Null => {}
            _ => message[name] = piece.clone(),
        }
    }
}

fn list_in(place: &mut Value) -> &mut Vec<Value> {
    if place.is_null() {
        *place = json!([]);
    }
    place.as_array_mut().expect("a list")
}

fn add_call(calls: &mut Value, piece: &Value) {
    let calls = list_in(calls);
    let index = piece["index"].as_u64().expect("an index") as usize;
    if index == calls.len() {
        return calls.push(piece.clone());
    }
    let call = calls.get_mut(index).unwrap_or_else(|| panic!("index {index} comes out of order"));
    let arguments = text(&call["function"]["arguments"]) + &text(&piece["function"]["arguments"]);
    call["function"]["arguments"] = arguments.into();
}

fn said(message: Value, finish: &Value, usage: &Value) -> Said {
    assert_eq!(message["role"], "assistant");
    let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let call = |call: &Value| {
        assert_eq!(call["type"], "function");
        let arguments = text(&call["function"]["arguments"]);
        let arguments = serde_json::from_str(&arguments).expect("whole JSON");
        Call { id: text(&call["id"]), name: text(&call["function"]["name"]), arguments }
    };
    let text_of = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    Said {
        text: text_of("content"),
        thought: text_of("reasoning_content"),
        calls: calls.iter().map(call).collect(),
        waits_for_tools: match finish.as_str() {
            Some("stop") => false,
            Some("tool_calls") => true,
            _ => panic!("finish_reason {finish}"),
        },
        used: used(usage),
        turn: message,
    }
}

fn used(usage: &Value) -> Used {
    let (input, output) = (count(&usage["prompt_tokens"]), count(&usage["completion_tokens"]));
    assert_eq!(count(&usage["total_tokens"]), input + output);
    Used {
        input,
        cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
        output,
        thoughts: usage["completion_tokens_details"]["reasoning_tokens"].as_u64(),
    }
}

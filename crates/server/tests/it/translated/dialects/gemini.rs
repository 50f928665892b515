//! Gemini's generateContent, as Google's SDKs write and read it.

use serde_json::{Value, json};

use super::{Call, Event, Said, TOOL, Topic, Used, WEATHER, count, parameters, schema, text};

pub fn body(topic: &Topic<'_>) -> Value {
    let hello = json!([{ "role": "user", "parts": [{ "text": "hello" }] }]);
    let thinking =
        json!({ "thinkingConfig": { "thinkingBudget": 2_048, "includeThoughts": true } });
    let weather = |thinks: bool, more: Vec<Value>| {
        let asked = json!({ "role": "user", "parts": [{ "text": WEATHER }] });
        let contents: Vec<Value> = [asked].into_iter().chain(more).collect();
        let function = json!({
            "name": TOOL, "description": "The weather", "parametersJsonSchema": parameters(),
        });
        let tools = json!([{ "functionDeclarations": [function] }]);
        let mut body = json!({ "contents": contents, "tools": tools });
        if thinks {
            body["generationConfig"] = thinking.clone();
        }
        body
    };
    match topic {
        Topic::Greeting => json!({ "contents": hello }),
        Topic::Json => {
            let config = json!({
                "responseMimeType": "application/json", "responseJsonSchema": schema(),
            });
            json!({ "contents": hello, "generationConfig": config })
        }
        Topic::Thought => json!({ "contents": hello, "generationConfig": thinking }),
        Topic::Weather { thinks } => weather(*thinks, Vec::new()),
        Topic::WeatherTold { thinks, said } => {
            let result = |call: &Call| {
                let mut response = json!({ "name": call.name, "response": { "result": "21" } });
                if !call.id.is_empty() {
                    response["id"] = call.id.as_str().into();
                }
                json!({ "functionResponse": response })
            };
            let results: Vec<Value> = said.calls.iter().map(result).collect();
            let turns = [said.turn.clone(), json!({ "role": "user", "parts": results })];
            weather(*thinks, turns.into())
        }
    }
}

pub fn whole(answer: &Value) -> Said {
    streamed_as(std::slice::from_ref(answer))
}

pub fn streamed(events: &[Event]) -> Said {
    assert!(events.iter().all(|event| event.name.is_none()), "Google names no events");
    streamed_as(&events.iter().map(Event::json).collect::<Vec<_>>())
}

/// Each piece has the shape of the whole.
fn streamed_as(pieces: &[Value]) -> Said {
    let mut said = Said::default();
    let mut parts: Vec<Value> = Vec::new();
    let mut finish = Value::Null;
    for piece in pieces {
        assert!(piece["responseId"].is_string() && piece["modelVersion"].is_string(), "{piece}");
        if piece["usageMetadata"].is_object() {
            said.used = used(&piece["usageMetadata"]);
        }
        let Some(candidate) = piece["candidates"].as_array().and_then(|all| all.first()) else {
            continue;
        };
        assert_eq!(finish, Value::Null, "nothing of the answer follows its end");
        finish = candidate["finishReason"].clone();
        let Some(content) = candidate.get("content") else { continue };
        assert_eq!(content["role"], "model");
        parts.extend(content["parts"].as_array().into_iter().flatten().cloned());
    }
    assert_eq!(finish, "STOP");
    for part in &parts {
        if let Some(call) = part.get("functionCall") {
            let id = call["id"].as_str().unwrap_or_default().to_owned();
            assert!(call["args"].is_object(), "{part}");
            said.calls.push(Call {
                id,
                name: text(&call["name"]),
                arguments: call["args"].clone(),
            });
        } else if part["thought"] == true {
            said.thought += &text(&part["text"]);
        } else {
            said.text += part["text"].as_str().unwrap_or_default();
        }
    }
    // This dialect has no other word for it.
    said.waits_for_tools = !said.calls.is_empty();
    said.turn = json!({ "role": "model", "parts": parts });
    said
}

/// What was thought stands beside the candidates' tokens here.
fn used(usage: &Value) -> Used {
    let input = count(&usage["promptTokenCount"]);
    let thoughts = usage["thoughtsTokenCount"].as_u64().unwrap_or_default();
    let output = usage["candidatesTokenCount"].as_u64().unwrap_or_default() + thoughts;
    assert_eq!(count(&usage["totalTokenCount"]), input + output, "{usage}");
    let cached = usage["cachedContentTokenCount"].as_u64().unwrap_or_default();
    Used { input, cached, output, thoughts: Some(thoughts) }
}

//! OpenAI's responses, as its SDKs and Codex write and read them.

use serde_json::{Value, json};

use super::{Call, Event, Said, TOOL, Topic, Used, WEATHER, count, list, parameters, schema, text};

pub fn body(topic: &Topic<'_>) -> Value {
    let thinking = json!({ "effort": "high", "summary": "auto" });
    let include = json!(["reasoning.encrypted_content"]);
    let weather = |thinks: bool, more: Vec<Value>| {
        let asked = json!({ "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": WEATHER },
        ]});
        let input: Vec<Value> = [asked].into_iter().chain(more).collect();
        let tools = json!([{
            "type": "function", "name": TOOL, "description": "The weather",
            "parameters": parameters(), "strict": false,
        }]);
        let mut body = json!({ "input": input, "tools": tools });
        if thinks {
            body["reasoning"] = thinking.clone();
            body["include"] = include.clone();
        }
        body
    };
    match topic {
        Topic::Greeting => json!({ "input": "hello" }),
        Topic::Json => {
            let format = json!({
                "type": "json_schema", "name": "weather", "schema": schema(), "strict": true,
            });
            json!({ "input": "hello", "text": { "format": format } })
        }
        Topic::Thought => json!({ "input": "hello", "reasoning": thinking, "include": include }),
        Topic::Weather { thinks } => weather(*thinks, Vec::new()),
        Topic::WeatherTold { thinks, said } => {
            let result = |call: &Call| json!({ "type": "function_call_output", "call_id": call.id, "output": "21" });
            let results = said.calls.iter().map(result);
            weather(*thinks, list(&said.turn).iter().cloned().chain(results).collect())
        }
    }
}

pub fn whole(answer: &Value) -> Said {
    assert_eq!((&answer["object"], &answer["status"]), (&json!("response"), &json!("completed")));
    assert!(
        text(&answer["id"]).starts_with("resp_") && answer["created_at"].is_number(),
        "{answer}"
    );
    let mut said = Said { turn: answer["output"].clone(), ..Said::default() };
    for item in list(&answer["output"]) {
        assert!(!text(&item["id"]).is_empty(), "{item}");
        match item["type"].as_str() {
            Some("message") => {
                assert_eq!(
                    (&item["role"], &item["status"]),
                    (&json!("assistant"), &json!("completed"))
                );
                for part in list(&item["content"]) {
                    assert!(
                        part["type"] == "output_text" && part["annotations"].is_array(),
                        "{part}"
                    );
                    said.text += &text(&part["text"]);
                }
            }
            Some("reasoning") => {
                let parts = list(&item["summary"]).iter();
                said.thought.extend(parts.map(|part| text(&part["text"])));
            }
            Some("function_call") => said.calls.push(call(item)),
            _ => panic!("an item that nobody asked for: {item}"),
        }
    }
    // This dialect has no other word for it.
    said.waits_for_tools = !said.calls.is_empty();
    said.used = used(&answer["usage"]);
    said
}

fn call(item: &Value) -> Call {
    assert_eq!(item["status"], "completed");
    let arguments = serde_json::from_str(&text(&item["arguments"])).expect("whole JSON");
    Call { id: text(&item["call_id"]), name: text(&item["name"]), arguments }
}

/// The whole response comes last; what was told in pieces before must be the same.
pub fn streamed(events: &[Event]) -> Said {
    let told: Vec<Value> = events.iter().map(Event::json).collect();
    for (nth, (event, json)) in events.iter().zip(&told).enumerate() {
        assert_eq!(event.name.as_deref(), json["type"].as_str(), "{json}");
        assert_eq!(json["sequence_number"], nth, "{json}");
    }
    assert_eq!(told[0]["type"], "response.created");
    let last = told.last().expect("events");
    assert_eq!(last["type"], "response.completed");
    let said = whole(&last["response"]);

    let of = |kind: &str| told.iter().filter(|it| it["type"] == kind).cloned().collect::<Vec<_>>();
    let pieces = |kind: &str| of(kind).iter().map(|it| text(&it["delta"])).collect::<String>();
    assert_eq!(pieces("response.output_text.delta"), said.text);
    assert_eq!(pieces("response.reasoning_summary_text.delta"), said.thought);
    let output = list(&last["response"]["output"]);
    let (added, done) = (of("response.output_item.added"), of("response.output_item.done"));
    assert_eq!((added.len(), done.len()), (output.len(), output.len()));
    for (index, item) in output.iter().enumerate() {
        assert_eq!(
            (&added[index]["output_index"], &done[index]["output_index"]),
            (&json!(index), &json!(index))
        );
        assert_eq!((&added[index]["item"]["id"], &done[index]["item"]), (&item["id"], item));
        if item["type"] == "function_call" {
            let of_item = |it: &&Value| it["item_id"] == item["id"];
            let deltas = of("response.function_call_arguments.delta");
            let arguments: String =
                deltas.iter().filter(of_item).map(|it| text(&it["delta"])).collect();
            assert_eq!(item["arguments"], arguments);
            let done = of("response.function_call_arguments.done");
            assert_eq!(done.iter().filter(of_item).count(), 1);
        }
    }
    said
}

fn used(usage: &Value) -> Used {
    let (input, output) = (count(&usage["input_tokens"]), count(&usage["output_tokens"]));
    assert_eq!(count(&usage["total_tokens"]), input + output);
    Used {
        input,
        cached: count(&usage["input_tokens_details"]["cached_tokens"]),
        output,
        thoughts: Some(count(&usage["output_tokens_details"]["reasoning_tokens"])),
    }
}

//! OpenAI's older and smaller routes about text: completions, moderations, and the reranking its imitators added.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::reply::Rendered;
use super::words::{CREATED, PROMPT_TOKENS, STANDARD_TOKENS, chat_content, words};

pub(super) fn completion(body: &Value) -> Rendered {
    let one = |text: &str, finish: Value, usage: Value| {
        json!({
            "id": "cmpl-fake0001", "object": "text_completion", "created": CREATED,
            "model": body["model"], "usage": usage,
            "choices": [
                { "index": 0, "text": text, "logprobs": null, "finish_reason": finish },
            ],
        })
    };
    if body["stream"] != true {
        let json = one(&chat_content(STANDARD_TOKENS), "stop".into(), usage(STANDARD_TOKENS));
        return Rendered::json(StatusCode::OK, json.to_string());
    }
    let texts = words(STANDARD_TOKENS);
    let mut events: Vec<Value> =
        texts.iter().map(|text| one(text, Value::Null, Value::Null)).collect();
    events.push(one("", "stop".into(), Value::Null));
    if body["stream_options"]["include_usage"] == true {
        let mut last = one("", Value::Null, usage(STANDARD_TOKENS));
        last["choices"] = json!([]);
        events.push(last);
    }
    let mut events: Vec<Bytes> =
        events.iter().map(|event| format!("data: {event}\n\n").into()).collect();
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Rendered::stream(events)
}

pub(super) fn moderation(body: &Value) -> Rendered {
    let inputs = body["input"].as_array().map_or(1, Vec::len);
    let result = json!({
        "flagged": false,
        "categories": { "harassment": false, "violence": false },
        "category_scores": { "harassment": 0.0001, "violence": 0.0002 },
        "category_applied_input_types": { "harassment": ["text"], "violence": ["text"] },
    });
    let model = body["model"].as_str().unwrap_or("omni-moderation-latest");
    let results = vec![result; inputs];
    let json = json!({ "id": "modr-fake0001", "model": model, "results": results });
    Rendered::json(StatusCode::OK, json.to_string())
}

/// The documents in their own order, each less relevant than the one before.
pub(super) fn rerank(body: &Value) -> Rendered {
    let documents = body["documents"].as_array().map_or(0, Vec::len);
    let wanted = body["top_n"].as_u64().map_or(documents, |count| count as usize);
    let results: Vec<Value> = (0..documents.min(wanted))
        .map(|index| json!({ "index": index, "relevance_score": 1.0 / (index + 1) as f64 }))
        .collect();
    let json = json!({
        "id": "rerank-fake0001", "object": "rerank", "model": body["model"], "results": results,
        "usage": usage(0),
    });
    Rendered::json(StatusCode::OK, json.to_string())
}

fn usage(completion: usize) -> Value {
    let completion = completion as u64;
    json!({
        "prompt_tokens": PROMPT_TOKENS, "completion_tokens": completion,
        "total_tokens": PROMPT_TOKENS + completion,
    })
}

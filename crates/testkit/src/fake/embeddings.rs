//! OpenAI's embeddings: a vector that depends on nothing but its length, as numbers or as the base64 that its SDKs
//! ask for.

use http::StatusCode;
use serde_json::{Value, json};

use super::reply::Rendered;
use super::words::PROMPT_TOKENS;

const DIMENSIONS: u64 = 8;

pub(super) fn answer(body: &Value) -> Rendered {
    let vector = vector(body["dimensions"].as_u64().unwrap_or(DIMENSIONS));
    let embedding = match body["encoding_format"].as_str() {
        Some("base64") => base64(&vector).into(),
        _ => Value::from(vector),
    };
    let data: Vec<Value> = (0..inputs(&body["input"]))
        .map(|index| json!({ "object": "embedding", "index": index, "embedding": embedding }))
        .collect();
    let usage = json!({ "prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS });
    let json = json!({ "object": "list", "data": data, "model": body["model"], "usage": usage });
    Rendered::json(StatusCode::OK, json.to_string())
}

/// 0.5, -0.25, 0.5 ...: exact in four bytes.
pub(super) fn vector(dimensions: u64) -> Vec<f32> {
    [0.5, -0.25].into_iter().cycle().zip(0..dimensions).map(|(value, _)| value).collect()
}

/// A text or a list of tokens is one input; several of either are several.
fn inputs(input: &Value) -> usize {
    match input.as_array() {
        Some(items) if !items.iter().all(Value::is_number) => items.len(),
        _ => 1,
    }
}

fn base64(vector: &[f32]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |nth: usize| u32::from(three.get(nth).copied().unwrap_or_default());
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for nth in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * nth)) as usize & 63];
            text.push(if nth <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

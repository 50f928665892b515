//! OpenAI's images and sound.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::openai::bad_request;
use super::reply::{Rendered, Step};
use super::seen::SeenRequest;
use super::words::{CREATED, PROMPT_TOKENS, STANDARD_TOKENS, chat_content};

/// The sound of a spoken answer: no text in any encoding, and longer than one piece.
pub const SPEECH: &[u8] =
    b"ID3\x04\x00\xff\xfb\x90\x00\x00\xc3\x28\x80\xfe\r\n\r\ndata: no event\n\n\x00";

/// A picture of one point, as PNG.
const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";
/// What one picture costs.
pub const IMAGE_TOKENS: u64 = 272;

pub(super) fn speech() -> Rendered {
    let (head, rest) = SPEECH.split_at(SPEECH.len() / 2);
    let steps = [head, rest].map(|piece| Step::Bytes(Bytes::from_static(piece)));
    Rendered::new(StatusCode::OK, steps.into(), true).typed("audio/mpeg")
}

pub(super) fn image(body: &Value) -> Rendered {
    let count = body["n"].as_u64().unwrap_or(1);
    let data: Vec<Value> = (0..count).map(|_| json!({ "b64_json": IMAGE })).collect();
    let output = IMAGE_TOKENS * count;
    let json = json!({
        "created": CREATED, "data": data, "background": "opaque", "output_format": "png",
        "quality": "low", "size": "1024x1024",
        "usage": {
            "input_tokens": PROMPT_TOKENS, "output_tokens": output,
            "total_tokens": PROMPT_TOKENS + output,
            "input_tokens_details": { "text_tokens": PROMPT_TOKENS, "image_tokens": 0 },
        },
    });
    Rendered::json(StatusCode::OK, json.to_string())
}

pub(super) fn image_edit(request: &SeenRequest) -> Rendered {
    match fields(request) {
        Some(text) if has(&text, "image") || has(&text, "image[]") => image(&Value::Null),
        _ => bad_request(request, "Missing required parameter: 'image'."),
    }
}

pub(super) fn transcription(request: &SeenRequest) -> Rendered {
    let Some(fields) = fields(request).filter(|fields| has(fields, "file")) else {
        return bad_request(request, "Missing required parameter: 'file'.");
    };
    let text = chat_content(STANDARD_TOKENS);
    if fields.contains("\r\n\r\ntext\r\n") {
        let steps = vec![Step::bytes(format!("{text}\n"))];
        return Rendered::new(StatusCode::OK, steps, false).typed("text/plain; charset=utf-8");
    }
    let output = STANDARD_TOKENS as u64;
    let usage = match fields.contains("whisper") {
        true => json!({ "type": "duration", "seconds": 3 }),
        false => json!({
            "type": "tokens", "input_tokens": PROMPT_TOKENS, "output_tokens": output,
            "total_tokens": PROMPT_TOKENS + output,
            "input_token_details": { "text_tokens": 0, "audio_tokens": PROMPT_TOKENS },
        }),
    };
    Rendered::json(StatusCode::OK, json!({ "text": text, "usage": usage }).to_string())
}

/// The multipart body as text, which is enough to see its fields. None where it is nothing of the kind.
fn fields(request: &SeenRequest) -> Option<String> {
    let kind = request.header("content-type")?;
    let is_form = kind.starts_with("multipart/form-data; boundary=");
    is_form.then(|| String::from_utf8_lossy(&request.body).into_owned())
}

fn has(fields: &str, name: &str) -> bool {
    fields.contains(&format!("name=\"{name}\""))
}

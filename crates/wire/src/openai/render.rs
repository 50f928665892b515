//! What we say in OpenAI's shapes: our refusals, our list of models, our receipts. Knows not why it is said.

use bytes::Bytes;
use model::Refusal;
use serde::Serialize;

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    r#type: &'static str,
    code: &'static str,
    param: Option<&'static str>,
}

/// `{"error":{"message","type","code","param"}}`, with the request's id where there is one.
pub fn envelope(refusal: &Refusal, request_id: Option<&str>) -> Vec<u8> {
    json(&Envelope {
        error: Body {
            message: &refusal.public,
            r#type: refusal.code.kind(),
            code: refusal.code.as_str(),
            param: refusal.param,
        },
        request_id,
    })
}

/// The same as an event of a stream whose status has long been sent.
pub fn error_event(refusal: &Refusal, request_id: Option<&str>) -> Bytes {
    [b"data: ", envelope(refusal, request_id).as_slice(), b"\n\n"].concat().into()
}

/// One line of `GET /v1/models`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ListedModel<'a> {
    pub id: &'a str,
    pub owned_by: &'a str,
}

#[derive(Serialize)]
struct Model<'a> {
    #[serde(flatten)]
    listed: ListedModel<'a>,
    object: &'static str,
    /// Unknown; the SDKs insist on a number.
    created: u64,
}

#[derive(Serialize)]
struct List<T> {
    object: &'static str,
    data: Vec<T>,
}

pub fn model_list<'a>(models: impl IntoIterator<Item = ListedModel<'a>>) -> Vec<u8> {
    let data =
        models.into_iter().map(|listed| Model { listed, object: "model", created: 0 }).collect();
    json(&List { object: "list", data })
}

/// `: keystile {...}`, a comment that SDKs skip, to stand just before the terminator.
pub fn receipt_comment(receipt: &impl Serialize) -> Bytes {
    let mut json = json(receipt);
    // A line feed can only come from JSON that was handed in raw, where it is a space; here it would end the comment.
    for byte in &mut json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    [b": keystile ", json.as_slice(), b"\n\n"].concat().into()
}

/// Plain structs of texts and numbers always serialise; anything else would come out empty.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;

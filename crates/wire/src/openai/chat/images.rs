//! Pictures in an answer, beside its text: not OpenAI's own, but what OpenRouter and Google's compatible route made of it.

use serde_json::{Value, json};

use crate::hub::Source;

/// Of a message, or of a piece of one.
pub(super) fn read(message: &Value) -> impl Iterator<Item = Source> + use<'_> {
    let images = message.get("images").and_then(Value::as_array);
    images.into_iter().flatten().filter_map(read_one)
}

/// `None` for a file that another provider keeps.
pub(super) fn write(source: &Source, index: usize) -> Option<Value> {
    let url = match source {
        Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::File(_) => return None,
        Source::Url(url) => url.clone(),
    };
    Some(json!({"type": "image_url", "image_url": {"url": url}, "index": index}))
}

fn read_one(image: &Value) -> Option<Source> {
    let url = image.pointer("/image_url/url")?.as_str()?;
    let Some(data) = url.strip_prefix("data:") else { return Some(Source::Url(url.to_owned())) };
    let (media_type, data) = data.split_once(";base64,")?;
    Some(Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
}

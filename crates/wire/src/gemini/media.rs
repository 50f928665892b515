//! Pictures, sounds and files: `inlineData` and `fileData`.

use serde_json::{Value, json};

use super::fields::Fields;
use crate::InvalidBody;
use crate::hub::{CachePoint, Part, Source};

/// Bytes in the request itself.
pub(super) fn read_inline(mut blob: Fields) -> Result<Part, InvalidBody> {
    let media_type = blob.required_text("mimeType")?;
    let data = blob.required_text("data")?;
    let name = blob.text("displayName")?;
    let part = part(&media_type, Source::Base64 { media_type: media_type.clone(), data }, name);
    let part = part.ok_or_else(|| unknown_kind(&blob))?;
    blob.finish()?;
    Ok(part)
}

/// Bytes that are elsewhere.
pub(super) fn read_file(mut file: Fields) -> Result<Part, InvalidBody> {
    let uri = file.required_text("fileUri")?;
    let media_type = file.text("mimeType")?;
    let name = file.text("displayName")?;
    let media_type = media_type.as_deref().or_else(|| type_by_ending(&uri));
    let Some(media_type) = media_type.map(str::to_owned) else {
        return Err(file.wrong("mimeType", "given: the address does not tell what is there"));
    };
    let source = if is_googles(&uri) { Source::File(uri) } else { Source::Url(uri) };
    let part = part(&media_type, source, name).ok_or_else(|| unknown_kind(&file))?;
    file.finish()?;
    Ok(part)
}

/// `None` for what is neither a picture nor a sound nor a file.
pub(super) fn write(part: &Part) -> Option<Result<Value, InvalidBody>> {
    match part {
        Part::Audio(source) => Some(written(source, None)),
        // What stands behind a bare address is a PDF: other dialects take nothing else there.
        Part::Document { source, .. } => Some(written(source, Some("application/pdf"))),
        Part::Image { source, .. } => Some(written(source, None)),
        _ => None,
    }
}

/// A picture of an answer's; `None` for one that is another provider's file.
pub(super) fn write_source(source: &Source) -> Option<Value> {
    written(source, None).ok()
}

fn written(source: &Source, fallback: Option<&str>) -> Result<Value, InvalidBody> {
    let uri = match source {
        Source::Base64 { media_type, data } => {
            return Ok(json!({"inlineData": {"mimeType": media_type, "data": data}}));
        }
        Source::File(id) if !is_googles(id) => {
            let message = "a file of another provider's cannot be read by this one: send its bytes or its address";
            return Err(InvalidBody::new(Some("messages"), message));
        }
        Source::File(uri) | Source::Url(uri) => uri,
    };
    Ok(match type_by_ending(uri).or(fallback) {
        Some(media_type) => json!({"fileData": {"mimeType": media_type, "fileUri": uri}}),
        None => json!({"fileData": {"fileUri": uri}}),
    })
}

/// By what its type says it is; `None` for what nobody else takes: video.
pub(super) fn part(media_type: &str, source: Source, name: Option<String>) -> Option<Part> {
    let cache_point = CachePoint::None;
    match media_type.split_once('/')?.0 {
        "audio" => Some(Part::Audio(source)),
        "application" | "text" => Some(Part::Document { name, source, cache_point }),
        "image" => Some(Part::Image { source, detail: None, cache_point }),
        _ => None,
    }
}

fn unknown_kind(fields: &Fields) -> InvalidBody {
    fields.wrong("mimeType", "that of a picture, a sound or a document for this provider")
}

fn is_googles(uri: &str) -> bool {
    GOOGLES.iter().any(|start| uri.starts_with(start))
}

fn type_by_ending(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    let (_, media_type) = ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known))?;
    Some(media_type)
}

/// What uploads are called, and what lies in its storage.
const GOOGLES: [&str; 3] = ["https://generativelanguage.googleapis.com/", "files/", "gs://"];
const ENDINGS: [(&str, &str); 12] = [
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("mp3", "audio/mp3"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
];

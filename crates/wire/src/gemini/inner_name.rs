//! Requests for vectors and for counts, which name the model in the path and perhaps again inside. Both must be one.

use bytes::Bytes;
use serde_json::Value;

use crate::InvalidBody;

/// The same request with the provider's name for the model wherever it names one.
pub fn renamed(body: &[u8], model: &str) -> Result<Bytes, InvalidBody> {
    let invalid = |_| InvalidBody::new(None, "the body is nested too deep, or is no JSON");
    let mut body: Value = serde_json::from_slice(body).map_err(invalid)?;
    let name = Value::from(format!("models/{model}"));
    if let Some(own) = body.get_mut("model") {
        *own = name.clone();
    }
    for spelling in ["generateContentRequest", "generate_content_request"] {
        if let Some(counted) = body.get_mut(spelling).and_then(Value::as_object_mut) {
            counted.insert("model".to_owned(), name.clone());
        }
    }
    let requests = body.get_mut("requests").and_then(Value::as_array_mut);
    for request in requests.into_iter().flatten().filter_map(Value::as_object_mut) {
        request.insert("model".to_owned(), name.clone());
    }
    Ok(Bytes::from(body.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_inside_is_the_one_of_the_path() {
        let batch = json!({ "requests": [
            { "model": "models/google.embed", "content": { "parts": [{ "text": "a" }] } },
            { "content": {} },
            7,
        ] });

        let renamed_batch = renamed(batch.to_string().as_bytes(), "embed").expect("JSON");

        let read: Value = serde_json::from_slice(&renamed_batch).expect("JSON");
        assert_eq!(read["requests"][0]["model"], "models/embed");
        assert_eq!(read["requests"][0]["content"], batch["requests"][0]["content"]);
        assert_eq!(read["requests"][1]["model"], "models/embed");
        let single = renamed(br#"{"model":"models/x","content":{}}"#, "y").expect("JSON");
        assert_eq!(&*single, br#"{"model":"models/y","content":{}}"#);
        assert_eq!(&*renamed(b"{\"content\":{}}", "y").expect("JSON"), b"{\"content\":{}}");
        let counted = br#"{"generateContentRequest":{"model":"models/google/x","contents":[]}}"#;
        let expected = br#"{"generateContentRequest":{"model":"models/y","contents":[]}}"#;
        assert_eq!(&*renamed(counted, "y").expect("JSON"), expected);
        assert!(renamed(b"{", "y").is_err());
    }
}

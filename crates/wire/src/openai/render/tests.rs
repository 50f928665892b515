//! Our words in OpenAI's shapes.

use model::{Code, Refusal};
use serde_json::{Value, json, value::RawValue};

use super::{ListedModel, envelope, error_event, model_list, receipt_comment};

#[test]
fn a_refusal_is_openais_envelope() {
    let refusal = Refusal::invalid("model", "`model` is\n\"missing\"").because("the log's");

    let body: Value = serde_json::from_slice(&envelope(&refusal, Some("req_1"))).expect("JSON");

    assert_eq!(
        body,
        json!({
            "error": {
                "message": "`model` is\n\"missing\"",
                "type": "invalid_request_error",
                "code": "invalid_request",
                "param": "model",
            },
            "request_id": "req_1",
        })
    );
}

#[test]
fn without_a_request_there_is_no_id() {
    let refusal = Refusal::new(Code::InvalidApiKey, "no");

    assert_eq!(
        envelope(&refusal, None),
        br#"{"error":{"message":"no","type":"authentication_error","code":"invalid_api_key","param":null}}"#
    );
}

#[test]
fn an_error_event_is_one_event_with_one_data_line() {
    let refusal = Refusal::new(Code::UpstreamError, "a\n\nb\r\n\r\n");

    let event = error_event(&refusal, None);

    let mut frames = crate::sse::Frames::default();
    frames.push(event.clone());
    assert_eq!(frames.next(), Some(Ok(event.clone())));
    let data = crate::sse::data(&event).expect("data");
    assert_eq!(data.as_ref(), envelope(&refusal, None));
}

#[test]
fn a_list_of_models_is_what_the_sdks_expect() {
    let models = [
        ListedModel { id: "openai/gpt-5", owned_by: "openai" },
        ListedModel { id: "a\"b", owned_by: "custom" },
    ];

    let list: Value = serde_json::from_slice(&model_list(models)).expect("JSON");

    assert_eq!(
        list,
        json!({"object": "list", "data": [
            {"id": "openai/gpt-5", "object": "model", "created": 0, "owned_by": "openai"},
            {"id": "a\"b", "object": "model", "created": 0, "owned_by": "custom"},
        ]})
    );
    assert_eq!(model_list([]), br#"{"object":"list","data":[]}"#);
}

#[test]
fn a_receipt_is_one_comment() {
    assert_eq!(
        receipt_comment(&json!({"model": "a\n\nb"})),
        ": keystile {\"model\":\"a\\n\\nb\"}\n\n"
    );
    let raw: &RawValue = serde_json::from_str("{\n\r\"a\":1}").expect("JSON");
    assert_eq!(receipt_comment(&raw), ": keystile {  \"a\":1}\n\n");
    assert!(crate::sse::is_comment_only(&receipt_comment(&raw)));
}

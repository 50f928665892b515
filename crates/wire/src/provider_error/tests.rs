//! Each envelope of the providers, and what is none.

use proptest::prelude::*;

use super::{MESSAGE_CHARS_MAX, REASONS_MAX, UpstreamErrorBody, parse};

fn error(
    code: &str,
    kind: &str,
    message: &str,
    param: &str,
    reasons: &[&str],
) -> UpstreamErrorBody {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UpstreamErrorBody {
        code: some(code),
        kind: some(kind),
        message: some(message),
        param: some(param),
        reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
    }
}

#[test]
fn every_envelope_is_opened() {
    for (body, expected) in [
        // openai, groq, together, fireworks, deepseek, moonshot, vLLM
        (
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
            error(
                "model_not_found",
                "invalid_request_error",
                "The model `x` does not exist",
                "model",
                &[],
            ),
        ),
        (
            r#"{"error":{"message":"You exceeded your quota","type":"insufficient_quota","param":null,"code":null}}"#,
            error("", "insufficient_quota", "You exceeded your quota", "", &[]),
        ),
        (
            r#"{"error":{"message":"tool_use_failed","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"the answer"}}"#,
            error("tool_use_failed", "invalid_request_error", "tool_use_failed", "", &[]),
        ),
        // anthropic
        (
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"limit","details":{"error_code":"enforced_spend_limit_reached"}},"request_id":"req_1"}"#,
            error("", "rate_limit_error", "limit", "", &["enforced_spend_limit_reached"]),
        ),
        // google, and its compatible route
        (
            r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[
                {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}]"#,
            error("400", "", "API key not valid.", "", &["INVALID_ARGUMENT", "API_KEY_INVALID"]),
        ),
        (
            r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[
                {"@type":"QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
                {"@type":"RetryInfo","retryDelay":"46s"}]}}"#,
            error(
                "429",
                "",
                "Quota",
                "",
                &["RESOURCE_EXHAUSTED", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"],
            ),
        ),
        // mistral
        (
            r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}"#,
            error("1300", "rate_limited", "Rate limit exceeded", "", &["429"]),
        ),
        (r#"{"detail":"Unauthorized"}"#, error("", "", "Unauthorized", "", &[])),
        (r#"{"message":"Unauthorized","request_id":"r"}"#, error("", "", "Unauthorized", "", &[])),
        (
            r#"{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required","input":{"content":"prompt"}}]}"#,
            error("", "missing", "Field required", "body.messages.0.role", &[]),
        ),
        (
            r#"{"object":"error","message":{"detail":[{"type":"extra","loc":["body","name"],"msg":"Extra inputs"}]},"type":"invalid_request_error","code":null}"#,
            error("", "extra", "Extra inputs", "body.name", &[]),
        ),
        // xai
        (
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***12."}"#,
            error(
                "Client specified an invalid argument",
                "",
                "Incorrect API key provided: xa***12.",
                "",
                &[],
            ),
        ),
        // openrouter
        (
            r#"{"error":{"code":429,"message":"Provider returned error","metadata":{"provider_name":"X","provider_code":"slow_down","error_type":"rate_limited","raw":"..."}},"user_id":"u"}"#,
            error("429", "", "Provider returned error", "", &["rate_limited", "slow_down"]),
        ),
        (
            r#"{"id":"gen","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"gone"}}"#,
            error("502", "error", "gone", "", &[]),
        ),
        (
            r#"{"choices":[{"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#,
            error("502", "error", "gone", "", &[]),
        ),
        // zai, minimax
        (
            r#"{"error":{"code":"1302","message":"Rate limit"}}"#,
            error("1302", "", "Rate limit", "", &[]),
        ),
        (
            r#"{"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            error("1004", "", "login fail", "", &[]),
        ),
        // vLLM and what stands before it
        (r#"{"error":"Unauthorized"}"#, error("", "", "Unauthorized", "", &[])),
        (
            r#"{"error":"Not Found","message":"no such route"}"#,
            error("", "", "no such route", "", &[]),
        ),
        (
            r#"{"errors":[{"code":1010,"message":"Access denied"}]}"#,
            error("1010", "", "Access denied", "", &[]),
        ),
        (r#""just a text""#, error("", "", "just a text", "", &[])),
        ("error code: 1010", error("", "", "error code: 1010", "", &[])),
        (
            r#"{"error":{"message":"<!DOCTYPE html><p>x","code":500}}"#,
            error("500", "", "", "", &[]),
        ),
        (
            r#"{"error":{"message":"a\r\nb\u0000\u001b[31mc\t "}}"#,
            error("", "", "a  b[31mc", "", &[]),
        ),
    ] {
        let parsed = parse(body.as_bytes());

        assert_eq!(parsed.message, expected.message, "{body}");
        assert_eq!(parsed, expected, "{body}");
    }
}

#[test]
fn what_says_nothing_is_an_error_without_particulars() {
    let long = format!("{{\"error\":{{\"code\":\"{}\"}}}}", "x".repeat(300_000));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        " \n",
        "null",
        "[]",
        "{}",
        "{\"error\":null}",
        "{\"error\":{\"message\":7,\"code\":{}}}",
        "{\"error\":{\"message\":\"cut",
        "<html><body>502 Bad Gateway</body></html>",
        "\n<!DOCTYPE html>",
        "oops <HTML>",
        &long,
        &deep,
    ] {
        assert_eq!(parse(body.as_bytes()), UpstreamErrorBody::default());
    }
}

#[test]
fn bytes_that_are_no_text_still_make_a_message() {
    assert_eq!(
        parse(b"bad \xff\xfe gateway").message.as_deref(),
        Some("bad \u{fffd}\u{fffd} gateway")
    );
    assert_eq!(parse(b"{\"error\":{\"code\":\"a\xff\"}}").code.as_deref(), Some("a\u{fffd}"));
}

#[test]
fn a_message_has_an_end() {
    let parsed =
        parse(format!("{{\"error\":{{\"message\":\"{}\"}}}}", "é".repeat(100_000)).as_bytes());

    assert_eq!(parsed.message.expect("words").chars().count(), MESSAGE_CHARS_MAX);
}

#[test]
fn reasons_have_an_end() {
    let details = vec!["{\"reason\":\"R\"}"; 1000].join(",");

    let parsed = parse(format!("{{\"error\":{{\"details\":[{details}]}}}}").as_bytes());

    assert_eq!(parsed.reasons.len(), REASONS_MAX);
}

#[test]
fn all_codes_are_listed() {
    let parsed = parse(br#"{"error":{"code":429,"type":"t","message":"m","status":"S","details":[{"reason":"R"}]}}"#);

    assert_eq!(parsed.codes().collect::<Vec<_>>(), ["429", "t", "S", "R"]);
}

#[test]
fn debug_output_holds_no_words_of_the_provider() {
    let parsed = parse(br#"{"error":{"message":"Incorrect API key provided: canary"}}"#);

    assert!(!format!("{parsed:?}").contains("canary"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let message = parse(&body).message.unwrap_or_default();

        prop_assert!(!message.chars().any(char::is_control));
    }
}

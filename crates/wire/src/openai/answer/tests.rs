//! Plain answers of every kind.

use super::{embedded_error, usage};

#[test]
fn usage_is_found_where_it_stands() {
    for (body, expected) in [
        (
            r#"{"id":"x","choices":[{"message":{"content":"\"usage\":{}"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            Some(4),
        ),
        ("\n\n\n{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}", Some(4)),
        (r#"{"x_groq":{"id":"r","usage":{"completion_tokens":5}}}"#, Some(5)),
        (
            r#"{"usage":{"completion_tokens":6},"x_groq":{"usage":{"completion_tokens":5}}}"#,
            Some(6),
        ),
        (r#"{"usage":null,"x_groq":{"usage":{"completion_tokens":5}}}"#, Some(5)),
        (r#"{"usage":null}"#, None),
        (r#"{"choices":[{"usage":{"completion_tokens":5}}]}"#, None),
        (r#"{"usage":{"completion_tokens":6}"#, None),
        ("<html>", None),
        ("", None),
    ] {
        let output = usage(body.as_bytes()).and_then(|usage| usage.output_tokens);

        assert_eq!(output, expected, "{body}");
    }
    assert_eq!(usage(b"{\"usage\":{\"completion_tokens\":1},\"x\":\"\xff\"}"), None);
}

#[test]
fn an_error_in_disguise_is_seen_through() {
    for (body, code) in [
        (r#"{"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#, Some("1004")),
        (
            r#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
            Some("1008"),
        ),
        (r#"{"error":{"message":"no","code":502}}"#, Some("502")),
        (r#"{"error":{"message":"no","code":502},"choices":[]}"#, Some("502")),
        (r#"{"object":"error","message":"no","code":40301}"#, Some("40301")),
        (
            r#"{"choices":[{"message":{}}],"base_resp":{"status_code":0,"status_msg":"success"}}"#,
            None,
        ),
        (r#"{"choices":[{"message":{}}],"error":{"message":"half","code":1}}"#, None),
        (r#"{"choices":[{"message":{}}],"error":null}"#, None),
        (r#"{"object":"list","data":[]}"#, None),
        ("not JSON", None),
    ] {
        let error = embedded_error(body.as_bytes());

        assert_eq!(error.is_some(), code.is_some(), "{body}");
        assert_eq!(error.and_then(|error| error.code).as_deref(), code, "{body}");
    }
}

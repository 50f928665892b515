//! What failures mean, and to whom they are told how.

use model::Catalogue;

use super::*;

fn told(status: u16, body: &str) -> UpstreamError {
    let catalogue = Catalogue::shipped().expect("valid");
    let openai = catalogue.provider("openai").expect("known");
    UpstreamError::told(openai, status, &parse(body.as_bytes()), None)
}

#[test]
fn an_error_inside_a_success_means_what_it_would_have_meant_with_its_own_status() {
    for (body, code, retry) in [
        (r#"{"error":{"code":400,"message":"m"}}"#, Code::InvalidRequest, Retry::Never),
        (r#"{"error":{"type":"invalid_request_error"}}"#, Code::InvalidRequest, Retry::Never),
        (r#"{"error":{"type":"authentication_error"}}"#, Code::UpstreamKeyInvalid, Retry::Next),
        (
            r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#,
            Code::UpstreamRateLimited,
            Retry::Next,
        ),
        (r#"{"error":{"type":"rate_limit_error"}}"#, Code::UpstreamRateLimited, Retry::Next),
        (r#"{"error":{"type":"overloaded_error"}}"#, Code::UpstreamUnavailable, Retry::Next),
        (r#"{"error":{"code":"1234"}}"#, Code::UpstreamError, Retry::Next),
        (r#"{"error":{"code":200,"message":"m"}}"#, Code::UpstreamError, Retry::Next),
    ] {
        let error = told(200, body);
        assert_eq!((error.code, error.retry), (code, retry), "{body}");
        assert_eq!(error.status, (code == Code::InvalidRequest).then_some(400), "{body}");
        assert_eq!(
            error.retry_after_seconds.is_some(),
            code == Code::UpstreamRateLimited,
            "{body}"
        );
    }
    assert_eq!(told(500, r#"{"error":{"code":400}}"#).code, Code::UpstreamError, "its own counts");
}

#[test]
fn whoever_took_too_long_is_not_asked_the_same_again() {
    for status in [408, 504, 522, 524, 598, 599] {
        let error = told(status, "{}");
        assert_eq!((error.code, error.again), (Code::UpstreamTimeout, false), "{status}");
    }
    for status in [500, 503, 520, 529] {
        assert!(told(status, "{}").again, "{status}");
    }
}

#[test]
fn the_operators_account_is_nobody_elses_business() {
    for (status, code) in [
        (401, Code::UpstreamUnavailable),
        (402, Code::UpstreamUnavailable),
        (403, Code::UpstreamUnavailable),
        (400, Code::InvalidRequest),
        (404, Code::ModelNotFound),
        (500, Code::UpstreamError),
    ] {
        let body = r#"{"error":{"message":"organization org-secret may not"}}"#;

        let refusal = told(status, body).into_refusal(None);
        assert_eq!(refusal.code, code, "{status}");
        assert!(!refusal.public.contains("org-secret"), "{}", refusal.public);
        assert!(!refusal.public.contains("pk_"), "{}", refusal.public);

        let own = told(status, body).into_refusal(Some("pk_1"));
        assert_eq!(own.public.contains("org-secret"), status != 401, "{}", own.public);
        assert_eq!(own.public.contains("pk_1"), matches!(status, 401..=403), "{}", own.public);
    }
}

#[test]
fn what_is_passed_through_is_not_done_twice_and_what_is_not_there_is_no_model() {
    let body = r#"{"error":{"message":"No such file: f"}}"#;
    let posted = told(500, body).passed_through(false);
    assert_eq!((posted.retry, posted.again), (Retry::Never, false));
    let read = told(500, body).passed_through(true);
    assert_eq!((read.retry, read.again), (Retry::Next, true));
    let unsent = UpstreamError { dispatched: false, ..told(500, body) }.passed_through(false);
    assert_eq!((unsent.retry, unsent.again), (Retry::Next, true));

    let missing = told(404, body).passed_through(true).into_refusal(Some("pk_1"));
    assert_eq!((missing.code, missing.status), (Code::NotFound, Some(404)));
    assert!(missing.public.ends_with("No such file: f"), "{}", missing.public);
}

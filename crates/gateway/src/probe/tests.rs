//! What each provider's answer to its probe means.

use model::Catalogue;

use super::*;

const KEY: &str = "sk-good-0123456789abcdef";

fn judged(provider: &str, status: u16, body: &str) -> Verdict {
    let catalogue = Catalogue::shipped().expect("valid");
    let provider = catalogue.provider(provider).expect("known");
    let (parts, ()) = Response::builder().status(status).body(()).expect("valid").into_parts();
    let key = ProviderKey::parse(KEY.to_owned()).expect("usable");
    let body: Result<Bytes, Unread<()>> = Ok(Bytes::copy_from_slice(body.as_bytes()));
    judge(provider, &parts, body, Some(&Scrubber::new(&key)))
}

#[test]
fn every_providers_answers_are_read_as_it_means_them() {
    use Validation::{Invalid, NoQuota, Region, Restricted, Unknown, Valid};
    for (provider, status, body, validation) in [
        ("openai", 200, r#"{"object":"list","data":[]}"#, Valid),
        ("openai", 401, r#"{"error":{"code":"invalid_api_key","message":"x"}}"#, Invalid),
        ("openai", 403, r#"{"error":{"message":"missing scopes: api.model.read"}}"#, Restricted),
        (
            "openai",
            403,
            r#"{"error":{"message":"Country, region, or territory not supported"}}"#,
            Region,
        ),
        ("openai", 429, r#"{"error":{"type":"insufficient_quota"}}"#, NoQuota),
        ("openai", 429, r#"{"error":{"code":"rate_limit_exceeded"}}"#, Unknown),
        ("openai", 500, "", Unknown),
        ("openai", 404, "", Unknown),
        ("anthropic", 200, r#"{"data":[],"has_more":false}"#, Valid),
        (
            "anthropic",
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
            Invalid,
        ),
        (
            "anthropic",
            402,
            r#"{"type":"error","error":{"type":"billing_error","message":"x"}}"#,
            NoQuota,
        ),
        (
            "anthropic",
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            Unknown,
        ),
        ("gemini", 200, r#"{"models":[]}"#, Valid),
        (
            "gemini",
            400,
            r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            Invalid,
        ),
        (
            "gemini",
            403,
            r#"{"error":{"code":403,"message":"Your API key was reported as leaked.","status":"PERMISSION_DENIED"}}"#,
            Invalid,
        ),
        (
            "gemini",
            400,
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            Region,
        ),
        (
            "gemini",
            400,
            r#"{"error":{"code":400,"message":"Enable billing.","status":"FAILED_PRECONDITION"}}"#,
            NoQuota,
        ),
        (
            "groq",
            401,
            r#"{"error":{"code":"invalid_api_key","message":"Invalid API Key"}}"#,
            Invalid,
        ),
        ("mistral", 401, r#"{"detail":"Unauthorized"}"#, Invalid),
        ("together", 200, r#"[{"id":"m"}]"#, Valid),
        ("together", 401, r#"{"error":{"message":"Invalid API key"}}"#, Invalid),
        ("fireworks", 403, r#"{"error":"forbidden"}"#, Invalid),
        ("fireworks", 412, r#"{"error":{"message":"suspended"}}"#, NoQuota),
        (
            "xai",
            200,
            r#"{"api_key_blocked":false,"api_key_disabled":false,"team_blocked":false}"#,
            Valid,
        ),
        (
            "xai",
            200,
            r#"{"api_key_blocked":true,"api_key_disabled":false,"team_blocked":false}"#,
            Invalid,
        ),
        ("xai", 200, r#"{"api_key_blocked":false,"api_key_disabled":true}"#, Invalid),
        ("xai", 200, r#"{"team_blocked":true}"#, Invalid),
        (
            "xai",
            400,
            r#"{"code":"Client error","error":"Incorrect API key provided: xa***yz."}"#,
            Invalid,
        ),
        ("deepseek", 200, r#"{"is_available":true,"balance_infos":[]}"#, Valid),
        ("deepseek", 200, r#"{"is_available":false,"balance_infos":[]}"#, NoQuota),
        ("deepseek", 401, r#"{"error":{"message":"Authentication Fails"}}"#, Invalid),
        (
            "openrouter",
            200,
            r#"{"data":{"limit":null,"limit_remaining":null,"is_free_tier":true}}"#,
            Valid,
        ),
        ("openrouter", 200, r#"{"data":{"limit":10,"limit_remaining":0.5}}"#, Valid),
        ("openrouter", 200, r#"{"data":{"limit":10,"limit_remaining":0}}"#, NoQuota),
        ("openrouter", 401, r#"{"error":{"code":401,"message":"User not found."}}"#, Invalid),
        ("zai", 401, r#"{"error":{"code":"1000","message":"x"}}"#, Invalid),
        ("zai", 429, r#"{"error":{"code":"1113","message":"x"}}"#, NoQuota),
        ("zai", 429, r#"{"error":{"code":"1302","message":"x"}}"#, Unknown),
        ("minimax", 200, r#"{"data":[]}"#, Valid),
        (
            "minimax",
            200,
            r#"{"base_resp":{"status_code":2049,"status_msg":"invalid api key"}}"#,
            Invalid,
        ),
        ("minimax", 200, r#"{"base_resp":{"status_code":1008,"status_msg":"x"}}"#, NoQuota),
        ("minimax", 200, r#"{"base_resp":{"status_code":1000,"status_msg":"x"}}"#, Unknown),
        ("moonshot", 200, r#"{"code":0,"data":{"available_balance":49.58},"status":true}"#, Valid),
        ("moonshot", 200, r#"{"code":0,"data":{"available_balance":0},"status":true}"#, NoQuota),
        ("moonshot", 200, r#"{"code":0,"data":{"available_balance":-1.5},"status":true}"#, NoQuota),
        (
            "moonshot",
            401,
            r#"{"error":{"type":"invalid_authentication_error","message":"x"}}"#,
            Invalid,
        ),
        (
            "moonshot",
            429,
            r#"{"error":{"type":"exceeded_current_quota_error","message":"x"}}"#,
            NoQuota,
        ),
        ("custom", 200, "ok", Valid),
        ("custom", 204, "", Valid),
        ("custom", 401, r#"{"error":"Unauthorized"}"#, Invalid),
        ("custom", 404, "404 page not found", Unknown),
        ("custom", 301, "", Unknown),
        ("openai", 308, "", Unknown),
    ] {
        let (found, words) = judged(provider, status, body);

        assert_eq!(found, validation, "{provider} {status} {body}");
        assert_eq!(words.is_none(), found == Valid, "{provider} {status} {body}");
    }
}

#[test]
fn reasons_are_in_the_providers_words_without_the_key() {
    for (provider, status, body, words) in [
        (
            "openai",
            401,
            format!(
                r#"{{"error":{{"code":"invalid_api_key","message":"Incorrect API key provided: {KEY}."}}}}"#
            ),
            "Incorrect API key provided: [...]",
        ),
        ("openai", 401, String::new(), "OpenAI refused the key (status 401)"),
        (
            "openai",
            403,
            format!(r#"{{"error":{{"message":"not for {KEY} to see"}}}}"#),
            "OpenAI forbids this: not for ************************ to see",
        ),
        (
            "openai",
            403,
            r#"{"error":{"message":"Country not supported"}}"#.to_owned(),
            "OpenAI does not serve calls from here: Country not supported",
        ),
        ("openai", 404, String::new(), "OpenAI does not know the call that checks a key"),
        (
            "openai",
            307,
            String::new(),
            "OpenAI answered with a redirect, never followed (status 307)",
        ),
        (
            "xai",
            200,
            r#"{"team_blocked":true}"#.to_owned(),
            "xAI Grok reports team_blocked for this key",
        ),
    ] {
        assert_eq!(judged(provider, status, &body).1.as_deref(), Some(words));
    }
}

/// The provider's words are cut at some length, perhaps inside the key.
#[test]
fn no_part_of_a_key_survives_where_words_are_cut() {
    for status in [401, 403, 429, 500] {
        for before in 450..500 {
            let message = format!("{} {KEY}", "a".repeat(70) + &" b".repeat((before - 70) / 2));
            let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);

            let words = judged("openai", status, &body).1.expect("words");

            assert!(!words.contains("sk-g"), "{status} {before}: {words}");
        }
    }
}

#[test]
fn an_answer_that_does_not_end_says_nothing_and_one_that_is_long_no_refusal() {
    let catalogue = Catalogue::shipped().expect("valid");
    let provider = catalogue.provider("minimax").expect("known");
    let judged = |status: u16, unread: Unread<()>| {
        let (parts, ()) = Response::builder().status(status).body(()).expect("valid").into_parts();
        judge(provider, &parts, Err(unread), None).0
    };

    assert_eq!(judged(200, Unread::TooLarge), Validation::Valid);
    assert_eq!(judged(200, Unread::TooSlow), Validation::Unknown);
    assert_eq!(judged(200, Unread::Broken(())), Validation::Unknown);
    assert_eq!(judged(401, Unread::TooSlow), Validation::Invalid);
    assert_eq!(judged(500, Unread::TooLarge), Validation::Unknown);
}

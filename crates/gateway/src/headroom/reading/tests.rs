//! Headers as providers were seen to send them, and as nobody should.

use http::{HeaderMap, HeaderName, HeaderValue};
use model::Catalogue;

use super::*;

/// 2026-03-20, ten o'clock.
const NOW: Timestamp = Timestamp::from_unix_ms(1_774_000_800_000);

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&str, &str)| {
        let name = HeaderName::try_from(*name).expect("a name");
        (name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"))
    };
    pairs.iter().map(header).collect()
}

fn read(provider: &str, pairs: &[(&str, &str)]) -> Option<Reading> {
    let catalogue = Catalogue::shipped().expect("valid");
    Reading::of(catalogue.provider(provider).expect("known"), &headers(pairs), NOW)
}

/// Counted, per, limit, remaining, and the reset in milliseconds from now.
type Told = (Counts, Per, Option<u64>, Option<u64>, Option<i64>);

fn told(provider: &str, pairs: &[(&str, &str)]) -> Vec<Told> {
    let from_now = |time: Timestamp| time.unix_ms() - NOW.unix_ms();
    let windows = read(provider, pairs).map_or_else(Vec::new, |reading| reading.windows);
    let told =
        windows.iter().map(|w| (w.counts, w.per, w.limit, w.remaining, w.resets_at.map(from_now)));
    told.collect()
}

#[test]
fn openai_tells_of_requests_tokens_and_a_projects_tokens() {
    let told = told(
        "openai",
        &[
            ("X-RateLimit-Limit-Requests", "500"),
            ("X-RateLimit-Remaining-Requests", "499"),
            ("X-RateLimit-Reset-Requests", "120ms"),
            ("x-ratelimit-limit-tokens", "500000"),
            ("x-ratelimit-remaining-tokens", "499982"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("x-ratelimit-limit-project-tokens", "40000"),
            ("x-ratelimit-remaining-project-tokens", "0"),
            ("x-ratelimit-reset-project-tokens", "1s"),
        ],
    );

    assert_eq!(
        told,
        [
            (Counts::Requests, Per::Minute, Some(500), Some(499), Some(120)),
            (Counts::Tokens, Per::Minute, Some(500_000), Some(499_982), Some(360_000)),
            (Counts::Tokens, Per::Minute, Some(40_000), Some(0), Some(1_000)),
        ]
    );
}

#[test]
fn anthropic_tells_of_each_kind_of_token_and_of_points_in_time() {
    let told = told(
        "anthropic",
        &[
            ("anthropic-ratelimit-requests-limit", "1000"),
            ("anthropic-ratelimit-requests-remaining", "999"),
            ("anthropic-ratelimit-requests-reset", "2026-03-20T10:00:01Z"),
            ("anthropic-ratelimit-input-tokens-limit", "2000000"),
            ("anthropic-ratelimit-input-tokens-remaining", "1999000"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-03-20T11:00:30+01:00"),
            ("anthropic-ratelimit-output-tokens-limit", "400000"),
            ("anthropic-ratelimit-output-tokens-remaining", "400000"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-03-20T10:00:00Z"),
            ("anthropic-ratelimit-tokens-limit", "2400000"),
            ("anthropic-ratelimit-tokens-remaining", "2399000"),
            ("anthropic-ratelimit-tokens-reset", "2026-03-20T10:00:00.250Z"),
            ("retry-after", "25"),
        ],
    );

    assert_eq!(
        told,
        [
            (Counts::Requests, Per::Minute, Some(1000), Some(999), Some(1_000)),
            (Counts::InputTokens, Per::Minute, Some(2_000_000), Some(1_999_000), Some(30_000)),
            (Counts::OutputTokens, Per::Minute, Some(400_000), Some(400_000), Some(60_000)),
            (Counts::Tokens, Per::Minute, Some(2_400_000), Some(2_399_000), Some(250)),
        ]
    );
}

#[test]
fn groq_counts_requests_by_the_day() {
    let told = told(
        "groq",
        &[
            ("x-ratelimit-limit-requests", "1000"),
            ("x-ratelimit-remaining-requests", "998"),
            ("x-ratelimit-reset-requests", "2m52.8s"),
            ("x-ratelimit-limit-tokens", "8000"),
            ("x-ratelimit-remaining-tokens", "7975"),
            ("x-ratelimit-reset-tokens", "194ms"),
        ],
    );

    assert_eq!(
        told,
        [
            (Counts::Requests, Per::Day, Some(1000), Some(998), Some(172_800)),
            (Counts::Tokens, Per::Minute, Some(8000), Some(7975), Some(194)),
        ]
    );
}

/// A sliding minute: a reset is not sent. And a limit of zero is none.
#[test]
fn mistral_sends_no_reset() {
    let limits = |limit: &str, remaining: &str| {
        let pairs = [
            ("x-ratelimit-limit-req-minute", limit),
            ("x-ratelimit-remaining-req-minute", remaining),
            ("x-ratelimit-limit-tokens-minute", "50000"),
            ("x-ratelimit-remaining-tokens-minute", "49988"),
            ("x-ratelimit-tokens-query-cost", "12"),
        ];
        told("mistral", &pairs)
    };

    let tokens = (Counts::Tokens, Per::Minute, Some(50_000), Some(49_988), Some(60_000));
    let requests = (Counts::Requests, Per::Minute, Some(50), Some(49), Some(60_000));
    assert_eq!(limits("50", "49"), [requests, tokens]);
    let never = (Counts::Requests, Per::Minute, None, Some(0), Some(60_000));
    assert_eq!(limits("0", "0"), [never, tokens]);
}

#[test]
fn the_others_have_their_own_names() {
    assert_eq!(
        told(
            "together",
            &[
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "0.5"),
                ("x-tokenlimit-limit-dynamic", "3000"),
                ("x-tokenlimit-remaining-dynamic", "2900"),
            ]
        ),
        [
            (Counts::Requests, Per::Second, Some(10), Some(9), Some(500)),
            (Counts::Tokens, Per::Second, Some(3000), Some(2900), Some(1_000)),
        ]
    );
    assert_eq!(
        told(
            "fireworks",
            &[
                ("x-ratelimit-limit-tokens-prompt", "60000"),
                ("x-ratelimit-remaining-tokens-prompt", "59000"),
                ("x-ratelimit-limit-tokens-generated", "6000"),
                ("x-ratelimit-remaining-tokens-generated", "5990"),
            ]
        ),
        [
            (Counts::InputTokens, Per::Minute, Some(60_000), Some(59_000), Some(60_000)),
            (Counts::OutputTokens, Per::Minute, Some(6_000), Some(5_990), Some(60_000)),
        ]
    );
    let epoch =
        [("x-ratelimit-remaining-requests", "7"), ("x-ratelimit-reset-requests", "1774000830")];
    assert_eq!(told("xai", &epoch), [(Counts::Requests, Per::Minute, None, Some(7), Some(30_000))]);
    let millis = [
        ("X-RateLimit-Limit", "20"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "1774000841500"),
    ];
    let exhausted = (Counts::Requests, Per::Minute, Some(20), Some(0), Some(41_500));
    assert_eq!(told("openrouter", &millis), [exhausted]);
    let wait = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "12")];
    let requests = (Counts::Requests, Per::Minute, None, Some(0), Some(12_000));
    assert_eq!(told("moonshot", &wait), [requests]);
}

#[test]
fn who_sends_nothing_tells_nothing() {
    let openais = [("x-ratelimit-limit-requests", "1"), ("x-ratelimit-remaining-requests", "0")];
    for provider in ["gemini", "deepseek", "zai", "minimax", "custom"] {
        assert_eq!(read(provider, &openais), None, "{provider}");
    }
    assert_eq!(read("openai", &[]), None);
    assert_eq!(read("openai", &[("x-ratelimit-reset-requests", "1s")]), None);
    assert_eq!(read("anthropic", &[("retry-after", "25")]), None);
}

#[test]
fn what_cannot_be_read_is_as_good_as_not_sent() {
    let endless = "9".repeat(400);
    for bad in [
        "",
        " ",
        "-1",
        "+1",
        "many",
        "0x10",
        "1e3",
        "1,000",
        "1_000",
        "1.",
        ".5",
        "1.5.5",
        "NaN",
        "inf",
        "∞",
        "１２",
        "18446744073709551616",
        &endless,
    ] {
        let pairs = [("x-ratelimit-limit-requests", bad), ("x-ratelimit-remaining-requests", bad)];
        assert_eq!(read("openai", &pairs), None, "{bad}");
        let pairs = [("x-ratelimit-limit-tokens", bad), ("x-ratelimit-remaining-tokens", "5")];
        let rest = (Counts::Tokens, Per::Minute, None, Some(5), Some(60_000));
        assert_eq!(told("openai", &pairs), [rest], "{bad}");
    }
    for (good, count) in [("7", 7), (" 7 ", 7), ("7.9", 7), ("18446744073709551615", u64::MAX)] {
        let pairs = [("x-ratelimit-remaining-tokens", good)];
        let whole = (Counts::Tokens, Per::Minute, None, Some(count), Some(60_000));
        assert_eq!(told("openai", &pairs), [whole], "{good}");
    }
}

/// A minute later at the latest, whatever the header says: no key is put aside by a strange reset.
#[test]
fn a_reset_that_cannot_be_believed_is_the_windows_own() {
    let reset = |provider: &str, remaining: &str, reset: &str, text: &str| {
        let told = told(provider, &[(remaining, "1"), (reset, text)]);
        told.first().and_then(|window| window.4)
    };
    let endless = "9".repeat(400);

    for (text, millis) in [
        ("1h1m1.001s", 3_661_001),
        ("24h", 86_400_000),
        ("1500us", 1),
        ("1500µs", 1),
        ("2500000ns", 2),
        ("30", 30_000),
        ("0.25", 250),
    ] {
        let told =
            reset("openai", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", text);
        assert_eq!(told, Some(millis), "{text}");
    }
    for text in [
        "",
        "s",
        "-1s",
        "1d",
        "m1",
        "1..5s",
        "26h",
        "999999999999h",
        "1s ago",
        "0s",
        "inf",
        &endless,
        "2026-03-20T10:00:01Z",
    ] {
        let told =
            reset("openai", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", text);
        assert_eq!(told, Some(60_000), "{text}");
    }
    for text in [
        "",
        "soon",
        "60",
        "2026-03-20T09:59:59Z",
        "1774000860",
        "9999-12-31T23:59:59Z",
        "2026-13-01T00:00:00Z",
    ] {
        let (remaining, name) =
            ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset");
        assert_eq!(reset("anthropic", remaining, name, text), Some(60_000), "{text}");
    }
    for text in ["", "60", "-1774000860", "1e12", "99999999999999999999", &endless] {
        let told = reset("openrouter", "x-ratelimit-remaining", "x-ratelimit-reset", text);
        assert_eq!(told, Some(60_000), "{text}");
    }
    for (text, millis) in [("12", 12_000), ("1774000812", 12_000), ("1774000812000", 12_000)] {
        let told = reset("moonshot", "x-ratelimit-remaining", "x-ratelimit-reset", text);
        assert_eq!(told, Some(millis), "{text}");
    }
}

#[test]
fn the_tightest_window_of_a_kind_is_the_one_that_counts() {
    let reading = read(
        "openai",
        &[
            ("x-ratelimit-remaining-requests", "3"),
            ("x-ratelimit-limit-tokens", "500000"),
            ("x-ratelimit-remaining-project-tokens", "17"),
            ("x-ratelimit-remaining-tokens", "200"),
        ],
    )
    .expect("told");

    assert_eq!(reading.requests().and_then(|window| window.remaining), Some(3));
    assert_eq!(reading.tokens().and_then(|window| window.remaining), Some(17));
    assert_eq!(reading.exhausted_until(), None);
}

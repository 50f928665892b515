//! T7: a key that comes back in any usual spelling is overwritten, and nothing else is touched.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::{Scrubber, forms};
use crate::ProviderKey;

/// Holds every character that some spelling escapes.
const KEY: &str = "sk-proj/a+b=c&d<e>\"f\\g'h~0123456789";

fn scrubber(key: &str) -> Scrubber {
    Scrubber::new(&ProviderKey::parse(key.to_owned()).expect("usable"))
}

fn scrubbed(key: &str, text: &str) -> String {
    String::from_utf8(scrubber(key).scrub(text.as_bytes()).into_owned()).expect("still UTF-8")
}

fn assert_gone(spelling: &str) {
    let text = format!("data: {{\"error\":\"{spelling}\"}}\n\n");
    let expected = text.replace(spelling, &"*".repeat(spelling.len()));
    assert_eq!(scrubbed(KEY, &text), expected, "{spelling}");
}

#[test]
fn the_key_is_found_raw_and_escaped() {
    assert_gone(KEY);
    assert_gone(r#"sk-proj/a+b=c&d<e>\"f\\g'h~0123456789"#);
    assert_gone(r#"sk-proj\/a+b=c&d<e>\"f\\g'h~0123456789"#);
    assert_gone(r#"sk-proj/a+b\u003dc\u0026d\u003ce\u003e\"f\\g\u0027h~0123456789"#);
    assert_gone(r#"sk-proj\/a+b\u003dc\u0026d\u003ce\u003e\"f\\g\u0027h~0123456789"#);
    let json = serde_json::to_string(KEY).expect("serializes");
    assert_gone(json.trim_matches('"'));
    assert_gone(r#"sk-proj/a+b=c&d<e>\"f\\g'h~0123456789"#);
}

#[test]
fn the_key_is_found_in_hex_and_percent_encoded() {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_gone(&hex);
    assert_gone(&hex.to_uppercase());
    let every: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_gone(&every);
    assert_gone(&every.to_lowercase());
    assert_gone("sk-proj%2Fa%2Bb%3Dc%26d%3Ce%3E%22f%5Cg%27h~0123456789");
    assert_gone("sk-proj%2fa%2bb%3dc%26d%3ce%3e%22f%5cg%27h~0123456789");
    assert_gone("sk-proj%2Fa%2Bb%3Dc%26d%3Ce%3E%22f%5Cg'h~0123456789");
}

/// Whatever stands before and after the key: of what is left, not even eight bytes in a row decode to the key's.
#[test]
fn the_key_is_found_in_base64_at_every_alignment() {
    for key in [KEY, "sk-0123456789abcdefghijklmnop", "12345678", "?>?>?>?>?>"] {
        for before in 0..7 {
            for after in 0..4 {
                let text = format!("{}{key}{}", "B".repeat(before), "\n".repeat(after));
                let standard = STANDARD.encode(&text);
                for encoded in
                    [URL_SAFE_NO_PAD.encode(&text), standard.replace('/', "\\/"), standard]
                {
                    let left = scrubbed(key, &encoded);
                    let stars = left.matches('*').count();
                    assert!(stars >= (key.len() * 8 - 10) / 6, "{encoded} became {left}");
                    let decoded = |from: usize| {
                        let window: Vec<u8> = left.bytes().skip(from).take(12).collect();
                        URL_SAFE_NO_PAD.decode(window).unwrap_or_default()
                    };
                    for from in 0..left.len() {
                        let part = decoded(from);
                        assert!(
                            part.len() < 8
                                || !key.as_bytes().windows(8).any(|w| part.starts_with(w))
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_the_key_is_not_even_copied() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"the sk-proj/ of your key\"}}]}\n\n";

    assert!(
        matches!(scrubber(KEY).scrub(text.as_bytes()), Cow::Borrowed(same) if same == text.as_bytes())
    );
    for length in 0..KEY.len() {
        assert!(matches!(scrubber(KEY).scrub(&KEY.as_bytes()[..length]), Cow::Borrowed(_)));
    }
}

#[test]
fn a_key_of_fewer_than_eight_bytes_is_not_looked_for() {
    let scrubber = scrubber("1234567");

    assert!(matches!(scrubber.scrub(b"1234567"), Cow::Borrowed(_)));
    assert_eq!(scrubber.carry(), 0);
}

/// Messages are shortened before they are shown: at whatever byte, no beginning of four bytes or more is left.
#[test]
fn what_a_cut_left_of_the_key_goes_too() {
    let scrubber = scrubber(KEY);
    let every: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let encoded = STANDARD.encode(KEY);

    for spelling in [KEY, &every, &encoded] {
        for length in 4..KEY.len() {
            let (begun, _) = spelling.split_at(length);
            let text = format!("wrong key: {KEY}, {begun}");
            let left = scrubber.scrub_cut(text.as_bytes()).into_owned();
            let expected = format!("wrong key: {}, {}", "*".repeat(KEY.len()), "*".repeat(length));
            assert_eq!(String::from_utf8(left).expect("still UTF-8"), expected);
        }
    }
    for text in ["", "s", "sk-", "a mask", "wrong key: sk-prox"] {
        assert!(matches!(scrubber.scrub_cut(text.as_bytes()), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn occurrences_that_overlap_all_go() {
    assert_eq!(scrubbed("abcabcabc", "xabcabcabcabcx"), "x************x");
    assert_eq!(scrubbed("aaaaaaaa", &"a".repeat(11)), "*".repeat(11));
}

/// The promise behind `carry`: with so many bytes held back, no cut hides a key.
#[test]
fn a_chunked_stream_is_scrubbed_wherever_it_is_cut() {
    let scrubber = scrubber(KEY);
    let every: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let text = format!("before {KEY} between {every} after");
    let whole = scrubber.scrub(text.as_bytes()).into_owned();

    for size in 1..text.len() {
        let (mut held, mut sent) = (Vec::new(), Vec::new());
        for chunk in text.as_bytes().chunks(size) {
            held.extend_from_slice(chunk);
            held = scrubber.scrub(&held).into_owned();
            sent.extend(held.drain(..held.len().saturating_sub(scrubber.carry())));
        }
        sent.extend(held);
        assert_eq!(sent, whole, "cut every {size} bytes");
    }
}

#[test]
fn the_longest_key_is_found_too() {
    let key: String = ('!'..='~').cycle().take(ProviderKey::BYTES_MAX).collect();

    assert_eq!(scrubbed(&key, &format!("{key}{key}")), "*".repeat(2 * key.len()));
    assert_eq!(scrubber(&key).carry(), 3 * key.len() - 1);
}

#[test]
fn of_a_masked_key_no_twelve_bytes_are_left() {
    let scrubber = scrubber(KEY);
    let words = |text: &str| {
        String::from_utf8(scrubber.scrub_words(text.as_bytes()).into_owned()).expect("still UTF-8")
    };

    for length in 12..KEY.len() {
        for start in 0..=KEY.len() - length {
            let part = KEY.get(start..start + length).expect("ASCII");
            let said = words(&format!("the token {part}... is bad"));
            assert_eq!(said, format!("the token {}... is bad", "*".repeat(length)));
        }
    }
    for harmless in ["the token sk-proj/a+b is bad", "", "a word of more than twelve letters"] {
        assert_eq!(words(harmless), harmless);
    }
}

/// All occurrences of all forms, each looked for by itself at each position.
fn naively(key: &str, bytes: &[u8]) -> Vec<u8> {
    let mut scrubbed = bytes.to_vec();
    for form in forms::of(key.as_bytes()) {
        for start in 0..bytes.len() {
            if bytes[start..].starts_with(&form) {
                scrubbed[start..start + form.len()].fill(b'*');
            }
        }
    }
    scrubbed
}

proptest! {
    #[test]
    fn it_finds_what_a_naive_search_finds(
        key in "[!-~]{8,40}|[ab/]{8,12}",
        parts in proptest::collection::vec((0usize..40, "[ -~]{0,12}|[ab/]{0,12}"), 0..12),
    ) {
        let forms = forms::of(key.as_bytes());
        let mut text = Vec::new();
        for (form, between) in parts {
            text.extend_from_slice(between.as_bytes());
            if let Some(form) = forms.get(form) {
                text.extend_from_slice(form);
            }
        }

        let found = scrubber(&key).scrub(&text).into_owned();

        prop_assert_eq!(found, naively(&key, &text));
    }

    #[test]
    fn no_bytes_make_it_panic(key in "[!-~]{1,60}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(scrubber(&key).scrub(&bytes).len(), bytes.len());
    }
}

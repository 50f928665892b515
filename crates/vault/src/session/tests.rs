//! T26: a session token that differs in any field from what we issue is refused.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use model::{SessionId, Timestamp, UserId};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{SessionClaims, SessionSigner};
use crate::SecretValue;
use crate::tests::{Seeded, Stopped};

const KEY: [u8; 32] = [0x5a; 32];
const NOW: i64 = 1_774_000_800;

fn signer() -> SessionSigner {
    SessionSigner::from_secret(&SecretValue::new(KEY.to_vec())).expect("32 bytes")
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(NOW * 1000)
}

fn claims() -> SessionClaims {
    SessionClaims {
        session: SessionId::new(&Stopped, &Seeded::new(1)),
        user: UserId::new(&Stopped, &Seeded::new(2)),
        issued_at: now(),
        expires_at: now().plus(Duration::from_secs(3600)),
    }
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "HS256", "kid": "session-1" })
}

fn payload() -> Value {
    let SessionClaims { session, user, .. } = claims();
    json!({
        "iss": "keystile", "aud": "keystile/session", "sub": user, "jti": session,
        "iat": NOW, "exp": NOW + 3600,
    })
}

/// Signs whatever it is given, with a key of one's choice.
fn sign(header: &str, payload: &str, key: &[u8]) -> String {
    let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{header}.{payload}");
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length").chain_update(&signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn verify(header: &str, payload: &str) -> Option<SessionClaims> {
    signer().verify(&sign(header, payload, &KEY), now())
}

/// `part` with a field replaced, or removed where the new value is null.
fn with(mut part: Value, field: &str, value: Value) -> String {
    let fields = part.as_object_mut().expect("an object");
    match value {
        Value::Null => fields.remove(field),
        value => fields.insert(field.to_owned(), value),
    };
    part.to_string()
}

#[test]
fn what_is_issued_verifies_until_it_expires() {
    let token = signer().issue(&claims());

    assert_eq!(signer().verify(&token, now()), Some(claims()));
    let end = claims().expires_at.unix_ms();
    let at = |unix_ms| signer().verify(&token, Timestamp::from_unix_ms(unix_ms));
    assert_eq!(at(end - 1), Some(claims()));
    assert_eq!(at(end), None);
    assert_eq!(at(i64::MAX), None);
    // Another node's clock may be behind by a minute and no more.
    assert_eq!(at((NOW - 60) * 1000), Some(claims()));
    assert_eq!(at((NOW - 61) * 1000), None);
    assert_eq!(at(i64::MIN), None);
}

#[test]
fn a_token_made_by_hand_shows_that_the_tests_below_refuse_for_their_own_reason() {
    assert_eq!(verify(&header().to_string(), &payload().to_string()), Some(claims()));
}

#[test]
fn every_other_header_is_refused() {
    let payload = payload().to_string();
    for header in [
        with(header(), "alg", json!("none")),
        with(header(), "alg", json!("None")),
        with(header(), "alg", json!("HS384")),
        with(header(), "alg", json!("HS512")),
        with(header(), "alg", json!("RS256")),
        with(header(), "alg", json!("ES256")),
        with(header(), "alg", json!("EdDSA")),
        with(header(), "alg", json!("hs256")),
        with(header(), "alg", json!(["HS256"])),
        with(header(), "alg", Value::Null),
        with(header(), "kid", json!("session-2")),
        with(header(), "kid", json!("../../dev/null")),
        with(header(), "kid", json!("' or 1=1")),
        with(header(), "kid", json!(1)),
        with(header(), "kid", Value::Null),
        with(header(), "typ", json!("at+jwt")),
        with(header(), "typ", json!("jwt")),
        with(header(), "typ", Value::Null),
        with(header(), "crit", json!(["exp"])),
        with(header(), "b64", json!(false)),
        with(header(), "zip", json!("DEF")),
        with(header(), "jku", json!("https://evil.example/jwks")),
        with(header(), "jwk", json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(KEY) })),
        with(header(), "x5u", json!("https://evil.example/cert")),
        with(header(), "nonce", json!("")),
        r#"{"typ":"JWT","alg":"none","alg":"HS256","kid":"session-1"}"#.to_owned(),
        r#"{"typ":"JWT","alg":"HS256","kid":"session-2","kid":"session-1"}"#.to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ] {
        assert_eq!(verify(&header, &payload), None, "{header}");
    }
}

#[test]
fn every_other_claim_is_refused() {
    let header = header().to_string();
    let claims = claims();
    let twice = payload().to_string().replacen('{', &format!("{{\"exp\":{},", NOW + 9), 1);
    for payload in [
        with(payload(), "exp", json!((NOW + 3600).to_string())),
        with(payload(), "exp", json!(NOW as f64 + 3600.5)),
        with(payload(), "exp", json!([NOW + 3600])),
        with(payload(), "exp", json!(true)),
        with(payload(), "exp", json!(NOW)),
        with(payload(), "exp", json!(NOW - 1)),
        with(payload(), "exp", json!(-1)),
        with(payload(), "exp", json!(u64::MAX)),
        with(payload(), "exp", json!(i64::MAX)),
        with(payload(), "exp", Value::Null),
        with(payload(), "iat", json!(NOW.to_string())),
        with(payload(), "iat", json!(NOW + 61)),
        with(payload(), "iat", json!(i64::MIN)),
        with(payload(), "iat", json!(NOW as f64 + 0.5)),
        with(payload(), "iat", Value::Null),
        with(payload(), "iss", json!("keystile2")),
        with(payload(), "iss", json!(["keystile"])),
        with(payload(), "iss", json!("")),
        with(payload(), "iss", Value::Null),
        with(payload(), "aud", json!("keystile")),
        with(payload(), "aud", json!(["keystile/session"])),
        with(payload(), "aud", json!(["keystile/session", "other"])),
        with(payload(), "aud", json!([])),
        with(payload(), "aud", Value::Null),
        with(payload(), "sub", json!(claims.session)),
        with(payload(), "sub", json!("admin")),
        with(payload(), "sub", json!(1)),
        with(payload(), "sub", Value::Null),
        with(payload(), "jti", json!(claims.user)),
        with(payload(), "jti", json!("")),
        with(payload(), "jti", Value::Null),
        with(payload(), "role", json!("owner")),
        with(payload(), "nbf", json!(0)),
        twice,
        "[]".to_owned(),
        "{}".to_owned(),
        String::new(),
    ] {
        assert_eq!(verify(&header, &payload), None, "{payload}");
    }
}

#[test]
fn another_key_and_a_damaged_token_are_refused() {
    let (head, body) = (header().to_string(), payload().to_string());
    let good = sign(&head, &body, &KEY);
    let unsigned = good.rsplit_once('.').expect("three parts").0;
    let mut bad = vec![
        sign(&head, &body, &[0x5b; 32]),
        sign(&head, &body, b""),
        sign(&head, &body, &[KEY.as_slice(), &[1]].concat()),
        unsigned.to_owned(),
        format!("{unsigned}."),
        format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode([0; 32])),
        format!("{good}="),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{good}"),
        format!(" {good}"),
        format!("Bearer {good}"),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        "ключ.ключ.ключ".to_owned(),
        "a".repeat(5000),
        with(payload(), "pad", json!("x".repeat(2000))),
    ];
    bad.extend((0..good.len()).map(|length| good.chars().take(length).collect()));
    // The last character carries bits that no byte needs: a lenient decoder would take several spellings for one.
    bad.extend((0..good.len()).map(|at| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    }));
    let last = ('A'..='Z').chain('a'..='z').chain('0'..='9').map(|last| {
        let mut text = good.clone();
        text.pop();
        text.push(last);
        text
    });
    bad.extend(last.filter(|text| *text != good));

    assert!(signer().verify(&good, now()).is_some());
    for token in bad {
        assert_eq!(signer().verify(&token, now()), None, "{token}");
    }
}

#[test]
fn a_signer_has_a_key_of_32_bytes() {
    for length in [0, 16, 31, 33] {
        assert!(SessionSigner::from_secret(&SecretValue::new(vec![7; length])).is_none());
    }
}

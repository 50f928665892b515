//! What a request's headers say: the key, the wishes, what may be passed on, and what is refused for them.

use http::header::{self, HeaderMap, HeaderName};
use model::{Code, Operation, Refusal};
use wire::Wishes;

use crate::Limits;

/// Where the SDKs put a key. More than one credential is a mistake or a trick: nothing is guessed.
const CREDENTIAL_HEADERS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// The one credential of a request, from whichever header the SDK uses.
pub fn credential(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut found: Option<String> = None;
    for name in &CREDENTIAL_HEADERS {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        let Some(token) = value.to_str().ok().and_then(|text| token(name, text)) else {
            return Err(invalid_api_key(&format!("the {name} header holds no usable key")));
        };
        // Some SDKs send the same key in two headers; the same header twice is nobody's honest request.
        let differs = found.as_deref().is_some_and(|other| other != token);
        if differs || values.next().is_some() {
            let public = "the request carries more than one key: send one";
            return Err(Refusal::new(Code::InvalidRequest, public));
        }
        found = Some(token.to_owned());
    }
    Ok(found)
}

fn token<'a>(name: &HeaderName, text: &'a str) -> Option<&'a str> {
    if *name != header::AUTHORIZATION {
        return Some(text.trim());
    }
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

pub fn invalid_api_key(why: &str) -> Refusal {
    let hint = "send a gateway key (ks_live_...) as \"Authorization: Bearer ...\"";
    Refusal::new(Code::InvalidApiKey, format!("{why}: {hint}"))
}

/// `x-keystile-*`: the same wishes as in the body's `routing`.
pub fn wishes(headers: &HeaderMap) -> Result<Wishes, Refusal> {
    let mut wishes = Wishes::default();
    for (name, value) in headers {
        let Some(wish) = name.as_str().strip_prefix("x-keystile-") else { continue };
        let Ok(value) = value.to_str() else {
            let public = format!("the header {name} is not plain text");
            return Err(Refusal::new(Code::InvalidRequest, public));
        };
        if headers.get_all(name).iter().nth(1).is_some() {
            let public = format!("the header {name} is given twice");
            return Err(Refusal::new(Code::InvalidRequest, public));
        }
        wishes.add_header(wish, value.trim())?;
    }
    Ok(wishes)
}

/// What of the caller's headers a provider may see: versions and betas of its API, nothing that names the caller.
pub fn forwarded(headers: &HeaderMap, operation: Operation) -> HeaderMap {
    let names: &[&'static str] = match operation {
        Operation::CountTokens | Operation::Messages => &["anthropic-beta", "anthropic-version"],
        Operation::Passthrough => &["anthropic-beta", "anthropic-version", "openai-beta"],
        Operation::Responses => &["openai-beta"],
        _ => &[],
    };
    let mut forwarded = HeaderMap::new();
    for &name in names {
        // Several `anthropic-beta` add up; what is long or odd is nobody's version.
        for value in headers.get_all(name) {
            let plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            if value.len() <= FORWARDED_BYTES_MAX && value.as_bytes().iter().all(plain) {
                forwarded.append(HeaderName::from_static(name), value.clone());
            }
        }
    }
    forwarded
}

const FORWARDED_BYTES_MAX: usize = 1024;

pub fn refuse_encoded(headers: &HeaderMap) -> Result<(), Refusal> {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Refusal::new(
            Code::InvalidRequest,
            "compressed request bodies are not accepted: send the JSON as it is",
        ));
    }
    Ok(())
}

pub fn refuse_oversized(headers: &HeaderMap, limits: &Limits) -> Result<(), Refusal> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > limits.body_bytes_max) {
        return Err(too_large(limits));
    }
    Ok(())
}

pub fn too_large(limits: &Limits) -> Refusal {
    Refusal::new(
        Code::RequestTooLarge,
        format!("the request body is larger than {} bytes", limits.body_bytes_max),
    )
}

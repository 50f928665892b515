//! Takes a request in by its head: which dialect, which credential, not too large. The body stays unread.

use http::header::{self, HeaderMap, HeaderName};
use model::{Code, Refusal, RequestId};

use crate::{Body, Limits, Raw};

/// A request whose head is in order.
pub struct Head {
    pub(crate) id: RequestId,
    pub(crate) dialect: Dialect,
    pub(crate) credential: Option<String>,
    pub(crate) body: Body,
}

/// The wire format the caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    OpenaiChat,
}

impl Dialect {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
        }
    }

    fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::OpenaiChat),
            _ => None,
        }
    }
}

pub fn accept(limits: &Limits, raw: Raw) -> Result<Head, Refusal> {
    let Some(dialect) = Dialect::of(raw.parts.uri.path()) else {
        return Err(Refusal::not_found());
    };
    let headers = &raw.parts.headers;
    let credential = credential(headers)?;
    refuse_wishes(headers)?;
    refuse_encoded(headers)?;
    refuse_oversized(headers, limits)?;
    Ok(Head { id: raw.id, dialect, credential, body: raw.body })
}

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

/// A wish that is not granted is refused: dropped silently, it might have been about whose data goes where.
fn refuse_wishes(headers: &HeaderMap) -> Result<(), Refusal> {
    let wish = headers.keys().find(|name| name.as_str().starts_with("x-keystile-"));
    let Some(name) = wish else { return Ok(()) };
    let public = format!("the header {name} is not supported by this version: use \"routing\"");
    Err(Refusal::new(Code::InvalidRequest, public))
}

fn refuse_encoded(headers: &HeaderMap) -> Result<(), Refusal> {
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

fn refuse_oversized(headers: &HeaderMap, limits: &Limits) -> Result<(), Refusal> {
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

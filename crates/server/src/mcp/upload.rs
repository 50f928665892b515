//! `/upload/{token}`: where a person pastes what an assistant must not see. The token is all that is asked for; what may be
//! done with it `control` knows.

mod page;

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use control::UploadPage;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use model::{Code, Refusal};
use percent_encoding::percent_decode_str;

use crate::ask::{Ask, Sent};
use crate::refused;

/// Looking uses nothing up: chats show what is behind a link before anybody follows it.
pub async fn show(ask: Ask, Path(token): Path<String>) -> Response {
    match ask.shared.control.upload(&token).await {
        Ok(wanted) => page::form(StatusCode::OK, &wanted, None),
        Err(refusal) => closed(&refusal),
    }
}

/// The page stays until a value is taken: one that is refused can be mended.
pub async fn take(ask: Ask, Path(token): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let control = &ask.shared.control;
    let wanted = match control.upload(&token).await {
        Ok(wanted) => wanted,
        Err(refusal) => return closed(&refusal),
    };
    let value = pasted(&headers, body).await;
    let taken = match value {
        Ok(value) => control.fulfil_upload(&token, value, ask.from()).await,
        Err(refusal) => Err(refusal),
    };
    match taken {
        Ok(()) => page::stored(&wanted),
        Err(refusal) if refusal.code == Code::NotFound => closed(&refusal),
        Err(refusal) => again(&wanted, &refusal),
    }
}

fn closed(refusal: &Refusal) -> Response {
    refused::log(refusal);
    let why = match refusal.code {
        Code::NotFound => "This link is unknown, was used or has expired. Ask for another.",
        _ => &refusal.public,
    };
    page::closed(refused::status(refusal), why)
}

fn again(wanted: &UploadPage, refusal: &Refusal) -> Response {
    refused::log(refusal);
    let mut response = page::form(refused::status(refusal), wanted, Some(&refusal.public));
    if let Some(seconds) = refusal.retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

const FORM: &str = "application/x-www-form-urlencoded";

async fn pasted(headers: &HeaderMap, body: Body) -> Result<String, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM)) {
        let public = format!("send the form as {FORM}, with the field \"value\"");
        return Err(Refusal::new(Code::InvalidRequest, public));
    }
    let sent = Sent::read(body).await?;
    value(sent.bytes()).ok_or_else(|| Refusal::invalid("value", "there is no value"))
}

/// The field as it was typed: a form ends lines in its own way, and a pasted text often ends in one too many.
fn value(form: &[u8]) -> Option<String> {
    let fields = std::str::from_utf8(form).ok()?.split('&');
    let (_, value) =
        fields.filter_map(|it| it.split_once('=')).find(|(name, _)| *name == "value")?;
    let spaced = value.replace('+', " ");
    let value = percent_decode_str(&spaced).decode_utf8().ok()?.replace("\r\n", "\n");
    let value = value.trim_end_matches('\n');
    (!value.is_empty()).then(|| value.to_owned())
}

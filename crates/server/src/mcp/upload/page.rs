//! What a person sees who was sent to paste a value: plain HTML, nothing that runs, nothing that is fetched, and never a
//! value. Knows no database.

use axum::body::Body;
use axum::response::Response;
use control::UploadPage;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// `problem` is why the value that was sent before is not kept.
pub fn form(status: StatusCode, wanted: &UploadPage, problem: Option<&str>) -> Response {
    let (workspace, name) = (escaped(&wanted.workspace), escaped(&wanted.name));
    let purpose = wanted.description.as_deref().map(|text| format!("<p>{}</p>\n", escaped(text)));
    let problem = problem.map(|text| format!("<p role=\"alert\"><b>{}</b></p>\n", escaped(text)));
    let body = format!(
        "<p>The value goes into the vault of the workspace <b>{workspace}</b>, as its secret <b>{name}</b>. \
         It is kept encrypted and shown to nobody, the assistant that asked for it included.</p>\n\
         {purpose}{problem}<form method=\"post\" autocomplete=\"off\">\n\
         <p><label for=\"value\">Value</label></p>\n<p>{field}</p>\n\
         <p><button>Store</button></p>\n</form>",
        purpose = purpose.unwrap_or_default(),
        problem = problem.unwrap_or_default(),
        field = if is_one_line(&wanted.name) { ONE_LINE } else { SEVERAL_LINES },
    );
    page(status, "Paste a secret", &body)
}

/// A provider's key is, so that the browser can hide it while it is typed.
fn is_one_line(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("provider_key_")
}

const ONE_LINE: &str =
    "<input id=\"value\" name=\"value\" type=\"password\" size=\"60\" required autofocus>";
const SEVERAL_LINES: &str = "<textarea id=\"value\" name=\"value\" rows=\"6\" cols=\"60\" required \
     autofocus spellcheck=\"false\"></textarea>";

pub fn stored(wanted: &UploadPage) -> Response {
    let (workspace, name) = (escaped(&wanted.workspace), escaped(&wanted.name));
    let body = format!(
        "<p>The workspace <b>{workspace}</b> has the new value of its secret <b>{name}</b>. This page \
         has done its work and can be closed.</p>"
    );
    page(StatusCode::OK, "Stored", &body)
}

/// With nothing to try again.
pub fn closed(status: StatusCode, why: &str) -> Response {
    page(status, "Nothing to paste here", &format!("<p>{}</p>", escaped(why)))
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} - Keystile</title>\n<h1>{title}</h1>\n{body}\n</html>\n"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The address of the page is a secret of its own while it works.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// Everything but our own words: names come from people, and problems from providers.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

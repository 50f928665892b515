//! Which operation a path means, whichever SDK wrote it. Knows no models and no providers.

use std::borrow::Cow;

use http::{Method, Uri};
use model::{Code, Dialect, Operation, Refusal};
use percent_encoding::percent_decode_str;

/// What the path says.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    pub operation: Operation,
    /// Gemini's routes name the model, and whether to stream.
    pub model: Option<String>,
    pub stream: bool,
    pub passthrough: Option<Passthrough>,
    pub query: Option<String>,
}

/// Anything else of one provider's.
#[derive(Debug, PartialEq, Eq)]
pub struct Passthrough {
    /// By any of its names.
    pub provider: String,
    /// Below the provider's base URL, with its leading slash, as it came.
    pub path: String,
}

impl Route {
    pub fn of(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let path = uri.path();
        let query = uri.query().map(str::to_owned);
        if let Some(rest) = path.strip_prefix("/passthrough/") {
            let passthrough = passthrough(rest)?;
            let operation = Operation::Passthrough;
            return Ok(Self {
                operation,
                model: None,
                stream: false,
                passthrough: Some(passthrough),
                query,
            });
        }
        if *method != Method::POST {
            let public = "this route has no such method";
            return Err(Refusal::new(Code::MethodNotAllowed, public));
        }
        let path = unmounted(path);
        if let Some(operation) = of_fixed(&path) {
            return Ok(Self { operation, model: None, stream: false, passthrough: None, query });
        }
        let (operation, stream, model) = of_gemini(&path).ok_or_else(Refusal::not_found)?;
        Ok(Self { operation, model: Some(model), stream, passthrough: None, query })
    }
}

/// The shape of errors that the caller of a path expects.
pub fn dialect_of(path: &str) -> Dialect {
    let unmounted = unmounted(path);
    if path.starts_with("/anthropic/") || unmounted.starts_with("/v1/messages") {
        return Dialect::Anthropic;
    }
    let google = path.starts_with("/genai/")
        || unmounted.starts_with("/v1beta/")
        || of_gemini(&unmounted).is_some();
    if google {
        return Dialect::Gemini;
    }
    if unmounted == "/v1/responses" { Dialect::Responses } else { Dialect::Chat }
}

/// The format of what is passed through, where its path is a conversation's.
pub fn conversation_at(path: &str) -> Option<Dialect> {
    let mounted = format!("/openai{path}");
    let path = unmounted(&mounted);
    let of_gemini = || of_gemini(&path).map(|(operation, ..)| operation);
    of_fixed(&path).or_else(of_gemini)?.dialect()
}

/// Without the prefix that some SDKs insist on. OpenAI's may leave out its version too.
fn unmounted(path: &str) -> Cow<'_, str> {
    // With the slash that it is read with.
    let below = |mount: &str| path.strip_prefix(mount).filter(|rest| rest.starts_with('/'));
    if let Some(rest) = below("/openai").or_else(|| below("/anthropic")) {
        return match rest.starts_with("/v1/") || rest.starts_with("/v1beta/") {
            true => Cow::Borrowed(rest),
            false => Cow::Owned(format!("/v1{rest}")),
        };
    }
    Cow::Borrowed(below("/genai").unwrap_or(path))
}

fn of_fixed(path: &str) -> Option<Operation> {
    Some(match path.strip_prefix("/v1/")? {
        "audio/speech" => Operation::Speech,
        "audio/transcriptions" => Operation::Transcriptions,
        "audio/translations" => Operation::Translations,
        "chat/completions" => Operation::ChatCompletions,
        "completions" => Operation::Completions,
        "embeddings" => Operation::Embeddings,
        "images/edits" => Operation::ImageEdits,
        "images/generations" => Operation::Images,
        "messages" => Operation::Messages,
        "messages/count_tokens" => Operation::CountTokens,
        "moderations" => Operation::Moderations,
        "rerank" => Operation::Rerank,
        "responses" => Operation::Responses,
        _ => return None,
    })
}

/// `/v1beta/models/{model}:verb`; the SDK's newest version writes `/v1/`. The model may hold slashes.
fn of_gemini(path: &str) -> Option<(Operation, bool, String)> {
    let rest = path.strip_prefix("/v1beta/").or_else(|| path.strip_prefix("/v1/"))?;
    let (model, verb) = rest.strip_prefix("models/")?.rsplit_once(':')?;
    let (operation, stream) = match verb {
        "batchEmbedContents" => (Operation::BatchEmbedContents, false),
        "countTokens" => (Operation::CountContentTokens, false),
        "embedContent" => (Operation::EmbedContent, false),
        "generateContent" => (Operation::GenerateContent, false),
        "streamGenerateContent" => (Operation::GenerateContent, true),
        _ => return None,
    };
    let model = percent_decode_str(model).decode_utf8().ok()?.into_owned();
    (!model.is_empty()).then_some((operation, stream, model))
}

/// A path is passed on only where everybody reads it alike: no dots that climb, no empty or encoded steps.
fn passthrough(rest: &str) -> Result<Passthrough, Refusal> {
    let (provider, path) = rest.split_once('/').unwrap_or((rest, ""));
    let provider = percent_decode_str(provider).decode_utf8_lossy().into_owned();
    let plain = path.split('/').all(|step| {
        let once = percent_decode_str(step).decode_utf8_lossy();
        let twice = percent_decode_str(&once).decode_utf8_lossy();
        !step.is_empty() && is_name(&once) && is_name(&twice) && !hides(step)
    });
    if !plain {
        let public = "the path behind the provider is empty, or has steps that are not plain names";
        return Err(Refusal::new(Code::InvalidRequest, public));
    }
    Ok(Passthrough { provider, path: format!("/{path}") })
}

/// Whether something is encoded that everybody writes plainly: another spelling of a route that is watched.
fn hides(step: &str) -> bool {
    let codes = step.split('%').skip(1);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    codes.filter_map(|code| u8::from_str_radix(code.get(..2)?, 16).ok()).any(plain)
}

/// What no server takes for a step elsewhere. Some read parameters behind a semicolon.
fn is_name(step: &str) -> bool {
    let name = step.split(';').next().unwrap_or_default();
    let leads_on = |letter: char| matches!(letter, '/' | '\\') || letter.is_control();
    !matches!(name, "." | "..") && !step.contains(leads_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, uri: &str) -> Option<(Operation, Option<String>, bool)> {
        let method = method.parse().expect("a method");
        let route = Route::of(&method, &uri.parse().expect("a URI")).ok()?;
        Some((route.operation, route.model, route.stream))
    }

    #[test]
    fn every_sdk_finds_its_route() {
        use Operation::{
            BatchEmbedContents, ChatCompletions, CountContentTokens, CountTokens, EmbedContent,
            Embeddings, GenerateContent, Messages, Responses,
        };
        let model = |name: &str| Some(name.to_owned());
        for (uri, operation, name, stream) in [
            ("/v1/chat/completions", ChatCompletions, None, false),
            ("/openai/v1/chat/completions", ChatCompletions, None, false),
            ("/openai/chat/completions", ChatCompletions, None, false),
            ("/openai/v1/embeddings", Embeddings, None, false),
            ("/v1/responses?x=1", Responses, None, false),
            ("/v1/messages?beta=true", Messages, None, false),
            ("/anthropic/v1/messages", Messages, None, false),
            ("/anthropic/v1/messages/count_tokens", CountTokens, None, false),
            ("/v1beta/models/g:generateContent", GenerateContent, model("g"), false),
            ("/v1/models/g:streamGenerateContent?alt=sse", GenerateContent, model("g"), true),
            (
                "/genai/v1beta/models/openai%2Fgpt-5:generateContent",
                GenerateContent,
                model("openai/gpt-5"),
                false,
            ),
            (
                "/genai/v1/models/openai/gpt-5:embedContent",
                EmbedContent,
                model("openai/gpt-5"),
                false,
            ),
            ("/v1beta/models/e:batchEmbedContents", BatchEmbedContents, model("e"), false),
            ("/v1beta/models/g:countTokens", CountContentTokens, model("g"), false),
        ] {
            assert_eq!(route("POST", uri), Some((operation, name, stream)), "{uri}");
        }
        for uri in
            ["/v1/chat", "/v1/models/g", "/v1/models/:generateContent", "/v2/embeddings", "/"]
        {
            assert_eq!(route("POST", uri), None, "{uri}");
        }
        assert_eq!(route("GET", "/v1/chat/completions"), None);
    }

    #[test]
    fn a_passed_through_path_cannot_climb() {
        let uri = |path: &str| format!("/passthrough/openai/{path}");

        assert!(route("DELETE", &uri("files/file-1")).is_some());
        for path in [
            "",
            "/",
            "a//b",
            "../x",
            "a/../b",
            "a/%2e%2e/b",
            "a%2Fb",
            "a/%5C",
            ".",
            "a/..;x/b",
            "a/%00",
            "a/%252e%252E/b",
            "a%252Fb",
            "%6Dodels/x",
            "a/%2Db",
        ] {
            assert_eq!(route("GET", &uri(path)), None, "{path}");
        }
    }

    #[test]
    fn a_conversation_that_is_passed_through_is_known_by_its_path() {
        for (path, dialect) in [
            ("/chat/completions", Some(Dialect::Chat)),
            ("/v1/responses", Some(Dialect::Responses)),
            ("/v1/messages", Some(Dialect::Anthropic)),
            ("/v1beta/models/x:streamGenerateContent", Some(Dialect::Gemini)),
            ("/v1/messages/batches", None),
            ("/files", None),
        ] {
            assert_eq!(conversation_at(path), dialect, "{path}");
        }
    }

    #[test]
    fn errors_take_the_shape_of_the_route() {
        for (path, dialect) in [
            ("/v1/chat/completions", Dialect::Chat),
            ("/v1/responses", Dialect::Responses),
            ("/v1/messages", Dialect::Anthropic),
            ("/v1/messages/count_tokens", Dialect::Anthropic),
            ("/anthropic/v1/anything", Dialect::Anthropic),
            ("/v1beta/models/x:generateContent", Dialect::Gemini),
            ("/v1/models/x:generateContent", Dialect::Gemini),
            ("/genai/v1/models", Dialect::Gemini),
            ("/v1/models", Dialect::Chat),
        ] {
            assert_eq!(dialect_of(path), dialect, "{path}");
        }
    }
}

//! The skin of the data plane: turns the framework's request into the gateway's and back. No rule lives here.

mod models;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use futures_util::TryFutureExt as _;
use gateway::{BoxError, Explanation, Raw, Reply, RequestReceipt, credential, handle, wishes};
use http::Method;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use model::{Refusal, RequestId};
use tracing::Instrument as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ok};
use crate::ask::Ask;
use crate::refused::{Passage, Refused};
use crate::shared::Shared;

/// One documented route for each operation; all of them are the same to the gateway, which reads the path itself.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident $path:literal)+) => {
        const OPERATIONS: &[&str] = &[$($path),+];

        $(
            $(#[doc = $doc])+
            #[utoipa::path(
                post,
                path = $path,
                tag = "inference",
                request_body = Object,
                responses((status = 200, body = Object))
            )]
            async fn $name(
                shared: State<Arc<Shared>>,
                id: Extension<RequestId>,
                request: Request,
            ) -> Result<Response, Refused> {
                inference(shared, id, request).await
            }
        )+

        fn documented() -> OpenApiRouter<Arc<Shared>> {
            OpenApiRouter::new()$(.routes(routes!($name)))+
        }
    };
}

operations! {
    /// Ask a model, in OpenAI's chat completions dialect
    chat_completions "/v1/chat/completions"
    /// Complete a text, as OpenAI's older models do
    completions "/v1/completions"
    /// Ask a model, in OpenAI's responses dialect
    responses "/v1/responses"
    /// Turn texts into vectors
    embeddings "/v1/embeddings"
    /// Judge texts and images by a provider's rules
    moderations "/v1/moderations"
    /// Make images
    images "/v1/images/generations"
    /// Change images; a form
    image_edits "/v1/images/edits"
    /// Speak a text
    speech "/v1/audio/speech"
    /// Write down what is said; a form
    transcriptions "/v1/audio/transcriptions"
    /// Write down in English what is said; a form
    translations "/v1/audio/translations"
    /// Order texts by how well they answer
    rerank "/v1/rerank"
    /// Ask a model, in Anthropic's messages dialect
    messages "/v1/messages"
    /// Count what a request in Anthropic's dialect would read; an estimate where the provider does not count
    count_tokens "/v1/messages/count_tokens"
}

/// Below these a request names a model, or an operation under a prefix that some SDKs insist on.
const BELOW: [&str; 5] = ["/v1/models/", "/v1beta/models/", "/openai/", "/anthropic/", "/genai/"];

const PASSTHROUGH: &str = "/passthrough/";

/// What the gateway is asked without the framework, which would lead there too, and takes its time. Paths that are spelled
/// in other than the usual ways are left to it.
pub fn goes_straight(method: &Method, path: &str) -> bool {
    let is_plain = |step: &str| !step.is_empty() && !step.starts_with('/') && !step.ends_with('/');
    let is_below = |above: &&str| path.strip_prefix(above).is_some_and(is_plain);
    let is_passed_through = || {
        let behind = path.strip_prefix(PASSTHROUGH).and_then(|rest| rest.split_once('/'));
        behind.is_some_and(|(provider, path)| is_plain(provider) && is_plain(path))
    };
    *method == Method::POST
        && !path.contains('%')
        && (OPERATIONS.contains(&path) || BELOW.iter().any(is_below) || is_passed_through())
}

/// A request that goes straight to the gateway, whose lines in the log name it themselves: a span for each would cost six
/// thousand instructions, and is there only for those who look closely.
pub async fn straight(request: http::Request<Incoming>, shared: Arc<Shared>) -> Reply {
    let (passage, request) = Passage::begin(request, &shared);
    let span = tracing::debug_span!("request", request.id = %passage.id);
    let answer = ask(&shared, passage.id, request).map_err(Arc::new);
    let answered = passage.guard(answer).instrument(span).await;
    let refuse = |refusal: Arc<Refusal>| passage.refuse(&refusal).map(full);
    passage.name(answered.unwrap_or_else(refuse))
}

async fn ask<B>(shared: &Shared, id: RequestId, request: http::Request<B>) -> Result<Reply, Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let body = body.map_err(Into::into).boxed_unsync();
    // Large: boxed before anything is wrapped around it, so that it is not moved about, and given back before an answer streams.
    let reply = Box::pin(handle(&shared.gateway, Raw { id, parts, body })).await;
    reply.inspect_err(|refusal| shared.gateway.metrics.refused(refusal.code.as_str()))
}

fn full(bytes: Vec<u8>) -> gateway::Body {
    Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
}

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    documented()
        .routes(routes!(gemini))
        .routes(routes!(explain))
        .routes(routes!(receipt))
        .merge(models::routes())
        // The same under the prefixes that some SDKs insist on, and whatever else a provider has.
        .route("/v1/models/{*model}", get(models::below).post(inference))
        .route("/v1beta/models/{model}", get(models::below))
        .route("/v1beta/models/{model}/{*rest}", get(models::below).post(inference))
        .route("/openai/{*path}", get(models::below).post(inference))
        .route("/anthropic/{*path}", get(models::below).post(inference))
        .route("/genai/{*path}", get(models::below).post(inference))
        .route("/passthrough/{provider}/{*path}", any(inference))
}

async fn inference(
    State(shared): State<Arc<Shared>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Refused> {
    Ok(ask(&shared, id, request).await?.map(Body::new))
}

/// Ask a model, in Gemini's dialect: `{model}:generateContent`, `:streamGenerateContent`, `:countTokens` or `:embedContent`
#[utoipa::path(
    post,
    path = "/v1beta/models/{model}",
    params(("model" = String, Path, description = "The model, a colon, and what it is to do")),
    tag = "inference",
    request_body = Object,
    responses((status = 200, body = Object))
)]
async fn gemini(
    shared: State<Arc<Shared>>,
    id: Extension<RequestId>,
    request: Request,
) -> Result<Response, Refused> {
    inference(shared, id, request).await
}

/// Say which providers and keys would be tried for a request, in which order, and why others would not; calls nobody
#[utoipa::path(
    post,
    path = "/v1/route:explain",
    tag = "inference",
    request_body = Object,
    responses((status = 200, body = Explanation))
)]
async fn explain(ask: Ask, request: Request) -> Answer {
    let gateway = &ask.shared.gateway;
    let (parts, body) = request.into_parts();
    let body = body.map_err(Into::into).boxed_unsync();
    let credential = credential(&parts.headers)?;
    let wishes = wishes(&parts.headers)?;
    let explained = gateway::explain(gateway, credential.as_deref(), wishes, body).await;
    ok(&explained?)
}

/// Show what became of a request: who answered, who paid, what was tried and what was used
#[utoipa::path(
    get,
    path = "/v1/requests/{id}",
    params(("id" = String, Path, description = "As in the header x-keystile-request-id")),
    tag = "inference",
    responses((status = 200, body = RequestReceipt))
)]
async fn receipt(ask: Ask, Path(id): Path<String>) -> Answer {
    let credential = ask.credential()?;
    ok(&gateway::receipt(&ask.shared.gateway, credential.as_deref(), &id).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rest;

    /// Calls nobody, and so is no call.
    const EXPLAIN: &str = "/v1/route:explain";

    #[test]
    fn what_is_documented_as_inference_goes_straight_and_nothing_else_does() {
        let (_, document) = routes().merge(rest::routes()).split_for_parts();
        let document = serde_json::to_value(document).expect("a document");
        let mut straight = 0;

        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let method: Method = method.to_uppercase().parse().expect("a method");
                let is_inference = operation["tags"] == Value::from(vec!["inference"])
                    && method == Method::POST
                    && path != EXPLAIN;
                let asked = path.replace(['{', '}'], "");
                assert_eq!(goes_straight(&method, &asked), is_inference, "{method} {path}");
                straight += usize::from(is_inference);
            }
        }

        assert_eq!(straight, OPERATIONS.len() + 1);
    }

    #[test]
    fn prefixes_lead_straight_and_odd_spellings_do_not() {
        for path in [
            "/openai/v1/chat/completions",
            "/openai/chat/completions",
            "/anthropic/v1/messages",
            "/genai/v1beta/models/g:streamGenerateContent",
            "/v1beta/models/openai/gpt-5:generateContent",
            "/v1/models/g:generateContent",
            "/passthrough/openai/v1/files",
        ] {
            assert!(goes_straight(&Method::POST, path), "{path}");
            assert!(!goes_straight(&Method::GET, path), "{path}");
        }
        for path in [
            "/v1/chat/completions/",
            "/v1/chat%2Fcompletions",
            "/v1/models/",
            "/v1/models//g:generateContent",
            "/v1beta/models/openai%2Fgpt-5:generateContent",
            "/openai/",
            "/openai",
            "/passthrough/openai",
            "/passthrough/openai/",
            "/passthrough//v1/files",
            "*",
            "",
        ] {
            assert!(!goes_straight(&Method::POST, path), "{path}");
        }
    }
}

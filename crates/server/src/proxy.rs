//! The skin of the data plane: turns the framework's request into the gateway's and back. No rule lives here.

mod models;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use gateway::{Explanation, Raw, Reply, RequestReceipt, credential, handle, wishes};
use http_body_util::BodyExt as _;
use model::{Refusal, RequestId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ok};
use crate::ask::Ask;
use crate::refused::Refused;
use crate::shared::Shared;

/// One documented route for each operation; all of them are the same to the gateway, which reads the path itself.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident $path:literal)+) => {
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
    let (parts, body) = request.into_parts();
    let body = body.map_err(Into::into).boxed_unsync();
    let raw = Raw { id, parts, body };
    answer(&shared, handle(&shared.gateway, raw).await)
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

fn answer(shared: &Shared, reply: Result<Reply, Refusal>) -> Result<Response, Refused> {
    match reply {
        Ok(reply) => Ok(reply.map(Body::new)),
        Err(refusal) => {
            shared.gateway.metrics.refused(refusal.code.as_str());
            Err(refusal.into())
        }
    }
}

//! `GET /v1/models` and its like: what the caller's keys reach, in the shape its SDK reads.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use gateway::{ReachableModel, credential, dialect_of, models_of_key, wishes};
use http::header::HeaderMap;
use model::{Dialect, Refusal};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ok};
use crate::refused::Refused;
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(google))
}

/// List the models that the gateway key can reach
#[utoipa::path(get, path = "/v1/models", tag = "inference", responses((status = 200, body = Object)))]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    ok(&listed(asked_in("/v1/models", &headers), &reachable(&shared, &headers).await?))
}

/// List the models that the gateway key can reach, as Google's SDK reads them
#[utoipa::path(get, path = "/v1beta/models", tag = "inference", responses((status = 200, body = Object)))]
async fn google(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    ok(&listed(Dialect::Gemini, &reachable(&shared, &headers).await?))
}

/// What is read below `/v1/models` or below a prefix: a model, lists of models, and nothing else.
pub async fn below(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Refused> {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let Some((_, name)) = path.split_once("/models") else {
        return Err(Refusal::not_found().into());
    };
    let models = reachable(&shared, request.headers()).await?;
    let dialect = asked_in(&path, request.headers());
    match name.strip_prefix('/') {
        None if name.is_empty() => ok(&listed(dialect, &models)),
        Some(name) if !name.is_empty() => ok(&found(dialect, name, &models)?),
        _ => Err(Refusal::not_found().into()),
    }
}

/// Anthropic's SDK asks at the same path as OpenAI's, and says who it is.
fn asked_in(path: &str, headers: &HeaderMap) -> Dialect {
    match dialect_of(path) {
        Dialect::Chat if headers.contains_key("anthropic-version") => Dialect::Anthropic,
        dialect => dialect,
    }
}

async fn reachable(shared: &Shared, headers: &HeaderMap) -> Result<Vec<ReachableModel>, Refusal> {
    let project = wishes(headers)?.project;
    models_of_key(&shared.gateway, credential(headers)?.as_deref(), project.as_deref()).await
}

fn found(dialect: Dialect, name: &str, models: &[ReachableModel]) -> Result<Value, Refusal> {
    let model = models.iter().find(|model| model.id == name || model.is_bare(name));
    model.map(|model| shown(dialect, model)).ok_or_else(Refusal::not_found)
}

fn listed(dialect: Dialect, models: &[ReachableModel]) -> Value {
    let shown: Vec<_> = models.iter().map(|model| shown(dialect, model)).collect();
    match dialect {
        Dialect::Anthropic => {
            let edge = |model: Option<&ReachableModel>| model.map(|model| model.id.clone());
            json!({
                "data": shown,
                "has_more": false,
                "first_id": edge(models.first()),
                "last_id": edge(models.last()),
            })
        }
        Dialect::Gemini => json!({ "models": shown }),
        Dialect::Chat | Dialect::Responses => json!({ "object": "list", "data": shown }),
    }
}

fn shown(dialect: Dialect, model: &ReachableModel) -> Value {
    let (id, owner) = (&model.id, model.provider.as_str());
    match dialect {
        Dialect::Anthropic => json!({
            "type": "model",
            "id": id,
            "display_name": id,
            // Unknown; the SDK insists on a date.
            "created_at": "1970-01-01T00:00:00Z",
        }),
        Dialect::Gemini => json!({
            "name": format!("models/{id}"),
            "displayName": id,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
        }),
        // `created` is unknown too.
        Dialect::Chat | Dialect::Responses => {
            json!({ "id": id, "object": "model", "created": 0, "owned_by": owner })
        }
    }
}

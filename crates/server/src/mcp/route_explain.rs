//! `route_explain`: what `POST /v1/route:explain` says, for an assistant. Calls no provider.

use bytes::Bytes;
use control::Caller;
use gateway::{explain, explain_for_workspace};
use http_body_util::{BodyExt as _, Full};
use model::{Refusal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::Wishes;

use super::Asked;
use crate::shared::Shared;

/// The words below are those that an assistant reads.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "Which request to explain.")]
pub struct RouteExplain {
    /// As a request would name it: "openai/gpt-5.4-mini", or "gpt-5.4-mini". Without one the settings decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// "chat_completions", which is what is meant without one, "messages", "responses", "generate_content", "embeddings", ...
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// Whether the answer is to be streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    /// As in a request: only_byok, only_platform, provider_key, fallback_models, data_policy, project.
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<Value>,
}

pub async fn route_explain(shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
    let wish: RouteExplain = asked.arguments.read()?;
    let principal = &asked.principal;
    let reader = principal.may(shared, Scope::Inference).await?;
    let body = Bytes::from(serde_json::to_vec(&wish).map_err(Refusal::internal)?);
    let gateway = &shared.gateway;
    let explanation = match principal.caller {
        Caller::Key(_) => {
            let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
            let key = Some(principal.credential.as_str());
            explain(gateway, key, Wishes::default(), body).await?
        }
        Caller::Person(_) => explain_for_workspace(gateway, reader.workspace(), body).await?,
    };
    serde_json::to_value(explanation).map_err(Refusal::internal)
}

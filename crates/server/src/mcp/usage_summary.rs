//! `usage_summary`: what `GET /v1/workspaces/{workspace}/usage` says, for an assistant.

use control::UsageWish;
use model::{Refusal, Scope};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Asked;
use crate::shared::Shared;

/// The words below are those that an assistant reads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "Which usage to add up.")]
pub struct UsageSummary {
    /// "day", which is what is meant without one, "hour", "model", "provider", "provider_key", "gateway_key", "project", "payer".
    group_by: Option<String>,
    /// A day like 2026-03-20 or a time like 2026-03-20T10:00:00Z. Without one, 30 days before the end.
    from: Option<String>,
    /// The end, which is not included. Without one, now.
    to: Option<String>,
    /// Only this model, by the provider's name of it.
    model: Option<String>,
    /// Only this provider.
    provider: Option<String>,
    /// Only this provider key, by id.
    provider_key: Option<String>,
    /// Only this gateway key, by id.
    gateway_key: Option<String>,
    /// Only this project, by id.
    project: Option<String>,
    /// Only what own keys paid ("byok"), or the operator's ("platform").
    payer: Option<String>,
}

pub async fn usage_summary(shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
    let asked_for: UsageSummary = asked.arguments.read()?;
    let reader = asked.principal.may(shared, Scope::ReadUsage).await?;
    let wish = UsageWish {
        from: asked_for.from,
        to: asked_for.to,
        group_by: asked_for.group_by,
        gateway_key: asked_for.gateway_key,
        model: asked_for.model,
        payer: asked_for.payer,
        project: asked_for.project,
        provider: asked_for.provider,
        provider_key: asked_for.provider_key,
        format: None,
    };
    let usage = shared.control.usage(&reader, &wish).await?;
    serde_json::to_value(usage).map_err(Refusal::internal)
}

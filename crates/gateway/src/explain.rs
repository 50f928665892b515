//! What would be tried for a request, in which order, and why others would not be: the plan, and nobody called.

use bytes::Bytes;
use model::settings::FallbackCause;
use model::{DataPolicy, Operation, ProviderKeyId, Refusal, Usage, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wire::{Request, Shape, Wishes};

use crate::asked::{Asked, BYTES_PER_TOKEN, Pricing};
use crate::authenticate::{identify, workspace};
use crate::authorize::{Rates, act};
use crate::parse::{read, usual_model, wanted};
use crate::plan::{Candidate, Exclusion, Payer, Reason, Standing, World, plan_for};
use crate::{Body, Gateway};

/// A plan in the open.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    /// As the request writes it; absent where it leaves that to the settings.
    pub model: Option<String>,
    pub operation: Operation,
    pub stream: bool,
    /// In the order they would be tried.
    pub candidates: Vec<ExplainedCandidate>,
    /// What was considered and left out.
    pub exclusions: Vec<ExplainedExclusion>,
    /// What the request would be answered without a candidate.
    pub refusal: Option<ExplainedRefusal>,
}

#[derive(Serialize, ToSchema)]
pub struct ExplainedCandidate {
    pub provider: String,
    /// As the provider knows it.
    pub model: String,
    /// What of the provider's would be called.
    pub operation: Operation,
    /// Whether the request would be translated for it.
    pub translated: bool,
    /// Null for the operator's, which nobody else can name.
    pub provider_key: Option<ProviderKeyId>,
    pub payer: Payer,
    /// How many models come before this one; 0 is the one that is wanted.
    pub fallback: usize,
    /// Of a platform key behind own ones: what must become of all of those for it to answer.
    pub after: Vec<FallbackCause>,
    pub data_policy: DataPolicy,
    /// Of the input, by its bytes, and of the output limit where one is set; null where no price is known.
    pub estimated_cost_micro_usd: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct ExplainedExclusion {
    pub provider: Option<String>,
    /// Absent where it holds for every key, and for the operator's.
    pub provider_key: Option<ProviderKeyId>,
    pub model: String,
    #[serde(flatten)]
    pub reason: Reason,
    pub message: String,
}

#[derive(Serialize, ToSchema)]
pub struct ExplainedRefusal {
    pub code: &'static str,
    pub message: String,
}

pub async fn explain(
    gw: &Gateway,
    credential: Option<&str>,
    wishes: Wishes,
    body: Body,
) -> Result<Explanation, Refusal> {
    let caller = identify(gw, credential).await?;
    let asked = asked(read(gw, body).await?, wishes)?;
    let acting = act(caller, asked.wishes.project.as_deref())?;
    Rates::count(&gw.rates, &acting).await?;
    Ok(explained(&World::of(gw).await?, &Standing::of(&acting)?, asked))
}

/// The same for a person in a workspace.
pub async fn explain_for_workspace(
    gw: &Gateway,
    id: WorkspaceId,
    body: Bytes,
) -> Result<Explanation, Refusal> {
    let asked = asked(body, Wishes::default())?;
    let workspace = workspace(gw, id).await?.ok_or_else(Refusal::not_found)?;
    let project = asked.wishes.project.clone();
    let standing = Standing::of_workspace(&workspace, project.as_deref())?;
    Ok(explained(&World::of(gw).await?, &standing, asked))
}

/// Any body for inference, and the operation it is meant for.
fn asked(body: Bytes, wishes: Wishes) -> Result<Asked<'static>, Refusal> {
    let mut request = Request::parse(body.clone(), SHAPE)?;
    let (model, wished) = wanted(&mut request)?;
    let about: About = serde_json::from_slice(&body).map_err(|_| no_such_operation())?;
    let operation = about.operation.unwrap_or(Operation::ChatCompletions);
    if operation == Operation::Passthrough {
        return Err(no_such_operation());
    }
    Ok(Asked {
        operation,
        model: model.or_else(|| usual_model(operation)),
        stream: request.stream,
        wishes: wished.and(wishes)?,
        passthrough: None,
        body_bytes: body.len(),
        output_tokens_max: about.output_tokens_max(),
        pricing: Pricing::of(operation),
    })
}

/// Of every operation at once: what one of them does not have is absent.
const SHAPE: Shape = Shape { model: true, stream: true, stream_options: false };

/// What a body says beside its model and wishes.
#[derive(Deserialize)]
struct About {
    operation: Option<Operation>,
    max_tokens: Option<Value>,
    max_completion_tokens: Option<Value>,
    max_output_tokens: Option<Value>,
}

impl About {
    fn output_tokens_max(&self) -> Option<u64> {
        let limits = [&self.max_completion_tokens, &self.max_output_tokens, &self.max_tokens];
        limits.into_iter().flatten().find_map(Value::as_u64)
    }
}

fn no_such_operation() -> Refusal {
    let names = Operation::ALL.into_iter().filter(|it| *it != Operation::Passthrough);
    let names: Vec<_> = names.map(Operation::as_str).collect();
    Refusal::invalid("operation", format!("`operation` must be one of {}", names.join(", ")))
}

fn explained(world: &World<'_>, standing: &Standing<'_>, asked: Asked<'_>) -> Explanation {
    let mut explanation = Explanation {
        model: asked.model.clone(),
        operation: asked.operation,
        stream: asked.stream,
        candidates: Vec::new(),
        exclusions: Vec::new(),
        refusal: None,
    };
    let plan = match plan_for(world, standing, &asked) {
        Ok(plan) => plan,
        Err(refusal) => return Explanation { refusal: Some(refusal.into()), ..explanation },
    };
    // Where nobody counts, we estimate.
    let is_answered_here = asked.operation.only_counts() && plan.is_unspoken();
    if plan.attempts.is_empty() && !is_answered_here {
        explanation.refusal = Some(plan.refusal(standing.workspace.id).into());
    }
    let candidates = plan.attempts.iter();
    explanation.candidates = candidates.map(|it| candidate(world, &asked, it)).collect();
    explanation.exclusions = plan.exclusions.into_iter().map(Into::into).collect();
    explanation
}

fn candidate(
    world: &World<'_>,
    asked: &Asked<'_>,
    candidate: &Candidate<'_>,
) -> ExplainedCandidate {
    let Candidate { provider, key, way, .. } = candidate;
    ExplainedCandidate {
        provider: provider.id.to_string(),
        model: candidate.model.clone(),
        operation: way.operation,
        translated: way.operation != asked.operation,
        provider_key: (candidate.payer == Payer::Byok).then_some(key.row.id),
        payer: candidate.payer,
        fallback: candidate.rank,
        after: candidate.only_after.clone(),
        data_policy: key.promises(provider),
        estimated_cost_micro_usd: estimate(world, candidate, asked),
    }
}

fn estimate(world: &World<'_>, candidate: &Candidate<'_>, asked: &Asked<'_>) -> Option<i64> {
    if asked.pricing == Pricing::Free {
        return Some(0);
    }
    let input = u64::try_from(asked.body_bytes.div_ceil(BYTES_PER_TOKEN)).ok();
    let output = Some(asked.output_tokens_max.unwrap_or_default());
    let usage = Usage { input_tokens: input, output_tokens: output, ..Usage::default() };
    candidate.tariff.as_ref()?.cost(&usage, world.now).map(|cost| cost.rounded().0)
}

impl From<Exclusion> for ExplainedExclusion {
    fn from(exclusion: Exclusion) -> Self {
        Self {
            message: exclusion.message(),
            provider: exclusion.provider.map(|id| id.to_string()),
            provider_key: exclusion.key,
            model: exclusion.model,
            reason: exclusion.reason,
        }
    }
}

impl From<Refusal> for ExplainedRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code.as_str(), message: refusal.public }
    }
}

#[cfg(test)]
mod tests;

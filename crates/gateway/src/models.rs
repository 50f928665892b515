//! What can be asked for: the models that a caller's keys can reach, allow-lists applied. Asks no provider.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use model::catalogue::ModelKind;
use model::{ProjectId, ProviderId, Refusal, Scope, WorkspaceId};
use wire::openai::render::{ListedModel, model_list};

use crate::accept::credential;
use crate::authenticate::{identify, workspace};
use crate::authorize::require_scope;
use crate::directory::WorkspaceEntry;
use crate::plan::reaches;
use crate::stream::full;
use crate::{Gateway, Reply};

/// A model by the name that reaches it.
pub struct ReachableModel {
    pub id: String,
    pub provider: ProviderId,
}

/// `GET /v1/models`
pub async fn list_models(gw: &Gateway, parts: &Parts) -> Result<Reply, Refusal> {
    let models = models_of_key(gw, credential(&parts.headers)?.as_deref()).await?;
    let listed =
        models.iter().map(|model| ListedModel { id: &model.id, owned_by: model.provider.as_str() });
    let mut reply = http::Response::new(full(Bytes::from(model_list(listed))));
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(reply)
}

/// What a gateway key may ask for.
pub async fn models_of_key(
    gw: &Gateway,
    credential: Option<&str>,
) -> Result<Vec<ReachableModel>, Refusal> {
    let caller = identify(gw, credential).await?;
    require_scope(&caller, Scope::Inference)?;
    let mut models = reachable(gw, &caller.workspace, caller.project());
    models.retain(|(provider, name)| caller.allows_model(provider, name));
    Ok(named(models))
}

/// What a workspace's keys reach from its default project.
pub async fn models_of_workspace(
    gw: &Gateway,
    id: WorkspaceId,
) -> Result<Vec<ReachableModel>, Refusal> {
    let workspace = workspace(gw, id).await?.ok_or_else(Refusal::not_found)?;
    Ok(named(reachable(gw, &workspace, workspace.default_project)))
}

fn reachable<'a>(
    gw: &'a Gateway,
    workspace: &WorkspaceEntry,
    project: ProjectId,
) -> Vec<(&'a ProviderId, &'a str)> {
    let mut models = Vec::new();
    for provider in gw.catalogue.providers() {
        if provider.chat.is_none() {
            continue;
        }
        let chat = gw.catalogue.models(&provider.id).filter(|(_, m)| m.kind == ModelKind::Chat);
        let names = chat.map(|(name, _)| name);
        let reached = names.filter(|name| reaches(workspace, project, provider, name));
        models.extend(reached.map(|name| (&provider.id, name)));
    }
    models
}

fn named(models: Vec<(&ProviderId, &str)>) -> Vec<ReachableModel> {
    let name = |(provider, name): (&ProviderId, &str)| ReachableModel {
        id: format!("{provider}/{name}"),
        provider: provider.clone(),
    };
    models.into_iter().map(name).collect()
}

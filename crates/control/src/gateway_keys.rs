//! The keys applications use: shown once, stored as a hash, out the moment they are revoked.

use model::{
    Code, GatewayKeyId, ProjectId, Refusal, Role, Scope, ScopeSet, Timestamp, UserId, WorkspaceId,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workspace::{GatewayKeyRow, NewGatewayKey};
use store::{Change, ChangeKind};
use vault::{GatewayToken, TokenHash};

use crate::{Control, Reader, fields, storage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateGatewayKey {
    pub name: String,
    #[serde(default)]
    pub scopes: Option<ScopeSet>,
    #[serde(default)]
    pub allowed_models: Option<Vec<String>>,
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
pub struct GatewayKeyView {
    pub id: GatewayKeyId,
    pub workspace_id: WorkspaceId,
    pub project_id: Option<ProjectId>,
    pub user_id: UserId,
    pub name: String,
    pub key_prefix: String,
    pub scopes: ScopeSet,
    pub allowed_models: Option<Vec<String>>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Serialize)]
pub struct NewGatewayKeyView {
    /// Shown this once.
    pub key: String,
    #[serde(flatten)]
    pub view: GatewayKeyView,
}

const ALLOWED_MODELS_MAX: usize = 1000;

impl Control {
    /// Of a project, or with none of the whole workspace. Members may make their own for a project, for inference and
    /// for reading usage.
    pub async fn create_gateway_key(
        &self,
        reader: &Reader,
        project: Option<ProjectId>,
        input: CreateGatewayKey,
    ) -> Result<NewGatewayKeyView, Refusal> {
        let name = fields::name("name", &input.name)?;
        let scopes = input.scopes.unwrap_or_else(|| default_scopes(project));
        refuse_forbidden(reader, project, &scopes)?;
        if let Some(models) = &input.allowed_models {
            self.check_models(models)?;
        }
        let now = self.clock.now();
        if input.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Refusal::invalid("expires_at", "expires_at lies in the past"));
        }
        let token = GatewayToken::generate(&*self.random);
        let key = NewGatewayKey {
            id: GatewayKeyId::new(&*self.clock, &*self.random),
            project,
            owner: reader.user(),
            name,
            token_hash: token.hash(&self.pepper).as_bytes().to_vec(),
            shown: token.shown(),
            scopes,
            allowed_models: input.allowed_models,
            expires_at: input.expires_at,
            created_at: now,
        };
        let workspace = reader.workspace();
        let mut write = self.store.write().await.map_err(storage)?;
        write.workspace(workspace).insert_gateway_key(&key).await.map_err(storage)?;
        let detail = json!({ "name": key.name, "key_prefix": key.shown, "scopes": key.scopes });
        write.audit(reader.actor(), Some(workspace), "gateway_key.created", key.id, detail);
        write.changed(changed(workspace, &key.token_hash)?);
        write.commit(now).await.map_err(storage)?;
        let view = GatewayKeyView {
            id: key.id,
            workspace_id: workspace,
            project_id: key.project,
            user_id: key.owner,
            name: key.name,
            key_prefix: key.shown,
            scopes: key.scopes,
            allowed_models: key.allowed_models,
            expires_at: key.expires_at,
            revoked_at: None,
            created_at: now,
        };
        Ok(NewGatewayKeyView { key: token.expose().to_owned(), view })
    }

    pub async fn gateway_keys(
        &self,
        reader: &Reader,
        project: Option<ProjectId>,
    ) -> Result<Vec<GatewayKeyView>, Refusal> {
        let rows = self.store.workspace(reader.workspace()).gateway_keys(project).await;
        Ok(rows.map_err(storage)?.into_iter().map(view).collect())
    }

    /// Out on the next request. Members may revoke what they own.
    pub async fn revoke_gateway_key(
        &self,
        reader: &Reader,
        project: Option<ProjectId>,
        id: &str,
    ) -> Result<(), Refusal> {
        let id: GatewayKeyId = id.parse().map_err(|_| Refusal::not_found())?;
        if !reader.role().may_write() {
            let keys = self.gateway_keys(reader, project).await?;
            let own = keys.iter().any(|key| key.id == id && key.user_id == reader.user());
            if !own {
                let public = "members may revoke only the keys they own";
                return Err(Refusal::new(Code::ForbiddenRole, public));
            }
        }
        let now = self.clock.now();
        let workspace = reader.workspace();
        let mut write = self.store.write().await.map_err(storage)?;
        let revoked = write.workspace(workspace).revoke_gateway_key(project, id, now).await;
        let hash = revoked.map_err(storage)?.ok_or_else(Refusal::not_found)?;
        write.audit(reader.actor(), Some(workspace), "gateway_key.revoked", id, json!({}));
        write.changed(changed(workspace, &hash)?);
        write.commit(now).await.map_err(storage)
    }

    fn check_models(&self, models: &[String]) -> Result<(), Refusal> {
        if models.len() > ALLOWED_MODELS_MAX {
            let public = format!("allowed_models may name at most {ALLOWED_MODELS_MAX} models");
            return Err(Refusal::invalid("allowed_models", public));
        }
        let unusable =
            models.iter().any(|text| model::ModelRef::parse(text, &self.catalogue).is_none());
        if unusable {
            let public = "allowed_models holds an entry that is no model name";
            return Err(Refusal::invalid("allowed_models", public));
        }
        Ok(())
    }
}

fn default_scopes(project: Option<ProjectId>) -> ScopeSet {
    match project {
        Some(_) => ScopeSet::Only(vec![Scope::Inference]),
        None => ScopeSet::Everything,
    }
}

/// What a member's own key may do.
const MEMBERS_SCOPES: [Scope; 2] = [Scope::Inference, Scope::ReadUsage];

fn refuse_forbidden(
    reader: &Reader,
    project: Option<ProjectId>,
    scopes: &ScopeSet,
) -> Result<(), Refusal> {
    if reader.role() != Role::Member {
        return Ok(());
    }
    let modest = matches!(
        scopes,
        ScopeSet::Only(scopes) if scopes.iter().all(|scope| MEMBERS_SCOPES.contains(scope))
    );
    if project.is_some() && modest {
        return Ok(());
    }
    let public =
        "members may make keys for a project only, with the scopes inference and read:usage";
    Err(Refusal::new(Code::ForbiddenRole, public))
}

fn changed(workspace: WorkspaceId, hash: &[u8]) -> Result<Change, Refusal> {
    let hash = TokenHash::from_bytes(hash);
    let hash = hash.ok_or_else(|| Refusal::internal("a token hash of the wrong length"))?;
    let kind = ChangeKind::GatewayKey;
    Ok(Change { kind, workspace: Some(workspace), subject: hash.to_string() })
}

fn view(row: GatewayKeyRow) -> GatewayKeyView {
    GatewayKeyView {
        id: row.id,
        workspace_id: row.workspace,
        project_id: row.project,
        user_id: row.owner,
        name: row.name,
        key_prefix: row.shown,
        scopes: row.scopes,
        allowed_models: row.allowed_models,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        created_at: row.created_at,
    }
}

//! The keys applications use: shown once, stored as a hash, out the moment they are revoked.

mod authority;
mod change;

use model::{
    GatewayKeyId, KeyPolicy, ProjectId, Refusal, Scope, ScopeSet, Timestamp, UserId, WorkspaceId,
};
use serde::Serialize;
use serde_json::json;
use store::workspace::GatewayKeyRow;
use store::{Change, ChangeKind};
use utoipa::ToSchema;
use vault::{GatewayToken, TokenHash};

use crate::models::Models;
use crate::patch::{apply, take};
use crate::unit::Unit;
use crate::{Control, Once, Page, PageWish, Patch, Reader, Versioned, fields};

pub use change::RotateGatewayKey;

/// What a request may say of a gateway key. Creating one needs a name; changing one needs nothing.
#[derive(Serialize, ToSchema)]
pub struct GatewayKeyFields {
    pub name: Option<String>,
    /// A project's key: `["inference"]` unless said otherwise; a workspace's: `["*"]`.
    pub scopes: Option<ScopeSet>,
    pub expires_at: Option<Timestamp>,
    #[serde(flatten)]
    pub policy: KeyPolicy,
}

#[derive(Serialize, ToSchema)]
pub struct GatewayKeyView {
    pub id: GatewayKeyId,
    pub workspace_id: WorkspaceId,
    /// Absent for a key of the whole workspace.
    pub project_id: Option<ProjectId>,
    /// Whose key it is.
    pub user_id: UserId,
    pub name: String,
    pub key_prefix: String,
    pub scopes: ScopeSet,
    #[serde(flatten)]
    pub policy: KeyPolicy,
    pub expires_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct NewGatewayKeyView {
    /// Shown this once.
    pub key: String,
    #[serde(flatten)]
    pub view: GatewayKeyView,
}

impl Control {
    /// Of a project, or with none of the whole workspace.
    pub async fn create_gateway_key(
        &self,
        reader: &Reader,
        input: Patch,
        once: Option<&Once>,
    ) -> Result<NewGatewayKeyView, Refusal> {
        let mut input = input;
        let project = reader.project();
        let name = take::<Option<String>>(&mut input, "name")?.flatten();
        let name = name.ok_or_else(|| Refusal::invalid("name", "the key needs a name"))?;
        let name = fields::name("name", &name)?;
        let scopes = take::<Option<ScopeSet>>(&mut input, "scopes")?.flatten();
        let scopes = scopes.unwrap_or_else(|| default_scopes(project));
        let expires_at = take::<Option<Timestamp>>(&mut input, "expires_at")?.flatten();
        let policy = apply(&KeyPolicy::default(), input)?;
        self.check_key(&scopes, expires_at, &policy)?;
        self.authority(reader).await?.may_create(&scopes)?;

        let token = GatewayToken::generate(&*self.random);
        let mut unit = self.unit(reader).await?;
        let row = GatewayKeyRow {
            id: GatewayKeyId::new(&*self.clock, &*self.random),
            workspace: reader.workspace(),
            project,
            owner: reader.user(),
            name,
            token_hash: token.hash(&self.pepper).as_bytes().to_vec(),
            previous: None,
            shown: token.shown(),
            scopes,
            policy,
            version: 1,
            expires_at,
            blocked_at: None,
            revoked_at: None,
            created_at: unit.now(),
        };
        unit.rows().insert_gateway_key(&row).await?;
        forget(&mut unit, &row)?;
        let detail = json!({ "name": row.name, "key_prefix": row.shown, "scopes": row.scopes });
        let view = view(row);
        unit.remember(once, &view).await?;
        unit.commit("gateway_key.created", view.id, detail).await?;
        Ok(NewGatewayKeyView { key: token.expose().to_owned(), view })
    }

    pub async fn gateway_keys(
        &self,
        reader: &Reader,
        wish: PageWish,
    ) -> Result<Page<GatewayKeyView>, Refusal> {
        let workspace = self.store.workspace(reader.workspace());
        let rows = workspace.gateway_keys(reader.project(), wish.after(), wish.rows()).await?;
        Ok(wish.page(rows, |row| row.id.to_string(), view))
    }

    pub async fn gateway_key(
        &self,
        reader: &Reader,
        id: &str,
    ) -> Result<Versioned<GatewayKeyView>, Refusal> {
        let row = self.store.workspace(reader.workspace()).gateway_key(parse(id)?).await?;
        let row = row.filter(|row| row.project == reader.project());
        row.map(versioned).ok_or_else(Refusal::not_found)
    }

    fn check_key(
        &self,
        scopes: &ScopeSet,
        expires_at: Option<Timestamp>,
        policy: &KeyPolicy,
    ) -> Result<(), Refusal> {
        if matches!(scopes, ScopeSet::Only(scopes) if scopes.is_empty()) {
            return Err(Refusal::invalid("scopes", "a key without scopes can do nothing"));
        }
        if expires_at.is_some_and(|expiry| expiry <= self.clock.now()) {
            return Err(Refusal::invalid("expires_at", "expires_at lies in the past"));
        }
        fields::limits(policy.spend_cap_micro_usd, policy.rpm_limit, policy.tpm_limit)?;
        self.check_models(&Models::from(policy))
    }
}

fn default_scopes(project: Option<ProjectId>) -> ScopeSet {
    match project {
        Some(_) => ScopeSet::Only(vec![Scope::Inference]),
        None => ScopeSet::Everything,
    }
}

fn parse(id: &str) -> Result<GatewayKeyId, Refusal> {
    id.parse().map_err(|_| Refusal::not_found())
}

/// Out of every cache, under every hash it has.
fn forget(unit: &mut Unit, row: &GatewayKeyRow) -> Result<(), Refusal> {
    for hash in row.hashes() {
        let hash = TokenHash::from_bytes(hash);
        let hash = hash.ok_or_else(|| Refusal::internal("a token hash of the wrong length"))?;
        let kind = ChangeKind::GatewayKey;
        let workspace = Some(row.workspace);
        unit.changed(Change { kind, workspace, subject: hash.to_string() });
    }
    Ok(())
}

fn versioned(row: GatewayKeyRow) -> Versioned<GatewayKeyView> {
    Versioned { version: row.version, view: view(row) }
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
        policy: row.policy,
        expires_at: row.expires_at,
        blocked_at: row.blocked_at,
        revoked_at: row.revoked_at,
        created_at: row.created_at,
    }
}

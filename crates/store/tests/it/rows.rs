//! Rows for tests that need some: plain ones, each with an id of its own.

use model::{
    BaseUrl, GatewayKeyId, KeyPolicy, KeyVersion, ProjectId, ProviderId, ProviderKeyId, ScopeSet,
    Sealed, Settings, UserId, WorkspaceId,
};
use store::Store;
use store::system::UserRow;
use store::workspace::{
    GatewayKeyRow, Health, ProjectRow, ProviderKeyRow, Validation, WorkspaceRow,
};

use crate::place::Place;

/// A workspace with its project and its owner, committed.
#[derive(Clone, Copy)]
pub struct Tenant {
    pub workspace: WorkspaceId,
    pub project: ProjectId,
    pub user: UserId,
}

impl Place {
    pub fn workspace_id(&self) -> WorkspaceId {
        WorkspaceId::new(&self.clock, &self.random)
    }

    pub async fn tenant(&self, store: &Store) -> Tenant {
        let user = self.user(&format!("{}@example.com", self.random.next()));
        let project = self.project("default");
        let workspace = self.workspace_id();
        let mut write = store.write().await.expect("a write");
        write.insert_user(&user).await.expect("a user");
        write.insert_workspace(&self.workspace_row(workspace)).await.expect("a workspace");
        let mut inside = write.workspace(workspace);
        inside.insert_project(&project).await.expect("a project");
        inside.insert_member(user.id, model::Role::Owner, self.now()).await.expect("a member");
        self.commit(write).await;
        Tenant { workspace, project: project.id, user: user.id }
    }

    pub fn user(&self, email: &str) -> UserRow {
        UserRow {
            id: UserId::new(&self.clock, &self.random),
            email: email.to_owned(),
            password_hash: "$argon2id$".to_owned(),
            is_operator: false,
            created_at: self.now(),
        }
    }

    pub fn project(&self, name: &str) -> ProjectRow {
        let id = ProjectId::new(&self.clock, &self.random);
        ProjectRow {
            id,
            name: name.to_owned(),
            settings: Settings::default(),
            version: 1,
            created_at: self.now(),
        }
    }

    pub fn workspace_row(&self, id: WorkspaceId) -> WorkspaceRow {
        WorkspaceRow {
            id,
            name: "acme".to_owned(),
            plan: "self_hosted".to_owned(),
            settings: Settings::default(),
            version: 1,
            salt: vec![7; 32],
            created_at: self.now(),
        }
    }

    /// Sealed by version 1, every optional column empty.
    pub fn provider_key(&self, provider: &ProviderId) -> ProviderKeyRow {
        ProviderKeyRow {
            id: ProviderKeyId::new(&self.clock, &self.random),
            project: None,
            provider: provider.to_string(),
            name: None,
            label: None,
            base_url: None,
            origin: "https://api.example.com".to_owned(),
            sealed: Some(Sealed::from_bytes(vec![1, 2, 3])),
            key_version: Some(KeyVersion(1)),
            sealed_version: 1,
            key_prefix: "sk-...abc".to_owned(),
            is_default: false,
            is_active: true,
            allowed_models: None,
            data_policy: None,
            tier: None,
            tier_source: None,
            version: 1,
            validation: Validation::Unknown,
            health: Health::Unknown,
            last_health_error: None,
            last_health_check_at: None,
            last_used_at: None,
            created_at: self.now(),
            updated_at: self.now(),
        }
    }

    /// Inserts it, and says whether it became the default.
    pub async fn add_provider_key(
        &self,
        store: &Store,
        workspace: WorkspaceId,
        key: &ProviderKeyRow,
    ) -> bool {
        let mut write = store.write().await.expect("a write");
        let inserted = write.workspace(workspace).insert_provider_key(key).await;
        self.commit(write).await;
        inserted.expect("inserted")
    }

    /// A key of the whole workspace, every optional column empty.
    pub fn gateway_key(&self, workspace: WorkspaceId, owner: UserId) -> GatewayKeyRow {
        let mut token_hash = vec![0; 32];
        model::Random::fill(&self.random, &mut token_hash);
        GatewayKeyRow {
            id: GatewayKeyId::new(&self.clock, &self.random),
            workspace,
            project: None,
            owner,
            name: "test".to_owned(),
            token_hash,
            shown: "ks_abc".to_owned(),
            scopes: ScopeSet::Everything,
            previous: None,
            policy: KeyPolicy::default(),
            version: 1,
            expires_at: None,
            blocked_at: None,
            revoked_at: None,
            created_at: self.now(),
        }
    }

    pub async fn add_gateway_key(
        &self,
        store: &Store,
        workspace: WorkspaceId,
        key: &GatewayKeyRow,
    ) -> store::Result<()> {
        let mut write = store.write().await?;
        write.workspace(workspace).insert_gateway_key(key).await?;
        write.commit(self.now()).await
    }
}

pub fn provider(name: &str) -> ProviderId {
    let catalogue = model::Catalogue::shipped().expect("the catalogue");
    catalogue.provider(name).expect("a provider we know").id.clone()
}

pub fn base_url(text: &str) -> BaseUrl {
    BaseUrl::parse(text).expect("a base URL")
}

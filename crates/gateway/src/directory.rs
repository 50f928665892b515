//! Who and what is known, from memory: read through from the database, dropped by the news of changes.
//! Holds ciphertext and derived keys, never an opened provider key.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::plan::Plans;
use model::settings::Unpriced;
use model::{
    Cap, CapScope, Catalogue, GatewayKeyId, KeyPolicy, KeyVersion, ModelRef, ProjectId, RequestId,
    ScopeSet, Timestamp, WorkspaceId,
};
use quick_cache::sync::Cache;
use store::rate::Limit;
use store::system::AttemptRow;
use store::workspace::{GatewayKeyRow, ProjectRow, ProviderKeyRow, WorkspaceRow};
use store::{Change, ChangeKind, Store, StoreError};
use tokio::time::Instant;
use vault::{TokenHash, Vault, WorkspaceKey, WorkspaceSalt};

use crate::provider_key::ProviderKeyEntry;
use crate::rules::{Layer, Rules, cap, models};

/// A gateway key as the data plane needs it.
pub struct Identity {
    pub id: GatewayKeyId,
    pub workspace: WorkspaceId,
    pub project: Option<ProjectId>,
    pub scopes: ScopeSet,
    pub allowed_models: Option<Vec<ModelRef>>,
    row: GatewayKeyRow,
}

impl Identity {
    pub fn new(row: GatewayKeyRow, catalogue: &Catalogue) -> Self {
        let allowed = row.policy.allowed_models.as_deref();
        Self {
            id: row.id,
            workspace: row.workspace,
            project: row.project,
            scopes: row.scopes.clone(),
            allowed_models: allowed.map(|names| models(names, catalogue)),
            row,
        }
    }

    /// What the key was set to, the names of models as they were written.
    pub const fn policy(&self) -> &KeyPolicy {
        &self.row.policy
    }

    /// What it may do in a minute.
    pub const fn limits(&self) -> Limit {
        Limit {
            requests_per_minute: self.row.policy.rpm_limit,
            tokens_per_minute: self.row.policy.tpm_limit,
        }
    }

    /// The cap that is its own.
    pub fn cap(&self) -> Option<(Cap, Unpriced)> {
        let KeyPolicy { spend_cap_micro_usd, cap_period, cap_mode, unpriced, .. } = self.row.policy;
        cap(CapScope::GatewayKey(self.id), spend_cap_micro_usd, cap_period, cap_mode, unpriced)
    }

    /// Whether the token with this hash opens the door now.
    pub fn is_alive(&self, hash: TokenHash, now: Timestamp) -> bool {
        self.row.is_alive(hash.as_bytes(), now)
    }
}

/// A workspace with its provider keys, still sealed.
pub struct WorkspaceEntry {
    pub id: WorkspaceId,
    pub salt: WorkspaceSalt,
    pub default_project: ProjectId,
    /// Of each project. A key of a project that is not here opens nothing.
    pub rules: BTreeMap<ProjectId, Rules>,
    pub provider_keys: Vec<Arc<ProviderKeyEntry>>,
    derived: BTreeMap<KeyVersion, WorkspaceKey>,
}

impl WorkspaceEntry {
    /// `None` for one without a place to act in. The reserved one needs none: nobody acts in it.
    pub fn new(
        row: WorkspaceRow,
        salt: WorkspaceSalt,
        projects: Vec<ProjectRow>,
        provider_keys: Vec<ProviderKeyRow>,
        plans: &Plans,
        catalogue: &Catalogue,
    ) -> Option<Self> {
        let named_default = projects.iter().find(|project| project.name == "default");
        let default_project = match named_default {
            Some(project) => project.id,
            None if row.id == WorkspaceId::NIL => ProjectId::NIL,
            None => return None,
        };
        let plan = plans.plan(&row.plan).cloned().map(Arc::new);
        let workspace = Arc::new(Layer::new(row.settings, catalogue));
        let rules = projects.into_iter().map(|project| {
            let layer = Layer::new(project.settings, catalogue);
            let rules = Rules::new(project.name, Arc::clone(&workspace), layer, plan.clone());
            (project.id, rules)
        });
        let entry = |row| Some(Arc::new(ProviderKeyEntry::new(row, catalogue)?));
        Some(Self {
            id: row.id,
            salt,
            default_project,
            rules: rules.collect(),
            provider_keys: provider_keys.into_iter().filter_map(entry).collect(),
            derived: BTreeMap::new(),
        })
    }

    pub fn derived(&self, version: KeyVersion) -> Option<&WorkspaceKey> {
        self.derived.get(&version)
    }

    /// A version that is gone leaves its keys undecryptable, which each attempt reports.
    fn derive(&mut self, vault: &Vault) {
        let versions = self.provider_keys.iter().filter_map(|key| key.row.key_version);
        for version in versions.collect::<BTreeSet<_>>() {
            if let Ok(key) = vault.workspace_key(version, self.id, &self.salt) {
                self.derived.insert(version, key);
            }
        }
    }
}

#[derive(Clone)]
pub struct Directory(Arc<Shared>);

struct Shared {
    store: Store,
    vault: Arc<Vault>,
    catalogue: Arc<Catalogue>,
    plans: Arc<Plans>,
    /// By the token's whole hash. Unknown tokens are remembered too, so that guessing costs no lookups.
    identities: Cache<TokenHash, Option<Arc<Identity>>>,
    workspaces: Cache<WorkspaceId, Arc<WorkspaceEntry>>,
    /// One looks for all who want the same: a crowd that arrives at a cold node asks the database once.
    looking: [tokio::sync::Mutex<()>; LOOKING],
    /// Rises with every change. What was read before a change is not cached after it: both happen under this lock.
    generation: Mutex<u64>,
    /// When the news was last known to be complete, by a clock that nobody sets.
    confirmed_at: Mutex<Instant>,
}

const IDENTITIES_MAX: usize = 100_000;
const WORKSPACES_MAX: usize = 20_000;
const LOOKING: usize = 64;

impl Directory {
    pub fn new(
        store: Store,
        vault: Arc<Vault>,
        catalogue: Arc<Catalogue>,
        plans: Arc<Plans>,
    ) -> Self {
        let shared = Arc::new(Shared {
            store: store.clone(),
            vault,
            catalogue,
            plans,
            identities: Cache::new(IDENTITIES_MAX),
            workspaces: Cache::new(WORKSPACES_MAX),
            looking: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            generation: Mutex::new(0),
            confirmed_at: Mutex::new(Instant::now()),
        });
        let listener = Arc::clone(&shared);
        store.bus().subscribe(move |change| listener.forget(change));
        Self(shared)
    }

    /// The news is complete up to now: called by whoever follows it.
    pub fn confirm(&self) {
        *self.0.confirmed_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For when news may have been missed.
    pub fn forget_everything(&self) {
        let mut generation = self.0.current();
        *generation = generation.wrapping_add(1);
        self.0.identities.clear();
        self.0.workspaces.clear();
    }

    /// Whether other nodes may have changed what is cached here without our knowing.
    pub fn is_stale(&self, stale_max: Duration) -> bool {
        if !self.0.store.is_shared() {
            return false;
        }
        let confirmed = self.0.confirmed_at.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.elapsed() > stale_max
    }

    /// Straight from the ledger: it is not kept in memory.
    pub async fn attempts(&self, request: RequestId) -> Result<Vec<AttemptRow>, StoreError> {
        self.0.store.system().attempts(request).await
    }

    /// What memory has, where it is known whether there is such a key.
    pub fn known_identity(&self, hash: TokenHash) -> Option<Option<Arc<Identity>>> {
        self.0.identities.get(&hash)
    }

    pub fn known_workspace(&self, id: WorkspaceId) -> Option<Arc<WorkspaceEntry>> {
        self.0.workspaces.get(&id)
    }

    pub async fn identity(&self, hash: TokenHash) -> Result<Option<Arc<Identity>>, StoreError> {
        let shared = &self.0;
        let _looking = shared.look_alone(&hash).await;
        if let Some(known) = shared.identities.get(&hash) {
            return Ok(known);
        }
        let generation = *shared.current();
        let row = shared.store.system().gateway_key_by_hash(hash.as_bytes()).await?;
        let identity = row.map(|row| Arc::new(Identity::new(row, &shared.catalogue)));
        let current = shared.current();
        if *current == generation {
            shared.identities.insert(hash, identity.clone());
        }
        Ok(identity)
    }

    pub async fn workspace(
        &self,
        id: WorkspaceId,
    ) -> Result<Option<Arc<WorkspaceEntry>>, StoreError> {
        let shared = &self.0;
        let _looking = shared.look_alone(&id).await;
        if let Some(known) = shared.workspaces.get(&id) {
            return Ok(Some(known));
        }
        let generation = *shared.current();
        let Some(entry) = shared.load_workspace(id).await? else { return Ok(None) };
        let entry = Arc::new(entry);
        let current = shared.current();
        if *current == generation {
            shared.workspaces.insert(id, Arc::clone(&entry));
        }
        drop(current);
        Ok(Some(entry))
    }
}

impl Shared {
    /// Some others wait with those who want the same; none waits for one who waits itself.
    async fn look_alone(&self, what: &impl Hash) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let place = usize::try_from(BuildHasherDefault::<DefaultHasher>::default().hash_one(what));
        let place = place.unwrap_or_default().checked_rem(LOOKING).unwrap_or_default();
        Some(self.looking.get(place)?.lock().await)
    }

    fn current(&self) -> MutexGuard<'_, u64> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, change: &Change) {
        let mut generation = self.current();
        *generation = generation.wrapping_add(1);
        match change.kind {
            ChangeKind::GatewayKey => {
                if let Some(hash) = TokenHash::from_hex(&change.subject) {
                    self.identities.remove(&hash);
                }
            }
            ChangeKind::Keyring => self.workspaces.clear(),
            ChangeKind::Workspace => {
                if let Some(id) = change.workspace {
                    self.workspaces.remove(&id);
                }
            }
        }
    }

    async fn load_workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceEntry>, StoreError> {
        let workspace = self.store.workspace(id);
        let Some(row) = workspace.row().await? else { return Ok(None) };
        let Some(salt) = WorkspaceSalt::from_bytes(&row.salt) else {
            return Err(StoreError::Corrupt { column: "salt" });
        };
        let projects = workspace.projects().await?;
        let keys = workspace.provider_keys().await?;
        let entry = WorkspaceEntry::new(row, salt, projects, keys, &self.plans, &self.catalogue);
        Ok(entry.map(|mut entry| {
            entry.derive(&self.vault);
            entry
        }))
    }
}

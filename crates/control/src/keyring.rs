//! Unlocking at start: every master key that a live row needs must be there and be the right one, or nothing starts.

mod report;
mod suite;

use std::sync::Arc;

use model::{Clock, InstanceId, KeyVersion, Origin, Random, Settings, Timestamp, WorkspaceId};
use store::system::{InstanceRow, KeyState, KeyringRow, SealCount};
use store::workspace::WorkspaceRow;
use store::{Store, StoreError};
use vault::{
    ChainKey, MasterKeys, OpenError, Pepper, Place, SealError, SecretValue, SessionSigner, Suite,
    Vault, WorkspaceSalt, check_value,
};

pub use report::{KeyringReport, VersionReport, report};
pub(crate) use report::{SuiteCounts, suite_counts};

use crate::sealing::FIRST_SEAL;

#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("the database holds an unusable {0}")]
    Damaged(&'static str),
    #[error(
        "master key version {version} is missing, and {rows} stored values need it: give it back in \
         KEYSTILE_MASTER_KEY (as \"{version}:...\") or restore the key file"
    )]
    Missing { version: KeyVersion, rows: u64 },
    #[error("the instance's own secret \"{name}\" does not open: {source}")]
    SecretClosed { name: &'static str, source: OpenError },
    #[error("an instance secret could not be sealed: {0}")]
    Seal(#[from] SealError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "master key version {version} is not the one this database was sealed with: check \
         KEYSTILE_MASTER_KEY or the key file, and the database it belongs to"
    )]
    Wrong { version: KeyVersion },
    #[error(
        "master key version {version} is not the one that was staged for the next rotation: give every node the \
         same key, or start without it and begin the rotation anew"
    )]
    WrongStaged { version: KeyVersion },
}

/// What an unlocked instance works with.
pub struct InstanceKeys {
    pub vault: Arc<Vault>,
    pub pepper: Arc<Pepper>,
    pub signer: SessionSigner,
}

/// Random secrets of the instance, sealed like any other, so that a retired master key logs nobody out.
const SECRETS: [&str; 3] = [TOKEN_PEPPER, SESSION_SIGNING, AUDIT_CHAIN];
const TOKEN_PEPPER: &str = "token-pepper";
const SESSION_SIGNING: &str = "session-signing";
const AUDIT_CHAIN: &str = "audit-chain";
pub(crate) const SECRET_FIELD: &str = "value";

pub async fn unlock(
    store: &Store,
    keys: MasterKeys,
    suite: Suite,
    clock: &dyn Clock,
    random: Arc<dyn Random>,
) -> Result<InstanceKeys, KeyringError> {
    let instance = instance(store, clock, &*random).await?;
    let active = check_ring(store, &keys, clock).await?;
    let plan = suite::plan(store, active, suite).await?;
    let vault = Vault::new(keys, active, plan.suite, instance.id, Arc::clone(&random))
        .map_err(|missing| KeyringError::Missing { version: missing.version, rows: 0 })?;
    let salt = WorkspaceSalt::from_bytes(&instance.salt);
    let salt = salt.ok_or(KeyringError::Damaged("instance salt"))?;
    let secrets = Secrets { store, vault: &vault, salt: &salt };
    for name in SECRETS {
        secrets.make(name, clock, &*random).await?;
    }
    let chain = ChainKey::from_secret(&secrets.open(AUDIT_CHAIN).await?);
    store.set_chain(Arc::new(Links(chain.ok_or(KeyringError::Damaged("audit key"))?)));
    plan.begin(store, clock.now()).await?;
    let pepper = Pepper::from_secret(&secrets.open(TOKEN_PEPPER).await?);
    let signer = SessionSigner::from_secret(&secrets.open(SESSION_SIGNING).await?);
    Ok(InstanceKeys {
        pepper: Arc::new(pepper.ok_or(KeyringError::Damaged("token pepper"))?),
        signer: signer.ok_or(KeyringError::Damaged("session key"))?,
        vault: Arc::new(vault),
    })
}

/// The audit's key, lent to the store, which does the writing.
struct Links(ChainKey);

impl store::Chain for Links {
    fn link(&self, previous: &[u8], row: &[&[u8]]) -> [u8; 32] {
        self.0.link(previous, row)
    }

    fn seal(&self, chain: &str, position: u64, link: &[u8]) -> [u8; 32] {
        self.0.head(chain.as_bytes(), position, link)
    }
}

async fn instance(
    store: &Store,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<InstanceRow, KeyringError> {
    if let Some(row) = store.system().instance().await? {
        return Ok(row);
    }
    let now = clock.now();
    let mut write = store.write().await?;
    let salt = WorkspaceSalt::generate(random);
    write.insert_instance(InstanceId::new(clock, random), salt.as_bytes(), now).await?;
    write.insert_workspace(&reserved_workspace(salt.as_bytes(), now)).await?;
    write.commit(now).await?;
    store.system().instance().await?.ok_or(KeyringError::Damaged("instance row"))
}

/// The operator's own, which has no members. It shares the instance's salt.
fn reserved_workspace(salt: &[u8], now: Timestamp) -> WorkspaceRow {
    WorkspaceRow {
        id: WorkspaceId::NIL,
        name: "platform".to_owned(),
        plan: "self_hosted".to_owned(),
        settings: Settings::default(),
        version: 1,
        salt: salt.to_vec(),
        created_at: now,
    }
}

/// The version that seals from now on.
async fn check_ring(
    store: &Store,
    keys: &MasterKeys,
    clock: &dyn Clock,
) -> Result<KeyVersion, KeyringError> {
    if store.system().keyring().await?.is_empty() {
        let version = keys.newest();
        let check = check_value(keys, version).ok_or(KeyringError::Damaged("key ring"))?;
        let mut write = store.write().await?;
        let now = clock.now();
        match write.insert_master_key(version, KeyState::Active, check.as_bytes(), now).await {
            Ok(()) => write.commit(now).await?,
            // Another node was first, and is read below: one version is active, whoever made it so.
            Err(StoreError::Conflict) => drop(write),
            Err(error) => return Err(error.into()),
        }
    }
    let ring = store.system().keyring().await?;
    let counts = store.system().seal_counts().await?;
    for row in &ring {
        judge(row, rows(&counts, row.version), keys)?;
    }
    for count in &counts {
        if !ring.iter().any(|row| row.version == count.version) {
            return Err(KeyringError::Missing { version: count.version, rows: count.rows });
        }
    }
    let active = ring.iter().find(|row| row.state == KeyState::Active);
    active.map(|row| row.version).ok_or(KeyringError::Damaged("key ring: no version is active"))
}

/// What no row needs may be absent; what is given must be the right key, unless it is retired.
fn judge(row: &KeyringRow, rows: u64, keys: &MasterKeys) -> Result<(), KeyringError> {
    let version = row.version;
    let is_needed = row.state == KeyState::Active || rows > 0;
    match check_value(keys, version) {
        Some(check) if check.matches(&row.check_value) => Ok(()),
        Some(_) if row.state == KeyState::Staged => Err(KeyringError::WrongStaged { version }),
        Some(_) if is_needed || row.state != KeyState::Retired => {
            Err(KeyringError::Wrong { version })
        }
        None if is_needed => Err(KeyringError::Missing { version, rows }),
        Some(_) | None => Ok(()),
    }
}

fn rows(counts: &[SealCount], version: KeyVersion) -> u64 {
    counts.iter().filter(|count| count.version == version).map(|count| count.rows).sum()
}

struct Secrets<'a> {
    store: &'a Store,
    vault: &'a Vault,
    salt: &'a WorkspaceSalt,
}

impl Secrets<'_> {
    /// Insert if absent: two fresh nodes then read the same one.
    async fn make(
        &self,
        name: &'static str,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<(), KeyringError> {
        if self.store.system().instance_secret(name).await?.is_some() {
            return Ok(());
        }
        let origin = Origin::nowhere();
        let place = self.place(name, FIRST_SEAL, &origin);
        let sealed = self.vault.seal(&SecretValue::generate(random), &place)?;
        let active = self.vault.active();
        let now = clock.now();
        let mut write = self.store.write().await?;
        if !write.hold_active(active).await? {
            return Err(KeyringError::Missing { version: active, rows: 0 });
        }
        write.insert_instance_secret(name, &sealed, active, FIRST_SEAL, now).await?;
        write.commit(now).await?;
        Ok(())
    }

    async fn open(&self, name: &'static str) -> Result<SecretValue, KeyringError> {
        let row = self.store.system().instance_secret(name).await?;
        let row = row.ok_or(KeyringError::Damaged("set of instance secrets"))?;
        let origin = Origin::nowhere();
        let place = self.place(name, row.sealed_version, &origin);
        self.vault
            .open(&row.sealed, &place)
            .map_err(|source| KeyringError::SecretClosed { name, source })
    }

    fn place<'p>(&'p self, name: &'p str, sealed_version: u64, origin: &'p Origin) -> Place<'p> {
        Place {
            workspace: WorkspaceId::NIL,
            salt: self.salt,
            secret_id: name,
            field: SECRET_FIELD,
            sealed_version,
            origin,
        }
    }
}

//! How a rotation begins: by the operator's word, with a key that is newer than the active one, or with another suite.

use model::{Code, KeyVersion, Refusal};
use serde::Deserialize;
use serde_json::json;
use store::system::{JobState, KeyState, KeyringRow, NewReseal, ResealJobRow};
use store::{Change, ChangeKind, Write};
use utoipa::ToSchema;
use vault::{MasterKeys, Suite, check_value};

use super::view::JobView;
use crate::{Control, Operator};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateVault {
    /// Seal everything anew with this suite, under the master key that is active: `aes-256-gcm`, `xsalsa20-poly1305` or
    /// `fernet`. Absent: a new master key, the suite stays.
    #[serde(default)]
    pub suite: Option<String>,
}

/// The key that is to become active.
struct Candidate {
    version: KeyVersion,
    check: Vec<u8>,
    /// Still to be loaded.
    keys: Option<MasterKeys>,
}

impl Control {
    pub async fn rotate_vault(
        &self,
        operator: &Operator,
        input: RotateVault,
    ) -> Result<JobView, Refusal> {
        let _turn = self.rotation.starting.lock().await;
        let ring = self.store.system().keyring().await?;
        let job = self.job().await?;
        match input.suite {
            Some(suite) => self.change_suite(operator, &ring, &suite).await?,
            None => self.change_key(operator, &ring, &job).await?,
        }
        let job = self.job().await?;
        self.job_view(&job, &self.store.system().seal_counts().await?).await
    }

    async fn change_suite(
        &self,
        operator: &Operator,
        ring: &[KeyringRow],
        suite: &str,
    ) -> Result<(), Refusal> {
        let suite: Suite = suite
            .parse()
            .map_err(|error: vault::UnknownSuite| Refusal::invalid("suite", error.to_string()))?;
        let version = active(ring)?.version;
        let mut write = self.store.write().await?;
        self.begin(&mut write, JobState::Switching, version, suite).await?;
        let detail = json!({ "suite": suite.as_str() });
        write.audit(operator.doer(), None, "vault.suite_changed", version, detail);
        write.changed(keyring_changed(version));
        Ok(write.commit(self.clock.now()).await?)
    }

    async fn change_key(
        &self,
        operator: &Operator,
        ring: &[KeyringRow],
        job: &ResealJobRow,
    ) -> Result<(), Refusal> {
        let active = active(ring)?.version;
        if let Some(staged) = ring.iter().find(|row| row.state == KeyState::Staged) {
            self.take_back(operator, staged).await?;
        }
        let candidate = self.candidate(ring, active)?;
        let suite = job.suite.parse().map_err(Refusal::internal)?;

        let mut write = self.store.write().await?;
        let now = self.clock.now();
        let (version, check) = (candidate.version, candidate.check.as_slice());
        write.insert_master_key(version, KeyState::Staged, check, now).await?;
        self.begin(&mut write, JobState::Staged, version, suite).await?;
        let detail = json!({ "from": active.0, "to": version.0 });
        write.audit(operator.doer(), None, "vault.rotation_started", version, detail);
        write.changed(keyring_changed(version));
        write.commit(now).await?;
        // Loaded only once it is the staged one: what is loaded cannot be replaced under this process.
        if let Some(keys) = candidate.keys {
            self.load(&keys)?;
        }
        self.report_node().await?;
        Ok(())
    }

    /// A staged key that no running node has was lost, or was the wrong one, before anything was sealed with it.
    async fn take_back(&self, operator: &Operator, staged: &KeyringRow) -> Result<(), Refusal> {
        let version = staged.version;
        if self.holds(staged) || self.is_held_elsewhere(version).await? {
            return Err(under_way(JobState::Staged, version));
        }
        let mut write = self.store.write().await?;
        if write.unstage().await? {
            write.audit(operator.doer(), None, "vault.key_taken_back", version, json!({}));
            write.changed(keyring_changed(version));
        }
        Ok(write.commit(self.clock.now()).await?)
    }

    /// A key newer than the active one: loaded already, made now, or given by the operator since the start.
    fn candidate(&self, ring: &[KeyringRow], active: KeyVersion) -> Result<Candidate, Refusal> {
        if let Some(version) = self.vault.versions().pop().filter(|version| *version > active) {
            let check = self.vault.check_value(version);
            let check =
                check.ok_or_else(|| Refusal::internal("a loaded key has no check value"))?;
            return Ok(Candidate { version, check: check.as_bytes().to_vec(), keys: None });
        }
        let keys = self.rotation.source.read_newer(active, &*self.random)?;
        let keys = keys.ok_or_else(|| fixed(active))?;
        refuse_wrong(&keys, ring)?;
        let version = keys.newest();
        if version <= active {
            return Err(refused(format!(
                "the key file holds no master key newer than version {active}, which is active: \
                 add one to the file of every node, as in \"{}:...\" on a line of its own (`openssl rand \
                 -base64 32` makes one), and rotate again",
                active.0.saturating_add(1)
            )));
        }
        let check = check_value(&keys, version);
        let check = check.ok_or_else(|| Refusal::internal("a key has no check value"))?;
        Ok(Candidate { version, check: check.as_bytes().to_vec(), keys: Some(keys) })
    }

    async fn begin(
        &self,
        write: &mut Write,
        state: JobState,
        version: KeyVersion,
        suite: Suite,
    ) -> Result<(), Refusal> {
        let configured = self.rotation.configured.as_str();
        let job = NewReseal { state, version, suite: suite.as_str(), configured };
        if write.begin_reseal(&job, self.clock.now()).await? {
            return Ok(());
        }
        let job = self.job().await?;
        Err(under_way(job.state, job.version))
    }

    /// Whether the key of this row is loaded here, and is the one the row means.
    pub(super) fn holds(&self, row: &KeyringRow) -> bool {
        let check = self.vault.check_value(row.version);
        check.is_some_and(|check| check.matches(&row.check_value))
    }

    /// What is loaded here, without a key that is not the one its version stands for.
    pub(crate) async fn right_versions(&self) -> store::Result<Vec<KeyVersion>> {
        let ring = self.store.system().keyring().await?;
        let is_right = |version: &KeyVersion| {
            ring.iter().find(|row| row.version == *version).is_none_or(|row| self.holds(row))
        };
        let mut versions = self.vault.versions();
        versions.retain(is_right);
        Ok(versions)
    }

    pub(super) fn load(&self, keys: &MasterKeys) -> Result<(), Refusal> {
        self.vault.load(keys).map_err(|error| refused(error.to_string()))
    }

    pub(super) async fn job(&self) -> Result<ResealJobRow, Refusal> {
        let job = self.store.system().reseal_job().await?;
        job.ok_or_else(|| Refusal::internal("the row of the reseal job is gone"))
    }
}

pub(super) fn active(ring: &[KeyringRow]) -> Result<&KeyringRow, Refusal> {
    let active = ring.iter().find(|row| row.state == KeyState::Active);
    active.ok_or_else(|| Refusal::internal("no version of the master key is active"))
}

/// Every key that the ring knows must be the one it knows: a wrong one, once loaded, stays until a restart. A staged one
/// that was lost may be made anew.
pub(super) fn refuse_wrong(keys: &MasterKeys, ring: &[KeyringRow]) -> Result<(), Refusal> {
    for row in ring.iter().filter(|row| row.state != KeyState::Staged) {
        if check_value(keys, row.version).is_some_and(|check| !check.matches(&row.check_value)) {
            return Err(refused(format!(
                "master key version {} in the key file is not the one this database was sealed with: \
                 put the right one back",
                row.version
            )));
        }
    }
    Ok(())
}

pub(super) fn keyring_changed(version: KeyVersion) -> Change {
    Change { kind: ChangeKind::Keyring, workspace: None, subject: version.to_string() }
}

fn refused(public: String) -> Refusal {
    Refusal::new(Code::Conflict, public)
}

fn fixed(active: KeyVersion) -> Refusal {
    refused(format!(
        "the master key comes from the configuration, which cannot change under a running process: restart every \
         node with KEYSTILE_MASTER_KEY=\"{}:...,{active}:...\" (the new key and the old one), and rotate again",
        active.0.saturating_add(1)
    ))
}

fn under_way(state: JobState, version: KeyVersion) -> Refusal {
    let what = match state {
        JobState::Staged => "waits until every node has it, which GET /v1/operator/vault shows",
        _ => "is being taken into use",
    };
    refused(format!("a rotation is under way: master key version {version} {what}"))
}

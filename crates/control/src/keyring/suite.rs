//! Which suite seals: one for all nodes, kept in the database. A start under another setting than before changes it, and
//! what an older suite sealed is then sealed anew.

use model::{Doer, KeyVersion, Timestamp};
use serde_json::json;
use store::system::{JobState, NewReseal, ResealJobRow};
use store::{Change, ChangeKind, Store};
use vault::{EnvelopeHeader, Suite};

use super::KeyringError;

/// What to seal with from now on, and the job that seals the rest.
pub struct Plan {
    pub suite: Suite,
    configured: Suite,
    job: Option<(JobState, KeyVersion)>,
}

pub async fn plan(
    store: &Store,
    active: KeyVersion,
    configured: Suite,
) -> Result<Plan, KeyringError> {
    let job = match store.system().reseal_job().await? {
        Some(job) => job,
        None => insert(store, active, configured).await?,
    };
    if job.configured != configured.as_str() {
        let next = match job.state {
            JobState::Staged => (JobState::Staged, job.version),
            _ => (JobState::Switching, active),
        };
        return Ok(Plan { suite: configured, configured, job: Some(next) });
    }
    let suite: Suite = job.suite.parse().map_err(|_| KeyringError::Damaged("name of a suite"))?;
    // A node that did not hear of a change may have written after it was done.
    let left = job.state == JobState::Done && is_behind(store, active, suite).await?;
    let next = left.then_some((JobState::Switching, active));
    Ok(Plan { suite, configured, job: next })
}

impl Plan {
    pub async fn begin(self, store: &Store, now: Timestamp) -> Result<(), KeyringError> {
        let Some((state, version)) = self.job else { return Ok(()) };
        let (suite, configured) = (self.suite.as_str(), self.configured.as_str());
        let mut write = store.write().await?;
        write.redirect_reseal(&NewReseal { state, version, suite, configured }, now).await?;
        let detail = json!({ "suite": suite });
        write.audit(Doer::SYSTEM, None, "vault.suite_changed", version, detail);
        let subject = version.to_string();
        write.changed(Change { kind: ChangeKind::Keyring, workspace: None, subject });
        Ok(write.commit(now).await?)
    }
}

async fn insert(
    store: &Store,
    active: KeyVersion,
    configured: Suite,
) -> Result<ResealJobRow, KeyringError> {
    let mut write = store.write().await?;
    write.insert_reseal_job(active, configured.as_str()).await?;
    write.commit(Timestamp::from_unix_ms(0)).await?;
    store.system().reseal_job().await?.ok_or(KeyringError::Damaged("row of the reseal job"))
}

async fn is_behind(store: &Store, version: KeyVersion, suite: Suite) -> Result<bool, KeyringError> {
    let prefix = EnvelopeHeader { version, suite }.prefix();
    let counts = store.system().seal_counts().await?;
    Ok(counts.iter().any(|count| count.version != version || count.prefix != prefix))
}

//! What traffic and time tell of provider keys, written down: when they were used, whether they still work.

use std::collections::BTreeSet;
use std::time::Duration;

use model::settings::HealthRecheck;
use model::{Doer, ProviderKeyId, Refusal, Tier, Timestamp, WorkspaceId};
use serde_json::json;
use store::system::KeyInUse;
use store::workspace::{Health, ProviderKeyRow};
use store::{Change, ChangeKind};

use crate::Control;

/// What the data plane saw of one key, as it was sealed then.
pub struct KeyUse {
    pub key: ProviderKeyId,
    pub workspace: WorkspaceId,
    pub sealed_version: u64,
    pub used_at: Option<Timestamp>,
    pub tier: Option<Tier>,
}

/// What the data plane found out about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySign {
    /// It does not open.
    Closed,
    /// It was stored for another address than its provider has now.
    Moved,
    /// The provider refused it.
    Refused,
    /// It works.
    Works,
}

const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(60);
const IN_USE: Duration = Duration::from_secs(7 * 24 * 3600);
const RECHECKED_AT_ONCE_MAX: u32 = 500;

impl Control {
    /// All of them in one unit: nobody decided it, so that no audit row tells of it.
    pub async fn record_key_use(&self, uses: &[KeyUse]) -> Result<(), Refusal> {
        // In one order, so that nodes that write down the same keys wait for one another and not in a circle.
        let mut uses: Vec<&KeyUse> = uses.iter().collect();
        uses.sort_by_key(|one| one.key);
        let mut write = self.store.write().await?;
        let mut changed = BTreeSet::new();
        for KeyUse { key, workspace, sealed_version, used_at, tier } in uses {
            let mut inside = write.workspace(*workspace);
            if let Some(at) = used_at {
                inside.set_provider_key_used(*key, *at).await?;
            }
            if let Some(tier) = tier
                && inside.set_provider_key_tier(*key, *sealed_version, tier).await?
            {
                changed.insert(*workspace);
            }
        }
        for workspace in changed {
            let (kind, subject) = (ChangeKind::Workspace, workspace.to_string());
            write.changed(Change { kind, workspace: Some(workspace), subject });
        }
        Ok(write.commit(self.clock.now()).await?)
    }

    /// A refusal is not believed at once: the provider is asked again, the cheap way.
    pub async fn heed(
        &self,
        workspace: WorkspaceId,
        key: ProviderKeyId,
        sealed_version: u64,
        sign: KeySign,
    ) -> Result<(), Refusal> {
        let Some(before) = self.store.workspace(workspace).provider_key(key).await? else {
            return Ok(());
        };
        let (health, error) = match sign {
            KeySign::Refused if before.health == Health::Unhealthy && self.is_fresh(&before) => {
                return Ok(());
            }
            KeySign::Refused => return self.recheck(workspace, key).await,
            KeySign::Closed => (
                Health::Undecryptable,
                Some("the stored key does not open: replace it, or ask the operator"),
            ),
            KeySign::Moved => (
                Health::OriginChanged,
                Some(
                    "the key was stored for another address than the provider has now: replace it",
                ),
            ),
            KeySign::Works => (Health::Healthy, None),
        };
        if before.health == health || before.sealed_version != sealed_version {
            return Ok(());
        }
        if let (KeySign::Closed, Some(sealed)) = (sign, &before.sealed)
            && self.lacks_key_of(sealed).await?
        {
            return Ok(());
        }
        let mut unit = self.unit_by(Doer::SYSTEM, workspace).await?;
        let now = unit.now();
        let mut inside = unit.rows();
        if inside.set_provider_key_health(key, sealed_version, health, error, now).await? {
            let detail = json!({ "health_status": health.as_str() });
            unit.commit("provider_key.health_changed", key, detail).await?;
            let row = self.store.workspace(workspace).provider_key(key).await?;
            if let Some(row) = row {
                self.notice_health(workspace, before.health, &row);
            }
        }
        Ok(())
    }

    /// A key that is known to be bad is not asked about with every request it fails.
    fn is_fresh(&self, row: &ProviderKeyRow) -> bool {
        let now = self.clock.now();
        row.last_health_check_at.is_some_and(|at| now.since(at) < ASKED_AGAIN_AFTER)
    }

    /// Keys in use whose owners want them asked about from time to time, and whose time has come.
    pub async fn due_for_recheck(&self) -> Result<Vec<KeyInUse>, Refusal> {
        let now = self.clock.now();
        let (used_since, system) = (now.minus(IN_USE), self.store.system());
        let mut due = Vec::new();
        for wish in [HealthRecheck::Hourly, HealthRecheck::Daily] {
            let Some(soonest) = interval(wish, SOONEST_PERCENT) else { continue };
            let unchecked = now.minus(soonest);
            let keys = system.keys_in_use(wish, used_since, unchecked, RECHECKED_AT_ONCE_MAX);
            due.extend(keys.await?.into_iter().filter(|key| {
                let checked_at = key.last_health_check_at.unwrap_or(Timestamp::from_unix_ms(0));
                let every = interval(wish, percent(key.id));
                every.is_some_and(|every| now.since(checked_at) >= every)
            }));
        }
        Ok(due)
    }

    /// Claimed by writing down that it is asked about now: of several nodes one asks.
    pub async fn recheck_due(&self, key: &KeyInUse) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut write = self.store.write().await?;
        let claimed = write.claim_key_check(key.id, key.last_health_check_at, now).await?;
        write.commit(now).await?;
        if claimed { self.recheck(key.workspace, key.id).await } else { Ok(()) }
    }

    async fn recheck(&self, workspace: WorkspaceId, key: ProviderKeyId) -> Result<(), Refusal> {
        self.recheck_provider_key(Doer::SYSTEM, workspace, key).await.map(|_| ())
    }
}

/// From nine tenths of the time to eleven.
const SOONEST_PERCENT: u32 = 90;

/// Each key a little off the others, so that they do not all ask at once.
fn percent(key: ProviderKeyId) -> u32 {
    let mix = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
    let shift = key.to_string().bytes().fold(0, mix) % 21;
    SOONEST_PERCENT.saturating_add(shift)
}

fn interval(wish: HealthRecheck, percent: u32) -> Option<Duration> {
    let hours: u64 = match wish {
        HealthRecheck::Off => return None,
        HealthRecheck::Hourly => 1,
        HealthRecheck::Daily => 24,
    };
    Some(Duration::from_secs(hours * 36) * percent)
}

//! Provider keys that are in use, whosever they are: what the background re-check chooses from.

use model::settings::HealthRecheck;
use model::{ProviderKeyId, Timestamp, WorkspaceId};

use super::System;
use crate::db::{Row, args};
use crate::{Result, Write};

#[derive(Clone, Debug)]
pub struct KeyInUse {
    pub id: ProviderKeyId,
    pub workspace: WorkspaceId,
    pub last_health_check_at: Option<Timestamp>,
}

impl System<'_> {
    /// Across tenants, because the clock ticks for all of them. Active keys used since `used_since` and not asked about
    /// since `unchecked_since`, whose workspace or project has this wish; those longest unchecked first.
    pub async fn keys_in_use(
        &self,
        wish: HealthRecheck,
        used_since: Timestamp,
        unchecked_since: Timestamp,
        limit: u32,
    ) -> Result<Vec<KeyInUse>> {
        let wished = match wish {
            HealthRecheck::Off => return Ok(Vec::new()),
            HealthRecheck::Hourly => WISHED_HOURLY,
            HealthRecheck::Daily => WISHED_DAILY,
        };
        let args = args![used_since, unchecked_since, wished, limit];
        self.db.all(IN_USE, args).await?.iter().map(key_in_use).collect()
    }
}

impl Write {
    /// Whether nobody asked about it since `before`.
    pub async fn claim_key_check(
        &mut self,
        id: ProviderKeyId,
        before: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let before = before.unwrap_or(Timestamp::from_unix_ms(0));
        Ok(self.tx.run(CLAIM, args![id, before, now]).await? > 0)
    }
}

fn key_in_use(row: &Row) -> Result<KeyInUse> {
    Ok(KeyInUse {
        id: row.parse("id")?,
        workspace: row.parse("workspace_id")?,
        last_health_check_at: row.time_opt("last_health_check_at")?,
    })
}

/// As settings are written.
const WISHED_HOURLY: &str = "%\"health_recheck\":\"hourly\"%";
const WISHED_DAILY: &str = "%\"health_recheck\":\"daily\"%";

const IN_USE: &str = "select k.id, k.workspace_id, k.last_health_check_at
    from provider_keys k
    join workspaces w on w.id = k.workspace_id
    left join projects p on p.id = k.project_id
    where k.is_active = 1 and k.last_used_at > $1 and coalesce(k.last_health_check_at, 0) <= $2
        and (w.settings like $3 or p.settings like $3)
    order by coalesce(k.last_health_check_at, 0), k.id
    limit $4";

const CLAIM: &str = "update provider_keys
    set last_health_check_at = $3
    where id = $1 and coalesce(last_health_check_at, 0) = $2";

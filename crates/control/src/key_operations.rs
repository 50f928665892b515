//! How often one caller may manage provider keys: a probe asks a provider in our name, and must not become a key checker.

use model::{Code, Refusal, Timestamp};
use store::Write;

use crate::{Control, Reader};

const MINUTE_MS: i64 = 60_000;

/// How many callers' worth of operations a workspace has: keys that make keys do not multiply them.
const CALLERS_WORTH: u32 = 5;

impl Control {
    /// Counts one write, probe or test of a provider key, or refuses it.
    pub(crate) async fn count_key_operation(&self, reader: &Reader) -> Result<(), Refusal> {
        let max = self.key_operations_per_minute;
        let now = self.clock.now();
        let mut write = self.store.write().await?;
        count(&mut write, &reader.doer().actor.to_string(), max, now).await?;
        let of_all = max.saturating_mul(CALLERS_WORTH);
        count(&mut write, &reader.workspace().to_string(), of_all, now).await?;
        Ok(write.commit(now).await?)
    }
}

async fn count(write: &mut Write, caller: &str, max: u32, now: Timestamp) -> Result<(), Refusal> {
    let mut recent = write.key_operations(caller, now).await?;
    let start = now.unix_ms().saturating_sub(MINUTE_MS);
    // Also not what lies in the future, as it does after a clock was set back.
    recent.retain(|at| (start.saturating_add(1)..=now.unix_ms()).contains(at));
    if recent.len() >= usize::try_from(max).unwrap_or(usize::MAX) {
        let oldest = recent.first().copied().unwrap_or(start);
        return Err(too_many(max, oldest.saturating_sub(start)));
    }
    recent.push(now.unix_ms());
    Ok(write.set_key_operations(caller, &recent).await?)
}

fn too_many(max: u32, wait_ms: i64) -> Refusal {
    let seconds = u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000).max(1);
    let public = format!("managing provider keys is limited to {max} operations a minute");
    Refusal::new(Code::RateLimited, public).retry_after(seconds)
}

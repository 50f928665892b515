//! One pass over everything that an older key or another suite sealed: opened, sealed anew, proven, and written where the
//! row still holds what was opened. A pass that is cut short is simply made again.

use model::{Doer, Refusal, Sealed};
use serde_json::json;
use store::system::{JobState, KeyState, KeyringRow, ResealJobRow, SealRow, SealTable, SealTarget};
use vault::header_of;

use super::place::{Closed, Home, closed, kind};
use super::start::keyring_changed;
use super::view::done;
use crate::{Control, KeySign};

/// Each transaction holds back others for as long as it takes, so that it is small.
const ROWS_AT_ONCE: u32 = 50;

/// How far one pass is.
pub struct Pass {
    target: SealTarget,
    tables: &'static [SealTable],
    /// The last row of the first table that was looked at.
    after: String,
    unopened: u64,
    /// What does not open has been told.
    is_repeated: bool,
}

pub enum Step {
    End,
    Made,
    /// The ring, the suite or the lease is no longer what the pass began with.
    Overtaken,
}

impl Pass {
    /// The one at hand, unless it leads elsewhere.
    pub fn going_on(at_hand: Option<Self>, target: SealTarget, is_repeated: bool) -> Self {
        at_hand.filter(|pass| pass.target == target).unwrap_or_else(|| Self {
            target,
            tables: &SealTable::ALL,
            after: String::new(),
            unopened: 0,
            is_repeated,
        })
    }
}

impl Control {
    pub(super) async fn step(&self, pass: &mut Pass) -> Result<Step, Refusal> {
        let Some((table, rest)) = pass.tables.split_first() else { return Ok(Step::End) };
        let system = self.store.system();
        let rows = system.seals(*table, Some(&pass.target), &pass.after, ROWS_AT_ONCE).await?;
        match rows.last() {
            Some(last) => pass.after.clone_from(&last.id),
            None => {
                (pass.tables, pass.after) = (rest, String::new());
                return Ok(Step::Made);
            }
        }
        let mut anew = Vec::new();
        for row in &rows {
            match self.resealed(row)? {
                Ok(sealed) if sealed.as_bytes().starts_with(&pass.target.prefix) => {
                    anew.push((row, sealed));
                }
                Ok(_) => return Ok(Step::Overtaken),
                Err(why) => {
                    pass.unopened = pass.unopened.saturating_add(1);
                    if !pass.is_repeated {
                        self.mark(row, &why).await?;
                    }
                }
            }
            // Sealing is work, and this thread has requests to serve.
            tokio::task::yield_now().await;
        }
        let is_kept = self.keep_resealed(&anew, &pass.target).await?;
        Ok(if is_kept { Step::Made } else { Step::Overtaken })
    }

    async fn keep_resealed(
        &self,
        anew: &[(&SealRow, Sealed)],
        target: &SealTarget,
    ) -> Result<bool, Refusal> {
        let mut write = self.store.write().await?;
        if !write.hold_active(target.version).await? {
            return Ok(false);
        }
        for (row, sealed) in anew {
            // One that was replaced or deleted meanwhile stays as it is now.
            write.reseal(row, sealed, target.version).await?;
        }
        if !self.lease_in(&mut write).await? {
            return Ok(false);
        }
        write.commit(self.clock.now()).await?;
        Ok(true)
    }

    /// The row's value as it is to be stored. The inner error is the row's, the outer one ours.
    fn resealed(&self, row: &SealRow) -> Result<Result<Sealed, Closed>, Refusal> {
        let home = match Home::of(row) {
            Ok(home) => home,
            Err(why) => return Ok(Err(why)),
        };
        match self.vault.reseal(&row.sealed, &home.place()) {
            Ok(Some(sealed)) => Ok(Ok(sealed)),
            // Only the version that its row names is wrong.
            Ok(None) => Ok(Ok(row.sealed.clone())),
            Err(error) => closed(error).map(Err).map_err(Refusal::internal),
        }
    }

    /// A provider key that does not open shows it.
    pub(super) async fn mark(&self, row: &SealRow, why: &Closed) -> Result<(), Refusal> {
        let kind = kind(row.table);
        tracing::warn!(seal.kind = kind, seal.id = %row.id, error = %why, "a stored value does not open");
        match (row.table, row.id.parse()) {
            (SealTable::ProviderKeys, Ok(id)) => {
                self.heed(row.workspace, id, row.sealed_version, KeySign::Closed).await
            }
            _ => Ok(()),
        }
    }

    /// Whether it is not the value that is at fault but this process, which has not got a master key that is in use.
    pub(crate) async fn lacks_key_of(&self, sealed: &Sealed) -> Result<bool, Refusal> {
        let Ok(header) = header_of(sealed) else { return Ok(false) };
        if self.vault.has(header.version) {
            return Ok(false);
        }
        let ring = self.store.system().keyring().await?;
        let is_in_use =
            |row: &KeyringRow| row.version == header.version && row.state != KeyState::Retired;
        Ok(ring.iter().any(is_in_use))
    }

    pub(super) async fn end_pass(&self, job: &ResealJobRow, pass: &Pass) -> Result<(), Refusal> {
        let target = &pass.target;
        let counts = self.store.system().seal_counts().await?;
        let total: u64 = counts.iter().map(|count| count.rows).sum();
        let left = total.saturating_sub(done(&counts, target));
        let now = self.clock.now();
        let finished_at = (left == 0).then_some(now);

        let mut write = self.store.write().await?;
        let retired = write.retire_unneeded().await?;
        if !write.end_reseal_pass(self.node.id, pass.unopened, finished_at).await? {
            return Ok(());
        }
        if retired == 0 && finished_at.is_none() && job.state == JobState::Blocked {
            return Ok(write.commit(now).await?);
        }
        let detail =
            json!({ "rows": total, "left": left, "closed": pass.unopened, "retired": retired });
        let action = if left == 0 { "vault.rotation_finished" } else { "vault.rotation_blocked" };
        write.audit(Doer::SYSTEM, None, action, target.version, detail);
        // The caches then hold nothing any more that an older key sealed.
        write.changed(keyring_changed(target.version));
        write.commit(now).await?;
        tracing::info!(
            key.version = target.version.0,
            rows.left = left,
            "the sealed values were gone through"
        );
        Ok(())
    }
}

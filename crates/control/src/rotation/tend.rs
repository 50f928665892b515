//! What every node does about the ring, again and again: loads what is staged, seals with what is active, and, if it is the
//! one that holds the lease, brings the job a step on. Begins each time from what the database says.

use std::time::Duration;

use model::{Doer, KeyVersion, Refusal};
use serde_json::json;
use store::system::{JobState, KeyState, KeyringRow, ResealJobRow};
use tokio::time::{Instant, sleep};
use vault::Suite;

use super::place::target;
use super::reseal::{Pass, Step};
use super::start::{active, keyring_changed, refuse_wrong};
use crate::Control;

/// What one node remembers between two looks.
#[derive(Default)]
pub struct Tender {
    /// The staged version that the other nodes know this one has.
    reported: Option<KeyVersion>,
    /// What was said about a missing key, once.
    complained: Option<(KeyVersion, KeyState)>,
    /// Where this node is, if it is the one at work.
    pass: Option<Pass>,
    /// What does not open is not tried again at once.
    passed_at: Option<Instant>,
}

/// Between two looks at the database.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What was sealed before the switch is written by then, and every node that is awake seals with the new key.
const SWITCH_TAKES: Duration = Duration::from_secs(2);
/// Where nobody else has to hear of it.
const SWITCH_ALONE_TAKES: Duration = Duration::from_millis(500);
const BLOCKED_EVERY: Duration = Duration::from_secs(5);
/// Longer than any one step takes. A node that is killed leaves the work for this long, unless it starts anew.
const LEASE: Duration = Duration::from_secs(15);

impl Control {
    /// One step, and how long to rest before the next. The caller calls again, after a failure too.
    pub async fn tend_vault(&self, tender: &mut Tender) -> Result<Duration, Refusal> {
        let ring = self.store.system().keyring().await?;
        self.follow_keys(&ring, tender).await?;
        let job = self.job().await?;
        let suite = job.suite.parse().map_err(Refusal::internal)?;
        if self.vault.suite() != suite {
            self.vault.use_suite(suite).map_err(Refusal::internal)?;
        }
        match job.state {
            JobState::Done => Ok(LOOK_EVERY),
            JobState::Staged => self.activate(&ring, &job, tender).await.map(|()| LOOK_EVERY),
            JobState::Blocked | JobState::Resealing | JobState::Switching => {
                self.work(&job, suite, tender).await
            }
        }
    }

    /// Loads what this process needs to have, as far as its source has it, and seals with what is active.
    /// A node without it opens nothing that is sealed from now on.
    pub async fn holds_active_key(&self) -> Result<bool, Refusal> {
        let ring = self.store.system().keyring().await?;
        Ok(self.holds(active(&ring)?))
    }

    async fn follow_keys(&self, ring: &[KeyringRow], tender: &mut Tender) -> Result<(), Refusal> {
        let needed = |row: &&KeyringRow| matches!(row.state, KeyState::Active | KeyState::Staged);
        if let Some(row) = ring.iter().filter(needed).find(|row| !self.vault.has(row.version)) {
            self.fetch(row, ring, tender)?;
        }
        let staged = ring.iter().find(|row| row.state == KeyState::Staged);
        let staged = staged.filter(|row| self.holds(row)).map(|row| row.version);
        if staged.is_some() && tender.reported != staged {
            self.report_node().await?;
            tender.reported = staged;
        }
        let active = active(ring)?;
        if self.vault.active() == active.version {
            return Ok(());
        }
        if self.holds(active) {
            return self.vault.activate(active.version).map_err(Refusal::internal);
        }
        complain(active, "seals now, and this process does not have the right one", tender);
        Ok(())
    }

    fn fetch(
        &self,
        row: &KeyringRow,
        ring: &[KeyringRow],
        tender: &mut Tender,
    ) -> Result<(), Refusal> {
        match self.rotation.source.read()? {
            Some(keys) if keys.has(row.version) => {
                refuse_wrong(&keys, ring)?;
                let check = vault::check_value(&keys, row.version);
                if check.is_some_and(|check| check.matches(&row.check_value)) {
                    return self.load(&keys);
                }
                complain(row, "is another key here than on the node that staged it", tender);
            }
            Some(_) => complain(row, "is not in this node's key file yet", tender),
            None => complain(row, "is not loaded: restart this node with it", tender),
        }
        Ok(())
    }

    /// Once every running node has the key. Whichever node is first does it, for all.
    async fn activate(
        &self,
        ring: &[KeyringRow],
        job: &ResealJobRow,
        tender: &mut Tender,
    ) -> Result<(), Refusal> {
        let (old, new) = (active(ring)?.version, job.version);
        let staged = ring.iter().find(|row| row.version == new && row.state == KeyState::Staged);
        let Some(staged) = staged.filter(|row| self.holds(row)) else { return Ok(()) };
        if !self.lacking(job).await?.is_empty() {
            return Ok(());
        }
        // What seals from now on must be found again at the next start.
        if let Some(keys) = self.rotation.source.read()? {
            let check = vault::check_value(&keys, new);
            if !check.is_some_and(|check| check.matches(&staged.check_value)) {
                complain(staged, "is no longer in this node's key file", tender);
                return Ok(());
            }
        }
        let mut write = self.store.write().await?;
        if !write.activate_staged(old, new).await? {
            return Ok(());
        }
        let detail = json!({ "from": old.0, "to": new.0 });
        write.audit(Doer::SYSTEM, None, "vault.key_activated", new, detail);
        write.changed(keyring_changed(new));
        write.commit(self.clock.now()).await?;
        tracing::info!(key.version = new.0, "a new master key seals from now on");
        self.vault.activate(new).map_err(Refusal::internal)
    }

    async fn work(
        &self,
        job: &ResealJobRow,
        suite: Suite,
        tender: &mut Tender,
    ) -> Result<Duration, Refusal> {
        let resting = job.state == JobState::Blocked
            && tender.passed_at.is_some_and(|at| at.elapsed() < BLOCKED_EVERY);
        if resting || self.vault.active() != job.version || !self.lease().await? {
            return Ok(LOOK_EVERY);
        }
        if job.state == JobState::Switching {
            return self.end_switching().await;
        }
        let is_repeated = job.state == JobState::Blocked;
        let target = target(job.version, suite);
        let mut pass = Pass::going_on(tender.pass.take(), target, is_repeated);
        match self.step(&mut pass).await? {
            Step::End => {
                tender.passed_at = Some(Instant::now());
                self.end_pass(job, &pass).await?;
                Ok(LOOK_EVERY)
            }
            Step::Made => {
                tender.pass = Some(pass);
                Ok(self.rotation.pause)
            }
            Step::Overtaken => Ok(LOOK_EVERY),
        }
    }

    async fn end_switching(&self) -> Result<Duration, Refusal> {
        sleep(if self.store.is_shared() { SWITCH_TAKES } else { SWITCH_ALONE_TAKES }).await;
        let mut write = self.store.write().await?;
        write.end_switching(self.node.id).await?;
        write.commit(self.clock.now()).await?;
        Ok(Duration::ZERO)
    }

    /// Two nodes at work would do no harm, as rows are compared before they change; one is enough.
    async fn lease(&self) -> Result<bool, Refusal> {
        let mut write = self.store.write().await?;
        let is_ours = self.lease_in(&mut write).await?;
        write.commit(self.clock.now()).await?;
        Ok(is_ours)
    }

    pub(super) async fn lease_in(&self, write: &mut store::Write) -> Result<bool, Refusal> {
        let now = self.clock.now();
        Ok(write.lease_reseal(self.node.id, now, now.plus(LEASE)).await?)
    }
}

/// Once for each version and state, not at every look.
fn complain(row: &KeyringRow, what: &'static str, tender: &mut Tender) {
    if tender.complained != Some((row.version, row.state)) {
        tender.complained = Some((row.version, row.state));
        tracing::error!(
            key.version = row.version.0,
            key.state = row.state.as_str(),
            "master key: {what}"
        );
    }
}

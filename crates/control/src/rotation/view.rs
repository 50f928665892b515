//! The vault as the operator sees it: which key and which suite seal, what is left of others, how a rotation is going.

use model::{KeyVersion, NodeId, Refusal, Timestamp};
use serde::Serialize;
use store::system::{JobState, KeyState, KeyringRow, NodeRow, ResealJobRow, SealCount, SealTarget};
use utoipa::ToSchema;

use super::place::target;
use super::start::active;
use crate::keyring::{SuiteCounts, suite_counts};
use crate::nodes::SILENT_MAX;
use crate::{Control, Operator};

#[derive(Serialize, ToSchema)]
pub struct VaultView {
    /// For new values.
    pub suite: String,
    /// The version of the master key that seals.
    pub active: u32,
    pub versions: Vec<VersionView>,
    /// The latest rotation, if there ever was one.
    pub job: Option<JobView>,
}

#[derive(Serialize, ToSchema)]
pub struct VersionView {
    pub version: u32,
    /// `staged`, `active`, `decrypt_only` or `retired`.
    pub state: &'static str,
    /// Live rows that need it.
    pub rows: u64,
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub suites: SuiteCounts,
    /// By the process that answers.
    pub loaded: bool,
    pub created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct JobView {
    /// `staged`: waits for nodes. `switching`: the new key seals, what was under way ends. `resealing`. `blocked`: what is
    /// left does not open, see the doctor; goes on by itself once those rows are replaced or deleted. `done`.
    pub state: &'static str,
    pub version: u32,
    pub suite: String,
    /// Rows that are as they should be, of `total`.
    pub done: u64,
    pub total: u64,
    /// Rows that did not open.
    pub closed: u64,
    /// Running nodes that do not have the staged key yet.
    pub waiting_for: Vec<NodeId>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl Control {
    pub async fn vault_status(&self, _operator: &Operator) -> Result<VaultView, Refusal> {
        let system = self.store.system();
        // The job first: what it says is done the ring then shows.
        let job = self.job().await?;
        let counts = system.seal_counts().await?;
        let ring = system.keyring().await?;
        let version = |row: &KeyringRow| {
            let suites = suite_counts(&counts, row.version);
            VersionView {
                version: row.version.0,
                state: row.state.as_str(),
                rows: suites.values().sum(),
                suites,
                loaded: self.holds(row),
                created_at: row.created_at,
            }
        };
        Ok(VaultView {
            suite: job.suite.clone(),
            active: active(&ring)?.version.0,
            versions: ring.iter().map(version).collect(),
            job: match job.started_at {
                Some(_) => Some(self.job_view(&job, &counts).await?),
                None => None,
            },
        })
    }

    pub(super) async fn job_view(
        &self,
        job: &ResealJobRow,
        counts: &[SealCount],
    ) -> Result<JobView, Refusal> {
        let suite = job.suite.parse().map_err(Refusal::internal)?;
        let total = counts.iter().map(|count| count.rows).sum();
        let waiting_for = match job.state {
            JobState::Staged => self.lacking(job).await?,
            _ => Vec::new(),
        };
        Ok(JobView {
            state: job.state.as_str(),
            version: job.version.0,
            suite: job.suite.clone(),
            done: done(counts, &target(job.version, suite)),
            total,
            closed: job.closed,
            waiting_for,
            started_at: job.started_at,
            finished_at: job.finished_at,
        })
    }

    /// Running nodes that have not said, since the key was staged, that they have it.
    pub(super) async fn lacking(&self, job: &ResealJobRow) -> Result<Vec<NodeId>, Refusal> {
        if !self.store.is_shared() {
            let ring = self.store.system().keyring().await?;
            let staged = ring.iter().find(|row| row.state == KeyState::Staged);
            let here = staged.is_some_and(|row| self.holds(row));
            return Ok(if here { Vec::new() } else { vec![self.node.id] });
        }
        let now = self.clock.now();
        let lacks = |node: &NodeRow| {
            let is_alive = now.since(node.seen_at) <= SILENT_MAX;
            let has_said = job.started_at.is_none_or(|staged_at| node.seen_at >= staged_at);
            is_alive && !(has_said && node.keys.contains(&job.version))
        };
        let mut nodes = self.store.system().nodes().await?;
        nodes.retain(lacks);
        Ok(nodes.into_iter().map(|node| node.id).collect())
    }

    /// Whether a running node has the key that is staged.
    pub(super) async fn is_held_elsewhere(&self, version: KeyVersion) -> Result<bool, Refusal> {
        let now = self.clock.now();
        let holds = |node: &NodeRow| {
            now.since(node.seen_at) <= SILENT_MAX
                && node.id != self.node.id
                && node.keys.contains(&version)
        };
        let nodes = self.store.system().nodes().await?;
        Ok(self.store.is_shared() && nodes.iter().any(holds))
    }
}

pub(super) fn done(counts: &[SealCount], target: &SealTarget) -> u64 {
    let there =
        |count: &&SealCount| count.version == target.version && count.prefix == target.prefix;
    counts.iter().filter(there).map(|count| count.rows).sum()
}

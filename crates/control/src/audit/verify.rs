//! Checks a chain from its first row to its sealed end, and the sealed values against what the chain says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Refusal, WorkspaceId};
use serde::Serialize;
use serde_json::Value;
use store::Chain;
use store::audit::{AuditHead, AuditRow, chain_name};
use utoipa::ToSchema;

use super::Chained;
use crate::Control;

#[derive(Serialize, ToSchema)]
pub struct AuditReport {
    pub ok: bool,
    pub rows: u64,
    /// Where the chain ends. Kept outside of the database, it tells whether rows and end were set back together.
    pub head: Option<AuditEnd>,
    /// The first hundred.
    pub problems: Vec<Problem>,
}

#[derive(Serialize, ToSchema)]
pub struct AuditEnd {
    pub position: i64,
    pub mac: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    pub position: i64,
    pub kind: ProblemKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The row is not as it was written.
    Changed,
    /// A row was taken out.
    Missing,
    /// The row stands in another place than it was written to.
    Reordered,
    /// A sealed value is older than the chain says, or was deleted and is back.
    RolledBack,
    /// Rows are missing at the end, or the end itself is not as it was sealed.
    Truncated,
}

/// What the first row of a workspace tells of.
const FOUNDING: &str = "workspace.created";

const BATCH: u32 = 1000;
const PROBLEMS_MAX: usize = 100;

impl Control {
    pub(super) async fn verify(&self, Chained(workspace): Chained) -> Result<AuditReport, Refusal> {
        let chain = self.store.chain();
        let chain = chain.ok_or_else(|| Refusal::internal("no audit key is loaded"))?;
        // Platform keys are the instance's affair. Looked at before and after the walk: what changes meanwhile may be
        // told of or not.
        let kept_in = workspace.unwrap_or(WorkspaceId::NIL);
        let before = self.seals(kept_in).await?;
        // The end first: rows that are written meanwhile come after it.
        let head = self.store.audit_head(workspace).await?;
        let mut walk = Walk::new(chain);
        loop {
            let rows = self.store.audit_chain(workspace, walk.position, BATCH).await?;
            if rows.is_empty() {
                break;
            }
            rows.iter().for_each(|row| walk.step(row));
        }
        walk.finish(&chain_name(workspace), head.as_ref());
        if workspace.is_some() && !walk.is_founded {
            let message = "the chain does not begin with the making of the workspace".to_owned();
            walk.problem(1, ProblemKind::Truncated, message);
        }
        walk.check_seals(&before, &self.seals(kept_in).await?);
        Ok(AuditReport {
            ok: walk.problems.is_empty(),
            rows: walk.rows,
            head: head
                .map(|head| AuditEnd { position: head.position, mac: model::hex(&head.link) }),
            problems: walk.problems,
        })
    }

    /// Every sealed value that people keep there, with the version of its seal.
    async fn seals(&self, workspace: WorkspaceId) -> Result<Seals, Refusal> {
        let inside = self.store.workspace(workspace);
        let keys = inside.provider_keys().await?;
        let mut seals: Seals =
            keys.into_iter().map(|row| (row.id.to_string(), row.sealed_version)).collect();
        let mut after = String::new();
        loop {
            let rows = inside.secrets(None, &after, BATCH).await?;
            let Some(last) = rows.last() else { return Ok(seals) };
            after = last.id.to_string();
            seals.extend(rows.iter().map(|row| (row.id.to_string(), row.sealed_version)));
        }
    }
}

/// By id.
type Seals = BTreeMap<String, u64>;

/// A walk along a chain.
struct Walk {
    chain: Arc<dyn Chain>,
    position: i64,
    seq: i64,
    link: Vec<u8>,
    rows: u64,
    /// By subject: where it was last told of, and the seal it had then; none when it was deleted.
    seals: BTreeMap<String, (i64, Option<u64>)>,
    /// Whether the first row is the one that a workspace's chain begins with.
    is_founded: bool,
    problems: Vec<Problem>,
}

impl Walk {
    fn new(chain: Arc<dyn Chain>) -> Self {
        let (link, seals, problems) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { chain, position: 0, seq: 0, link, rows: 0, seals, is_founded: false, problems }
    }

    fn step(&mut self, row: &AuditRow) {
        let next = self.position.saturating_add(1);
        if row.position > next {
            let last = row.position.saturating_sub(1);
            let message = match last == next {
                true => format!("row {next} is missing"),
                false => format!("rows {next} to {last} are missing"),
            };
            self.problem(next, ProblemKind::Missing, message);
        } else if row.expected_link(&*self.chain, &self.link) != row.link {
            let (kind, what) = match row.seq < self.seq {
                true => (ProblemKind::Reordered, "stands in another place than it was written to"),
                false => (ProblemKind::Changed, "is not as it was written"),
            };
            self.problem(row.position, kind, format!("row {} {what}", row.position));
        }
        if row.position == 1 && row.action == FOUNDING {
            self.is_founded = true;
        }
        self.note_seal(row);
        // What comes next was linked to what this row was, which its own link still says.
        self.link.clone_from(&row.link);
        self.position = row.position;
        self.seq = row.seq;
        self.rows = self.rows.saturating_add(1);
    }

    fn finish(&mut self, chain: &str, head: Option<&AuditHead>) {
        let Some(head) = head else {
            if self.rows > 0 {
                let message = "the chain's sealed end is missing".to_owned();
                self.problem(self.position, ProblemKind::Truncated, message);
            }
            return;
        };
        let position = u64::try_from(head.position).unwrap_or(u64::MAX);
        if self.chain.seal(chain, position, &head.link).as_slice() != head.seal {
            let message = "the chain's end is not as it was sealed".to_owned();
            self.problem(head.position, ProblemKind::Truncated, message);
        } else if head.position > self.position {
            let next = self.position.saturating_add(1);
            let message = format!("rows {next} to {} are missing at the end", head.position);
            self.problem(next, ProblemKind::Truncated, message);
        } else if head.position == self.position && head.link != self.link {
            let message = format!("row {} is not the one the chain ended with", self.position);
            self.problem(self.position, ProblemKind::Changed, message);
        }
    }

    fn note_seal(&mut self, row: &AuditRow) {
        let is_deleted = row.action.ends_with(".deleted");
        let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
        let version = detail.get("sealed_version").and_then(Value::as_u64);
        if is_deleted || version.is_some() {
            let seal = version.filter(|_| !is_deleted);
            self.seals.insert(row.subject.clone(), (row.position, seal));
        }
    }

    /// What is kept must be what the chain last told of, and the other way round.
    fn check_seals(&mut self, before: &Seals, after: &Seals) {
        let told = std::mem::take(&mut self.seals);
        let subjects: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for subject in subjects {
            let told = told.get(subject);
            let last = told.and_then(|(_, seal)| *seal);
            let (was, is) = (before.get(subject).copied(), after.get(subject).copied());
            if last == was || last == is {
                continue;
            }
            let live = is.or(was).unwrap_or_default();
            let (position, message) = match told {
                Some((position, Some(last))) => (
                    *position,
                    format!("{subject} holds value {live}, and value {last} was the last"),
                ),
                Some((position, None)) => (*position, format!("{subject} was deleted and is back")),
                None => (0, format!("{subject} is there, and the audit never told of it")),
            };
            self.problem(position, ProblemKind::RolledBack, message);
        }
        for (subject, (position, seal)) in &told {
            let is_kept = before.contains_key(subject) || after.contains_key(subject);
            if seal.is_some() && !is_kept {
                let message = format!("{subject} is gone, and the audit never told of it");
                self.problem(*position, ProblemKind::RolledBack, message);
            }
        }
    }

    fn problem(&mut self, position: i64, kind: ProblemKind, message: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { position, kind, message });
        }
    }
}

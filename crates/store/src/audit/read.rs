//! Reading the audit: newest first for people, oldest first for whoever checks the chain.

use model::{Timestamp, WorkspaceId};

use super::{Chain, Linked, chain_name, link};
use crate::db::{Row, args};
use crate::{Result, Store};

#[derive(Clone, Debug)]
pub struct AuditRow {
    /// Rises over all chains, in the order of the commits.
    pub seq: i64,
    pub position: i64,
    pub at: Timestamp,
    pub actor: String,
    pub came_from: Option<String>,
    pub action: String,
    pub subject: String,
    pub detail: String,
    pub link: Vec<u8>,
    chain: String,
}

/// Where a chain ends, as its last writer sealed it.
#[derive(Clone, Debug)]
pub struct AuditHead {
    pub position: i64,
    pub link: Vec<u8>,
    pub seal: Vec<u8>,
}

/// Nothing set: everything.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub action: Option<String>,
    pub actor: Option<String>,
}

impl AuditRow {
    /// What the row's link must be after `previous`.
    pub fn expected_link(&self, chain: &dyn Chain, previous: &[u8]) -> Vec<u8> {
        link(
            chain,
            previous,
            &Linked {
                chain: &self.chain,
                position: self.position,
                at: self.at,
                actor: &self.actor,
                came_from: self.came_from.as_deref(),
                action: &self.action,
                subject: &self.subject,
                detail: &self.detail,
            },
        )
    }
}

impl Store {
    /// Of a workspace, or of the instance itself; newest first, from before `before`.
    pub async fn audit(
        &self,
        workspace: Option<WorkspaceId>,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>> {
        let args = args![
            &chain_name(workspace),
            before.unwrap_or(i64::MAX),
            filter.action.as_deref(),
            filter.actor.as_deref(),
            limit,
        ];
        self.db().all(NEWEST, args).await?.iter().map(audit_row).collect()
    }

    /// Oldest first, from after `after`.
    pub async fn audit_chain(
        &self,
        workspace: Option<WorkspaceId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>> {
        let rows = self.db().all(OLDEST, args![&chain_name(workspace), after, limit]).await?;
        rows.iter().map(audit_row).collect()
    }

    pub async fn audit_head(&self, workspace: Option<WorkspaceId>) -> Result<Option<AuditHead>> {
        let row = self.db().one(HEAD, args![&chain_name(workspace)]).await?;
        let head = |row: Row| {
            Ok(AuditHead {
                position: row.get("position")?,
                link: row.get("link")?,
                seal: row.get("seal")?,
            })
        };
        row.map(head).transpose()
    }
}

fn audit_row(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        seq: row.get("seq")?,
        chain: row.get("chain")?,
        position: row.get("position")?,
        at: row.time("at")?,
        actor: row.get("actor")?,
        came_from: row.get("came_from")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        detail: row.get("detail")?,
        link: row.get("link")?,
    })
}

const NEWEST: &str = "select seq, chain, position, at, actor, came_from, action, subject,
        detail, link
    from audit
    where chain = $1 and position > 0 and position < $2 and action = coalesce($3, action)
        and actor = coalesce($4, actor)
    order by position desc
    limit $5";

const OLDEST: &str = "select seq, chain, position, at, actor, came_from, action, subject,
        detail, link
    from audit
    where chain = $1 and position > $2
    order by position
    limit $3";

const HEAD: &str = "select position, link, seal
    from audit_heads
    where chain = $1";

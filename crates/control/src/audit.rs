//! Who did what: shown to those who run a workspace or the instance, and checked link by link.

mod verify;

use model::{Refusal, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::audit::{AuditFilter, AuditRow};
use utoipa::ToSchema;

use crate::{Control, Operator, Page, PageWish, Writer};

pub use verify::{AuditEnd, AuditReport, Problem, ProblemKind};

#[derive(Serialize, ToSchema)]
pub struct AuditView {
    /// In its chain, from 1.
    pub position: i64,
    pub at: Timestamp,
    /// A user's or a gateway key's id, or `system`.
    pub actor: String,
    /// The address the request came from.
    pub from: Option<String>,
    pub action: String,
    pub subject: String,
    pub detail: Value,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditWish {
    pub limit: Option<u32>,
    pub cursor: Option<String>,
    pub action: Option<String>,
    pub actor: Option<String>,
}

/// Whose rows: a workspace's, or the instance's own.
#[derive(Clone, Copy)]
struct Chained(Option<WorkspaceId>);

impl Control {
    pub async fn audit(
        &self,
        writer: &Writer,
        wish: AuditWish,
    ) -> Result<Page<AuditView>, Refusal> {
        self.audit_of(Chained(Some(writer.workspace())), wish).await
    }

    pub async fn instance_audit(
        &self,
        _: &Operator,
        wish: AuditWish,
    ) -> Result<Page<AuditView>, Refusal> {
        self.audit_of(Chained(None), wish).await
    }

    pub async fn verify_audit(&self, writer: &Writer) -> Result<AuditReport, Refusal> {
        self.verify(Chained(Some(writer.workspace()))).await
    }

    pub async fn verify_instance_audit(&self, _: &Operator) -> Result<AuditReport, Refusal> {
        self.verify(Chained(None)).await
    }

    /// Newest first, so that the cursor is the position to read on before.
    async fn audit_of(
        &self,
        Chained(workspace): Chained,
        wish: AuditWish,
    ) -> Result<Page<AuditView>, Refusal> {
        let AuditWish { limit, cursor, action, actor } = wish;
        let wish = PageWish::new(limit, cursor)?;
        let filter = AuditFilter { action, actor };
        let rows = self.store.audit(workspace, &filter, wish.number()?, wish.rows()).await?;
        Ok(wish.page(rows, |row| row.position.to_string(), view))
    }
}

fn view(row: AuditRow) -> AuditView {
    AuditView {
        position: row.position,
        at: row.at,
        actor: row.actor,
        from: row.came_from,
        action: row.action,
        subject: row.subject,
        // Damaged detail is shown as the text it is; `verify` names the row.
        detail: serde_json::from_str(&row.detail).unwrap_or(Value::String(row.detail)),
    }
}

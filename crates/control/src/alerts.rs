//! What people are told of money without asking: that a share of a cap is spent, that the end of requests was not seen.

use std::collections::BTreeMap;

use model::settings::{CapMode, CapPeriod};
use model::{
    CapScope, MicroUsd, NodeId, Period, PicoUsd, ProjectId, Refusal, Timestamp, WorkspaceId,
};
use store::system::{BudgetRow, UnsettledRow};

use crate::{CapShareReached, Control, News, Notice, RequestsUnsettled};

/// A cap as it is set, and whose it is.
struct SetCap {
    kind: &'static str,
    workspace: WorkspaceId,
    project: Option<ProjectId>,
    amount: PicoUsd,
    period: CapPeriod,
    mode: CapMode,
}

const BUDGETS_AT_ONCE: u32 = 200;
const UNSETTLED_MAX: u32 = 10_000;
const IDS_MAX: usize = 100;
const PERCENT: i128 = 100;

impl Control {
    /// Looks at budgets of which more was spent since somebody looked. Costs a short index where there are none.
    pub async fn look_at_caps(&self) -> Result<(), Refusal> {
        loop {
            let budgets = self.store.system().budgets_to_look_at(BUDGETS_AT_ONCE).await?;
            for budget in &budgets {
                self.look_at(budget).await?;
            }
            if budgets.len() < usize::try_from(BUDGETS_AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    /// What a node that died had begun, told to those whose requests they were: one notice for each workspace.
    pub async fn notice_unsettled(&self, node: NodeId, at: Timestamp) -> Result<(), Refusal> {
        let rows = self.store.system().left_unsettled(node, at, UNSETTLED_MAX).await?;
        let mut by_workspace: BTreeMap<WorkspaceId, Vec<UnsettledRow>> = BTreeMap::new();
        for row in rows {
            by_workspace.entry(row.workspace).or_default().push(row);
        }
        for (workspace, rows) in by_workspace {
            let cost = rows.iter().filter_map(|row| row.cost);
            let cost = cost.fold(0_i128, |sum, cost| sum.saturating_add(cost.0));
            let news = News::RequestsUnsettled(RequestsUnsettled {
                node,
                attempts: rows.len(),
                request_ids: rows.iter().take(IDS_MAX).map(|row| row.request).collect(),
                cost_micro_usd: PicoUsd(cost).rounded().0,
            });
            self.notices.leave(Notice { workspace, project: None, at, news });
        }
        Ok(())
    }

    /// What is written down first is told at most once, whatever happens then; and by one node only.
    async fn look_at(&self, budget: &BudgetRow) -> Result<(), Refusal> {
        let now = self.clock.now();
        let notices = match self.cap_of(budget).await? {
            Some(cap) => self.shares_of(budget, &cap, now).await?,
            None => Vec::new(),
        };
        let mut write = self.store.write().await?;
        write.looked_at(budget).await?;
        let mut new = Vec::new();
        for (share, notice) in notices {
            if write.tell_of_share(budget, share, now).await? {
                new.push(notice);
            }
        }
        write.commit(now).await?;
        new.into_iter().for_each(|notice| self.notices.leave(notice));
        Ok(())
    }

    /// `None` where there is no cap any more, or of another period.
    async fn cap_of(&self, budget: &BudgetRow) -> Result<Option<SetCap>, Refusal> {
        let scope = budget.scope.as_str();
        let cap = if let Ok(key) = scope.parse() {
            self.cap_of_key(key).await?
        } else if let Ok(project) = scope.parse() {
            self.cap_by_settings("project", Some(project), CapScope::Project(project)).await?
        } else if let Ok(workspace) = scope.parse() {
            self.cap_by_settings("workspace", None, CapScope::Workspace(workspace)).await?
        } else {
            // A pool is the plan's affair.
            None
        };
        let running = |cap: &SetCap| {
            let period = Period::at(cap.period, self.clock.now());
            period.start == budget.period_start && period.end == budget.period_end
        };
        Ok(cap.filter(running))
    }

    async fn cap_of_key(&self, key: model::GatewayKeyId) -> Result<Option<SetCap>, Refusal> {
        let Some(row) = self.store.system().key_policy(key).await? else { return Ok(None) };
        let cap = row.policy.spend_cap_micro_usd.map(|cap| SetCap {
            kind: "gateway_key",
            workspace: row.workspace,
            project: row.project,
            amount: exact(cap),
            period: row.policy.cap_period,
            mode: row.policy.cap_mode,
        });
        Ok(cap)
    }

    async fn cap_by_settings(
        &self,
        kind: &'static str,
        project: Option<ProjectId>,
        scope: CapScope,
    ) -> Result<Option<SetCap>, Refusal> {
        let Some(row) = self.store.system().settings_of(scope).await? else { return Ok(None) };
        let cap = row.settings.spend_cap_micro_usd.map(|cap| SetCap {
            kind,
            workspace: row.workspace,
            project,
            amount: exact(cap),
            period: row.settings.cap_period,
            mode: row.settings.cap_mode,
        });
        Ok(cap)
    }

    /// A notice for each share that is reached and that people want to hear of.
    async fn shares_of(
        &self,
        budget: &BudgetRow,
        cap: &SetCap,
        at: Timestamp,
    ) -> Result<Vec<(u8, Notice)>, Refusal> {
        let shares = self.cap_shares(cap.workspace, cap.project).await?;
        let reached = shares.into_iter().filter(|share| is_reached(budget, cap, *share));
        let notice = |share| {
            let never = Period::ENDLESS.end;
            let news = News::CapShareReached(CapShareReached {
                scope: cap.kind,
                id: budget.scope.clone(),
                share,
                cap_micro_usd: cap.amount.rounded().0,
                spent_micro_usd: budget.spent.rounded().0,
                cap_period: cap.period,
                cap_mode: cap.mode,
                period_start: budget.period_start,
                period_end: Some(budget.period_end).filter(|end| *end != never),
            });
            Notice { workspace: cap.workspace, project: cap.project, at, news }
        };
        Ok(reached.map(|share| (share, notice(share))).collect())
    }
}

/// Exactly, and not by what is shown.
fn is_reached(budget: &BudgetRow, cap: &SetCap, share: u8) -> bool {
    let spent = budget.spent.0.saturating_mul(PERCENT);
    spent > 0 && spent >= cap.amount.0.saturating_mul(i128::from(share))
}

fn exact(cap_micro_usd: u64) -> PicoUsd {
    PicoUsd::from(MicroUsd(i64::try_from(cap_micro_usd).unwrap_or(i64::MAX)))
}

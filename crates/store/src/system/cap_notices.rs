//! Which budgets somebody should look at because more was spent, and which shares of caps people were told of already.

use model::Timestamp;

use super::System;
use super::ledger::{BudgetRow, budget_row};
use crate::db::args;
use crate::{Result, Write};

impl System<'_> {
    /// Of what more was spent since they were last looked at.
    pub async fn budgets_to_look_at(&self, limit: u32) -> Result<Vec<BudgetRow>> {
        self.db.all(TO_LOOK_AT, args![limit]).await?.iter().map(budget_row).collect()
    }
}

impl Write {
    /// Until more is spent than this, nobody need look again.
    pub async fn looked_at(&mut self, budget: &BudgetRow) -> Result<()> {
        let BudgetRow { scope, period_start, period_end, spent, .. } = budget;
        let args = args![scope, *period_start, *period_end, spent.split().0.0];
        self.tx.run(LOOKED_AT, args).await?;
        Ok(())
    }

    /// Whether nobody was told of this share yet.
    pub async fn tell_of_share(
        &mut self,
        budget: &BudgetRow,
        share: u8,
        now: Timestamp,
    ) -> Result<bool> {
        let BudgetRow { scope, period_start, period_end, .. } = budget;
        let args = args![scope, *period_start, *period_end, u32::from(share), now];
        Ok(self.tx.run(TELL, args).await? > 0)
    }

    /// Those of periods that are over.
    pub async fn delete_cap_notices(&mut self, before: Timestamp) -> Result<()> {
        self.tx.run(DELETE_OLD, args![before]).await?;
        Ok(())
    }
}

const TO_LOOK_AT: &str = "select scope, period_start, period_end, spent_micro, spent_rest,
        forgotten_micro, forgotten_rest
    from budgets
    where spent_micro <> looked_micro
    order by scope
    limit $1";

const LOOKED_AT: &str = "update budgets
    set looked_micro = $4
    where scope = $1 and period_start = $2 and period_end = $3";

const TELL: &str = "insert into cap_notices (scope, period_start, period_end, share, at)
    values ($1, $2, $3, $4, $5)
    on conflict (scope, period_start, period_end, share) do nothing";

const DELETE_OLD: &str = "delete from cap_notices
    where period_end < $1";

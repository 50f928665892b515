//! A change of the master key or of the suite: what it leads to, how far it is, and who is at work. Knows no keys and opens
//! nothing.

use std::str::FromStr;

use model::{KeyVersion, NodeId, Timestamp};

use super::System;
use super::instance::version;
use crate::db::args;
use crate::{Result, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Some rows are left, because they do not open.
    Blocked,
    Done,
    Resealing,
    /// The new version waits until every node has it.
    Staged,
    /// What is under way may still write what the old version sealed.
    Switching,
}

impl JobState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Done => "done",
            Self::Resealing => "resealing",
            Self::Staged => "staged",
            Self::Switching => "switching",
        }
    }
}

impl FromStr for JobState {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        [Self::Blocked, Self::Done, Self::Resealing, Self::Staged, Self::Switching]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

#[derive(Clone, Debug)]
pub struct ResealJobRow {
    pub state: JobState,
    /// What every row is to be sealed by.
    pub version: KeyVersion,
    pub suite: String,
    /// The setting when it began.
    pub configured: String,
    /// Rows that did not open in the latest pass.
    pub closed: u64,
    /// Absent where nothing ever had to be sealed anew.
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// Where a job is to lead.
#[derive(Clone, Debug)]
pub struct NewReseal<'a> {
    pub state: JobState,
    pub version: KeyVersion,
    pub suite: &'a str,
    pub configured: &'a str,
}

impl System<'_> {
    pub async fn reseal_job(&self) -> Result<Option<ResealJobRow>> {
        let Some(row) = self.db.one(JOB, args![]).await? else { return Ok(None) };
        let closed: i64 = row.get("closed")?;
        Ok(Some(ResealJobRow {
            state: row.parse("state")?,
            version: version(row.get("key_version")?)?,
            suite: row.get("suite")?,
            configured: row.get("configured")?,
            closed: u64::try_from(closed).unwrap_or(0),
            started_at: row.time_opt("started_at")?,
            finished_at: row.time_opt("finished_at")?,
        }))
    }
}

impl Write {
    /// At the first start, when nothing has to be sealed anew. Keeps the first.
    pub async fn insert_reseal_job(&mut self, version: KeyVersion, suite: &str) -> Result<()> {
        self.tx.run(INSERT, args![version, suite]).await?;
        Ok(())
    }

    /// Whether there was none under way that this one would cut short. A blocked one has done what it could.
    pub async fn begin_reseal(&mut self, job: &NewReseal<'_>, now: Timestamp) -> Result<bool> {
        self.set_reseal(BEGIN, job, now).await
    }

    /// The same over one that is under way: what it has done so far is judged by the new target.
    pub async fn redirect_reseal(&mut self, job: &NewReseal<'_>, now: Timestamp) -> Result<bool> {
        self.set_reseal(REDIRECT, job, now).await
    }

    /// Takes a staged key back, under which nothing can have been sealed.
    pub async fn unstage(&mut self) -> Result<bool> {
        self.tx.run(UNSTAGE, args![]).await?;
        Ok(self.tx.run(UNSTAGE_JOB, args![]).await? > 0)
    }

    /// Compare and swap: whether `old` was active and `new` waited to be.
    pub async fn activate_staged(&mut self, old: KeyVersion, new: KeyVersion) -> Result<bool> {
        let steps = [(STEP_DOWN, old), (STEP_UP, new), (SWITCH, new)];
        for (step, version) in steps {
            if self.tx.run(step, args![version]).await? != 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether `node` is the one at work until then: nobody else is, or its time is over.
    pub async fn lease_reseal(
        &mut self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool> {
        Ok(self.tx.run(LEASE, args![node, now, until]).await? > 0)
    }

    /// From here on what an older version sealed is written no more; what was under way has been waited for.
    pub async fn end_switching(&mut self, node: NodeId) -> Result<bool> {
        self.tx.run(ACCEPT_NO_MORE, args![]).await?;
        let states = (JobState::Switching.as_str(), JobState::Resealing.as_str());
        Ok(self.tx.run(MOVE, args![node, states.0, states.1]).await? > 0)
    }

    /// Versions that no row needs, counted here: nothing they sealed can be written any more.
    pub async fn retire_unneeded(&mut self) -> Result<u64> {
        self.tx.run(RETIRE, args![]).await
    }

    /// How a pass ended. `finished_at`: nothing is left.
    pub async fn end_reseal_pass(
        &mut self,
        node: NodeId,
        closed: u64,
        finished_at: Option<Timestamp>,
    ) -> Result<bool> {
        let state = if finished_at.is_some() { JobState::Done } else { JobState::Blocked };
        Ok(self.tx.run(END_PASS, args![node, state.as_str(), closed, finished_at]).await? > 0)
    }

    async fn set_reseal(
        &mut self,
        sql: &'static str,
        job: &NewReseal<'_>,
        now: Timestamp,
    ) -> Result<bool> {
        let args = args![job.state.as_str(), job.version, job.suite, job.configured, now];
        Ok(self.tx.run(sql, args).await? > 0)
    }
}

const JOB: &str = "select state, key_version, suite, configured, closed, started_at, finished_at
    from reseal_job
    where one = 1";

const INSERT: &str = "insert into reseal_job (one, state, key_version, suite, configured, closed,
        runs_until)
    values (1, 'done', $1, $2, $2, 0, 0)
    on conflict (one) do nothing";

const BEGIN: &str = "update reseal_job
    set state = $1, key_version = $2, suite = $3, configured = $4, closed = 0, runner = null,
        runs_until = 0, started_at = $5, finished_at = null
    where one = 1 and state in ('blocked', 'done')";

const REDIRECT: &str = "update reseal_job
    set state = $1, key_version = $2, suite = $3, configured = $4, closed = 0, runner = null,
        runs_until = 0, started_at = $5, finished_at = null
    where one = 1";

const UNSTAGE: &str = "delete from keyring
    where state = 'staged'";

const UNSTAGE_JOB: &str = "update reseal_job
    set state = 'done'
    where one = 1 and state = 'staged'";

const STEP_DOWN: &str = "update keyring
    set state = 'decrypt_only'
    where version = $1 and state = 'active'";

const STEP_UP: &str = "update keyring
    set state = 'active', accepts = 1
    where version = $1 and state = 'staged'";

const SWITCH: &str = "update reseal_job
    set state = 'switching'
    where one = 1 and state = 'staged' and key_version = $1";

const LEASE: &str = "update reseal_job
    set runner = $1, runs_until = $3
    where one = 1 and state in ('blocked', 'resealing', 'switching')
        and (runner = $1 or runs_until < $2)";

const ACCEPT_NO_MORE: &str = "update keyring
    set accepts = 0
    where state <> 'active'";

const MOVE: &str = "update reseal_job
    set state = $3
    where one = 1 and runner = $1 and state = $2";

const RETIRE: &str = "update keyring
    set state = 'retired'
    where state = 'decrypt_only' and accepts = 0
        and not exists (
            select 1
            from provider_keys
            where key_version = keyring.version and sealed is not null
        )
        and not exists (
            select 1
            from secrets
            where key_version = keyring.version
        )
        and not exists (
            select 1
            from instance_secrets
            where key_version = keyring.version
        )";

const END_PASS: &str = "update reseal_job
    set state = $2, closed = $3, finished_at = $4
    where one = 1 and runner = $1 and state in ('blocked', 'resealing')";

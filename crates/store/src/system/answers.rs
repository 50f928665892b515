//! Creations that carried an Idempotency-Key: what was answered, without the secret.

use model::{Actor, Timestamp};

use super::System;
use crate::db::args;
use crate::{Result, Write};

/// What a repeated request is compared with, and answered with.
#[derive(Clone, Debug)]
pub struct AnswerRow {
    /// Of the method, the path and the body.
    pub fingerprint: Vec<u8>,
    pub answer: String,
}

impl System<'_> {
    pub async fn answer(
        &self,
        caller: Actor,
        key: &str,
        since: Timestamp,
    ) -> Result<Option<AnswerRow>> {
        let row = self.db.one(ANSWER, args![caller, key, since]).await?;
        row.map(|row| {
            Ok(AnswerRow { fingerprint: row.get("fingerprint")?, answer: row.get("answer")? })
        })
        .transpose()
    }
}

impl Write {
    /// `false`: there is one since `since` already, of a request that was quicker.
    pub async fn insert_answer(
        &mut self,
        caller: Actor,
        key: &str,
        row: &AnswerRow,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        let args = args![caller, key, row.fingerprint.as_slice(), &row.answer, now, since];
        Ok(self.tx.run(INSERT, args).await? > 0)
    }

    pub async fn delete_answers(&mut self, before: Timestamp) -> Result<()> {
        self.tx.run(DELETE_OLD, args![before]).await?;
        Ok(())
    }
}

const ANSWER: &str = "select fingerprint, answer
    from answers
    where caller = $1 and key = $2 and at >= $3";

const INSERT: &str = "insert into answers (caller, key, fingerprint, answer, at)
    values ($1, $2, $3, $4, $5)
    on conflict (caller, key) do update
    set fingerprint = excluded.fingerprint, answer = excluded.answer, at = excluded.at
    where answers.at < $6";

const DELETE_OLD: &str = "delete from answers
    where at < $1";

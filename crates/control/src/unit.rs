//! One change by somebody: its rows, its audit row, its news and, where asked for, its remembered answer, all or nothing.

use std::time::Duration;

use model::{Code, Doer, Refusal, Timestamp, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};
use store::system::AnswerRow;
use store::{Change, ChangeKind, WorkspaceWrite, Write};
use vault::{Pepper, TokenHash};

use crate::{Control, Reader};

/// Dropped without `commit`, nothing happened.
#[must_use = "nothing happens before `commit`"]
pub(crate) struct Unit {
    write: Write,
    doer: Doer,
    workspace: WorkspaceId,
    now: Timestamp,
}

/// A creation's Idempotency-Key, and what it was sent with.
pub struct Once {
    /// Not as it was sent, because it may be a secret in the wrong place.
    key: String,
    fingerprint: Vec<u8>,
}

/// The answer to a creation.
pub enum Made<T> {
    /// What the same request was answered before, without the secret.
    Before(Value),
    Now(T),
}

/// The version that an update expects, from `If-Match`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected(pub Option<i64>);

/// With the version that `If-Match` can name next time.
pub struct Versioned<T> {
    pub version: i64,
    pub view: T,
}

const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
const KEY_CHARS_MAX: usize = 255;

impl Unit {
    pub fn rows(&mut self) -> WorkspaceWrite<'_> {
        self.write.workspace(self.workspace)
    }

    pub fn write(&mut self) -> &mut Write {
        &mut self.write
    }

    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// News beside that of the workspace itself.
    pub fn changed(&mut self, change: Change) {
        self.write.changed(change);
    }

    /// A row of audit beside the one that `commit` writes.
    pub fn audit(&mut self, action: &'static str, subject: impl ToString, detail: Value) {
        // What is done to the reserved workspace is done to the instance.
        let workspace = Some(self.workspace).filter(|id| *id != WorkspaceId::NIL);
        self.write.audit(self.doer, workspace, action, subject, detail);
    }

    /// What a repetition of the request will be answered. Goes last, because a repetition waits for it.
    pub async fn remember(
        &mut self,
        once: Option<&Once>,
        view: &impl Serialize,
    ) -> Result<(), Refusal> {
        let Some(once) = once else { return Ok(()) };
        let answer = serde_json::to_string(view).map_err(Refusal::internal)?;
        let row = AnswerRow { fingerprint: once.fingerprint.clone(), answer };
        let since = since(self.now);
        let is_first =
            self.write.insert_answer(self.doer.actor, &once.key, &row, since, self.now).await?;
        if is_first { Ok(()) } else { Err(Refusal::new(Code::Conflict, "sent twice at once")) }
    }

    pub async fn commit(
        mut self,
        action: &'static str,
        subject: impl ToString,
        detail: Value,
    ) -> Result<(), Refusal> {
        self.audit(action, subject, detail);
        let subject = self.workspace.to_string();
        let kind = ChangeKind::Workspace;
        self.write.changed(Change { kind, workspace: Some(self.workspace), subject });
        Ok(self.write.commit(self.now).await?)
    }
}

impl Once {
    /// `request` is everything that makes it the same: method, path, body.
    pub fn new(key: &str, pepper: &Pepper, request: &[&[u8]]) -> Result<Self, Refusal> {
        let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > KEY_CHARS_MAX || !plain {
            let public = format!(
                "an Idempotency-Key has 1 to {KEY_CHARS_MAX} visible characters without spaces"
            );
            return Err(Refusal::new(Code::InvalidRequest, public));
        }
        let key = model::hex(&pepper.fingerprint(&[key.as_bytes()]));
        Ok(Self { key, fingerprint: pepper.fingerprint(request).to_vec() })
    }
}

impl Expected {
    /// `version` is what the update makes it.
    pub fn check(self, version: i64) -> Result<(), Refusal> {
        let before = version.saturating_sub(1);
        match self.0 {
            Some(expected) if expected != before => {
                let public = format!("this was changed meanwhile: its version is {before}");
                Err(Refusal::new(Code::VersionConflict, public))
            }
            _ => Ok(()),
        }
    }
}

impl Control {
    /// A right that comes from a one-time page is used up by the first unit that commits, and whoever else tries waits.
    pub(crate) async fn unit(&self, reader: &Reader) -> Result<Unit, Refusal> {
        self.must_still_stand(reader).await?;
        let mut unit = self.unit_by(reader.doer(), reader.workspace()).await?;
        if let Some(page) = reader.page() {
            let now = unit.now;
            if !unit.rows().use_upload(page.as_bytes(), now).await? {
                return Err(Refusal::not_found());
            }
            unit.audit("upload.used", page_id(&page), json!({}));
        }
        Ok(unit)
    }

    pub(crate) async fn unit_by(
        &self,
        doer: Doer,
        workspace: WorkspaceId,
    ) -> Result<Unit, Refusal> {
        Ok(Unit { write: self.store.write().await?, doer, workspace, now: self.clock.now() })
    }

    /// Makes it, unless the same request was answered before.
    pub async fn once<T>(
        &self,
        doer: Doer,
        once: Option<&Once>,
        make: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Made<T>, Refusal> {
        if let Some(once) = once
            && let Some(answer) = self.answered(doer, once).await?
        {
            return Ok(Made::Before(answer));
        }
        match (make.await, once) {
            // Perhaps with this very request, which was quicker.
            (Err(refusal), Some(once)) if refusal.code == Code::Conflict => {
                let answer = self.answered(doer, once).await?;
                answer.map(Made::Before).ok_or(refusal)
            }
            (made, _) => made.map(Made::Now),
        }
    }

    async fn answered(&self, doer: Doer, once: &Once) -> Result<Option<Value>, Refusal> {
        let since = since(self.clock.now());
        let row = self.store.system().answer(doer.actor, &once.key, since).await?;
        let Some(row) = row else { return Ok(None) };
        if row.fingerprint != once.fingerprint {
            let public = "this Idempotency-Key was sent with another request";
            return Err(Refusal::new(Code::Conflict, public));
        }
        serde_json::from_str(&row.answer).map(Some).map_err(Refusal::internal)
    }
}

/// What the audit calls a one-time page: enough of its token's hash to tell pages apart.
pub(crate) fn page_id(hash: &TokenHash) -> String {
    hash.to_string().chars().take(PAGE_ID_CHARS).collect()
}

const PAGE_ID_CHARS: usize = 16;

fn since(now: Timestamp) -> Timestamp {
    now.minus(REMEMBERED)
}

//! The audit's chains: each row is linked to the one before by a keyed hash, and each chain's end is sealed.
//! Holds no key; whoever does lends us a `Chain`.

mod read;

use std::collections::BTreeMap;

use model::{Doer, Timestamp, WorkspaceId};

use crate::Result;
use crate::db::{Tx, args};

pub use read::{AuditFilter, AuditHead, AuditRow};

/// What links rows. A row's parts are hashed with their lengths, so that none can lend bytes to the next.
pub trait Chain: Send + Sync + 'static {
    fn link(&self, previous: &[u8], row: &[&[u8]]) -> [u8; 32];
    fn seal(&self, chain: &str, position: u64, link: &[u8]) -> [u8; 32];
}

pub(crate) struct NewAuditRow {
    pub workspace: Option<WorkspaceId>,
    pub doer: Doer,
    pub action: &'static str,
    pub subject: String,
    pub detail: serde_json::Value,
}

/// The chain of what belongs to no workspace.
pub const INSTANCE_CHAIN: &str = "instance";

/// The chains one unit of change appends to. The caller holds the lock that lets one unit at a time do so.
pub(crate) struct Chains<'a> {
    chain: &'a dyn Chain,
    ends: BTreeMap<String, End>,
}

/// No rows yet: position 0, and nothing to link to.
#[derive(Default)]
struct End {
    position: i64,
    link: Vec<u8>,
}

impl<'a> Chains<'a> {
    pub fn new(chain: &'a dyn Chain) -> Self {
        Self { chain, ends: BTreeMap::new() }
    }

    pub async fn append(
        &mut self,
        tx: &mut Tx,
        seq: i64,
        new: NewAuditRow,
        now: Timestamp,
    ) -> Result<()> {
        let name = chain_name(new.workspace);
        if !self.ends.contains_key(&name) {
            let end = read_end(tx, &name).await?;
            self.ends.insert(name.clone(), end);
        }
        let end = self.ends.entry(name.clone()).or_default();
        end.position = end.position.saturating_add(1);
        let came_from = new.doer.from.map(|address| address.to_string());
        let (actor, detail) = (new.doer.actor.to_string(), new.detail.to_string());
        end.link = link(
            self.chain,
            &end.link,
            &Linked {
                chain: &name,
                position: end.position,
                at: now,
                actor: &actor,
                came_from: came_from.as_deref(),
                action: new.action,
                subject: &new.subject,
                detail: &detail,
            },
        );
        let args = args![
            seq,
            &name,
            end.position,
            new.workspace,
            now,
            &actor,
            came_from.as_deref(),
            new.action,
            &new.subject,
            &detail,
            end.link.as_slice(),
        ];
        tx.run(INSERT, args).await?;
        Ok(())
    }

    /// Seals the new ends.
    pub async fn close(self, tx: &mut Tx) -> Result<()> {
        for (name, end) in &self.ends {
            let position = u64::try_from(end.position).unwrap_or(u64::MAX);
            let seal = self.chain.seal(name, position, &end.link);
            let args = args![name, end.position, end.link.as_slice(), seal.as_slice()];
            tx.run(SET_END, args).await?;
        }
        Ok(())
    }
}

pub fn chain_name(workspace: Option<WorkspaceId>) -> String {
    workspace.map_or_else(|| INSTANCE_CHAIN.to_owned(), |id| id.to_string())
}

/// Everything of a row that its link vouches for.
pub(crate) struct Linked<'a> {
    pub chain: &'a str,
    pub position: i64,
    pub at: Timestamp,
    pub actor: &'a str,
    pub came_from: Option<&'a str>,
    pub action: &'a str,
    pub subject: &'a str,
    pub detail: &'a str,
}

pub(crate) fn link(chain: &dyn Chain, previous: &[u8], row: &Linked<'_>) -> Vec<u8> {
    let parts: [&[u8]; 8] = [
        row.chain.as_bytes(),
        &row.position.to_be_bytes(),
        &row.at.unix_ms().to_be_bytes(),
        row.actor.as_bytes(),
        row.came_from.unwrap_or_default().as_bytes(),
        row.action.as_bytes(),
        row.subject.as_bytes(),
        row.detail.as_bytes(),
    ];
    chain.link(previous, &parts).to_vec()
}

async fn read_end(tx: &mut Tx, name: &str) -> Result<End> {
    let Some(row) = tx.one(END, args![name]).await? else { return Ok(End::default()) };
    Ok(End { position: row.get("position")?, link: row.get("link")? })
}

const END: &str = "select position, link
    from audit_heads
    where chain = $1";

const SET_END: &str = "insert into audit_heads (chain, position, link, seal)
    values ($1, $2, $3, $4)
    on conflict (chain) do update
    set position = excluded.position, link = excluded.link, seal = excluded.seal";

const INSERT: &str = "insert into audit (seq, chain, position, workspace_id, at, actor, came_from,
        action, subject, detail, link)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

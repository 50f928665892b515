//! Finds out who calls: a token's hash leads to a gateway key and its workspace, from memory.

use std::sync::Arc;
use std::time::Duration;

use model::{Code, Refusal, WorkspaceId};
use store::StoreError;
use vault::GatewayToken;

use crate::Gateway;
use crate::accept::{Head, invalid_api_key};
use crate::directory::{Identity, WorkspaceEntry};

/// A known gateway key in its workspace.
pub struct Caller {
    pub(crate) key: Arc<Identity>,
    pub(crate) workspace: Arc<WorkspaceEntry>,
}

/// Not `async` itself: its future must not hold the head, whose body cannot be shared between threads.
pub fn authenticate(
    gw: &Gateway,
    head: &Head,
) -> impl Future<Output = Result<Caller, Refusal>> + Send {
    identify(gw, head.credential.as_deref())
}

pub async fn identify(gw: &Gateway, credential: Option<&str>) -> Result<Caller, Refusal> {
    let Some(credential) = credential else {
        return Err(invalid_api_key("the request carries no key"));
    };
    // A typo fails its checksum here, without a lookup.
    let Some(token) = GatewayToken::parse(credential) else {
        return Err(invalid_api_key("this is no gateway key"));
    };
    let now = gw.clock.now();
    refuse_stale(gw)?;
    let hash = token.hash(&gw.pepper);
    let key = match gw.directory.known_identity(hash) {
        Some(known) => known,
        None => within(gw.directory.identity(hash)).await?,
    };
    let Some(key) = key else {
        return Err(invalid_api_key("there is no such gateway key"));
    };
    if !key.is_alive(hash, now) {
        let why = "this gateway key was revoked, replaced or blocked, or has expired";
        return Err(invalid_api_key(why));
    }
    let Some(workspace) = entry(gw, key.workspace).await? else {
        return Err(invalid_api_key("there is no such gateway key"));
    };
    Ok(Caller { key, workspace })
}

/// A workspace that somebody else than its gateway keys asks about.
pub async fn workspace(
    gw: &Gateway,
    id: WorkspaceId,
) -> Result<Option<Arc<WorkspaceEntry>>, Refusal> {
    refuse_stale(gw)?;
    entry(gw, id).await
}

async fn entry(gw: &Gateway, id: WorkspaceId) -> Result<Option<Arc<WorkspaceEntry>>, Refusal> {
    match gw.directory.known_workspace(id) {
        Some(known) => Ok(Some(known)),
        None => within(gw.directory.workspace(id)).await,
    }
}

fn refuse_stale(gw: &Gateway) -> Result<(), Refusal> {
    if gw.directory.is_stale(gw.limits.stale_max) { Err(no_answer()) } else { Ok(()) }
}

/// What memory does not have, the database must give soon.
async fn within<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, Refusal> {
    // Boxed, as it is rare: what every request carries about stays small.
    match tokio::time::timeout(READ_MAX, Box::pin(read)).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error @ StoreError::Corrupt { .. })) => Err(Refusal::internal(error)),
        Ok(Err(error)) => Err(no_answer().because(error)),
        Err(_) => Err(no_answer()),
    }
}

const READ_MAX: Duration = Duration::from_secs(5);

fn no_answer() -> Refusal {
    Refusal::new(Code::StorageUnavailable, "the database does not answer, try again shortly")
        .retry_after(1)
}

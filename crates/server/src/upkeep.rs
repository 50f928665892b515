//! What a node does beside serving: hears of other nodes' changes, and deletes what nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;
use store::bus::Follower;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::shared::Shared;

const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// A query that hangs is given up, so that a database that is back is noticed.
const QUERY_MAX: Duration = Duration::from_secs(10);
/// The news waits meanwhile.
const PRUNE_MAX: Duration = Duration::from_secs(2);
/// News is kept for an hour. Whoever was deaf for half of that may have missed some.
const DEAF_MAX: Duration = Duration::from_secs(1800);

pub async fn run(shared: Arc<Shared>, mut follower: Follower, mut stopped: watch::Receiver<bool>) {
    // Two clocks, because one stands still while a machine sleeps and the other can be set.
    let mut heard_at = (Instant::now(), shared.clock.now());
    let mut pruned_at = Instant::now();
    while !*stopped.borrow_and_update() {
        if shared.control.store.is_shared() {
            match timeout(QUERY_MAX, follower.poll()).await {
                Ok(Ok(())) => {
                    let now = shared.clock.now();
                    if heard_at.0.elapsed() > DEAF_MAX || now.since(heard_at.1) > DEAF_MAX {
                        shared.gateway.directory.forget_everything();
                    }
                    heard_at = (Instant::now(), now);
                    shared.gateway.directory.confirm();
                }
                Ok(Err(error)) => {
                    tracing::warn!(error = %error, "changes of other nodes cannot be read");
                }
                Err(_) => tracing::warn!("changes of other nodes cannot be read in time"),
            }
        }
        if pruned_at.elapsed() > PRUNE_EVERY {
            pruned_at = Instant::now();
            match timeout(PRUNE_MAX, prune(&shared, &follower)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = %error, "old rows could not be deleted"),
                Err(_) => tracing::warn!("old rows could not be deleted in time"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Follower::POLL) => {}
            changed = stopped.changed() => if changed.is_err() { return },
        }
    }
}

async fn prune(shared: &Shared, follower: &Follower) -> Result<(), StoreError> {
    let now = shared.clock.now();
    follower.prune(now).await?;
    let mut write = shared.control.store.write().await?;
    write.delete_expired_sessions(now).await?;
    write.commit(now).await
}

//! What a node does beside serving: hears of other nodes' changes, and deletes what nobody needs any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use control::Tender;
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
/// Answers to repeated creations hold for a day.
const ANSWERS_KEPT: Duration = Duration::from_secs(2 * 24 * 3600);
/// After nobody could accept them any more.
const INVITATIONS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// A call may end long after the period that it began in; the sums of hours stay.
const BUDGETS_KEPT: Duration = Duration::from_secs(32 * 24 * 3600);
/// How often a node says that it is there.
const REPORT_EVERY: Duration = Duration::from_secs(15);
/// A step is a look, a switch or a few rows.
const TEND_STEP_MAX: Duration = Duration::from_secs(30);
const TEND_BUDGETS_EVERY: Duration = Duration::from_secs(1);
const TEND_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// News is kept for an hour. Whoever was deaf for half of that may have missed some.
const DEAF_MAX: Duration = Duration::from_secs(1800);

pub async fn run(shared: Arc<Shared>, follower: Follower, stopped: watch::Receiver<bool>) {
    tokio::join!(
        tend_vault(&shared, stopped.clone()),
        tend_budgets(&shared, stopped.clone()),
        keep_house(&shared, follower, stopped),
    );
}

/// The master key's affairs, which take their time and must not keep the news waiting. A step that is cut short is made
/// again by the next process.
async fn tend_vault(shared: &Shared, mut stopped: watch::Receiver<bool>) {
    let mut tender = Tender::default();
    while !*stopped.borrow_and_update() {
        let step = async {
            match timeout(TEND_STEP_MAX, shared.control.tend_vault(&mut tender)).await {
                Ok(Ok(rest)) => return rest,
                Ok(Err(refusal)) => tracing::warn!(
                    error = %refusal,
                    error.source = ?refusal.source,
                    "the vault could not be tended"
                ),
                Err(_) => tracing::warn!("the vault could not be tended in time"),
            }
            TEND_AGAIN_AFTER
        };
        tokio::select! {
            () = async { tokio::time::sleep(step.await).await } => {}
            changed = stopped.changed() => if changed.is_err() { return },
        }
    }
}

/// What this node leased of caps and does not use goes back.
async fn tend_budgets(shared: &Shared, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow_and_update() {
        tokio::select! {
            () = tokio::time::sleep(TEND_BUDGETS_EVERY) => {}
            changed = stopped.changed() => if changed.is_err() { return } else { continue },
        }
        match timeout(QUERY_MAX, shared.gateway.budgets.tend()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "leases could not be given back"),
            Err(_) => tracing::warn!("leases could not be given back in time"),
        }
    }
}

async fn keep_house(shared: &Shared, mut follower: Follower, mut stopped: watch::Receiver<bool>) {
    // Two clocks, because one stands still while a machine sleeps and the other can be set.
    let mut heard_at = (Instant::now(), shared.clock.now());
    let mut pruned_at = Instant::now();
    let mut reported_at = Instant::now();
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
        if reported_at.elapsed() > REPORT_EVERY {
            reported_at = Instant::now();
            match timeout(PRUNE_MAX, shared.control.report_node()).await {
                Ok(Ok(alive)) => shared.nodes_alive.store(alive, Ordering::Relaxed),
                Ok(Err(error)) => tracing::warn!(error = %error, "this node could not report"),
                Err(_) => tracing::warn!("this node could not report in time"),
            }
        }
        if pruned_at.elapsed() > PRUNE_EVERY {
            pruned_at = Instant::now();
            match timeout(PRUNE_MAX, prune(shared, &follower)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = %error, "old rows could not be deleted"),
                Err(_) => tracing::warn!("old rows could not be deleted in time"),
            }
        }
        tokio::select! {
            () = follower.wait() => {}
            changed = stopped.changed() => if changed.is_err() { return },
        }
    }
}

async fn prune(shared: &Shared, follower: &Follower) -> Result<(), StoreError> {
    let now = shared.clock.now();
    follower.prune(now).await?;
    let mut write = shared.control.store.write().await?;
    write.delete_expired_sessions(now).await?;
    write.delete_invitations(now.minus(INVITATIONS_KEPT)).await?;
    write.delete_answers(now.minus(ANSWERS_KEPT)).await?;
    write.delete_key_operations(now.minus(ANSWERS_KEPT)).await?;
    write.delete_ended_budgets(now.minus(BUDGETS_KEPT)).await?;
    write.delete_cap_notices(now.minus(ANSWERS_KEPT)).await?;
    write.commit(now).await
}

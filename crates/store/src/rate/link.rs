//! Reaches Redis, again and again, and brings it what was settled. One task per node, so that no request waits for a
//! connection.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::shared::{Away, Settle, Shared};

/// To be run for as long as its limits are in use. Without it Redis is away.
#[must_use = "Redis is away until this runs"]
pub struct RedisLink {
    shared: Arc<Shared>,
    settles: mpsc::Receiver<Settle>,
}

const AGAIN_AFTER: Duration = Duration::from_millis(500);
const BATCH_MAX: usize = 200;

impl RedisLink {
    pub(super) fn new(shared: Arc<Shared>, settles: mpsc::Receiver<Settle>) -> Self {
        Self { shared, settles }
    }

    /// Until `stop` says so or its sender is gone. What is not settled by then leaks away within a minute.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = keep(&self.shared, &mut self.settles) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

async fn keep(shared: &Shared, settles: &mut mpsc::Receiver<Settle>) {
    loop {
        shared.found(reach(shared).await);
        tracing::info!("Redis is there: all nodes limit together");
        // What was settled before the last line was lost is too old to matter.
        while settles.try_recv().is_ok() {}
        serve(shared, settles).await;
        sleep(AGAIN_AFTER).await;
    }
}

async fn reach(shared: &Shared) -> MultiplexedConnection {
    let mut told = false;
    loop {
        match shared.connect().await {
            Ok(connection) => return connection,
            Err(away) => tell(&away, &mut told),
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// Once: the log is not to be filled by a Redis that stays away.
fn tell(away: &Away, told: &mut bool) {
    if !*told {
        tracing::warn!(error = %away, "Redis cannot be reached: this node limits by its own share");
        *told = true;
    }
}

/// Until the line is lost.
async fn serve(shared: &Shared, settles: &mut mpsc::Receiver<Settle>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        tokio::select! {
            () = shared.lost.notified() => return,
            _ = settles.recv_many(&mut batch, BATCH_MAX) => {
                shared.bring(&batch).await;
                batch.clear();
            }
        }
    }
}

//! A place where a scripted answer waits for the test: order without sleeping.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Clones are the same gate. Once open it stays open.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<watch::Sender<Progress>>);

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    open: bool,
    arrivals: usize,
}

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        self.0.send_modify(|progress| progress.open = true);
    }

    pub fn is_open(&self) -> bool {
        self.0.borrow().open
    }

    /// True once an answer has come as far as this gate; everything before it is in the socket.
    pub async fn reached(&self, within: Duration) -> bool {
        let mut progress = self.0.subscribe();
        let arrived = progress.wait_for(|progress| progress.arrivals > 0);
        tokio::time::timeout(within, arrived).await.is_ok()
    }

    pub async fn wait(&self) {
        self.0.send_modify(|progress| progress.arrivals += 1);
        let mut progress = self.0.subscribe();
        let opened = progress.wait_for(|progress| progress.open).await;
        opened.expect("the gate itself is held while we wait");
    }
}

//! Streams that are read on although their client is gone. Owned here, so that none outlives the gateway.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Stragglers(Arc<Mutex<JoinSet<()>>>);

/// Past these a client that hangs up takes its call with it, whatever its key says.
const STRAGGLERS_MAX: usize = 1024;

impl Stragglers {
    /// Where there is no room, the stream ends here: it settles as it is dropped.
    pub(crate) fn follow(&self, stream: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if tasks.len() < STRAGGLERS_MAX {
            tasks.spawn_on(stream, &runtime);
        }
    }

    /// Cuts them all: each settles what it has seen.
    pub async fn cut(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

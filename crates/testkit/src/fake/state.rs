//! What the fake remembers: the script, the requests seen, and how many answers are under way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::Method;
use tokio::sync::watch;

use super::form::Form;
use super::reply::Reply;
use super::seen::SeenRequest;

#[derive(Default)]
pub(super) struct State {
    script: Mutex<Script>,
    seen: Mutex<Vec<SeenRequest>>,
    wiretap: Mutex<Vec<u8>>,
    partings: watch::Sender<()>,
    tally: watch::Sender<Tally>,
}

#[derive(Default)]
pub(super) struct Script {
    pub chat: Queue,
    pub probe: Queue,
    models: HashMap<String, Queue>,
}

pub(super) struct Queue {
    pub next: VecDeque<Reply>,
    pub always: Reply,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub connections: usize,
    pub requests: usize,
    pub open: usize,
    pub hung_up: usize,
    pub distrusted: usize,
}

/// One answer, from the request's last byte to the answer's. Its drop is how we notice a client
/// that hung up: hyper drops the service's future, or the body, when the socket closes.
pub(super) struct Underway {
    state: Arc<State>,
    finished: bool,
}

impl State {
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test panics with the script")
    }

    pub fn seen(&self) -> MutexGuard<'_, Vec<SeenRequest>> {
        self.seen.lock().expect("no test panics with the requests")
    }

    /// What came over TLS, as it was on the wire.
    pub fn wiretap(&self) -> MutexGuard<'_, Vec<u8>> {
        self.wiretap.lock().expect("no test panics with the wiretap")
    }

    /// Changes when connections are to end in order.
    pub fn partings(&self) -> watch::Receiver<()> {
        self.partings.subscribe()
    }

    pub fn part(&self) {
        self.partings.send_replace(());
    }

    pub fn handshake_failed(&self) {
        self.tally.send_modify(|tally| tally.distrusted += 1);
    }

    pub fn tally(&self) -> Tally {
        *self.tally.borrow()
    }

    /// Returns the new connection's number, from 1.
    pub fn connected(&self) -> usize {
        self.tally.send_modify(|tally| tally.connections += 1);
        self.tally().connections
    }

    pub fn reply_to(&self, request: &SeenRequest) -> Reply {
        let mut guard = self.script();
        let script = &mut *guard;
        let queue = match request.method {
            Method::POST if script.models.is_empty() => &mut script.chat,
            Method::POST => {
                let own = script.models.get_mut(&Form::model_of(request));
                own.unwrap_or(&mut script.chat)
            }
            _ => &mut script.probe,
        };
        let next = queue.next.pop_front();
        next.unwrap_or_else(|| queue.always.clone())
    }

    pub async fn wait(&self, done: impl Fn(&Tally) -> bool, within: Duration) -> bool {
        let mut tally = self.tally.subscribe();
        let waited = tokio::time::timeout(within, tally.wait_for(|tally| done(tally))).await;
        waited.is_ok()
    }
}

impl Script {
    pub fn for_model(&mut self, model: &str) -> &mut Queue {
        self.models.entry(model.to_owned()).or_default()
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { next: VecDeque::new(), always: Reply::standard() }
    }
}

impl Underway {
    pub fn begin(state: &Arc<State>, request: SeenRequest) -> Self {
        state.seen().push(request);
        state.tally.send_modify(|tally| {
            tally.requests += 1;
            tally.open += 1;
        });
        Self { state: state.clone(), finished: false }
    }

    /// The script was played to its end; what follows is no hang-up.
    pub fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.state.tally.send_modify(|tally| {
            tally.open -= 1;
            tally.hung_up += usize::from(!self.finished);
        });
    }
}

//! Traffic: lanes that each ask one thing after the other, under a model name of their own. That a lane never has two
//! requests at once is what lets a row of the ledger be told from its neighbours.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use testkit::random::SeededRandom;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Ask, Client, Heard};

#[derive(Clone, Copy)]
pub struct Shape {
    pub streams: usize,
    pub plain: usize,
    /// A stream has at least one token and at most this many.
    pub tokens_max: u64,
    pub seed: u64,
}

/// Runs until stopped.
pub struct Load {
    lanes: JoinSet<anyhow::Result<()>>,
    gateway: watch::Sender<Option<String>>,
    stop: watch::Sender<bool>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    ids: AtomicU64,
    live: AtomicUsize,
    tally: Tally,
}

/// What was heard, and how often.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Shape {
    /// The model names of all lanes, as the ledger has them.
    pub fn models(&self) -> Vec<String> {
        (0..self.streams + self.plain).map(model).collect()
    }
}

pub fn model(lane: usize) -> String {
    format!("lane-{lane:03}")
}

impl Load {
    pub fn start(shape: Shape, client: &Client, gateway: String) -> Self {
        let gateway = watch::Sender::new(Some(gateway));
        let stop = watch::Sender::new(false);
        let state = Arc::new(State::default());
        let mut lanes = JoinSet::new();
        for lane in 0..shape.streams + shape.plain {
            lanes.spawn(run(Lane {
                model: model(lane),
                streamed: lane < shape.streams,
                tokens_max: shape.tokens_max,
                random: SeededRandom::new(shape.seed.wrapping_mul(1000).wrapping_add(lane as u64)),
                client: client.clone(),
                gateway: gateway.subscribe(),
                stop: stop.subscribe(),
                state: Arc::clone(&state),
            }));
        }
        Self { lanes, gateway, stop, state }
    }

    /// Where the gateway is; nowhere, and the lanes wait.
    pub fn gateway(&self, url: Option<String>) {
        self.gateway.send_replace(url);
    }

    /// Streams whose head has arrived and whose end has not.
    pub fn live(&self) -> usize {
        self.state.live.load(Ordering::Relaxed)
    }

    /// What was heard so far, and how often.
    pub fn heard(&self) -> BTreeMap<String, u64> {
        self.state.tally.all()
    }

    /// Until so many streams run at once.
    pub async fn wait_live(&self, streams: usize, within: Duration) -> anyhow::Result<()> {
        let there = async {
            while self.live() < streams {
                tokio::time::sleep(POLL).await;
            }
        };
        let waited = tokio::time::timeout(within, there).await;
        waited.map_err(|_| anyhow::anyhow!("only {} of {streams} streams run", self.live()))
    }

    /// Lets what runs finish.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        for ended in self.lanes.join_all().await {
            ended?;
        }
        Ok(())
    }
}

struct Lane {
    model: String,
    streamed: bool,
    tokens_max: u64,
    random: SeededRandom,
    client: Client,
    gateway: watch::Receiver<Option<String>>,
    stop: watch::Receiver<bool>,
    state: Arc<State>,
}

async fn run(mut lane: Lane) -> anyhow::Result<()> {
    loop {
        let url = tokio::select! {
            biased;
            _ = lane.stop.wait_for(|stop| *stop) => return Ok(()),
            url = lane.gateway.wait_for(Option::is_some) => url?.clone(),
        };
        let Some(url) = url else { continue };
        let ask = Ask {
            id: lane.state.ids.fetch_add(1, Ordering::Relaxed).saturating_add(1),
            model: lane.model.clone(),
            streamed: lane.streamed,
            tokens: lane.random.next() % lane.tokens_max + 1,
        };
        let mut live = Live { state: &lane.state, counts: false };
        let heard = lane.client.ask(&url, &ask, || live.begin(lane.streamed)).await?;
        drop(live);
        lane.state.tally.count(&heard);
        if heard != Heard::Completed {
            // Nobody is helped by asking a gateway that is down as fast as possible.
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

impl Tally {
    pub fn count(&self, heard: &Heard) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(heard.to_string()).or_default();
        *count = count.saturating_add(1);
    }

    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn of(&self, heard: &Heard) -> u64 {
        self.all().get(&heard.to_string()).copied().unwrap_or_default()
    }
}

/// A stream under way.
struct Live<'a> {
    state: &'a State,
    counts: bool,
}

impl Live<'_> {
    fn begin(&mut self, streamed: bool) {
        if streamed {
            self.counts = true;
            self.state.live.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        if self.counts {
            self.state.live.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

const POLL: Duration = Duration::from_millis(5);
const AFTER_FAILURE: Duration = Duration::from_millis(20);

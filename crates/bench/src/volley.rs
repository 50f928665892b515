//! A number of requests as fast as so many connections carry them, or at a rate; how long each took, and whether each answer
//! was the right one. Raw sockets, so that asking costs less than answering.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::fast_provider::{Answers, MODEL};
use crate::line::Line;

/// Whom to ask: a gateway with a key of its own, or what stands in its place.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// One for all, or many, to be used in turns.
    keys: Arc<[String]>,
}

#[derive(Clone, Copy)]
pub struct Volley {
    pub connections: usize,
    pub requests: u64,
    /// Requests a second, all connections together; without one each follows the one before.
    pub rate: Option<u64>,
    /// The length of a request's body, about.
    pub body_bytes: usize,
    pub streamed: bool,
    /// What the provider was told to answer.
    pub answers: Answers,
}

/// What came of it.
pub struct Heard {
    pub took: Duration,
    /// Until the first byte, of each request.
    pub first: Times,
    /// Until the last.
    pub whole: Times,
}

/// In nanoseconds, in order.
pub struct Times(Vec<u64>);

/// In microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Target {
    pub fn new(url: &str, keys: &[String]) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("an http URL")?;
        let address = address.trim_end_matches('/').parse().context("an address and a port")?;
        Ok(Self { address, keys: keys.into() })
    }
}

impl Volley {
    /// Fails at the first answer that is not the right one.
    pub async fn fire(self, target: &Target) -> anyhow::Result<Heard> {
        let lines = Arc::new(Lines::new(self, target)?);
        let turns = Arc::new(Turns { next: AtomicU64::new(0), heard: Mutex::default() });
        let began = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..self.connections {
            let worker =
                Worker { volley: self, address: target.address, lines: Arc::clone(&lines), began };
            workers.spawn(worker.run(Arc::clone(&turns)));
        }
        while let Some(ended) = workers.join_next().await {
            ended??;
        }
        let took = began.elapsed();
        let mut heard = turns.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, whole) = std::mem::take(&mut *heard).into_iter().unzip();
        Ok(Heard { took, first: Times::new(first), whole: Times::new(whole) })
    }
}

impl Heard {
    pub fn per_second(&self) -> f64 {
        self.whole.0.len() as f64 / self.took.as_secs_f64()
    }
}

impl Times {
    pub fn new(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        Self(nanos)
    }

    pub fn spread(&self) -> Spread {
        let at = |per_mille| self.at(per_mille);
        Spread { p50: at(500), p90: at(900), p99: at(990), p999: at(999), max: at(1000) }
    }

    /// In microseconds.
    fn at(&self, per_mille: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let nanos = self.0.get(last.saturating_mul(per_mille) / 1000).copied();
        nanos.unwrap_or_default() as f64 / 1000.0
    }
}

/// What is sent and what must come back, ready-made.
struct Lines {
    /// One for each key.
    requests: Vec<Vec<u8>>,
    plain: Vec<u8>,
}

impl Lines {
    fn new(volley: Volley, target: &Target) -> anyhow::Result<Self> {
        let body = volley.body();
        let address = target.address;
        let request = |key: &String| request(address, key, &body);
        let requests: Vec<_> = target.keys.iter().map(request).collect();
        ensure!(!requests.is_empty(), "no key to ask with");
        Ok(Self { requests, plain: volley.answers.plain().into_bytes() })
    }

    fn request(&self, turn: u64) -> &[u8] {
        let keys = u64::try_from(self.requests.len()).unwrap_or(u64::MAX);
        let at = turn.checked_rem(keys).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.requests.get(at)).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Volley {
    pub fn body(&self) -> String {
        let streamed = self.streamed;
        let body = |padding: &str| {
            format!(
                r#"{{"model":"openai/{MODEL}","stream":{streamed},"max_tokens":256,"temperature":0.7,"messages":[{{"role":"system","content":"You answer briefly."}},{{"role":"user","content":"{padding}"}}]}}"#
            )
        };
        let padding = self.body_bytes.saturating_sub(body("").len());
        body(&WORDS.repeat(padding.div_ceil(WORDS.len())).chars().take(padding).collect::<String>())
    }
}

/// As it goes to the socket.
pub fn request(address: SocketAddr, key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\n\
         authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

struct Turns {
    next: AtomicU64,
    heard: Mutex<Vec<(u64, u64)>>,
}

/// One connection.
struct Worker {
    volley: Volley,
    address: SocketAddr,
    lines: Arc<Lines>,
    began: Instant,
}

impl Worker {
    async fn run(self, turns: Arc<Turns>) -> anyhow::Result<()> {
        let mut line = None;
        let mut times = Vec::new();
        loop {
            let turn = turns.next.fetch_add(1, Ordering::Relaxed);
            if turn >= self.volley.requests {
                break;
            }
            // Counted from when it should have been sent, so that a gateway that is slow does not slow down the clock.
            let due = self.due(turn).await;
            let line = match &mut line {
                Some(line) => line,
                None => line.insert(Line::open(self.address).await?),
            };
            let began = due.unwrap_or_else(Instant::now);
            line.ask(self.lines.request(turn)).await?;
            let first = began.elapsed();
            line.read_whole().await.with_context(|| format!("request {turn}"))?;
            let whole = began.elapsed();
            self.judge(line).with_context(|| format!("request {turn}"))?;
            times.push((nanos(first), nanos(whole)));
        }
        turns.heard.lock().unwrap_or_else(PoisonError::into_inner).append(&mut times);
        Ok(())
    }

    async fn due(&self, turn: u64) -> Option<Instant> {
        let rate = self.volley.rate.filter(|rate| *rate > 0)?;
        let after = turn.saturating_mul(1_000_000_000).checked_div(rate)?;
        let due = self.began + Duration::from_nanos(after);
        tokio::time::sleep_until(due.into()).await;
        Some(due)
    }

    fn judge(&self, line: &Line) -> anyhow::Result<()> {
        let answer = line.answer()?;
        ensure!(answer.status == 200, "{answer}");
        let is_right = match self.volley.streamed {
            false => *answer.content == *self.lines.plain,
            true => self.volley.answers.is_whole_stream(&answer.content),
        };
        ensure!(is_right, "another answer: {answer}");
        Ok(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const WORDS: &str = "how many of these words does it take until all of them are counted? ";

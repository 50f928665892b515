//! Rate limits as one test sees them: in memory under a clock set by hand, or on two nodes that share a throwaway
//! Redis, which are asked in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::clock::SystemClock;
use model::{Clock as _, GatewayKeyId, Timestamp};
use store::rate::{Exceeded, Limit, RateLimits, RedisUrl, Subject, Taken};
use testkit::clock::ManualClock;
use testkit::redis::Redis;
use tokio::sync::watch;

use crate::place::eventually;

pub struct Gate {
    pub nodes: Vec<RateLimits>,
    /// `None`: in memory.
    pub redis: Option<Redis>,
    clock: ManualClock,
    mark: (Instant, Timestamp),
    turn: AtomicUsize,
    _stop: watch::Sender<bool>,
}

/// Long enough for a slow machine, and no more than a client would wait.
const PROMPT: Duration = Duration::from_secs(2);
/// 2026-11-21, noon.
const NOON_MS: i64 = 1_795_262_400_000;

impl Gate {
    pub fn memory() -> Self {
        let clock = ManualClock::at(NOON_MS);
        let limits = RateLimits::in_memory(Arc::new(clock.clone()));
        Self::new(vec![limits], clock, None, watch::channel(false).0)
    }

    /// `None` where Redis is missing, which has been said by then. On a busy machine, 50 ms are soon over.
    pub async fn redis() -> Option<Self> {
        Self::redis_at(|url| url.answering_within(PROMPT / 4)).await
    }

    /// With the deadline that a gateway has.
    pub async fn hasty_redis() -> Option<Self> {
        Self::redis_at(|url| url).await
    }

    async fn redis_at(patience: impl Fn(RedisUrl) -> RedisUrl) -> Option<Self> {
        let redis = Redis::start().await?;
        let url = patience(RedisUrl::parse(&redis.url()).expect("a Redis URL"));
        let (stop, stopped) = watch::channel(false);
        let nodes = [(); 2].map(|()| node(url.clone(), &stopped));
        let gate = Self::new(nodes.into(), ManualClock::at(NOON_MS), Some(redis), stop);
        gate.is_shared().await;
        Some(gate)
    }

    fn new(
        nodes: Vec<RateLimits>,
        clock: ManualClock,
        redis: Option<Redis>,
        stop: watch::Sender<bool>,
    ) -> Self {
        let mark = (Instant::now(), clock.now());
        Self { nodes, redis, clock, mark, turn: AtomicUsize::new(0), _stop: stop }
    }

    pub fn server(&self) -> &Redis {
        self.redis.as_ref().expect("a test of Redis")
    }

    pub fn kill(&mut self) {
        self.redis.as_mut().expect("a test of Redis").kill();
    }

    pub fn restart(&mut self) {
        self.redis.as_mut().expect("a test of Redis").restart();
    }

    /// Waits until all nodes limit together.
    pub async fn is_shared(&self) {
        let shared = || async { self.nodes.iter().all(RateLimits::is_shared) };
        eventually("the nodes share Redis", shared).await;
    }

    /// Waits until every node has noticed that Redis is away, as requests of somebody else show them.
    pub async fn is_alone(&self) {
        let alone = || async {
            for node in &self.nodes {
                drop(node.take(key(0), requests(1_000_000), 0).await);
            }
            !self.nodes.iter().any(RateLimits::is_shared)
        };
        eventually("the nodes know that Redis is away", alone).await;
    }

    /// The next node's answer.
    pub async fn take(
        &self,
        subject: Subject,
        limit: Limit,
        tokens: u64,
    ) -> Result<Taken, Exceeded> {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        let node = &self.nodes[turn % self.nodes.len()];
        let taking = node.take(subject, limit, tokens);
        tokio::time::timeout(PROMPT, taking).await.expect("a prompt answer")
    }

    /// How many of so many requests at once are granted, each with so many tokens, all of which it uses.
    pub async fn granted(&self, subject: Subject, limit: Limit, tokens: u64, asked: usize) -> u64 {
        let nodes = self.nodes.iter().cycle().take(asked).cloned();
        let takers: Vec<_> = nodes
            .map(|node| {
                tokio::spawn(async move {
                    let taken = node.take(subject, limit, tokens).await;
                    taken.map(|taken| taken.settle(tokens)).is_ok()
                })
            })
            .collect();
        let mut granted = 0;
        for taker in takers {
            let taken = tokio::time::timeout(PROMPT, taker).await.expect("a prompt answer");
            granted += u64::from(taken.expect("a taker"));
        }
        granted
    }

    /// The tokens that are left, by a request that takes none. For limits of tokens alone.
    pub async fn left(&self, subject: Subject, limit: Limit) -> u64 {
        let taken = self.take(subject, limit, 0).await.expect("room for nothing");
        taken.standing().tokens.expect("a limit of tokens").remaining
    }

    /// So many tokens are left, but for those that came back since the mark.
    pub async fn has_left(&self, subject: Subject, limit: Limit, wanted: u64) {
        let holds = || async {
            let left = self.left(subject, limit).await;
            let per_minute = limit.tokens_per_minute.expect("a limit of tokens");
            let back = u128::from(per_minute) * self.since_mark().as_millis();
            left >= wanted && u128::from(left - wanted) <= back.div_ceil(60_000)
        };
        eventually(&format!("{wanted} tokens are left"), holds).await;
    }

    pub async fn pass(&self, time: Duration) {
        match self.redis {
            Some(_) => tokio::time::sleep(time).await,
            None => self.clock.advance(time),
        }
    }

    /// What comes back by itself counts from here, else from the beginning.
    pub fn mark(&mut self) {
        self.mark = (Instant::now(), self.clock.now());
    }

    fn since_mark(&self) -> Duration {
        match self.redis {
            // Redis counts whole milliseconds of its own.
            Some(_) => self.mark.0.elapsed() + Duration::from_millis(2),
            None => self.clock.now().since(self.mark.1),
        }
    }
}

/// One node of two, as long as the sender of `stopped` lives.
pub fn node(url: RedisUrl, stopped: &watch::Receiver<bool>) -> RateLimits {
    let (limits, link) = RateLimits::with_redis(url, Arc::new(SystemClock), || 2);
    tokio::spawn(link.run(stopped.clone()));
    limits
}

pub fn key(number: u8) -> Subject {
    let id: GatewayKeyId = format!("gk_{number:032x}").parse().expect("an id");
    Subject::GatewayKey(id)
}

pub const fn requests(per_minute: u64) -> Limit {
    Limit { requests_per_minute: Some(per_minute), tokens_per_minute: None }
}

pub const fn tokens(per_minute: u64) -> Limit {
    Limit { requests_per_minute: None, tokens_per_minute: Some(per_minute) }
}

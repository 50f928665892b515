//! How many requests and tokens a minute: taken before a call, settled after it. In the memory of one node, or in Redis
//! for many; while Redis is away, each node allows its share. Knows nothing of money, and of no HTTP.

mod link;
mod memory;
mod meter;
mod shared;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock, GatewayKeyId, ProjectId, Timestamp, WorkspaceId};

use memory::{Memory, Verdict};
use meter::{Parts, leak, parts};
use shared::{Settle, Shared};

pub use link::RedisLink;
pub use meter::{Counted, Left, Limit, Standing};
pub use shared::{InvalidRedisUrl, RedisUrl};

/// Who is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    GatewayKey(GatewayKeyId),
    Project(ProjectId),
    Workspace(WorkspaceId),
}

/// Every limit of this node. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    /// Counts what this node granted, whoever else was asked.
    memory: Memory,
    shared: Option<Arc<Shared>>,
    nodes: Box<dyn Fn() -> u32 + Send + Sync>,
}

/// A request that may be made, and the tokens it may use.
#[must_use = "dropped, it gives its tokens back as if none had been used"]
pub struct Taken {
    limits: RateLimits,
    held: Option<Held>,
    standing: Standing,
}

struct Held {
    subject: Subject,
    /// What it was judged by: the whole limit, or this node's share.
    limit: Limit,
    cost: Parts,
    at: Timestamp,
    /// What was in the bucket once it was taken: here the tokens, and both in Redis if that was asked.
    filled: u64,
    filled_shared: Option<Parts>,
}

/// Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub what: Counted,
    /// `None`: it is larger than the whole limit, and no wait makes it fit.
    pub retry_after: Option<Duration>,
    pub standing: Standing,
}

impl RateLimits {
    /// One node, or many that know nothing of one another.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        let memory = Memory::new(Arc::clone(&clock));
        Self(Arc::new(Inner { clock, memory, shared: None, nodes: Box::new(|| 1) }))
    }

    /// Redis is away until the link, run beside, has reached it, and whenever it does not answer. Meanwhile each of so
    /// many nodes allows its part of each limit: one at least, and a request that is larger takes all of it.
    pub fn with_redis(
        url: RedisUrl,
        clock: Arc<dyn Clock>,
        nodes: impl Fn() -> u32 + Send + Sync + 'static,
    ) -> (Self, RedisLink) {
        let (shared, settles) = Shared::new(url);
        let shared = Arc::new(shared);
        let link = RedisLink::new(Arc::clone(&shared), settles);
        let memory = Memory::new(Arc::clone(&clock));
        let nodes = Box::new(nodes);
        (Self(Arc::new(Inner { clock, memory, shared: Some(shared), nodes })), link)
    }

    /// One request and the tokens it may use, all or nothing. Waits at most for one quick answer of Redis.
    pub async fn take(
        &self,
        subject: Subject,
        limit: Limit,
        tokens: u64,
    ) -> Result<Taken, Exceeded> {
        if limit.is_endless() {
            return Ok(Taken { limits: self.clone(), held: None, standing: Standing::default() });
        }
        if let Some(what) = limit.too_small_for(tokens) {
            let used = self.0.memory.used(subject, limit);
            let standing = used.standing(limit, limit);
            return Err(Exceeded { what, retry_after: None, standing });
        }
        let Some(shared) = self.0.shared.as_ref().filter(|shared| shared.is_there()) else {
            return self.take_here(subject, limit, self.share(limit), tokens);
        };
        // Also here, so that what this node granted is known when Redis is away, and has forgotten it when it is back.
        let mut taken = self.take_here(subject, limit, limit, tokens)?;
        let cost = limit.cost(tokens);
        // Boxed, so that requests without Redis do not carry its client about.
        match Box::pin(shared.take(subject, limit, cost)).await {
            Some(Verdict { granted: true, used }) => {
                taken.standing = used.standing(limit, limit);
                if let Some(held) = &mut taken.held {
                    held.filled_shared = Some(used);
                }
                Ok(taken)
            }
            Some(Verdict { granted: false, used }) => {
                taken.give_back();
                Err(exceeded(used, cost, limit, limit))
            }
            None => {
                taken.give_back();
                self.take_here(subject, limit, self.share(limit), tokens)
            }
        }
    }

    /// Whether Redis is in use and answers.
    pub fn is_shared(&self) -> bool {
        self.0.shared.as_ref().is_some_and(|shared| shared.is_there())
    }

    fn take_here(
        &self,
        subject: Subject,
        limit: Limit,
        share: Limit,
        tokens: u64,
    ) -> Result<Taken, Exceeded> {
        let at = self.0.clock.now();
        let cost = share.cost(tokens);
        let Verdict { granted, used } = self.0.memory.take(subject, share, cost);
        if !granted {
            return Err(exceeded(used, cost, limit, share));
        }
        let held =
            Held { subject, limit: share, cost, at, filled: used.tokens, filled_shared: None };
        let standing = used.standing(limit, share);
        Ok(Taken { limits: self.clone(), held: Some(held), standing })
    }

    fn share(&self, limit: Limit) -> Limit {
        limit.share((self.0.nodes)())
    }

    fn settle(&self, held: &Held, tokens_used: u64) {
        let now = self.0.clock.now();
        let Held { subject, limit, .. } = *held;
        self.0.memory.settle(subject, limit, held.change(tokens_used, held.filled, now));
        if let Some((shared, filled)) = self.0.shared.as_ref().zip(held.filled_shared) {
            let tokens = held.change(tokens_used, filled.tokens, now);
            shared.settle(Settle { subject, limit, requests: 0, tokens });
        }
    }
}

impl Taken {
    /// Gives back what was not used, or takes what was used beyond it. Waits for nobody; it is in Redis soon after.
    pub fn settle(mut self, tokens_used: u64) {
        if let Some(held) = self.held.take() {
            self.limits.settle(&held, tokens_used);
        }
    }

    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// As if it had never been asked for. Waits for nobody; Redis has it back soon after.
    pub fn give_back(mut self) {
        let Some(held) = self.held.take() else { return };
        let Held { subject, limit, cost, .. } = held;
        self.limits.0.memory.give_back(subject, limit, cost);
        if let Some((shared, filled)) = self.limits.0.shared.as_ref().zip(held.filled_shared) {
            let now = self.limits.0.clock.now();
            let (requests, tokens) =
                (held.uncounted(filled, now), held.change(0, filled.tokens, now));
            shared.settle(Settle { subject, limit, requests, tokens });
        }
    }
}

impl Drop for Taken {
    /// The request was made; its tokens were not used.
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.limits.settle(&held, 0);
        }
    }
}

impl Held {
    /// By how much the tokens in a bucket change, which held so many once these were taken.
    fn change(&self, tokens_used: u64, filled: u64, now: Timestamp) -> i64 {
        let Some(limit) = self.limit.tokens_per_minute else { return 0 };
        let used = parts(tokens_used).min(parts(limit));
        if used >= self.cost.tokens {
            return (used - self.cost.tokens).cast_signed();
        }
        // What has leaked is nobody's to give back: long calls could otherwise save up minutes and spend them at once.
        let still_there = filled.saturating_sub(leak(limit, now.since(self.at)));
        -(self.cost.tokens - used).min(still_there).cast_signed()
    }
}

impl Held {
    /// The request that was none, as far as it has not leaked.
    fn uncounted(&self, filled: Parts, now: Timestamp) -> i64 {
        let leaked = filled.leaked(self.limit, now.since(self.at));
        -self.cost.requests.min(leaked.requests).cast_signed()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GatewayKey(id) => id.fmt(f),
            Self::Project(id) => id.fmt(f),
            Self::Workspace(id) => id.fmt(f),
        }
    }
}

fn exceeded(used: Parts, cost: Parts, limit: Limit, share: Limit) -> Exceeded {
    let standing = used.standing(limit, share);
    // Refused with room for it after all: it is there by now.
    let (what, wait) = used.wait(cost, share).unwrap_or((Counted::Requests, Duration::ZERO));
    Exceeded { what, retry_after: Some(wait), standing }
}

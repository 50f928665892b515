//! The buckets that all nodes share, in Redis. A call has one short deadline; a connection that failed once is closed,
//! and none is waited for: while there is none, nobody is held up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, Script, ServerErrorKind};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::Subject;
use super::memory::Verdict;
use super::meter::{LIMIT_MAX, Limit, Parts};

/// Where Redis is. Says nothing of itself: it may hold a password.
#[derive(Clone)]
pub struct RedisUrl {
    client: redis::Client,
    answer_max: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no URL such as redis://user:password@host:6379/0, or rediss://... for TLS")]
pub struct InvalidRedisUrl;

pub(super) struct Shared {
    url: RedisUrl,
    script: Script,
    line: Mutex<Option<Line>>,
    /// Told once of every line that is lost.
    pub(super) lost: Notify,
    settles: mpsc::Sender<Settle>,
    tags: AtomicU64,
}

/// One connection for all calls. Answers come in the order of the calls, and what nobody waits for any more is dropped.
#[derive(Clone)]
struct Line {
    number: u64,
    connection: MultiplexedConnection,
}

/// To be taken (or, below zero, given back), in parts.
pub(super) struct Settle {
    pub subject: Subject,
    pub limit: Limit,
    pub requests: i64,
    pub tokens: i64,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Away {
    #[error("{0}")]
    Failed(#[from] RedisError),
    #[error("no answer in time")]
    Silent,
    #[error("an answer to another question")]
    Strange,
}

const SCRIPT: &str = include_str!("take.lua");
/// After this a request is judged without Redis, if nothing else was said.
const ANSWER_MAX: Duration = Duration::from_millis(50);
/// Nobody waits for these.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is settled while this many wait to be brought to Redis is not: it leaks away within a minute.
const SETTLES_MAX: usize = 10_000;
/// A subject of nobody, by which a connection is tried.
const TRIAL: &str = "keystile:rate:trial";
const TRIAL_LIMIT: Limit = Limit { requests_per_minute: Some(1_000_000), tokens_per_minute: None };

impl RedisUrl {
    pub fn parse(text: &str) -> Result<Self, InvalidRedisUrl> {
        if !text.starts_with("redis://") && !text.starts_with("rediss://") {
            return Err(InvalidRedisUrl);
        }
        let client = redis::Client::open(text).map_err(|_| InvalidRedisUrl)?;
        Ok(Self { client, answer_max: ANSWER_MAX })
    }

    /// For a Redis that is far away, or a machine that is busy.
    #[must_use]
    pub fn answering_within(self, answer_max: Duration) -> Self {
        Self { answer_max, ..self }
    }
}

impl Shared {
    pub fn new(url: RedisUrl) -> (Self, mpsc::Receiver<Settle>) {
        let (settles, queue) = mpsc::channel(SETTLES_MAX);
        let shared = Self {
            url,
            script: Script::new(SCRIPT),
            line: Mutex::new(None),
            lost: Notify::new(),
            settles,
            tags: AtomicU64::new(0),
        };
        (shared, queue)
    }

    pub fn is_there(&self) -> bool {
        self.lock().is_some()
    }

    /// `None`: Redis is away.
    pub async fn take(&self, subject: Subject, limit: Limit, cost: Parts) -> Option<Verdict> {
        let mut line = self.lock().clone()?;
        let key = key(subject);
        let asked = self.ask(&mut line.connection, &key, limit, cost);
        match timeout(self.url.answer_max, asked).await.unwrap_or(Err(Away::Silent)) {
            Ok(verdict) => Some(verdict),
            Err(away) => {
                self.lose(line.number, &away);
                None
            }
        }
    }

    pub fn settle(&self, settle: Settle) {
        let is_needed = (settle.requests, settle.tokens) != (0, 0) && self.is_there();
        if is_needed && self.settles.try_send(settle).is_err() {
            tracing::debug!("too much is waiting to be settled in Redis, this leaks away instead");
        }
    }

    /// A connection that has proved that it can answer in time, and that Redis lets us write.
    pub async fn connect(&self) -> Result<MultiplexedConnection, Away> {
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connecting = self.url.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(PATIENCE, connecting).await.map_err(|_| Away::Silent)??;
        let cost = TRIAL_LIMIT.cost(0);
        // The first may have to bring the script.
        self.ask(&mut connection, TRIAL, TRIAL_LIMIT, cost).await?;
        let trial = self.ask(&mut connection, TRIAL, TRIAL_LIMIT, cost);
        timeout(self.url.answer_max, trial).await.map_err(|_| Away::Silent)??;
        Ok(connection)
    }

    pub fn found(&self, connection: MultiplexedConnection) {
        let number = self.tag();
        *self.lock() = Some(Line { number, connection });
    }

    /// Of the line there is, if any.
    pub async fn bring(&self, settles: &[Settle]) {
        let Some(mut line) = self.lock().clone() else { return };
        let mut pipe = redis::pipe();
        pipe.cmd("SCRIPT").arg("LOAD").arg(SCRIPT).ignore();
        for settle in settles {
            let wanted = (settle.requests, settle.tokens);
            let call = self.call(&key(settle.subject), "settle", settle.limit, wanted, 0);
            pipe.add_command(call).ignore();
        }
        let brought = pipe.exec_async(&mut line.connection);
        match timeout(PATIENCE, brought).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.lose(line.number, &error.into()),
            Err(_) => self.lose(line.number, &Away::Silent),
        }
    }

    async fn ask(
        &self,
        connection: &mut MultiplexedConnection,
        key: &str,
        limit: Limit,
        cost: Parts,
    ) -> Result<Verdict, Away> {
        let tag = self.tag();
        let call = self.call(key, "take", limit, (cost.requests, cost.tokens), tag);
        let answer: Result<(u64, u8, u64, u64), RedisError> = call.query_async(connection).await;
        let (answered, granted, requests, tokens) = match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.script.load_async(connection).await?;
                call.query_async(connection).await?
            }
            answer => answer?,
        };
        if answered != tag {
            return Err(Away::Strange);
        }
        Ok(Verdict { granted: granted == 1, used: Parts { requests, tokens } })
    }

    fn call(
        &self,
        key: &str,
        what: &str,
        limit: Limit,
        wanted: (impl redis::ToRedisArgs, impl redis::ToRedisArgs),
        tag: u64,
    ) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.script.get_hash()).arg(1).arg(key).arg(tag).arg(what);
        for per_minute in [limit.requests_per_minute, limit.tokens_per_minute] {
            call.arg(per_minute.map_or(0, |limit| limit.min(LIMIT_MAX)));
        }
        call.arg(wanted.0).arg(wanted.1);
        call
    }

    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unless it is another's turn already: many calls notice the same end.
    fn lose(&self, number: u64, away: &Away) {
        let lost = self.lock().take_if(|line| line.number == number);
        if lost.is_some() {
            tracing::warn!(error = %away, "Redis is away: this node limits by its own share");
            self.lost.notify_one();
        }
    }

    /// Each once.
    fn tag(&self) -> u64 {
        self.tags.fetch_add(1, Ordering::Relaxed)
    }
}

fn key(subject: Subject) -> String {
    format!("keystile:rate:{subject}")
}

//! Callers who ask at a steady rate, each on a connection of its own, whatever the answers take: plain, streamed, hanging up,
//! failing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::task::JoinSet;

use crate::fast_provider::{Answers, FAIL};
use crate::line::Line;
use crate::volley::{Target, Volley, request};

pub struct Crowd {
    callers: JoinSet<anyhow::Result<()>>,
    plans: Arc<Plans>,
}

/// What was heard since somebody last looked: nanoseconds of whole answers, and how many of the rest.
#[derive(Default)]
pub struct Minute {
    pub plain: Vec<u64>,
    pub streams: Vec<u64>,
    pub others: usize,
}

/// What all of them know.
struct Plans {
    address: SocketAddr,
    answers: Answers,
    began: Instant,
    rate: u64,
    turns: AtomicU64,
    is_over: AtomicBool,
    minute: Mutex<Minute>,
    plain: Vec<u8>,
    streamed: Vec<u8>,
    failing: Vec<u8>,
    /// With a key that is none.
    refused: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Turn {
    Fail,
    HangUp,
    Plain,
    Refused,
    Stream,
}

impl Turn {
    fn of(number: u64) -> Self {
        match number % 40 {
            7 => Self::Fail,
            27 => Self::Refused,
            13 | 33 => Self::HangUp,
            at if at % 3 == 2 && at % 20 != 17 => Self::Stream,
            _ => Self::Plain,
        }
    }
}

impl Crowd {
    pub fn start(
        target: &Target,
        key: &str,
        answers: Answers,
        connections: usize,
        rate: u64,
    ) -> Self {
        let body = |streamed| {
            let volley = Volley {
                connections: 1,
                requests: 1,
                rate: None,
                body_bytes: 512,
                streamed,
                answers,
            };
            volley.body()
        };
        let address = target.address;
        let failing = body(false).replacen('{', &format!("{{{FAIL},"), 1);
        let plans = Arc::new(Plans {
            address,
            answers,
            began: Instant::now(),
            rate: rate.max(1),
            turns: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            minute: Mutex::default(),
            plain: request(address, key, &body(false)),
            streamed: request(address, key, &body(true)),
            failing: request(address, key, &failing),
            refused: request(address, "ks_live_nobody", &body(false)),
        });
        let mut callers = JoinSet::new();
        for _ in 0..connections {
            callers.spawn(call(Arc::clone(&plans)));
        }
        Self { callers, plans }
    }

    /// Lets them call for so long; fails with the first wrong answer.
    pub async fn watch(&mut self, time: Duration) -> anyhow::Result<()> {
        match tokio::time::timeout(time, self.callers.join_next()).await {
            Err(_) => Ok(()),
            Ok(Some(ended)) => {
                ended??;
                bail!("a caller went away")
            }
            Ok(None) => bail!("nobody calls"),
        }
    }

    pub fn minute(&self) -> Minute {
        std::mem::take(&mut *self.plans.minute.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        self.plans.is_over.store(true, Ordering::Relaxed);
        for ended in self.callers.join_all().await {
            ended?;
        }
        Ok(())
    }
}

async fn call(plans: Arc<Plans>) -> anyhow::Result<()> {
    let mut line = None;
    while !plans.is_over.load(Ordering::Relaxed) {
        let number = plans.turns.fetch_add(1, Ordering::Relaxed);
        let due = plans.due(number);
        tokio::time::sleep_until(due.into()).await;
        let open = match line.take() {
            Some(line) => line,
            None => Line::open(plans.address).await?,
        };
        line = plans.take(number, due, open).await.with_context(|| format!("request {number}"))?;
    }
    Ok(())
}

impl Plans {
    /// Counted from when it should have been sent, so that a gateway that is slow does not slow down the clock.
    fn due(&self, number: u64) -> Instant {
        let after = number.saturating_mul(1_000_000_000).checked_div(self.rate);
        self.began + Duration::from_nanos(after.unwrap_or_default())
    }

    /// The connection, unless it is gone.
    async fn take(
        &self,
        number: u64,
        due: Instant,
        mut line: Line,
    ) -> anyhow::Result<Option<Line>> {
        let turn = Turn::of(number);
        line.ask(self.request(turn)).await?;
        if matches!(turn, Turn::HangUp) {
            self.count(|minute| minute.others += 1);
            return Ok(None);
        }
        line.read_whole().await?;
        let took = u64::try_from(due.elapsed().as_nanos())?;
        let answer = line.answer()?;
        let is_right = match turn {
            Turn::Fail => answer.status == 502,
            Turn::HangUp => false,
            Turn::Plain => {
                answer.status == 200 && *answer.content == *self.answers.plain().as_bytes()
            }
            Turn::Refused => answer.status == 401,
            Turn::Stream => answer.status == 200 && self.answers.is_whole_stream(&answer.content),
        };
        ensure!(is_right, "{answer}");
        let is_last = answer.is_last;
        self.count(|minute| match turn {
            Turn::Plain => minute.plain.push(took),
            Turn::Stream => minute.streams.push(took),
            Turn::Fail | Turn::HangUp | Turn::Refused => minute.others += 1,
        });
        Ok((!is_last).then_some(line))
    }

    fn request(&self, turn: Turn) -> &[u8] {
        match turn {
            Turn::Fail => &self.failing,
            Turn::HangUp | Turn::Stream => &self.streamed,
            Turn::Plain => &self.plain,
            Turn::Refused => &self.refused,
        }
    }

    fn count(&self, count: impl FnOnce(&mut Minute)) {
        count(&mut self.minute.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

//! A node of a test: a real journal in a folder, and attempts to write into it.

use std::path::PathBuf;

use model::{
    GatewayKeyId, NodeId, ProjectId, ProviderKeyId, RequestId, Timestamp, Usage, WorkspaceId,
};
use store::Store;
use store::drain::Drainer;
use store::journal::{
    Checkpoint, Journal, JournalWriter, Options, Outcome, Record, Settled, Started, Sync,
};

use crate::place::Place;

/// Dropped like this, its process was killed.
pub struct Node {
    pub id: NodeId,
    pub folder: PathBuf,
    pub journal: Journal,
    _writer: JournalWriter,
}

/// All that may be told of one attempt.
#[derive(Clone)]
pub struct Attempt {
    pub started: Started,
    pub checkpoint: Checkpoint,
    pub settled: Settled,
}

/// A few dozen records.
const SEGMENT_BYTES_MAX: u64 = 3072;

impl Place {
    /// Of small segments, so that some are full and some are deleted.
    pub fn node(&self) -> Node {
        let id = NodeId::new(&self.clock, &self.random);
        Node::open(id, self.folder().join(id.to_string()), SEGMENT_BYTES_MAX)
    }

    /// Of one segment, so that what is appended together is drained together.
    pub fn node_of_one_segment(&self) -> Node {
        let id = NodeId::new(&self.clock, &self.random);
        Node::open(id, self.folder().join(id.to_string()), Options::default().segment_bytes_max)
    }

    pub fn attempt(&self) -> Attempt {
        let (clock, random) = (&self.clock, &self.random);
        let request = RequestId::new(clock, random);
        Attempt {
            started: Started {
                request,
                attempt: 1,
                at: self.now(),
                workspace: WorkspaceId::new(clock, random),
                project: ProjectId::new(clock, random),
                gateway_key: GatewayKeyId::new(clock, random),
                provider_key: Some(ProviderKeyId::new(clock, random)),
                provider: "openai".to_owned(),
                model: "gpt-5".to_owned(),
                dialect: "openai_chat".to_owned(),
                streamed: true,
                payer: "byok".to_owned(),
                held_at: self.now(),
                hold_pico_usd: Some(9_000_000_000_000),
            },
            checkpoint: Checkpoint {
                request,
                attempt: 1,
                usage: usage(10, true),
                cost_pico_usd: Some(1_000_500_000),
            },
            settled: Settled {
                request,
                attempt: 1,
                at: self.now().plus(std::time::Duration::from_millis(250)),
                status: Outcome::Completed,
                http_status: Some(200),
                error_code: Some("length".to_owned()),
                usage: usage(100, false),
                cost_pico_usd: Some(2_500_000_750_000),
                price: Some("catalogue@2026-11-09".to_owned()),
                billing_unknown: false,
                latency_ms: 250,
                ttft_ms: Some(40),
            },
        }
    }

    /// Every column of every attempt, as text.
    pub async fn ledger(&self) -> Vec<String> {
        self.texts(LEDGER).await.into_iter().flatten().collect()
    }
}

impl Node {
    fn open(id: NodeId, folder: PathBuf, segment_bytes_max: u64) -> Self {
        let options = Options { sync: Sync::Never, segment_bytes_max, ..Options::default() };
        let (journal, writer) = Journal::open(&folder, options).expect("opened");
        Self { id, folder, journal, _writer: writer }
    }

    /// Killed, and started again over the same folder.
    pub fn restart(self) -> Self {
        let Self { id, folder, .. } = self;
        Self::open(id, folder, SEGMENT_BYTES_MAX)
    }

    pub fn drainer(&self, store: &Store) -> Drainer {
        Drainer::new(store.clone(), self.journal.clone(), self.id)
    }

    /// Returns when the journal has acknowledged the last.
    pub async fn append(&self, records: impl IntoIterator<Item = Record>) {
        let mut last = None;
        for record in records {
            let room = self.journal.reserve(1).expect("room");
            last = Some(room.append_acked(record));
        }
        if let Some(last) = last {
            last.await.expect("written");
        }
    }

    pub fn undrained(&self) -> u64 {
        self.journal.stats().undrained_bytes
    }
}

impl Attempt {
    pub const fn request(&self) -> RequestId {
        self.started.request
    }

    pub fn starts(&self) -> Record {
        Record::Started(self.started.clone())
    }

    pub fn goes_on(&self) -> Record {
        Record::Checkpoint(self.checkpoint.clone())
    }

    pub fn ends(&self) -> Record {
        Record::Settled(self.settled.clone())
    }

    /// From its start to its end.
    pub fn whole(&self) -> [Record; 2] {
        [self.starts(), self.ends()]
    }

    /// As [`Place::ledger`] tells it once it is settled.
    pub fn settled_row(&self, node: NodeId) -> String {
        let Self { started, settled, .. } = self;
        let number = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
        let ids = format!(
            "{} {} {node} {} {} {} {}",
            started.request,
            started.attempt,
            started.workspace,
            started.project,
            started.gateway_key,
            started.provider_key.unwrap_or(ProviderKeyId::NIL),
        );
        let what = format!(
            "{} {} {} {} {}",
            started.provider,
            started.model,
            started.dialect,
            u8::from(started.streamed),
            started.payer,
        );
        let usage = settled.usage;
        let end = format!(
            "settled {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
            settled.status.as_str(),
            number(settled.http_status.map(u64::from)),
            settled.error_code.as_deref().unwrap_or("-"),
            number(usage.input_tokens),
            number(usage.cached_tokens),
            number(usage.cache_write_tokens),
            number(usage.cache_write_long_tokens),
            number(usage.output_tokens),
            number(usage.reasoning_tokens),
            u8::from(usage.estimated),
            u8::from(settled.billing_unknown),
            settled.cost_pico_usd.map_or("-".to_owned(), |pico| {
                format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000)
            }),
            started.at.unix_ms(),
            settled.at.unix_ms(),
            settled.latency_ms,
            number(settled.ttft_ms),
        );
        format!("{ids} {what} {end}")
    }
}

pub fn usage(tokens: u64, estimated: bool) -> Usage {
    Usage {
        input_tokens: Some(tokens),
        cached_tokens: Some(tokens / 2),
        cache_write_tokens: Some(tokens / 4),
        cache_write_long_tokens: None,
        output_tokens: Some(tokens + 1),
        reasoning_tokens: Some(0),
        estimated,
        ..Usage::default()
    }
}

/// What `Settled` says of an attempt of which nothing else is known.
pub fn nothing_known(request: RequestId, at: Timestamp) -> Settled {
    Settled {
        request,
        attempt: 1,
        at,
        status: Outcome::Aborted,
        http_status: None,
        error_code: None,
        usage: Usage::default(),
        cost_pico_usd: None,
        price: None,
        billing_unknown: true,
        latency_ms: 0,
        ttft_ms: None,
    }
}

const LEDGER: &str = "select request_id || ' ' || attempt || ' ' || node_id || ' ' || workspace_id
        || ' ' || project_id || ' ' || gateway_key_id || ' ' || provider_key_id
        || ' ' || provider || ' ' || model || ' ' || dialect || ' ' || streamed || ' ' || payer
        || ' ' || state || ' ' || coalesce(outcome, '-')
        || ' ' || coalesce(cast(http_status as text), '-') || ' ' || coalesce(error_code, '-')
        || ' ' || coalesce(cast(input_tokens as text), '-')
        || ' ' || coalesce(cast(cached_tokens as text), '-')
        || ' ' || coalesce(cast(cache_write_tokens as text), '-')
        || ' ' || coalesce(cast(cache_write_long_tokens as text), '-')
        || ' ' || coalesce(cast(output_tokens as text), '-')
        || ' ' || coalesce(cast(reasoning_tokens as text), '-')
        || ' ' || estimated || ' ' || billing_unknown
        || ' ' || coalesce(cast(cost_micro_usd as text)
            || '.'
            || substr(cast(1000000 + cost_pico_rest as text), 2), '-')
        || ' ' || started_at
        || ' ' || coalesce(cast(settled_at as text), '-')
        || ' ' || coalesce(cast(latency_ms as text), '-')
        || ' ' || coalesce(cast(ttft_ms as text), '-')
    from attempts
    order by request_id, attempt";

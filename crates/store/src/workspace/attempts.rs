//! A tenant's part of the ledger, newest first, in pages that cost the same however long the ledger is.

use model::{GatewayKeyId, ProjectId, ProviderKeyId, RequestId, Timestamp};

use super::Workspace;
use crate::Result;
use crate::attempt::{AttemptRow, attempt_row};
use crate::db::{Row, Value, args};

/// Which attempts are looked for. Nothing set but the time: all of them.
#[derive(Clone, Debug)]
pub struct AttemptFilter {
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    pub gateway_key: Option<GatewayKeyId>,
    pub model: Option<String>,
    pub outcome: Option<String>,
    pub payer: Option<String>,
    pub project: Option<ProjectId>,
    pub provider: Option<String>,
    pub provider_key: Option<ProviderKeyId>,
    pub state: Option<String>,
    /// The provider's, at least.
    pub status_min: Option<i64>,
    pub streamed: Option<bool>,
}

/// Where an attempt stands among all of a workspace: they are in the order of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptPlace {
    pub started_at: Timestamp,
    pub request: RequestId,
    pub attempt: u32,
}

pub struct AttemptsPage {
    pub rows: Vec<AttemptRow>,
    /// Where to go on, unless this is all. After a page that is not full, too: then what was looked through was enough.
    pub next: Option<AttemptPlace>,
}

impl AttemptRow {
    pub const fn place(&self) -> AttemptPlace {
        AttemptPlace { started_at: self.started_at, request: self.request, attempt: self.attempt }
    }
}

impl AttemptFilter {
    /// Whether every attempt in its time fits.
    const fn is_open(&self) -> bool {
        self.gateway_key.is_none()
            && self.model.is_none()
            && self.outcome.is_none()
            && self.payer.is_none()
            && self.project.is_none()
            && self.provider.is_none()
            && self.provider_key.is_none()
            && self.state.is_none()
            && self.status_min.is_none()
            && self.streamed.is_none()
    }

    fn args(&self) -> Vec<Value> {
        args![
            self.gateway_key,
            self.model.as_deref(),
            self.outcome.as_deref(),
            self.payer.as_deref(),
            self.project,
            self.provider.as_deref(),
            self.provider_key,
            self.state.as_deref(),
            self.status_min,
            self.streamed.map(i64::from),
        ]
    }
}

impl Workspace<'_> {
    /// Newest first, from behind `after`.
    pub async fn attempts(
        &self,
        filter: &AttemptFilter,
        after: Option<&AttemptPlace>,
        limit: u32,
    ) -> Result<AttemptsPage> {
        let is_unsettled = filter.state.as_deref() == Some("unsettled");
        let edge = match filter.is_open() || is_unsettled {
            // What is unsettled is rare, and has an index of its own.
            true => None,
            false => self.edge(filter, after).await?,
        };
        let sql = match (filter.is_open(), is_unsettled) {
            (true, _) => PAGE_OF_ATTEMPTS,
            (false, true) => PAGE_OF_UNSETTLED,
            (false, false) => PAGE_OF_FILTERED,
        };
        let mut args = args![self.id];
        args.extend(upper(filter, after));
        args.extend(lower(filter, edge.as_ref()));
        // One more tells whether there is more.
        args.push(limit.saturating_add(1).into());
        if !filter.is_open() {
            args.extend(filter.args());
        }
        let rows: Result<Vec<_>> = self.db.all(sql, args).await?.iter().map(attempt_row).collect();
        Ok(page(rows?, limit, edge))
    }

    pub async fn attempts_of(&self, request: RequestId) -> Result<Vec<AttemptRow>> {
        self.db.all(OF_REQUEST, args![self.id, request]).await?.iter().map(attempt_row).collect()
    }

    /// The last attempt that one page looks through; `None` where it looks through all of them.
    async fn edge(
        &self,
        filter: &AttemptFilter,
        after: Option<&AttemptPlace>,
    ) -> Result<Option<AttemptPlace>> {
        let mut args = args![self.id];
        args.extend(upper(filter, after));
        args.extend(lower(filter, None));
        self.db.one(EDGE_OF_ATTEMPTS, args).await?.as_ref().map(place).transpose()
    }
}

fn page(mut rows: Vec<AttemptRow>, limit: u32, edge: Option<AttemptPlace>) -> AttemptsPage {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = if has_more { rows.last().map(AttemptRow::place) } else { edge };
    AttemptsPage { rows, next }
}

/// What comes before all attempts of its time, or the one that was seen last.
fn upper(filter: &AttemptFilter, after: Option<&AttemptPlace>) -> Vec<Value> {
    match after {
        Some(place) if place.started_at < filter.to => {
            args![place.started_at, place.request, place.attempt]
        }
        _ => args![filter.to, "", 0_i64],
    }
}

fn lower(filter: &AttemptFilter, edge: Option<&AttemptPlace>) -> Vec<Value> {
    match edge {
        Some(place) => args![place.started_at, place.request, place.attempt],
        None => args![filter.from, "", 0_i64],
    }
}

fn place(row: &Row) -> Result<AttemptPlace> {
    let attempt: i64 = row.get("attempt")?;
    Ok(AttemptPlace {
        started_at: row.time("started_at")?,
        request: row.parse("request_id")?,
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
    })
}

// Public, so that a test can ask each database how it goes about them.

pub const PAGE_OF_ATTEMPTS: &str = "select request_id, attempt, workspace_id, project_id,
        gateway_key_id, provider_key_id, provider, model, dialect, payer, streamed, state, outcome,
        http_status, error_code, input_tokens, cached_tokens, cache_write_tokens,
        cache_write_long_tokens, output_tokens, reasoning_tokens, audio_input_tokens, searches,
        service_tier, estimated, billing_unknown, cost_micro_usd, cost_pico_rest, price,
        started_at, settled_at, latency_ms, ttft_ms
    from attempts
    where workspace_id = $1
        and (started_at, request_id, attempt) < ($2, $3, $4)
        and (started_at, request_id, attempt) >= ($5, $6, $7)
    order by started_at desc, request_id desc, attempt desc
    limit $8";

/// The stretch that is looked through comes first, and has a limit, which its edge keeps it below: whatever a planner thinks of
/// the filters, it has no reason to read the whole ledger for them.
pub const PAGE_OF_FILTERED: &str = "select request_id, attempt, workspace_id, project_id,
        gateway_key_id, provider_key_id, provider, model, dialect, payer, streamed, state, outcome,
        http_status, error_code, input_tokens, cached_tokens, cache_write_tokens,
        cache_write_long_tokens, output_tokens, reasoning_tokens, audio_input_tokens, searches,
        service_tier, estimated, billing_unknown, cost_micro_usd, cost_pico_rest, price,
        started_at, settled_at, latency_ms, ttft_ms
    from (
        select request_id, attempt, workspace_id, project_id, gateway_key_id, provider_key_id,
            provider, model, dialect, payer, streamed, state, outcome, http_status, error_code,
            input_tokens, cached_tokens, cache_write_tokens, cache_write_long_tokens,
            output_tokens, reasoning_tokens, audio_input_tokens, searches, service_tier, estimated,
            billing_unknown, cost_micro_usd, cost_pico_rest, price, started_at, settled_at,
            latency_ms, ttft_ms
        from attempts
        where workspace_id = $1
            and (started_at, request_id, attempt) < ($2, $3, $4)
            and (started_at, request_id, attempt) >= ($5, $6, $7)
        order by started_at desc, request_id desc, attempt desc
        limit 30000
    ) as stretch
    where gateway_key_id = coalesce($9, gateway_key_id)
        and model = coalesce($10, model)
        and coalesce(outcome, '') = coalesce($11, outcome, '')
        and payer = coalesce($12, payer)
        and project_id = coalesce($13, project_id)
        and provider = coalesce($14, provider)
        and provider_key_id = coalesce($15, provider_key_id)
        and state = coalesce($16, state)
        and coalesce(http_status, 0) >= coalesce($17, 0)
        and streamed = coalesce($18, streamed)
    order by started_at desc, request_id desc, attempt desc
    limit $8";

pub const PAGE_OF_UNSETTLED: &str = "select request_id, attempt, workspace_id, project_id,
        gateway_key_id, provider_key_id, provider, model, dialect, payer, streamed, state, outcome,
        http_status, error_code, input_tokens, cached_tokens, cache_write_tokens,
        cache_write_long_tokens, output_tokens, reasoning_tokens, audio_input_tokens, searches,
        service_tier, estimated, billing_unknown, cost_micro_usd, cost_pico_rest, price,
        started_at, settled_at, latency_ms, ttft_ms
    from attempts
    where workspace_id = $1 and state = 'unsettled'
        and (started_at, request_id, attempt) < ($2, $3, $4)
        and (started_at, request_id, attempt) >= ($5, $6, $7)
        and gateway_key_id = coalesce($9, gateway_key_id)
        and model = coalesce($10, model)
        and coalesce(outcome, '') = coalesce($11, outcome, '')
        and payer = coalesce($12, payer)
        and project_id = coalesce($13, project_id)
        and provider = coalesce($14, provider)
        and provider_key_id = coalesce($15, provider_key_id)
        and state = coalesce($16, state)
        and coalesce(http_status, 0) >= coalesce($17, 0)
        and streamed = coalesce($18, streamed)
    order by started_at desc, request_id desc, attempt desc
    limit $8";

pub const EDGE_OF_ATTEMPTS: &str = "select started_at, request_id, attempt
    from attempts
    where workspace_id = $1
        and (started_at, request_id, attempt) < ($2, $3, $4)
        and (started_at, request_id, attempt) >= ($5, $6, $7)
    order by started_at desc, request_id desc, attempt desc
    limit 1 offset 19999";

const OF_REQUEST: &str = "select request_id, attempt, workspace_id, project_id,
        gateway_key_id, provider_key_id, provider, model, dialect, payer, streamed, state, outcome,
        http_status, error_code, input_tokens, cached_tokens, cache_write_tokens,
        cache_write_long_tokens, output_tokens, reasoning_tokens, audio_input_tokens, searches,
        service_tier, estimated, billing_unknown, cost_micro_usd, cost_pico_rest, price,
        started_at, settled_at, latency_ms, ttft_ms
    from attempts
    where workspace_id = $1 and request_id = $2
    order by attempt";

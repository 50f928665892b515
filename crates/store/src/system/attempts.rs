//! The ledger's rows across tenants: one per attempt, folded from the journal. Written in `fold.rs` and nowhere else.

mod fold;
mod tally;

use model::RequestId;

use super::System;
use crate::Result;
use crate::attempt::{AttemptRow, attempt_row};
use crate::db::args;

pub(crate) use fold::{Batch, Folded, OpenAttempts, settle_orphans};

impl System<'_> {
    /// Across tenants: the request's id is unguessable, and who may see it is decided above.
    pub async fn attempts(&self, request: RequestId) -> Result<Vec<AttemptRow>> {
        self.db.all(OF_REQUEST, args![request]).await?.iter().map(attempt_row).collect()
    }

    /// The newest attempts of all, for the operator's eyes and for tests.
    pub async fn latest_attempts(&self, limit: i64) -> Result<Vec<AttemptRow>> {
        self.db.all(LATEST, args![limit]).await?.iter().map(attempt_row).collect()
    }
}

const OF_REQUEST: &str = "select request_id, attempt, workspace_id, project_id,
        gateway_key_id, provider_key_id, provider, model, dialect, payer, streamed, state, outcome, http_status, error_code, input_tokens,
        cached_tokens, cache_write_tokens, cache_write_long_tokens, output_tokens, reasoning_tokens,
        audio_input_tokens, searches, service_tier, estimated, billing_unknown, cost_micro_usd,
        cost_pico_rest, price, started_at, settled_at, latency_ms, ttft_ms
    from attempts
    where request_id = $1
    order by attempt";

const LATEST: &str = "select request_id, attempt, workspace_id, project_id,
        gateway_key_id, provider_key_id, provider, model, dialect, payer, streamed, state, outcome, http_status, error_code, input_tokens,
        cached_tokens, cache_write_tokens, cache_write_long_tokens, output_tokens, reasoning_tokens,
        audio_input_tokens, searches, service_tier, estimated, billing_unknown, cost_micro_usd,
        cost_pico_rest, price, started_at, settled_at, latency_ms, ttft_ms
    from attempts
    order by started_at desc, request_id desc, attempt desc
    limit $1";

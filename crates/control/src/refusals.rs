//! Refusals worth remembering: who tried what they may not. Bounded, so that nobody can fill the audit by trying.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{Actor, Code, Doer, Refusal, Timestamp, WorkspaceId};
use serde_json::json;

use crate::Control;

/// How many refusals of each actor are written down in the current minute.
#[derive(Default)]
pub struct Noted(Mutex<HashMap<String, (i64, u32)>>);

const NOTED_A_MINUTE_MAX: u32 = 30;
const ACTORS_MAX: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

impl Noted {
    pub(crate) fn has_room(&self, actor: Actor, now: Timestamp) -> bool {
        let minute = now.unix_ms().div_euclid(MINUTE_MS);
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= ACTORS_MAX {
            noted.retain(|_, (at, _)| *at == minute);
        }
        let entry = noted.entry(actor.to_string()).or_insert((minute, 0));
        if entry.0 != minute {
            *entry = (minute, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1 <= NOTED_A_MINUTE_MAX
    }
}

impl Control {
    /// `route` is a pattern, which holds nothing that was sent. A refusal stands whether or not it could be noted.
    pub async fn note_refusal(
        &self,
        doer: Doer,
        workspace: Option<WorkspaceId>,
        route: &str,
        refusal: &Refusal,
    ) {
        let now = self.clock.now();
        if !matters(refusal.code) || !self.noted.has_room(doer.actor, now) {
            return;
        }
        let noted = async {
            let mut write = self.store.write().await?;
            let detail = json!({ "code": refusal.code.as_str() });
            write.audit(doer, workspace, "request.refused", route, detail);
            write.commit(now).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %error, "a refusal could not be written to the audit");
        }
    }
}

const fn matters(code: Code) -> bool {
    matches!(
        code,
        Code::ForbiddenRole
            | Code::MissingScope
            | Code::PlanForbids
            | Code::ProviderRejectedKey
            | Code::RateLimited
    )
}

//! Looks after provider keys beside the traffic: writes down what it tells of them, asks again about those that were
//! refused or have not been asked about for long, looks whether caps are being used up, and posts the news.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use control::{KeySign, KeyUse, Notice};
use gateway::{KeyFinding, KeyReport};
use model::WorkspaceId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::shared::Shared;

const FETCH_EVERY: Duration = Duration::from_millis(500);
/// How soon people hear that a share of a cap is spent.
const LOOK_EVERY: Duration = Duration::from_secs(3);
const RECHECK_EVERY: Duration = Duration::from_secs(60);
/// What traffic told of a key is looked into at once for so many; for the rest when it tells again.
const CHECKS_MAX: usize = 32;
const DELIVERIES_MAX: usize = 256;
/// So that one dead webhook does not keep the others waiting.
const DELIVERIES_PER_WORKSPACE_MAX: usize = 8;
/// Before each try to deliver a notice.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(30)];

pub async fn run(
    shared: Arc<Shared>,
    mut notices: mpsc::Receiver<Notice>,
    mut stopped: watch::Receiver<bool>,
) {
    let (mut checks, mut deliveries) = (JoinSet::new(), JoinSet::new());
    let (mut recheck, mut look): (JoinSet<()>, JoinSet<()>) = (JoinSet::new(), JoinSet::new());
    let mut busy: HashMap<WorkspaceId, usize> = HashMap::new();
    let mut rechecked_at = shared.clock.now();
    let mut looked_at = shared.clock.now();
    let mut fetch = tokio::time::interval(FETCH_EVERY);
    fetch.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !*stopped.borrow_and_update() {
        let has_room = deliveries.len() < DELIVERIES_MAX;
        tokio::select! {
            _ = fetch.tick() => {
                let reports = shared.gateway.key_news.take();
                write_down(&shared, &reports).await;
                for report in reports {
                    let Some(finding) = report.finding else { continue };
                    if checks.len() < CHECKS_MAX {
                        checks.spawn(heed(Arc::clone(&shared), report, finding));
                    }
                }
                let now = shared.clock.now();
                if recheck.is_empty() && now.since(rechecked_at) >= RECHECK_EVERY {
                    rechecked_at = now;
                    recheck.spawn(recheck_due(Arc::clone(&shared)));
                }
                if look.is_empty() && now.since(looked_at) >= LOOK_EVERY {
                    looked_at = now;
                    look.spawn(look_at_money(Arc::clone(&shared)));
                }
            }
            Some(notice) = notices.recv(), if has_room => {
                shared.telemetry.noticed(&notice);
                let under_way = busy.entry(notice.workspace).or_default();
                if *under_way < DELIVERIES_PER_WORKSPACE_MAX {
                    *under_way = under_way.saturating_add(1);
                    deliveries.spawn(deliver(Arc::clone(&shared), notice));
                } else {
                    tracing::info!(workspace = %notice.workspace, "a notice was dropped: many are under way");
                }
            }
            Some(ended) = deliveries.join_next() => {
                if let Ok(workspace) = ended
                    && let Some(under_way) = busy.get_mut(&workspace)
                {
                    *under_way = under_way.saturating_sub(1);
                    if *under_way == 0 {
                        busy.remove(&workspace);
                    }
                }
            }
            Some(_) = checks.join_next() => {}
            Some(_) = recheck.join_next() => {}
            Some(_) = look.join_next() => {}
            changed = stopped.changed() => if changed.is_err() { break },
        }
    }
    // What was used until now is written down; what waits to be tried again is given up.
    write_down(&shared, &shared.gateway.key_news.take()).await;
    checks.shutdown().await;
    recheck.shutdown().await;
    look.shutdown().await;
    deliveries.shutdown().await;
}

async fn write_down(shared: &Shared, reports: &[KeyReport]) {
    let uses: Vec<KeyUse> = reports
        .iter()
        .filter(|report| report.used_at.is_some() || report.tier.is_some())
        .map(|report| KeyUse {
            key: report.key,
            workspace: report.workspace,
            sealed_version: report.sealed_version,
            used_at: report.used_at,
            tier: report.tier.clone(),
        })
        .collect();
    if uses.is_empty() {
        return;
    }
    if let Err(refusal) = shared.control.record_key_use(&uses).await {
        tracing::warn!(error = %refusal, "the use of provider keys could not be written down");
    }
}

async fn heed(shared: Arc<Shared>, report: KeyReport, finding: KeyFinding) {
    let sign = match finding {
        KeyFinding::Closed => KeySign::Closed,
        KeyFinding::Moved => KeySign::Moved,
        KeyFinding::Refused => KeySign::Refused,
        KeyFinding::Works => KeySign::Works,
    };
    let KeyReport { workspace, key, sealed_version, .. } = report;
    if let Err(refusal) = shared.control.heed(workspace, key, sealed_version, sign).await {
        tracing::warn!(provider_key = %key, error = %refusal, "a key's health could not be kept");
    }
}

async fn look_at_money(shared: Arc<Shared>) {
    if let Err(refusal) = shared.control.look_at_caps().await {
        tracing::warn!(error = %refusal, "what is spent of caps could not be looked at");
    }
    if let Err(error) = shared.telemetry.look(&shared.gateway, &shared.control).await {
        tracing::warn!(error = %error, "the ledger could not be looked at");
    }
}

async fn recheck_due(shared: Arc<Shared>) {
    let due = match shared.control.due_for_recheck().await {
        Ok(due) => due,
        Err(refusal) => {
            tracing::warn!(error = %refusal, "keys could not be chosen for a re-check");
            return;
        }
    };
    // One after the other: nobody waits for these.
    for key in due {
        if let Err(refusal) = shared.control.recheck_due(&key).await {
            tracing::warn!(provider_key = %key.id, error = %refusal, "a key could not be re-checked");
        }
    }
}

/// Returns whose notice it was.
async fn deliver(shared: Arc<Shared>, notice: Notice) -> WorkspaceId {
    let id = shared.control.notice_id();
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        let letter = match shared.control.letter(&notice, &id).await {
            Ok(Some(letter)) => letter,
            Ok(None) => return notice.workspace,
            Err(refusal) => {
                tracing::warn!(error = %refusal, "a notice could not be written");
                continue;
            }
        };
        match shared.control.messenger.post(&letter).await {
            Ok(status) if (200..300).contains(&status) => return notice.workspace,
            Ok(status) => tracing::info!(http.status = status, "a webhook did not take a notice"),
            Err(reason) => tracing::info!(error = %reason, "a webhook could not be reached"),
        }
    }
    tracing::warn!(workspace = %notice.workspace, "a notice was given up: its webhook never took it");
    notice.workspace
}

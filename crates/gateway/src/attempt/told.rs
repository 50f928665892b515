//! What an attempt tells of its key and its provider: to those who write it down, and to those who plan the next request.

use std::time::Duration;

use http::HeaderMap;
use model::{Code, TierSource};
use store::workspace::Health;

use crate::Gateway;
use crate::authorize::Permit;
use crate::breaker::Circuit;
use crate::headroom::{detect_tier, requests_per_minute};
use crate::key_news::{Finding as KeyFinding, KeyReport};
use crate::plan::Candidate;
use crate::upstream::{Blame, UpstreamError};

pub struct Told<'a> {
    pub gw: &'a Gateway,
    pub permit: &'a Permit,
    pub candidate: &'a Candidate<'a>,
}

impl Told<'_> {
    /// A node without the master key that sealed it knows nothing of the key.
    pub fn closed(&self) {
        let version = self.candidate.key.row.key_version;
        if version.is_some_and(|version| self.gw.vault.has(version)) {
            self.tell(KeyFinding::Closed);
        }
    }

    pub fn tell(&self, finding: KeyFinding) {
        self.note(|report| report.finding = Some(finding));
    }

    /// An answer's rate limits: what is left, and for some providers the tier.
    pub fn headers(&self, headers: &HeaderMap) {
        let Candidate { provider, key, model, .. } = self.candidate;
        let now = self.gw.clock.now();
        let Some(reading) = self.gw.headroom.note(key.row.id, model, provider, headers, now) else {
            return;
        };
        let by_hand = key.row.tier_source == Some(TierSource::UserSpecified);
        let tier = detect_tier(provider, Some(model), &reading).filter(|_| !by_hand);
        if tier.is_some() && tier != key.row.tier {
            self.note(|report| report.tier = tier);
        }
    }

    /// Of the key only where it is news: that it works is told once.
    pub fn works(&self) {
        self.gw.breakers.worked(&self.circuit());
        if self.candidate.key.row.health != Health::Healthy {
            self.tell(KeyFinding::Works);
        }
    }

    /// An outage is held against this key, model and host for this caller's workspace alone.
    pub fn failed(&self, error: &UpstreamError) {
        let now = self.gw.clock.now();
        if error.is_outage() {
            self.gw.breakers.failed(&self.circuit(), now);
        }
        if error.code == Code::UpstreamKeyInvalid && error.blame == Blame::Key {
            self.tell(KeyFinding::Refused);
        }
        if let Some(seconds) = error.rest_seconds {
            let until = now.plus(Duration::from_secs(seconds));
            let Candidate { key, model, .. } = self.candidate;
            self.gw.headroom.cool_down(key.row.id, Some(model), until);
        }
    }

    /// Before the call goes out.
    pub fn begins(&self) {
        let now = self.gw.clock.now();
        self.note(|report| report.used_at = Some(now));
        self.gw.breakers.begin(&self.circuit(), now);
        let Candidate { provider, key, model, .. } = self.candidate;
        if requests_per_minute(provider, key.row.tier.as_ref(), model).is_some() {
            self.gw.headroom.count(key.row.id, model, now);
        }
    }

    fn circuit(&self) -> Circuit<'_> {
        let Candidate { key, model, .. } = self.candidate;
        let workspace = self.permit.acting().workspace().id;
        Circuit { workspace, key: key.row.id, model, host: key.base_url.host() }
    }

    fn note(&self, tell: impl FnOnce(&mut KeyReport)) {
        let row = &self.candidate.key.row;
        self.gw.key_news.note(row.id, self.candidate.owner.id, row.sealed_version, tell);
    }
}

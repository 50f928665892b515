//! The data plane: one straight line from a caller's request to a provider and back. Knows no HTTP framework and no SQL.

mod accept;
mod asked;
mod attempt;
mod authenticate;
mod authorize;
mod body;
mod breaker;
mod directory;
mod estimate;
mod explain;
mod flow;
mod funds;
mod headroom;
mod key_news;
mod limits;
mod list;
mod metrics;
mod models;
mod parse;
mod plan;
mod probe;
mod provider_key;
mod receipts;
mod record;
mod rules;
mod stragglers;
mod stream;
pub mod upstream;
mod used;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use model::{Catalogue, Clock, Random, Refusal, RequestId};
use store::budget::Budgets;
use store::journal::Journal;
use store::rate::RateLimits;
use vault::{Pepper, Vault};

pub use accept::{credential, dialect_of, wishes};
pub use breaker::Breakers;
pub use directory::Directory;
pub use explain::{
    ExplainedCandidate, ExplainedExclusion, ExplainedRefusal, Explanation, explain,
    explain_for_workspace,
};
pub use headroom::{Headroom, ModelHeadroom, Reading, Window, detect_tier};
pub use key_news::{Finding as KeyFinding, KeyNews, KeyReport};
pub use limits::Limits;
pub use metrics::Metrics;
pub use models::{ReachableModel, models_of_key, models_of_workspace};
pub use probe::{Finding, probe};
pub use receipts::{AttemptReceipt, RequestReceipt, receipt};
pub use stragglers::Stragglers;
pub use upstream::{Egress, Upstream};

use accept::accept;
use attempt::attempt;
use authenticate::authenticate;
use authorize::authorize;
use estimate::estimate;
use list::listed;
use parse::parse;
use plan::{World, plan};
use record::Recorder;
use stream::stream;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
pub type Reply = http::Response<Body>;

/// A request as it arrived, body unread.
pub struct Raw {
    pub id: RequestId,
    pub parts: http::request::Parts,
    pub body: Body,
}

/// Everything a request needs; made once at boot.
pub struct Gateway {
    pub breakers: Breakers,
    pub budgets: Budgets,
    pub limits: Limits,
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<dyn Clock>,
    pub directory: Directory,
    pub key_news: KeyNews,
    pub headroom: Arc<Headroom>,
    pub journal: Journal,
    pub metrics: Metrics,
    pub pepper: Arc<Pepper>,
    pub random: Arc<dyn Random>,
    pub rates: RateLimits,
    pub stragglers: Stragglers,
    pub upstream: Upstream,
    pub vault: Arc<Vault>,
}

/// The life of one request. Each line is the file of that name; each value can be built only by its own stage.
pub async fn handle(gw: &Gateway, raw: Raw) -> Result<Reply, Refusal> {
    let head = accept(&gw.limits, raw)?; //                        request id, operation, size limit; body untouched
    let caller = authenticate(gw, &head).await?; //                token -> Caller, by hash, from memory
    let call = parse(gw, head).await?; //                          only now is the body read: model, stream?, wishes
    let permit = authorize(gw, caller, &call.asked).await?; //     scopes, project, rates; the journal's place reserved
    let plan = plan(&World::of(gw).await?, permit.acting(), &call.asked)?; // attempts, decided before any call
    if let Some(count) = estimate(&plan, &call.asked) {
        return Ok(count); // what no provider counts
    }
    let answer = attempt(gw, &permit, plan, &call).await; //       each: open the key, send; the next before content
    let reply = stream(answer, Recorder::new(gw, permit, &call)).await?; // meter while flowing; settle once: end, error, hang-up
    Ok(listed(reply, &call)) //                                    Google's events, where a list of them was asked for
}

//! The data plane: one straight line from a caller's request to a provider and back. Knows no HTTP framework and no SQL.

mod accept;
mod attempt;
mod authenticate;
mod authorize;
mod body;
mod directory;
mod headroom;
mod key_news;
mod limits;
mod metrics;
mod models;
mod parse;
mod plan;
mod probe;
mod provider_key;
mod record;
mod rules;
mod stream;
pub mod upstream;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use model::{Catalogue, Clock, Refusal, RequestId};
use store::journal::Journal;
use vault::{Pepper, Vault};

pub use accept::credential;
pub use directory::Directory;
pub use headroom::{Headroom, ModelHeadroom, Reading, Window, detect_tier};
pub use key_news::{Finding as KeyFinding, KeyNews, KeyReport};
pub use limits::Limits;
pub use metrics::Metrics;
pub use models::{ReachableModel, list_models, models_of_key, models_of_workspace};
pub use probe::{Finding, probe};
pub use upstream::{Egress, Upstream};

use accept::accept;
use attempt::attempt;
use authenticate::authenticate;
use authorize::authorize;
use parse::parse;
use plan::plan;
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
    pub limits: Limits,
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<dyn Clock>,
    pub directory: Directory,
    pub key_news: KeyNews,
    pub headroom: Arc<Headroom>,
    pub journal: Journal,
    pub metrics: Metrics,
    pub pepper: Arc<Pepper>,
    pub upstream: Upstream,
    pub vault: Arc<Vault>,
}

/// The life of one request. Each line is the file of that name; each value can be built only by its own stage.
pub async fn handle(gw: &Gateway, raw: Raw) -> Result<Reply, Refusal> {
    let head = accept(&gw.limits, raw)?; //               request id, dialect, size limit; body untouched
    let caller = authenticate(gw, &head).await?; //       token -> Caller, by hash, from memory
    let call = parse(gw, head).await?; //                 only now is the body read: model, stream?, routing wishes
    let permit = authorize(gw, caller)?; //               scopes; the journal's place reserved
    let plan = plan(gw, &permit, &call)?; //              ordered attempts, decided before any call
    let answer = attempt(gw, &permit, plan, &call).await; // each: open the key, send; the next one only before byte 1
    stream(answer, Recorder::new(gw, permit, &call)).await // meter while flowing; settle once: end, error or hang-up
}

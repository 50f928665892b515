//! What every handler may reach.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use control::Control;
use gateway::Gateway;
use model::{Clock, RequestIds};

use crate::telemetry::Telemetry;

pub struct Shared {
    pub control: Arc<Control>,
    pub gateway: Arc<Gateway>,
    pub telemetry: Telemetry,
    /// How many nodes of the instance run, as they last reported: what a node's share of a limit depends on.
    pub nodes_alive: Arc<AtomicU32>,
    pub clock: Arc<dyn Clock>,
    pub request_ids: RequestIds,
}

//! What every handler may reach.

use std::sync::Arc;

use control::Control;
use gateway::Gateway;
use model::{Clock, Random};

use crate::telemetry::Telemetry;

pub struct Shared {
    pub control: Arc<Control>,
    pub gateway: Arc<Gateway>,
    pub telemetry: Telemetry,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

//! How much may be spent, by whom, in which stretch of time. Knows nothing of what was spent.

use std::fmt;

use crate::settings::{CapMode, CapPeriod};
use crate::{GatewayKeyId, PicoUsd, ProjectId, WorkspaceId};

/// Whose spending is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CapScope {
    GatewayKey(GatewayKeyId),
    /// What the plan lets a workspace use of the operator's keys: tokens, a micro-USD each.
    Pool(WorkspaceId),
    Project(ProjectId),
    Workspace(WorkspaceId),
}

/// A limit on money, or on a pool's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    pub scope: CapScope,
    pub amount: PicoUsd,
    pub period: CapPeriod,
    pub mode: CapMode,
}

impl fmt::Display for CapScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GatewayKey(id) => write!(f, "{id}"),
            Self::Pool(id) => write!(f, "pool:{id}"),
            Self::Project(id) => write!(f, "{id}"),
            Self::Workspace(id) => write!(f, "{id}"),
        }
    }
}

//! What is found out about a request on its way: the audit of a refusal wants to know. Knows no HTTP.

use std::sync::OnceLock;

use model::{Doer, WorkspaceId};

/// Who turned out to ask, and about which workspace: the audit of a refusal wants to know.
#[derive(Default)]
pub struct Trace {
    doer: OnceLock<Doer>,
    workspace: OnceLock<WorkspaceId>,
}

impl Trace {
    pub fn by(&self, doer: Doer) {
        self.doer.get_or_init(|| doer);
    }

    pub fn about(&self, workspace: WorkspaceId) {
        self.workspace.get_or_init(|| workspace);
    }

    pub fn doer(&self) -> Option<Doer> {
        self.doer.get().copied()
    }

    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.workspace.get().copied()
    }
}

//! One function per operation of management. Knows no HTTP, no wire format and no data plane.

mod access;
mod alerts;
mod audit;
mod byok;
mod credential;
mod fields;
mod gateway_keys;
mod headroom;
mod invitations;
mod key_health;
mod key_operations;
mod keyring;
mod ledger;
mod me;
mod members;
mod models;
mod nodes;
mod notices;
mod operators;
mod page;
mod passwords;
mod patch;
mod plans;
mod probe;
mod projects;
mod provider_keys;
mod providers;
mod refusals;
mod requests;
mod rotation;
mod sealing;
mod secrets;
mod sessions;
mod settings;
mod setup;
mod sign_ins;
mod unit;
mod uploads;
mod usage;
mod users;
mod workspaces;

use std::sync::Arc;

use model::{BaseUrl, Catalogue, Clock, Code, Plans, Random, Refusal};
use store::{Budgets, Store};
use vault::{Pepper, SessionSigner, Vault};

pub use access::{Operator, Reader, Standing, Target, Writer};
pub use audit::{AuditEnd, AuditReport, AuditView, AuditWish, Problem, ProblemKind};
pub use byok::{ByokKeyFields, ByokKeyView, SetByokKey};
pub use credential::{Caller, KeyCaller, Person};
pub use gateway_keys::{GatewayKeyFields, GatewayKeyView, NewGatewayKeyView, RotateGatewayKey};
pub use headroom::{HeadroomView, HeadroomWindow, Headrooms, ModelHeadroom};
pub use invitations::{
    AcceptInvitation, InvitationView, Invite, JoinedView, NewInvitationView, OpenInvitationView,
};
pub use key_health::{KeySign, KeyUse};
pub use keyring::{InstanceKeys, KeyringError, KeyringReport, VersionReport, report, unlock};
pub use ledger::{
    BudgetStatus, Finding, JournalStatus, LeaseStatus, LedgerStatus, UnsettledView, ledger_status,
    unsettled_attempts, verify_ledger,
};
pub use me::Me;
pub use members::{ChangeRole, MemberView};
pub use model::settings::Patch;
pub use nodes::{Forcing, ForgottenNodeView, Node, NodeView};
pub use notices::{
    CapShareReached, HealthChanged, Letter, Messenger, News, Notice, Notices, Posting,
    RequestsUnsettled,
};
pub use operators::{FoundWorkspace, NewTenantView, TenantView, UpdateTenant};
pub use page::{Page, PageWish};
pub use passwords::{Passwords, Strength};
pub use plans::PlanView;
pub use probe::{Probe, Probed, Probing};
pub use projects::{CreateProject, ProjectView};
pub use provider_keys::{
    ChangeTier, CreateProviderKey, ProviderKeyFields, ProviderKeyView, ReplaceProviderKey,
};
pub use providers::{LimitsInfo, ProviderInfo, TierInfo};
pub use refusals::Noted;
pub use requests::{AttemptView, RequestQuery, RequestView, RequestWish};
pub use rotation::{
    ClosedSeal, DoctorView, JobView, MasterKeySource, MovedKey, Rebind, RebindView, RotateVault,
    Rotation, Tender, VaultView, VersionView,
};
pub use secrets::{ByokProviders, CreateSecret, SecretView, UpdateSecret};
pub use sessions::{LoginView, SignIn, UserView};
pub use settings::{ProjectFields, WebhookFields, WorkspaceFields, WorkspaceSettings};
pub use setup::{SetUp, SetUpView, SetupToken};
pub use sign_ins::FailedSignIns;
pub use unit::{Expected, Made, Once, Versioned};
pub use uploads::{UploadAction, UploadLink, UploadPage, UploadRequest};
pub use usage::{UsageItem, UsageNumbers, UsageView, UsageWish};
pub use users::{ChangePassword, CurrentUserView, MembershipView};
pub use workspaces::{CreateWorkspace, WorkspaceView};

/// Everything an operation may need; made once at boot.
pub struct Control {
    pub budgets: Budgets,
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<dyn Clock>,
    pub failed_sign_ins: FailedSignIns,
    pub headrooms: Arc<dyn Headrooms>,
    /// Writes, probes and tests of provider keys, per caller.
    pub key_operations_per_minute: u32,
    pub node: Node,
    pub messenger: Arc<dyn Messenger>,
    pub noted: Noted,
    pub notices: Notices,
    pub passwords: Passwords,
    pub pepper: Arc<Pepper>,
    pub plans: Arc<Plans>,
    pub probe: Arc<dyn Probe>,
    /// Where people reach us: what links begin with.
    pub public_url: BaseUrl,
    pub random: Arc<dyn Random>,
    pub rotation: Rotation,
    pub setup_token: SetupToken,
    pub signer: SessionSigner,
    pub store: Store,
    pub vault: Arc<Vault>,
}

/// For what passes by itself.
pub(crate) fn storage_pause(public: &str) -> Refusal {
    Refusal::new(Code::StorageUnavailable, public).retry_after(1)
}

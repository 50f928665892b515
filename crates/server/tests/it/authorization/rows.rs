//! What each operation asks of its caller. The one place to look up who may do what.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// No credential.
    Nothing,
    /// A person or a gateway key, whatever they may.
    Anybody,
    /// A gateway key, for inference or about itself.
    Key,
    /// A person, about themself.
    Person,
    /// A person of the workspace, of any role.
    Member,
    /// An owner or an admin.
    Writer,
    Owner,
    Operator,
    /// A person by role, or a gateway key by scope.
    Scope {
        reach: Reach,
        is_write: bool,
        /// Whether members may, with what is theirs.
        members_may: bool,
    },
}

/// What a scoped operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Project,
    /// The workspace that is named, or the caller's own; a project's key sees its part.
    Tenant,
    /// The same, and all of it: a project's key sees none of that.
    WholeTenant,
    Workspace,
}

const fn read(reach: Reach) -> Need {
    Need::Scope { reach, is_write: false, members_may: true }
}

const fn write(reach: Reach) -> Need {
    Need::Scope { reach, is_write: true, members_may: false }
}

const fn members_write(reach: Reach) -> Need {
    Need::Scope { reach, is_write: true, members_may: true }
}

pub const ROWS: &[(&str, Need)] = &[
    ("GET /api/secrets", read(Reach::Tenant)),
    ("POST /api/secrets", write(Reach::Tenant)),
    ("DELETE /api/secrets/{name}", write(Reach::Tenant)),
    ("GET /api/secrets/{name}", read(Reach::Tenant)),
    ("PATCH /api/secrets/{name}", write(Reach::Tenant)),
    ("GET /api/v1/projects/{project}/api-keys", read(Reach::Project)),
    ("POST /api/v1/projects/{project}/api-keys", members_write(Reach::Project)),
    ("DELETE /api/v1/projects/{project}/api-keys/{id}", members_write(Reach::Project)),
    ("GET /api/v1/projects/{project}/api-keys/{id}", read(Reach::Project)),
    ("PATCH /api/v1/projects/{project}/api-keys/{id}", members_write(Reach::Project)),
    ("POST /api/v1/projects/{project}/api-keys/{id}/block", members_write(Reach::Project)),
    ("POST /api/v1/projects/{project}/api-keys/{id}/rotate", members_write(Reach::Project)),
    ("POST /api/v1/projects/{project}/api-keys/{id}/unblock", members_write(Reach::Project)),
    ("GET /api/v1/projects/{project}/byok-keys", read(Reach::Project)),
    ("DELETE /api/v1/projects/{project}/byok-keys/{provider}", write(Reach::Project)),
    ("PATCH /api/v1/projects/{project}/byok-keys/{provider}", write(Reach::Project)),
    ("PUT /api/v1/projects/{project}/byok-keys/{provider}", write(Reach::Project)),
    ("POST /api/v1/projects/{project}/byok-keys/{provider}/test", write(Reach::Project)),
    ("GET /api/v1/tenant/byok-providers", read(Reach::WholeTenant)),
    ("GET /healthz", Need::Nothing),
    ("GET /metrics", Need::Nothing),
    ("GET /readyz", Need::Nothing),
    ("POST /v1/chat/completions", Need::Key),
    ("POST /v1/audio/speech", Need::Key),
    ("POST /v1/audio/transcriptions", Need::Key),
    ("POST /v1/audio/translations", Need::Key),
    ("POST /v1/completions", Need::Key),
    ("POST /v1/embeddings", Need::Key),
    ("POST /v1/images/edits", Need::Key),
    ("POST /v1/images/generations", Need::Key),
    ("POST /v1/messages", Need::Key),
    ("POST /v1/messages/count_tokens", Need::Key),
    ("POST /v1/moderations", Need::Key),
    ("POST /v1/rerank", Need::Key),
    ("POST /v1/responses", Need::Key),
    ("POST /v1/route:explain", Need::Key),
    ("POST /v1beta/models/{model}", Need::Key),
    ("GET /v1/requests/{id}", Need::Key),
    ("GET /v1beta/models", Need::Key),
    ("GET /v1/invitations/{token}", Need::Nothing),
    ("POST /v1/invitations/{token}", Need::Nothing),
    ("GET /v1/me", Need::Key),
    ("GET /v1/models", Need::Key),
    ("GET /v1/operator/audit", Need::Operator),
    ("GET /v1/operator/audit/verify", Need::Operator),
    ("GET /v1/operator/nodes", Need::Operator),
    ("DELETE /v1/operator/nodes/{id}", Need::Operator),
    ("GET /v1/operator/plans", Need::Operator),
    ("GET /v1/operator/platform-keys", Need::Operator),
    ("POST /v1/operator/platform-keys", Need::Operator),
    ("DELETE /v1/operator/platform-keys/{id}", Need::Operator),
    ("GET /v1/operator/platform-keys/{id}", Need::Operator),
    ("PATCH /v1/operator/platform-keys/{id}", Need::Operator),
    ("PUT /v1/operator/platform-keys/{id}/secret", Need::Operator),
    ("POST /v1/operator/platform-keys/{id}/set-default", Need::Operator),
    ("PATCH /v1/operator/platform-keys/{id}/tier", Need::Operator),
    ("POST /v1/operator/platform-keys/{id}/validate", Need::Operator),
    ("GET /v1/operator/vault", Need::Operator),
    ("GET /v1/operator/vault/doctor", Need::Operator),
    ("POST /v1/operator/vault/rebind", Need::Operator),
    ("POST /v1/operator/vault/rotate", Need::Operator),
    ("GET /v1/operator/workspaces", Need::Operator),
    ("POST /v1/operator/workspaces", Need::Operator),
    ("GET /v1/operator/workspaces/{workspace}", Need::Operator),
    ("PATCH /v1/operator/workspaces/{workspace}", Need::Operator),
    ("GET /v1/providers", Need::Anybody),
    ("POST /v1/sessions", Need::Nothing),
    ("DELETE /v1/sessions/current", Need::Person),
    ("POST /v1/setup", Need::Nothing),
    ("GET /v1/users/current", Need::Person),
    ("PUT /v1/users/current/password", Need::Person),
    ("GET /v1/workspaces", Need::Person),
    ("POST /v1/workspaces", Need::Person),
    ("DELETE /v1/workspaces/{workspace}", Need::Owner),
    ("GET /v1/workspaces/{workspace}", Need::Member),
    ("PATCH /v1/workspaces/{workspace}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/api-keys", read(Reach::Workspace)),
    ("POST /v1/workspaces/{workspace}/api-keys", members_write(Reach::Workspace)),
    ("DELETE /v1/workspaces/{workspace}/api-keys/{id}", members_write(Reach::Workspace)),
    ("GET /v1/workspaces/{workspace}/api-keys/{id}", read(Reach::Workspace)),
    ("PATCH /v1/workspaces/{workspace}/api-keys/{id}", members_write(Reach::Workspace)),
    ("POST /v1/workspaces/{workspace}/api-keys/{id}/block", members_write(Reach::Workspace)),
    ("POST /v1/workspaces/{workspace}/api-keys/{id}/rotate", members_write(Reach::Workspace)),
    ("POST /v1/workspaces/{workspace}/api-keys/{id}/unblock", members_write(Reach::Workspace)),
    ("GET /v1/workspaces/{workspace}/audit", Need::Writer),
    ("GET /v1/workspaces/{workspace}/audit/verify", Need::Writer),
    ("GET /v1/workspaces/{workspace}/invitations", Need::Writer),
    ("DELETE /v1/workspaces/{workspace}/invitations/{id}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/members", Need::Member),
    ("POST /v1/workspaces/{workspace}/members", Need::Writer),
    ("DELETE /v1/workspaces/{workspace}/members/{user}", Need::Writer),
    ("PATCH /v1/workspaces/{workspace}/members/{user}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/projects", Need::Member),
    ("POST /v1/workspaces/{workspace}/projects", Need::Writer),
    ("DELETE /v1/workspaces/{workspace}/projects/{id}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/projects/{id}", Need::Member),
    ("PATCH /v1/workspaces/{workspace}/projects/{id}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/provider-keys", Need::Member),
    ("POST /v1/workspaces/{workspace}/provider-keys", Need::Writer),
    ("DELETE /v1/workspaces/{workspace}/provider-keys/{id}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/provider-keys/{id}", Need::Member),
    ("PATCH /v1/workspaces/{workspace}/provider-keys/{id}", Need::Writer),
    ("GET /v1/workspaces/{workspace}/provider-keys/{id}/headroom", Need::Member),
    ("PUT /v1/workspaces/{workspace}/provider-keys/{id}/secret", Need::Writer),
    ("POST /v1/workspaces/{workspace}/provider-keys/{id}/set-default", Need::Writer),
    ("PATCH /v1/workspaces/{workspace}/provider-keys/{id}/tier", Need::Writer),
    ("POST /v1/workspaces/{workspace}/provider-keys/{id}/validate", Need::Writer),
    ("GET /v1/workspaces/{workspace}/requests", read(Reach::Tenant)),
    ("GET /v1/workspaces/{workspace}/requests/{id}", read(Reach::Tenant)),
    ("GET /v1/workspaces/{workspace}/usage", read(Reach::Tenant)),
];

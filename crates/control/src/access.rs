//! The right to a workspace or one of its projects, as a value: only a membership, a gateway key's scope or the operator's
//! flag makes one, and the operations ask for it.

use std::net::IpAddr;

use model::{
    Actor, Code, Doer, GatewayKeyId, ProjectId, Refusal, Role, Scope, ScopeSet, UserId, WorkspaceId,
};
use vault::TokenHash;

use crate::{Caller, Control, KeyCaller, Person};

/// The right to look.
pub struct Reader {
    workspace: WorkspaceId,
    project: Option<ProjectId>,
    standing: Standing,
    from: Option<IpAddr>,
    /// Set where the right comes from a one-time page: it holds for one change, and the page with it.
    page: Option<TokenHash>,
}

/// The right to change: an owner's, an admin's, or a gateway key's with a scope for it.
pub struct Writer(Reader);

/// The right to run the instance.
pub struct Operator(Person);

/// On what a right rests.
pub enum Standing {
    /// `granted` is the scope it was asked for, which it has.
    Key {
        id: GatewayKeyId,
        owner: UserId,
        scopes: ScopeSet,
        /// Set for a project's key, which reaches nothing else.
        bound_to: Option<ProjectId>,
        granted: Scope,
    },
    Member {
        user: UserId,
        role: Role,
    },
    Operator {
        user: UserId,
    },
}

/// What a request is about, in its own words.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    Project(&'a str),
    /// The workspace of a header, or with none the caller's only one.
    Tenant(Option<&'a str>),
    /// A workspace of which a project's key sees its own part.
    Within(&'a str),
    Workspace(&'a str),
}

impl Reader {
    pub const fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The project the request is about, if it is about one.
    pub const fn project(&self) -> Option<ProjectId> {
        self.project
    }

    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The project outside of which nothing is to be seen.
    pub const fn confined_to(&self) -> Option<ProjectId> {
        match self.standing {
            Standing::Key { bound_to, .. } => bound_to,
            Standing::Member { .. } | Standing::Operator { .. } => None,
        }
    }

    /// The person who acts, or who owns the key that does.
    pub const fn user(&self) -> UserId {
        match self.standing {
            Standing::Key { owner, .. } => owner,
            Standing::Member { user, .. } | Standing::Operator { user } => user,
        }
    }

    /// A key has no role.
    pub const fn role(&self) -> Option<Role> {
        match self.standing {
            Standing::Member { role, .. } => Some(role),
            Standing::Key { .. } | Standing::Operator { .. } => None,
        }
    }

    pub const fn doer(&self) -> Doer {
        let actor = match self.standing {
            Standing::Key { id, .. } => Actor::GatewayKey(id),
            Standing::Member { user, .. } | Standing::Operator { user } => Actor::User(user),
        };
        Doer { actor, from: self.from }
    }

    pub(crate) const fn page(&self) -> Option<TokenHash> {
        self.page
    }

    pub const fn may_write(&self) -> bool {
        match &self.standing {
            Standing::Key { granted, .. } => granted.is_write(),
            Standing::Member { role, .. } => role.may_write(),
            Standing::Operator { .. } => true,
        }
    }

    pub fn writer(self) -> Result<Writer, Refusal> {
        if self.may_write() { Ok(Writer(self)) } else { Err(only_writers()) }
    }
}

/// What a member is told who would change something.
pub(crate) fn only_writers() -> Refusal {
    let public = "this needs the role owner or admin, and you are a member";
    Refusal::new(Code::ForbiddenRole, public)
}

impl std::ops::Deref for Writer {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl Operator {
    pub const fn person(&self) -> &Person {
        &self.0
    }

    pub const fn doer(&self) -> Doer {
        self.0.doer()
    }

    /// Platform keys live in the reserved workspace, where they are managed as any others.
    pub const fn platform(&self) -> Writer {
        self.over(WorkspaceId::NIL)
    }

    const fn over(&self, workspace: WorkspaceId) -> Writer {
        let standing = Standing::Operator { user: self.0.user };
        Writer(Reader { workspace, project: None, standing, from: self.0.from, page: None })
    }
}

impl Control {
    /// A workspace one does not belong to looks exactly like one that does not exist.
    pub async fn reader(&self, person: &Person, workspace: &str) -> Result<Reader, Refusal> {
        self.member_of(person, parse(workspace)?).await
    }

    /// For routes that gateway keys may call too: a key needs the scope, a person the role.
    pub async fn scoped(
        &self,
        caller: &Caller,
        target: Target<'_>,
        scope: Scope,
    ) -> Result<Reader, Refusal> {
        match caller {
            Caller::Key(key) => self.key_scoped(key, target, scope).await,
            Caller::Person(person) => self.person_at(person, target).await,
        }
    }

    pub fn operator(&self, person: Person) -> Result<Operator, Refusal> {
        if person.is_operator {
            return Ok(Operator(person));
        }
        Err(Refusal::new(Code::ForbiddenRole, "this is for the operator of the instance"))
    }

    /// The operator's right over one tenant's plan and name.
    pub async fn operator_over(
        &self,
        operator: &Operator,
        workspace: &str,
    ) -> Result<Writer, Refusal> {
        let id: WorkspaceId = parse(workspace)?;
        let exists = id != WorkspaceId::NIL && self.store.workspace(id).row().await?.is_some();
        if exists { Ok(operator.over(id)) } else { Err(Refusal::not_found()) }
    }

    /// The right of whoever left a one-time page behind, as far as they have it still: for one change, from wherever the
    /// page is visited.
    pub(crate) async fn right_of_page(
        &self,
        page: TokenHash,
        asked_by: Actor,
        workspace: WorkspaceId,
        from: Option<IpAddr>,
    ) -> Result<Writer, Refusal> {
        let reader = match asked_by {
            Actor::GatewayKey(id) => {
                let row = self.store.workspace(workspace).gateway_key(id).await?;
                let alive = row.filter(|row| row.is_alive(&row.token_hash, self.clock.now()));
                let row = Box::new(alive.ok_or_else(Refusal::not_found)?);
                let caller = KeyCaller { row, from };
                self.key_scoped(&caller, Target::Tenant(None), Scope::WriteSecrets).await?
            }
            Actor::System => return Err(Refusal::not_found()),
            Actor::User(user) => self.member(user, from, workspace).await?,
        };
        Reader { page: Some(page), ..reader }.writer()
    }

    /// A body or a probe may take long, and a right may end meanwhile.
    pub(crate) async fn must_still_stand(&self, reader: &Reader) -> Result<(), Refusal> {
        let workspace = self.store.workspace(reader.workspace);
        let stands = match &reader.standing {
            Standing::Key { id, .. } => {
                let now = self.clock.now();
                let key = workspace.gateway_key(*id).await?;
                key.is_some_and(|key| key.is_usable(now))
            }
            Standing::Member { user, role } => workspace.role(*user).await? == Some(*role),
            Standing::Operator { .. } => true,
        };
        if stands {
            return Ok(());
        }
        Err(Refusal::new(Code::Conflict, "what you may do here has changed meanwhile"))
    }

    async fn person_at(&self, person: &Person, target: Target<'_>) -> Result<Reader, Refusal> {
        match target {
            Target::Project(project) => {
                let (workspace, project) = self.find_project(project).await?;
                let reader = self.member_of(person, workspace).await?;
                Ok(Reader { project: Some(project), ..reader })
            }
            Target::Tenant(Some(workspace))
            | Target::Within(workspace)
            | Target::Workspace(workspace) => self.reader(person, workspace).await,
            Target::Tenant(None) => self.only_workspace(person).await,
        }
    }

    async fn key_scoped(
        &self,
        caller: &KeyCaller,
        target: Target<'_>,
        scope: Scope,
    ) -> Result<Reader, Refusal> {
        let row = &caller.row;
        let project = self.reach(caller, target).await?;
        if !row.scopes.allows(scope) {
            let public = format!("gateway key {} lacks the scope \"{scope}\"", row.id);
            return Err(Refusal::new(Code::MissingScope, public));
        }
        let standing = Standing::Key {
            id: row.id,
            owner: row.owner,
            scopes: row.scopes.clone(),
            bound_to: row.project,
            granted: scope,
        };
        Ok(Reader { workspace: row.workspace, project, standing, from: caller.from, page: None })
    }

    /// The project a key's request is about, if the key reaches that far.
    async fn reach(
        &self,
        caller: &KeyCaller,
        target: Target<'_>,
    ) -> Result<Option<ProjectId>, Refusal> {
        let row = &caller.row;
        match target {
            Target::Project(text) => {
                let id: ProjectId = parse(text)?;
                let is_own = match row.project {
                    Some(own) => own == id,
                    None => self.store.workspace(row.workspace).project(id).await?.is_some(),
                };
                if is_own { Ok(Some(id)) } else { Err(Refusal::not_found()) }
            }
            Target::Tenant(None) => Ok(None),
            Target::Tenant(Some(text)) | Target::Within(text) => {
                let is_own = parse::<WorkspaceId>(text)? == row.workspace;
                if is_own { Ok(None) } else { Err(Refusal::not_found()) }
            }
            Target::Workspace(text) => {
                let is_own = parse::<WorkspaceId>(text)? == row.workspace && row.project.is_none();
                if is_own { Ok(None) } else { Err(Refusal::not_found()) }
            }
        }
    }

    async fn member_of(&self, person: &Person, id: WorkspaceId) -> Result<Reader, Refusal> {
        self.member(person.user, person.from, id).await
    }

    async fn member(
        &self,
        user: UserId,
        from: Option<IpAddr>,
        id: WorkspaceId,
    ) -> Result<Reader, Refusal> {
        let role = self.store.workspace(id).role(user).await?;
        let role = role.ok_or_else(Refusal::not_found)?;
        let standing = Standing::Member { user, role };
        Ok(Reader { workspace: id, project: None, standing, from, page: None })
    }

    async fn only_workspace(&self, person: &Person) -> Result<Reader, Refusal> {
        let memberships = self.store.system().workspaces_of(person.user, "", 2).await?;
        match memberships.as_slice() {
            [(row, _)] => self.member_of(person, row.id).await,
            [] => Err(Refusal::not_found()),
            _ => {
                let public = "you belong to several workspaces: name one in the header X-Tenant-Id";
                Err(Refusal::new(Code::InvalidRequest, public))
            }
        }
    }

    async fn find_project(&self, project: &str) -> Result<(WorkspaceId, ProjectId), Refusal> {
        let id: ProjectId = parse(project)?;
        let workspace = self.store.system().workspace_of_project(id).await?;
        workspace.map(|row| (row.id, id)).ok_or_else(Refusal::not_found)
    }
}

/// What is no id names nothing.
fn parse<Id: std::str::FromStr>(text: &str) -> Result<Id, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

//! The right to a workspace, as a value: only a membership makes one, and the operations ask for it.

use model::{Actor, Code, ProjectId, Refusal, Role, UserId, WorkspaceId};

use crate::{Control, Person, storage};

/// A member of a workspace, of any role.
pub struct Reader {
    workspace: WorkspaceId,
    user: UserId,
    role: Role,
}

/// An owner or an admin.
pub struct Writer(Reader);

impl Reader {
    pub const fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub const fn user(&self) -> UserId {
        self.user
    }

    pub const fn role(&self) -> Role {
        self.role
    }

    pub const fn actor(&self) -> Actor {
        Actor::User(self.user)
    }

    pub fn writer(self) -> Result<Writer, Refusal> {
        if self.role.may_write() {
            return Ok(Writer(self));
        }
        let public = "this needs the role owner or admin, and you are a member";
        Err(Refusal::new(Code::ForbiddenRole, public))
    }
}

impl std::ops::Deref for Writer {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl Control {
    /// A workspace one does not belong to looks exactly like one that does not exist.
    pub async fn reader(&self, person: &Person, workspace: &str) -> Result<Reader, Refusal> {
        let id = workspace.parse().map_err(|_| Refusal::not_found())?;
        self.reader_of(person, id).await
    }

    async fn reader_of(&self, person: &Person, id: WorkspaceId) -> Result<Reader, Refusal> {
        let role = self.store.workspace(id).role(person.user).await.map_err(storage)?;
        let role = role.ok_or_else(Refusal::not_found)?;
        Ok(Reader { workspace: id, user: person.user, role })
    }

    /// The same for routes that name only a project.
    pub async fn reader_of_project(
        &self,
        person: &Person,
        project: &str,
    ) -> Result<(Reader, ProjectId), Refusal> {
        let id: ProjectId = project.parse().map_err(|_| Refusal::not_found())?;
        let workspace = self.store.system().workspace_of_project(id).await.map_err(storage)?;
        let workspace = workspace.ok_or_else(Refusal::not_found)?;
        let reader = self.reader_of(person, workspace.id).await?;
        Ok((reader, id))
    }
}

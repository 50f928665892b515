//! A gateway to talk to, and what people call things there: workspaces and projects by name, lists page by page.

use model::{ProjectId, WorkspaceId};
use serde_json::Value;

use super::client::{Answer, Call, Client, path, query};
use super::failure::Failure;
use super::output::{Column, Format, printable};

/// A gateway to talk to.
pub struct Connection {
    pub client: Client,
    pub format: Format,
    workspace: Option<String>,
}

const PAGE_MAX: &str = "500";

impl Connection {
    /// `workspace` is what was asked for, if anything was.
    pub const fn new(client: Client, format: Format, workspace: Option<String>) -> Self {
        Self { client, format, workspace }
    }

    /// The id of the workspace that is meant.
    pub async fn workspace(&self) -> anyhow::Result<String> {
        match &self.workspace {
            Some(wish) => self.workspace_called(wish).await,
            None if self.client.is_gateway_key() => {
                Ok(self.client.get("/v1/me").send().await?.text("/workspace_id")?)
            }
            None => self.only_workspace().await,
        }
    }

    /// Whether one was asked for at all.
    pub const fn names_workspace(&self) -> bool {
        self.workspace.is_some()
    }

    /// By id, or by a name that only one has.
    pub async fn workspace_called(&self, wish: &str) -> anyhow::Result<String> {
        if wish.parse::<WorkspaceId>().is_ok() {
            return Ok(wish.to_owned());
        }
        let all = self.all(|query| self.client.get(&format!("/v1/workspaces{query}"))).await?;
        Ok(one_called(&all, "workspace", "/name", "/id", wish)?)
    }

    /// The id of a project of the workspace.
    pub async fn project(&self, wish: &str) -> anyhow::Result<String> {
        if wish.parse::<ProjectId>().is_ok() {
            return Ok(wish.to_owned());
        }
        let base = path(["v1", "workspaces", &self.workspace().await?, "projects"]);
        let all = self.all(|query| self.client.get(&format!("{base}{query}"))).await?;
        Ok(one_called(&all, "project", "/name", "/id", wish)?)
    }

    /// Every item of a list, page by page.
    pub async fn all<'a>(&'a self, page: impl Fn(&str) -> Call<'a>) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let query = query([("limit", Some(PAGE_MAX)), ("cursor", cursor.as_deref())]);
            let mut answer = page(&query).send().await?.json()?;
            if let Some(Value::Array(more)) = answer.pointer_mut("/items").map(Value::take) {
                items.extend(more);
            }
            match answer.pointer("/next_cursor").and_then(Value::as_str) {
                Some(next) if cursor.as_deref() != Some(next) => cursor = Some(next.to_owned()),
                _ => return Ok(items),
            }
        }
    }

    pub fn list(&self, answer: &Answer, columns: &[Column]) -> anyhow::Result<()> {
        self.format.list(answer, columns)
    }

    pub fn show(&self, answer: &Answer) -> anyhow::Result<()> {
        self.format.show(answer)
    }

    async fn only_workspace(&self) -> anyhow::Result<String> {
        let all = self.all(|query| self.client.get(&format!("/v1/workspaces{query}"))).await?;
        let ids: Vec<_> = all.iter().filter_map(|item| text(item, "/id")).collect();
        match ids.as_slice() {
            [] => Err(Failure::Absent(
                "you belong to no workspace: `keystile workspaces create` makes one".to_owned(),
            )
            .into()),
            [only] => Ok((*only).to_owned()),
            _ => {
                let names: Vec<_> =
                    all.iter().filter_map(|item| text(item, "/name")).map(printable).collect();
                let names = names.join(", ");
                let message = format!(
                    "you belong to several workspaces: name one with --workspace ({names})"
                );
                Err(Failure::Usage(message).into())
            }
        }
    }
}

/// The `result` of the one item that has this `wish` in its `field`.
pub fn one_called(
    items: &[Value],
    kind: &str,
    field: &str,
    result: &str,
    wish: &str,
) -> Result<String, Failure> {
    let called = |item: &&Value| text(item, field).is_some_and(|name| name == wish);
    let mut found = items.iter().filter(called).filter_map(|item| text(item, result));
    let wish = printable(wish);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.to_owned()),
        (Some(_), Some(_)) => {
            Err(Failure::Usage(format!("several are called \"{wish}\": name the {kind} by its id")))
        }
        (None, _) => Err(Failure::Absent(format!("there is no {kind} \"{wish}\" here"))),
    }
}

fn text<'a>(item: &'a Value, pointer: &str) -> Option<&'a str> {
    item.pointer(pointer).and_then(Value::as_str)
}

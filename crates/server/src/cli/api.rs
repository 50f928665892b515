//! `keystile api`: any route of the gateway, with the session that is kept, and the answer as it is.

use std::io::Read as _;
use std::process::ExitCode;

use bytes::Bytes;
use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::block_on;
use super::client::Answer;
use super::connection::Connection;
use super::failure::Failure;
use super::output::{Column, as_it_is};
use super::remote::Tenant;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile api routes\n  \
    keystile api call GET /v1/workspaces/{workspace}/members\n  \
    jq -n '{name: \"mobile-app\"}' | keystile api call POST /v1/workspaces/{workspace}/projects --data-stdin")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// Send one request and print the answer as it is, also when it is a refusal
    #[command(
        after_help = "Example:\n  keystile api call PATCH /v1/workspaces/{workspace} --data '{\"rpm_limit\": 60}'"
    )]
    Call {
        /// As in GET or POST
        method: Method,
        /// The path with its query; {workspace} becomes the id of yours
        path: String,
        /// The body. Others can see it among the running processes: --data-stdin is for anything secret
        #[arg(long, value_name = "JSON", conflicts_with = "data_stdin")]
        data: Option<String>,
        /// Read the body from standard input
        #[arg(long)]
        data_stdin: bool,
    },
    /// List the routes that the gateway documents
    #[command(after_help = "Example:\n  keystile api routes | grep api-keys")]
    Routes,
}

const DOCUMENT: &str = "/api/openapi.json";
const WORKSPACE: &str = "{workspace}";
const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const COLUMNS: [Column; 3] = [("METHOD", "/method"), ("PATH", "/path"), ("SUMMARY", "/summary")];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        match arguments.command {
            Command::Call { method, path, data, data_stdin } => {
                let body = body(data, data_stdin)?;
                call(&connection, method, path, body).await?;
            }
            Command::Routes => routes(&connection).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn body(data: Option<String>, from_stdin: bool) -> anyhow::Result<Option<Bytes>> {
    if let Some(data) = data {
        return Ok(Some(Bytes::from(data)));
    }
    if !from_stdin {
        return Ok(None);
    }
    let mut body = Vec::new();
    std::io::stdin().lock().read_to_end(&mut body)?;
    Ok(Some(Bytes::from(body)))
}

async fn call(
    to: &Connection,
    method: Method,
    mut path: String,
    body: Option<Bytes>,
) -> anyhow::Result<()> {
    if !path.starts_with('/') {
        return Err(Failure::Usage("the path starts with a slash".to_owned()).into());
    }
    let names_workspace = path.contains(WORKSPACE);
    let tenant = match names_workspace || to.names_workspace() {
        true => Some(to.workspace().await?),
        false => None,
    };
    if let Some(workspace) = &tenant {
        path = path.replace(WORKSPACE, workspace);
    }
    let call = to.client.call(method, &path).header(TENANT, tenant.as_deref());
    let call = match body {
        Some(body) => call.body(body),
        None => call,
    };
    let answer = call.send_raw().await?;
    as_it_is(&answer)?;
    answer.failure().map_or(Ok(()), |failure| Err(failure.into()))
}

/// The gateway's document as a list, or as it is.
async fn routes(to: &Connection) -> anyhow::Result<()> {
    let document = to.client.get(DOCUMENT).send().await?;
    if to.format == super::output::Format::Json {
        return as_it_is(&document);
    }
    let items = operations(&document.json()?);
    let body = Bytes::from(json!({ "items": items }).to_string());
    to.list(&Answer { body, ..document }, &COLUMNS)
}

fn operations(document: &Value) -> Vec<Value> {
    let mut items = Vec::new();
    let paths = document.pointer("/paths").and_then(Value::as_object);
    for (path, operations) in paths.into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = operations.get(method) else { continue };
            let summary = operation.get("summary").unwrap_or(&Value::Null);
            items
                .push(json!({ "method": method.to_uppercase(), "path": path, "summary": summary }));
        }
    }
    items
}

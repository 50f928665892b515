//! `keystile vault doctor` and `keystile vault rebind`: what does not open, what is not sent, and the cure for the latter.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use crate::cli::block_on;
use crate::cli::output::{Format, as_it_is, note, printable, table};
use crate::cli::prompt::confirm;
use crate::cli::remote::Remote;

#[derive(clap::Args)]
#[command(after_help = "Example:\n  keystile vault doctor -o json")]
pub struct Doctor {
    #[command(flatten)]
    remote: Remote,
}

#[derive(clap::Args)]
#[command(
    after_help = "A key is bound to the address it was stored for. When you move a provider with \
    KEYSTILE_PROVIDER_<ID>_BASE_URL, its keys are not sent to the new address before you say so here.\n\n\
    Example:\n  keystile vault rebind openai"
)]
pub struct Rebind {
    #[command(flatten)]
    remote: Remote,
    /// The provider that was moved
    provider: String,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

pub fn examine(arguments: Doctor) -> anyhow::Result<ExitCode> {
    let to = arguments.remote.connect()?;
    block_on(async {
        let answer = to.client.get("/v1/operator/vault/doctor").send().await?;
        let found = answer.json()?;
        let closed = count(&found, "/closed_total");
        match to.format {
            Format::Json => as_it_is(&answer)?,
            Format::Table => tell(&found, closed)?,
        }
        Ok(if closed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn tell(found: &Value, closed: u64) -> anyhow::Result<()> {
    if closed > 0 {
        let fields = ["/kind", "/id", "/workspace_id", "/reason"];
        table(["KIND", "ID", "WORKSPACE", "REASON"], rows(found.pointer("/closed"), fields))?;
    }
    let moved = count(found, "/moved_total");
    if moved > 0 {
        let fields = ["/id", "/workspace_id", "/provider", "/origin", "/origin_now"];
        table(
            ["ID", "WORKSPACE", "PROVIDER", "STORED FOR", "NOW AT"],
            rows(found.pointer("/moved"), fields),
        )?;
        note("these are not sent to the new address: `keystile vault rebind PROVIDER` lets them")?;
    }
    note(format!("{} values were opened, {closed} do not open", count(found, "/checked")))
}

fn rows<const N: usize>(
    items: Option<&Value>,
    fields: [&str; N],
) -> impl Iterator<Item = [String; N]> {
    let items = items.and_then(Value::as_array).into_iter().flatten();
    items.map(move |item| {
        fields.map(|field| printable(item.pointer(field).and_then(Value::as_str).unwrap_or("-")))
    })
}

fn count(found: &Value, pointer: &str) -> u64 {
    found.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

pub fn rebind(arguments: Rebind) -> anyhow::Result<ExitCode> {
    let to = arguments.remote.connect()?;
    let question = format!(
        "Send every stored {} key to the address that {} has for it now?",
        printable(&arguments.provider),
        to.client.base()
    );
    if !arguments.yes && !confirm(&question)? {
        bail!("nothing was changed");
    }
    block_on(async {
        let body = json!({ "provider": arguments.provider });
        to.show(&to.client.post("/v1/operator/vault/rebind", &body).send().await?)?;
        Ok(ExitCode::SUCCESS)
    })
}

//! `keystile vault import`: provider keys that another system sealed, opened here with that system's key and handed to the
//! gateway, which probes and seals them. Shows line numbers and providers, and of the values nothing at all.

mod entries;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::StatusCode;
use serde_json::{Map, Value};
use vault::{Foreign, ForeignKeys, SecretValue};
use zeroize::Zeroizing;

use crate::cli::block_on;
use crate::cli::client::{Answer, path};
use crate::cli::connection::Connection;
use crate::cli::output::{note, printable};
use crate::cli::prompt::Source;
use crate::cli::remote::Tenant;
use entries::Entry;

#[derive(clap::Args)]
#[command(
    after_help = "FILE has one `provider token` on each line, or JSON: {\"openai\": \"token\", ...}, or a list of objects \
    with \"provider\", \"token\" and, where wanted, \"label\", \"name\" and \"base_url\".\n\n\
    Examples:\n  \
    pass show old/fernet-keys | keystile vault import --format fernet --key-stdin tokens.txt\n  \
    keystile vault import --format aes-gcm --dry-run tokens.json"
)]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    /// How the tokens were sealed
    #[arg(long, value_name = "FORMAT")]
    format: Format,
    /// Read the other system's key from standard input instead of asking for it; several (a MultiFernet) with commas, spaces
    /// or line breaks between them
    #[arg(long)]
    key_stdin: bool,
    /// What AES-GCM was given as associated data
    #[arg(long, value_name = "TEXT", default_value = "")]
    associated_data: String,
    /// Store them without asking the providers whether they work
    #[arg(long)]
    no_validate: bool,
    /// Only say whether every token opens
    #[arg(long)]
    dry_run: bool,
    /// The file with the tokens
    file: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// nonce(12) || ciphertext || tag(16), in hex or base64
    AesGcm,
    /// A Fernet token
    Fernet,
    /// nonce(24) || box, in hex or base64
    Secretbox,
}

/// A value that opened, and what is to be stored with it.
struct Opened<'a> {
    entry: &'a Entry,
    value: SecretValue,
}

const FILE_BYTES_MAX: u64 = 64 << 20;
/// A gateway that says "later" for longer than this is not waited for.
const WAITS_MAX: u32 = 60;

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let text = read(&arguments)?;
    let entries = entries::parse(&text)?;
    let source = Source::stdin_if(arguments.key_stdin);
    let keys = source.secret("The key of the other system", "--key-stdin")?;
    let keys = ForeignKeys::parse(arguments.format.foreign(), &keys)?;
    let opened = open(&keys, &entries, arguments.associated_data.as_bytes())?;
    if arguments.dry_run {
        note(format!("all {} tokens open; dry run: nothing is stored", opened.len()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let to = arguments.tenant.connect()?;
    block_on(async {
        let keys = path(["v1", "workspaces", &to.workspace().await?, "provider-keys"]);
        let mut stored = 0_usize;
        for opened in &opened {
            match store(&to, &keys, opened, arguments.no_validate).await {
                Ok(()) => stored = stored.saturating_add(1),
                Err(error) => note(format!("{}: NOT stored: {error:#}", opened.entry.shown()))?,
            }
        }
        note(format!("{stored} of {} keys are stored", opened.len()))?;
        Ok(if stored == opened.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

impl Format {
    const fn foreign(self) -> Foreign {
        match self {
            Self::AesGcm => Foreign::AesGcm,
            Self::Fernet => Foreign::Fernet,
            Self::Secretbox => Foreign::SecretBox,
        }
    }
}

fn read(arguments: &Arguments) -> anyhow::Result<Zeroizing<String>> {
    let file = &arguments.file;
    let what = || format!("{} cannot be read", file.display());
    if std::fs::metadata(file).with_context(what)?.len() > FILE_BYTES_MAX {
        bail!("{} is larger than {FILE_BYTES_MAX} bytes", file.display());
    }
    Ok(Zeroizing::new(std::fs::read_to_string(file).with_context(what)?))
}

/// All of them or none: a wrong key is noticed before anything is stored.
fn open<'a>(
    keys: &ForeignKeys,
    entries: &'a [Entry],
    associated: &[u8],
) -> anyhow::Result<Vec<Opened<'a>>> {
    let mut opened = Vec::new();
    let mut closed = 0_usize;
    for entry in entries {
        match keys.open_associated(entry.token.as_bytes(), associated) {
            Ok(value) => opened.push(Opened { entry, value }),
            Err(error) => {
                closed = closed.saturating_add(1);
                note(format!("{}: {error}", entry.shown()))?;
            }
        }
    }
    if closed > 0 {
        bail!("{closed} of {} tokens do not open: nothing is stored", entries.len());
    }
    Ok(opened)
}

async fn store(
    to: &Connection,
    keys: &str,
    opened: &Opened<'_>,
    no_validate: bool,
) -> anyhow::Result<()> {
    let mut fields = Map::new();
    for (name, value) in opened.entry.fields() {
        fields.insert(name.to_owned(), value.into());
    }
    // The one way out: to the gateway that was named, for its vault.
    let value = std::str::from_utf8(opened.value.expose());
    let value = value.context("the value is no text, and so no provider key")?;
    fields.insert("api_key".to_owned(), value.into());
    fields.insert("validate_before_save".to_owned(), (!no_validate).into());
    let answer = patiently(to, keys, &Value::Object(fields)).await?;
    let health = printable(&answer.text("/health_status")?);
    note(format!(
        "{}: stored as {}, {health}",
        opened.entry.shown(),
        printable(&answer.text("/id")?)
    ))
}

/// The gateway counts how often keys are written, and says when to come back.
async fn patiently(to: &Connection, path: &str, body: &Value) -> anyhow::Result<Answer> {
    for _ in 0..WAITS_MAX {
        let answer = to.client.post(path, body).send_raw().await?;
        match answer.failure() {
            None => return Ok(answer),
            Some(_) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                let seconds = answer.retry_after().unwrap_or(1);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Some(failure) => return Err(failure.into()),
        }
    }
    bail!("the gateway still says that this was too much at once")
}

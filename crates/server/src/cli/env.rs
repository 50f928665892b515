//! `keystile env`: what an SDK or a coding agent must find in its environment to speak to this gateway, as lines for a
//! shell. The one command that prints a key it was given: that is what it is asked for.

use std::process::ExitCode;

use model::BaseUrl;
use zeroize::Zeroizing;

use super::client::Client;
use super::credentials::Credentials;
use super::failure::Failure;
use super::prompt::Source;
use super::remote::Reach;
use super::say;
use crate::config::{ClientEnvironment, Hidden};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    eval \"$(keystile env --for openai)\"\n  \
    eval \"$(pass show keystile | keystile env --for claude --key-stdin)\"\n\n\
    The gateway key comes from KEYSTILE_KEY (or KEYSTILE_KEY_FILE), else it is asked for; a session is of no use to an \
    application. The lines hold the key: whoever reads them can spend what it may.")]
pub struct Arguments {
    /// Whose variables
    #[arg(long = "for", value_name = "APPLICATION")]
    application: Application,
    /// Read the gateway key from standard input instead of asking for it
    #[arg(long)]
    key_stdin: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Application {
    /// Anthropic's SDKs
    Anthropic,
    /// Claude Code
    Claude,
    /// Codex
    Codex,
    /// Google's SDKs for Gemini
    Gemini,
    /// OpenAI's SDKs, and most others
    #[value(name = "openai")]
    OpenAi,
}

/// How an application is told of the gateway.
pub struct Wiring {
    /// Where the gateway is.
    pub addresses: Vec<(&'static str, String)>,
    /// The variables that get the key.
    pub keys: &'static [&'static str],
    /// Variables that would go over ours.
    pub removed: &'static [&'static str],
    /// What its command line must begin with.
    pub arguments: Vec<String>,
}

/// A gateway, and the key for it.
pub struct Access {
    pub client: Client,
    pub key: Hidden,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let source = Source::stdin_if(arguments.key_stdin);
    let Access { client, key } = access(&arguments.reach, source)?;
    let wiring = arguments.application.wiring(client.base());
    say(lines(&wiring, &key).as_str())?;
    Ok(ExitCode::SUCCESS)
}

/// The environment's key, unless another is piped in.
pub fn access(reach: &Reach, source: Source) -> anyhow::Result<Access> {
    let environment = ClientEnvironment::read()?;
    let kept = match environment.config_folder.as_deref() {
        Some(folder) => {
            Credentials::new(Some(folder))?.session(&reach.context_name(&environment))?
        }
        None => None,
    };
    let base = reach.stranger(&environment, kept.as_ref())?.base().clone();
    let key = match (source, environment.key) {
        (Source::Terminal, Some(key)) => key,
        (source, _) => {
            let what = format!("A gateway key of {base}");
            Hidden::new(source.secret(&what, "KEYSTILE_KEY")?.as_str())
        }
    };
    let client = Client::new(base, Some(key.clone()), reach.plain())?;
    if !client.is_gateway_key() {
        let why =
            "that is no gateway key: those begin with ks_, and `keystile keys create` makes one";
        return Err(Failure::Usage(why.to_owned()).into());
    }
    Ok(Access { client, key })
}

impl Application {
    pub fn wiring(self, base: &BaseUrl) -> Wiring {
        match self {
            Self::Anthropic | Self::Claude => Wiring {
                addresses: vec![("ANTHROPIC_BASE_URL", base.to_string())],
                keys: &["ANTHROPIC_AUTH_TOKEN"],
                removed: &["ANTHROPIC_API_KEY"],
                arguments: Vec::new(),
            },
            Self::Codex => Wiring {
                addresses: Vec::new(),
                keys: &[CODEX_KEY],
                removed: &[],
                arguments: codex(base),
            },
            Self::Gemini => Wiring {
                addresses: vec![("GOOGLE_GEMINI_BASE_URL", base.join("/genai"))],
                keys: &["GEMINI_API_KEY"],
                removed: &["GOOGLE_API_KEY"],
                arguments: Vec::new(),
            },
            Self::OpenAi => Wiring {
                addresses: vec![("OPENAI_BASE_URL", base.join("/v1"))],
                keys: &["OPENAI_API_KEY"],
                removed: &[],
                arguments: Vec::new(),
            },
        }
    }
}

const CODEX_KEY: &str = "KEYSTILE_KEY";

/// Codex reads no variable for the address: it must be told of a provider.
fn codex(base: &BaseUrl) -> Vec<String> {
    let provider = "model_providers.keystile";
    let settings = [
        "model_provider=\"keystile\"".to_owned(),
        format!("{provider}.name=\"Keystile\""),
        format!("{provider}.base_url=\"{}\"", base.join("/v1")),
        format!("{provider}.env_key=\"{CODEX_KEY}\""),
        format!("{provider}.wire_api=\"responses\""),
    ];
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
}

fn lines(wiring: &Wiring, key: &Hidden) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    let mut line = |text: &[&str]| {
        let start = if lines.is_empty() { "" } else { "\n" };
        [start].iter().chain(text).for_each(|part| lines.push_str(part));
    };
    for (name, address) in &wiring.addresses {
        line(&["export ", name, "=", &quoted(address)]);
    }
    let key = Zeroizing::new(quoted(key.reveal()));
    for name in wiring.keys {
        line(&["export ", name, "=", &key]);
    }
    for name in wiring.removed {
        line(&["unset ", name]);
    }
    if !wiring.arguments.is_empty() {
        let arguments: Vec<_> = wiring.arguments.iter().map(|it| quoted(it)).collect();
        line(&["codex() { command codex ", &arguments.join(" "), " \"$@\"; }"]);
    }
    lines
}

/// As every POSIX shell reads it back, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

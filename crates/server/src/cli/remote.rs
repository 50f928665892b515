//! Which gateway a command talks to, as whom, and about which workspace: flag over environment over what `keystile login`
//! kept. A kept token goes to the gateway that gave it, and nowhere else.

use model::BaseUrl;

use super::client::{Client, PlainHttp, query};
use super::connection::Connection;
use super::credentials::{Credentials, Session};
use super::failure::Failure;
use super::output::{Format, printable};
use crate::config::ClientEnvironment;

/// Where the gateway is.
#[derive(clap::Args)]
#[command(next_help_heading = "Gateway")]
pub struct Reach {
    /// Which kept session to use, by its name [default: KEYSTILE_CONTEXT, else "default"]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Where the gateway is [default: KEYSTILE_URL, else as kept by `keystile login`]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Talk plain http to a gateway on another machine: whoever is in between can read your token
    #[arg(long, global = true)]
    pub insecure_http: bool,
}

/// And how its answers are shown.
#[derive(clap::Args)]
pub struct Remote {
    #[command(flatten)]
    pub reach: Reach,
    /// A table for people, or json: the gateway's answer as it is
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// And which workspace is meant.
#[derive(clap::Args)]
pub struct Tenant {
    #[command(flatten)]
    pub remote: Remote,
    /// The workspace, by id or name [default: KEYSTILE_WORKSPACE, else the only one you belong to]
    #[arg(long, global = true, value_name = "WORKSPACE", help_heading = "Gateway")]
    pub workspace: Option<String>,
}

/// Which part of a long list.
#[derive(clap::Args)]
pub struct Paging {
    /// How many at most (up to 500)
    #[arg(long, value_name = "COUNT")]
    limit: Option<u32>,
    /// Go on after an earlier page: what that page ended with
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

pub const DEFAULT_CONTEXT: &str = "default";
const DEFAULT_URL: &str = "http://127.0.0.1:4040";

impl Reach {
    pub fn context_name(&self, environment: &ClientEnvironment) -> String {
        let named = self.context.as_ref().or(environment.context.as_ref());
        named.map_or_else(|| DEFAULT_CONTEXT.to_owned(), Clone::clone)
    }

    /// To sign in, before there is a token. An address of the context's is used again.
    pub fn stranger(
        &self,
        environment: &ClientEnvironment,
        kept: Option<&Session>,
    ) -> anyhow::Result<Client> {
        let base = match (self.named_url(environment)?, kept) {
            (Some(url), _) => url,
            (None, Some(session)) => session.url.clone(),
            (None, None) => url(environment.url.as_deref().unwrap_or(DEFAULT_URL))?,
        };
        Ok(Client::new(base, None, self.plain())?)
    }

    pub fn client(&self) -> anyhow::Result<Client> {
        let environment = ClientEnvironment::read()?;
        let named = self.named_url(&environment)?;
        // A context that is asked for by flag goes over a token from the environment.
        if self.context.is_none() && environment.token.is_some() {
            let base = named.map_or_else(|| self.kept_url(&environment), Ok)?;
            return Ok(Client::new(base, environment.token, self.plain())?);
        }
        let credentials = Credentials::new(environment.config_folder.as_deref())?;
        let context = self.context_name(&environment);
        let Some(session) = credentials.session(&context)? else {
            return Err(signed_out(&context, &credentials)?.into());
        };
        if let Some(url) = named.filter(|url| *url != session.url) {
            let message = format!(
                "the session \"{}\" is of {} and is not sent to {url}: sign in there with `keystile login --context NAME --url {url}`",
                printable(&context),
                session.url,
            );
            return Err(Failure::SignedOut(message).into());
        }
        let token = session.token();
        Ok(Client::new(session.url, Some(token), self.plain())?)
    }

    pub const fn plain(&self) -> PlainHttp {
        if self.insecure_http { PlainHttp::Anywhere } else { PlainHttp::LoopbackOnly }
    }

    fn named_url(&self, environment: &ClientEnvironment) -> Result<Option<BaseUrl>, Failure> {
        // A context names its own gateway.
        let ambient = environment.url.as_ref().filter(|_| self.context.is_none());
        self.url.as_ref().or(ambient).map(|text| url(text)).transpose()
    }

    fn kept_url(&self, environment: &ClientEnvironment) -> anyhow::Result<BaseUrl> {
        if let Some(folder) = environment.config_folder.as_deref() {
            let credentials = Credentials::new(Some(folder))?;
            if let Some(session) = credentials.session(&self.context_name(environment))? {
                return Ok(session.url);
            }
        }
        Ok(url(DEFAULT_URL)?)
    }
}

impl Remote {
    pub fn connect(&self) -> anyhow::Result<Connection> {
        Ok(Connection::new(self.reach.client()?, self.output, None))
    }
}

impl Tenant {
    pub fn connect(&self) -> anyhow::Result<Connection> {
        let workspace = match &self.workspace {
            Some(workspace) => Some(workspace.clone()),
            None => ClientEnvironment::read()?.workspace,
        };
        Ok(Connection::new(self.remote.reach.client()?, self.remote.output, workspace))
    }
}

impl Paging {
    /// `?limit=..&cursor=..`, and what else narrows the list.
    pub fn query<const N: usize>(&self, more: [(&str, Option<&str>); N]) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let page = query([("limit", limit.as_deref()), ("cursor", self.cursor.as_deref())]);
        let more = query(more);
        match (page.is_empty(), more.strip_prefix('?')) {
            (false, Some(more)) => format!("{page}&{more}"),
            (true, _) => more,
            (false, None) => page,
        }
    }
}

pub fn url(text: &str) -> Result<BaseUrl, Failure> {
    BaseUrl::parse(text)
        .map_err(|error| Failure::Usage(format!("the address of the gateway: {error}")))
}

fn signed_out(context: &str, credentials: &Credentials) -> anyhow::Result<Failure> {
    let context = printable(context);
    let mut message = format!("not signed in as \"{context}\": `keystile login");
    if context != DEFAULT_CONTEXT {
        message.push_str(&format!(" --context {context}"));
    }
    message.push('`');
    let others = credentials.contexts()?;
    if !others.is_empty() {
        message.push_str(&format!(" (there is {})", printable(&others.join(", "))));
    }
    Ok(Failure::SignedOut(message))
}

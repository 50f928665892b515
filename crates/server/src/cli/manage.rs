//! The commands that call a running gateway over HTTP, and open neither its database nor its configuration.

use std::process::ExitCode;

use super::{
    api, audit, env, import, invitations, keys, login, members, nodes, projects, providers,
    reconcile, requests, secrets, usage, workspaces,
};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Sign in to a running gateway
    Login(login::Login),
    /// End the session that `keystile login` began
    Logout(login::Logout),
    /// Show who you are to the gateway
    Whoami(login::Whoami),
    /// Look after provider keys: the keys you bring
    Providers(providers::Arguments),
    /// Look after gateway keys: what applications send
    Keys(Box<keys::Arguments>),
    /// Look after other secrets
    Secrets(secrets::Arguments),
    /// Look after projects and their settings
    Projects(projects::Arguments),
    /// Look after workspaces and their settings
    Workspaces(workspaces::Arguments),
    /// Look after the members of a workspace
    Members(members::Arguments),
    /// Look after invitations, or accept one
    Invitations(invitations::Arguments),
    /// Read the record of changes, or check that it is whole
    Audit(audit::Arguments),
    /// Add up what was used and what it cost
    Usage(Box<usage::Arguments>),
    /// Show what became of single requests
    Requests(Box<requests::Arguments>),
    /// Compare what a provider says it billed with the ledger
    Reconcile(Box<reconcile::Arguments>),
    /// Look after the nodes of the instance
    Nodes(nodes::Arguments),
    /// Bring in keys from elsewhere
    Import(import::Arguments),
    /// Print what an SDK or a coding agent must find in its environment
    Env(env::Arguments),
    /// Start a coding agent, or any program, so that it speaks to the gateway
    Run(super::run::Arguments),
    /// Call any route of the gateway
    Api(api::Arguments),
}

pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Api(arguments) => api::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Env(arguments) => env::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Invitations(arguments) => invitations::run(arguments),
        Command::Keys(arguments) => keys::run(*arguments),
        Command::Login(arguments) => login::login(arguments),
        Command::Logout(arguments) => login::logout(arguments),
        Command::Members(arguments) => members::run(arguments),
        Command::Nodes(arguments) => nodes::run(arguments),
        Command::Projects(arguments) => projects::run(arguments),
        Command::Providers(arguments) => providers::run(arguments),
        Command::Reconcile(arguments) => reconcile::run(*arguments),
        Command::Requests(arguments) => requests::run(*arguments),
        Command::Run(arguments) => super::run::run(arguments),
        Command::Secrets(arguments) => secrets::run(arguments),
        Command::Usage(arguments) => usage::run(*arguments),
        Command::Whoami(arguments) => login::whoami(arguments),
        Command::Workspaces(arguments) => workspaces::run(arguments),
    }
}

//! The command line as it was typed. What does not fit is told without repeating what may be a key in the wrong place.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as _, CommandFactory as _, FromArgMatches as _, Subcommand as _};

use super::{Cli, Settings, manage};

/// Ends the process where there is something else to say than a command's answer: help, a version, a mistake.
pub fn arguments() -> Cli {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| discreet(error).exit())
}

/// The commands that call a running gateway have no use for its settings, and do not show them.
pub fn command() -> clap::Command {
    let settings = Settings::augment_args(clap::Command::default());
    let settings: Vec<_> =
        settings.get_arguments().map(|setting| setting.clone().global(false).hide(true)).collect();
    let callers = manage::Command::augment_subcommands(clap::Command::default());
    let names = callers.get_subcommands().map(|caller| caller.get_name().to_owned());
    names.fold(Cli::command(), |command, name| {
        command.mut_subcommand(name, |caller| caller.args(&settings))
    })
}

/// Longer than any word of ours that people mistype.
const WORD_CHARS_MAX: usize = 12;
const LEFT_OUT: &str = "(left out)";

fn discreet(mut error: clap::Error) -> clap::Error {
    let is_stray = matches!(error.kind(), ErrorKind::TooManyValues | ErrorKind::UnknownArgument);
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue]
    {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        let names_ours = text.starts_with(['-', '<', '[']);
        if !names_ours && (is_stray || text.chars().count() > WORD_CHARS_MAX) {
            error.insert(kind, ContextValue::String(LEFT_OUT.to_owned()));
        }
    }
    error
}

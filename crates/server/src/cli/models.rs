//! `keystile models`: what is known of models and their prices, on this machine. Calls no gateway and no provider.

mod import;
mod price;
mod show;

use std::process::ExitCode;

use model::catalogue::Provider;
use model::{Catalogue, Clock as _, Timestamp};
use serde_json::Value;

use super::failure::Failure;
use super::output::{Format, printable};
use super::say;
use crate::config::Config;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile models list --provider openai\n  \
    keystile models price anthropic/claude-opus-5-5 --input 12000 --cached 8000 --output 900\n  \
    keystile models import model_prices_and_context_window.json\n\n\
    Prices are those that come with this version, and over them those of prices.toml in the data folder.")]
pub struct Arguments {
    /// A table for people, or json
    #[arg(
        short = 'o',
        long = "format",
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the models that are known
    #[command(after_help = "Example:\n  keystile models list --provider gemini -o json")]
    List(show::List),
    /// Show all that is known of a model
    #[command(after_help = "Example:\n  keystile models show openai/gpt-4o")]
    Show(show::Show),
    /// Say what a call would cost, exactly
    #[command(after_help = "Examples:\n  \
        keystile models price openai/gpt-5.4-mini --input 12345 --cached 8192 --output 678 --tier flex\n  \
        keystile models price deepseek/deepseek-flash --input 10000 --output 300 --at 2026-11-23T02:00:00Z")]
    Price(price::Arguments),
    /// Bring in newer prices from a catalogue's file
    #[command(after_help = "Examples:\n  \
        keystile models import api.json\n  \
        keystile models import api.json --apply\n\n\
        Takes LiteLLM's model_prices_and_context_window.json, models.dev's api.json, and genai-prices' data (v2), and tells \
        them apart. Nothing is fetched and nothing is deleted.")]
    Import(import::Arguments),
}

pub fn run(arguments: Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let catalogue = config.catalogue()?;
    let format = arguments.format;
    match arguments.command {
        Command::Import(arguments) => import::run(&arguments, &catalogue, config, format)?,
        Command::List(arguments) => show::list(&arguments, &catalogue, format)?,
        Command::Price(arguments) => price::run(&arguments, &catalogue, format)?,
        Command::Show(arguments) => show::show(&arguments, &catalogue, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn now() -> Timestamp {
    model::clock::SystemClock.now()
}

/// Of `provider/model`, the provider by any of its names.
fn named<'c, 'n>(
    catalogue: &'c Catalogue,
    name: &'n str,
) -> Result<(&'c Provider, &'n str), Failure> {
    let Some((provider, model)) = name.split_once('/') else {
        let name = printable(name);
        return Err(Failure::Usage(format!("\"{name}\" names no provider: write provider/model")));
    };
    Ok((provider_of(catalogue, provider)?, model))
}

fn provider_of<'c>(catalogue: &'c Catalogue, name: &str) -> Result<&'c Provider, Failure> {
    let absent = || Failure::Absent(format!("there is no provider \"{}\"", printable(name)));
    catalogue.provider(name).ok_or_else(absent)
}

/// A document of our own, for scripts.
fn document(value: &Value) -> anyhow::Result<()> {
    Ok(say(serde_json::to_string_pretty(value)?)?)
}

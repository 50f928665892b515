//! `keystile serve`

use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::say;
use crate::boot::{Ambient, App};
use crate::config::Config;
use crate::master_key::Origin;
use crate::telemetry;

pub fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::start_logging(&config)?;
    telemetry::hide_panic_messages();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let app = tokio::select! {
        started = App::start(&config, Ambient::real()) => started?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    if let Err(error) = say(banner(&config, &app)) {
        // Nobody reads standard output; the gateway is no worse for that.
        tracing::warn!(error = %error, "the banner could not be printed");
    }
    signals.next().await;
    tracing::info!("stopping: requests that run may finish");
    let patience = config.drain_max;
    tokio::select! {
        all_finished = app.stop(patience) => {
            if !all_finished {
                tracing::warn!("some requests did not finish in time and were cut");
            }
        }
        () = signals.next() => tracing::warn!("asked twice to stop: not waiting any longer"),
    }
    Ok(ExitCode::SUCCESS)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What a person needs to go on: where it is, where its data is, and the next command.
fn banner(config: &Config, app: &App) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let data = config.data_dir.display();
    let database = match config.database_url {
        Some(_) => "PostgreSQL",
        None => "SQLite",
    };
    let master_key = match &app.master_key {
        Origin::Configured => "from the configuration".to_owned(),
        Origin::File(file) => file.display().to_string(),
        Origin::Generated(file) => format!(
            "{} (generated now: back it up, nothing stored opens without it)",
            file.display()
        ),
    };
    // With port 0 the address is known only now.
    let url = match config.listen.port() {
        0 => format!("http://{}", app.address),
        _ => config.public_url.to_string(),
    };
    let mut text = format!(
        "keystile {version}\n\n  API         {url}/v1\n  data        {data} ({database}, usage journal)\n  \
         master key  {master_key}\n"
    );
    if let Some(token) = &app.setup_token {
        let token = token.reveal();
        let password = suggested_password();
        text.push_str(&format!(
            "  set-up      {token}\n\nThis gateway has no owner yet. Make one, here or with `keystile setup`:\n\n  \
             curl -sS {url}/v1/setup -H 'content-type: application/json' \\\n    \
             -d '{{\"setup_token\":\"{token}\",\"email\":\"owner@example.com\",\"password\":\"{password}\",\
             \"workspace\":\"My workspace\"}}'\n"
        ));
    }
    if app.setup_token.is_none() && !app.has_owner {
        text.push_str(
            "\nThis gateway has no owner yet. Make one with `keystile setup` and the set-up token you configured.\n",
        );
    }
    text
}

/// So that the printed command works as it is and leaves no guessable password behind.
fn suggested_password() -> String {
    let mut bytes = [0; 12];
    model::Random::fill(&model::random::OsRandom, &mut bytes);
    model::hex(&bytes)
}

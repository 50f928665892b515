//! The three-journal harness: what the client got, what the provider served, and what the ledger says of both.

mod books;
mod caps;
mod crowd;
mod database;
mod hangups;
mod kills;
mod periods;

use clap::Subcommand;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Common;
use crate::client::Client;
use crate::gateway::{Database, Price, Site};
use crate::journal::Journal;
use crate::provider::{Pace, Provider};
use crate::report::Report;

#[derive(Subcommand)]
pub enum Command {
    /// 1 000 requests of $0.10 race for a cap of $5.00: exactly 50 are served
    Caps(caps::Arguments),
    /// The database goes away under load and comes back
    Database(database::Arguments),
    /// Clients hang up at random bytes
    Hangups(hangups::Arguments),
    /// `kill -9` at random moments under load
    Kills(kills::Arguments),
    /// The day of a cap ends under load
    Periods(periods::Arguments),
}

impl Command {
    /// Whether what was promised held.
    pub async fn run(self) -> anyhow::Result<bool> {
        match self {
            Self::Caps(arguments) => caps::run(arguments).await,
            Self::Database(arguments) => database::run(arguments).await,
            Self::Hangups(arguments) => hangups::run(arguments).await,
            Self::Kills(arguments) => kills::run(arguments).await,
            Self::Periods(arguments) => periods::run(arguments).await,
        }
    }
}

/// The two journals of ours, the provider that keeps one of them, and the place of a gateway.
struct Scene {
    folder: TempDir,
    provider: Provider,
    served: Journal,
    told: Journal,
    site: Site,
}

impl Scene {
    /// `None` where something is not installed, which has been said by then.
    async fn set(database: Database, common: &Common, pace: Pace) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let served = Journal::create(folder.path().join("provider.jsonl"))?;
        let told = Journal::create(folder.path().join("client.jsonl"))?;
        let provider = Provider::start(served.clone(), pace).await?;
        let url = provider.base_url();
        let site = Site::new(&folder, database, common.binary.clone(), url).await?;
        Ok(site.map(|site| Self { folder, provider, served, told, site }))
    }

    fn client(&self, key: String) -> Client {
        Client::new(key, self.told.clone())
    }

    /// What failed can be looked at afterwards.
    fn finish(self, mut report: Report, common: &Common) -> anyhow::Result<bool> {
        let Self { folder, provider, .. } = self;
        drop(provider);
        if !report.has_passed() {
            report.figure("journals and data kept in", folder.keep());
        }
        report.finish(common)
    }
}

/// So high that it stops nobody, and all that is spent is counted against it.
fn roomy_key() -> Value {
    json!({ "name": "bench", "spend_cap_micro_usd": 1_000_000_000_000_u64 })
}

/// Odd, so that a token too many or too few shows in the last digits.
const PRICE: Price = Price { input: 7, output: 1_000_003 };

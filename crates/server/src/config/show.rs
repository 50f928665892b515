//! The effective configuration, as the file would say it. Secrets are named, never shown.

use std::fmt;

use store::journal::Sync;

use super::{Config, LogFormat};

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        writeln!(f, "data_dir = {}", quoted(&self.data_dir.display().to_string()))?;
        writeln!(f, "listen = {}", quoted(&self.listen.to_string()))?;
        writeln!(f, "public_url = {}", quoted(self.public_url.as_str()))?;
        match &self.database_url {
            Some(_) => writeln!(f, "database_url = \"postgres://...\" # hidden")?,
            None => writeln!(f, "# database_url: SQLite in the data folder")?,
        }
        match &self.redis_url {
            Some(_) => writeln!(f, "redis_url = \"redis://...\" # hidden")?,
            None => writeln!(f, "# redis_url: none, so each node limits by itself")?,
        }
        match &self.master_key {
            Some(_) => writeln!(f, "master_key = \"...\" # hidden")?,
            None => writeln!(f, "# master_key: in the data folder, generated at the first start")?,
        }
        writeln!(f, "vault_suite = {}", quoted(&self.vault_suite.to_string()))?;
        writeln!(f, "vault_reseal_pause_ms = {}", self.vault_reseal_pause.as_millis())?;
        match &self.setup_token {
            // As a setting, the dots would be a token, and refused as too short a one.
            Some(_) => writeln!(f, "# setup_token: given, and hidden here")?,
            None => writeln!(f, "# setup_token: generated and printed while there is no owner")?,
        }
        let rules: Vec<_> = self.egress_allow.iter().map(ToString::to_string).collect();
        writeln!(f, "egress_allow = {}", toml::Value::from(rules))?;
        match &self.upstream_ca_file {
            Some(file) => {
                writeln!(f, "upstream_ca_file = {}", quoted(&file.display().to_string()))?;
            }
            None => writeln!(f, "# upstream_ca_file: none, so the built-in authorities alone")?,
        }
        writeln!(f, "log = {}", quoted(&self.log))?;
        let format = match self.log_format {
            LogFormat::Json => "json",
            LogFormat::Pretty => "pretty",
        };
        writeln!(f, "log_format = {}", quoted(format))?;
        writeln!(f, "drain_seconds_max = {}", self.drain_max.as_secs())?;
        writeln!(f, "connections_max = {}", self.connections_max)?;
        writeln!(f, "key_operations_per_minute = {}", self.key_operations_per_minute)?;
        writeln!(f, "default_plan = {}", quoted(self.plans.default_name()))?;
        self.show_tables(f)
    }
}

impl Config {
    fn show_tables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = &self.limits;
        writeln!(f, "\n[limits]")?;
        writeln!(f, "body_bytes_max = {}", limits.body_bytes_max)?;
        writeln!(f, "body_read_seconds_max = {}", limits.body_read_max.as_secs())?;
        writeln!(f, "answer_bytes_max = {}", limits.answer_bytes_max)?;
        writeln!(f, "stream_bytes_max = {}", limits.stream_bytes_max)?;
        writeln!(f, "event_bytes_max = {}", limits.event_bytes_max)?;
        writeln!(f, "attempts_max = {}", limits.attempts_max)?;
        writeln!(f, "connect_seconds_max = {}", limits.connect_max.as_secs())?;
        writeln!(f, "first_byte_seconds_max = {}", limits.first_byte_max.as_secs())?;
        writeln!(f, "held_bytes_max = {}", limits.held_bytes_max)?;
        writeln!(f, "held_seconds_max = {}", limits.held_max.as_secs())?;
        writeln!(f, "idle_seconds_max = {}", limits.idle_max.as_secs())?;
        writeln!(f, "total_seconds_max = {}", limits.total_max.as_secs())?;
        let sync = match self.journal.sync {
            Sync::Always => "always",
            Sync::Interval(_) => "interval",
            Sync::Never => "never",
        };
        writeln!(f, "\n[journal]\nsync = \"{sync}\"")?;
        writeln!(f, "bytes_max = {}", self.journal.bytes_max)?;
        for plan in self.plans.iter() {
            let tiers: Vec<_> = plan.pool_tiers.iter().map(ToString::to_string).collect();
            writeln!(f, "\n[plans.{}]\nbyok = {}", plan.name, plan.byok)?;
            writeln!(f, "pool_tiers = {}", toml::Value::from(tiers))?;
            match plan.pool_tokens_per_month {
                Some(tokens) => writeln!(f, "pool_tokens_per_month = {tokens}")?,
                None => writeln!(f, "# pool_tokens_per_month: without end")?,
            }
        }
        for (provider, url) in &self.provider_base_urls {
            writeln!(f, "\n[providers.{provider}]\nbase_url = \"{url}\"")?;
        }
        Ok(())
    }
}

//! The settings that the environment gives the gateway. What it tells the commands that call one is in `client.rs`.

use std::path::PathBuf;

use super::layer::ProviderLayer;
use super::{ConfigError, Layer, bad, client};

const PREFIX: &str = "KEYSTILE_";
/// What others call the master key (a Fernet key is one), and what we do.
const ALIASES: [(&str, &str); 2] = [
    ("PROVIDER_KEY_ENCRYPTION_KEY", "KEYSTILE_MASTER_KEY"),
    ("PROVIDER_KEY_ENCRYPTION_KEY_FILE", "KEYSTILE_MASTER_KEY_FILE"),
];

#[expect(clippy::disallowed_methods, reason = "configuration is read once, and this is where")]
pub fn read() -> Result<Layer, ConfigError> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let is_ours = name.starts_with(PREFIX) || ALIASES.iter().any(|(alias, _)| *alias == name);
        (is_ours && !client::NAMES.contains(&name.as_str())).then_some((name, value))
    });
    let mut pairs = Vec::new();
    for (name, value) in ours {
        let Ok(value) = value.into_string() else {
            return Err(ConfigError::Bad { name, reason: "is not UTF-8".to_owned() });
        };
        pairs.push((name, value));
    }
    layer(pairs)
}

pub fn layer(pairs: Vec<(String, String)>) -> Result<Layer, ConfigError> {
    let is_set = |name: &str| pairs.iter().any(|(other, _)| other == name);
    let twins = [
        ("KEYSTILE_DATABASE_URL_FILE", "KEYSTILE_DATABASE_URL"),
        ("KEYSTILE_REDIS_URL_FILE", "KEYSTILE_REDIS_URL"),
    ];
    for (other, name) in ALIASES.into_iter().chain(twins) {
        if is_set(other) && is_set(name) {
            return Err(bad(name, &format!("is set, and so is {other}: keep one")));
        }
    }
    let mut layer = Layer::default();
    for (name, value) in pairs {
        let ours = ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = ours.map_or(name, |(_, ours)| (*ours).to_owned());
        set(&mut layer, name, value)?;
    }
    Ok(layer)
}

fn set(layer: &mut Layer, name: String, value: String) -> Result<(), ConfigError> {
    match name.strip_prefix(PREFIX).unwrap_or(&name) {
        "CONFIG" => layer.config = Some(PathBuf::from(value)),
        "CONNECTIONS_MAX" => layer.connections_max = Some(number(name, &value)?),
        "DATABASE_URL" => layer.database_url = Some(value),
        "DATABASE_URL_FILE" => layer.database_url = Some(read_secret(name, &value)?),
        "DATA_DIR" => layer.data_dir = Some(PathBuf::from(value)),
        "DEFAULT_PLAN" => layer.default_plan = Some(value),
        "DRAIN_SECONDS_MAX" => layer.drain_seconds_max = Some(number(name, &value)?),
        "EGRESS_ALLOW" => {
            let rules = value.split(',').map(str::trim).filter(|rule| !rule.is_empty());
            layer.egress_allow = Some(rules.map(str::to_owned).collect());
        }
        "KEY_OPERATIONS_PER_MINUTE" => {
            layer.key_operations_per_minute = Some(number(name, &value)?);
        }
        "LISTEN" => layer.listen = Some(value),
        "LOG" => layer.log = Some(value),
        "LOG_FORMAT" => layer.log_format = Some(value),
        "MASTER_KEY" => layer.master_key = Some(value),
        "MASTER_KEY_FILE" => layer.master_key_file = Some(PathBuf::from(value)),
        "PUBLIC_URL" => layer.public_url = Some(value),
        "REDIS_URL" => layer.redis_url = Some(value),
        "REDIS_URL_FILE" => layer.redis_url = Some(read_secret(name, &value)?),
        "SETUP_TOKEN" => layer.setup_token = Some(value),
        "SETUP_TOKEN_FILE" => layer.setup_token_file = Some(PathBuf::from(value)),
        "UPSTREAM_CA_FILE" => layer.upstream_ca_file = Some(PathBuf::from(value)),
        "VAULT_RESEAL_PAUSE_MS" => layer.vault_reseal_pause_ms = Some(number(name, &value)?),
        "VAULT_SUITE" => layer.vault_suite = Some(value),
        other => {
            let provider = other
                .strip_prefix("PROVIDER_")
                .and_then(|rest| rest.strip_suffix("_BASE_URL"))
                .filter(|provider| !provider.is_empty());
            let Some(provider) = provider else { return Err(ConfigError::Unknown(name)) };
            let provider = provider.to_lowercase();
            layer.providers.insert(provider, ProviderLayer { base_url: Some(value) });
        }
    }
    Ok(())
}

fn number<T: std::str::FromStr>(name: String, value: &str) -> Result<T, ConfigError> {
    value
        .trim()
        .parse()
        .map_err(|_| ConfigError::Bad { name, reason: "is not a whole number".to_owned() })
}

fn read_secret(name: String, file: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(|error| ConfigError::Bad { name, reason: format!("{file}: {error}") })
}

#[cfg(test)]
mod tests;

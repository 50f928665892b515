//! What the environment may say, and how it is told when it says something wrong.

use super::super::Config;
use super::*;

fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::resolve(layer(pairs.collect())?)
}

fn error(pairs: &[(&str, &str)]) -> String {
    match config(pairs) {
        Ok(_) => String::from("accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_typo_in_a_name_is_an_error_that_names_it() {
    for name in
        ["KEYSTILE_LISTN", "KEYSTILE_", "KEYSTILE_PROVIDER__BASE_URL", "KEYSTILE_PROVIDER_OPENAI"]
    {
        assert!(error(&[(name, "x")]).starts_with(name), "{name}");
    }
}

#[test]
fn a_bad_value_is_an_error_that_names_the_setting() {
    for (name, value, setting) in [
        ("KEYSTILE_LISTEN", "localhost", "listen"),
        ("KEYSTILE_PUBLIC_URL", "keystile.example", "public_url"),
        ("KEYSTILE_DATABASE_URL", "mysql://host/db", "database_url"),
        ("KEYSTILE_REDIS_URL", "http://host", "redis_url"),
        ("KEYSTILE_VAULT_SUITE", "none", "vault_suite"),
        ("KEYSTILE_EGRESS_ALLOW", "10.0.0.0/8", "egress_allow"),
        ("KEYSTILE_UPSTREAM_CA_FILE", "", "upstream_ca_file"),
        ("KEYSTILE_LOG_FORMAT", "xml", "log_format"),
        ("KEYSTILE_PROVIDER_OPENAI_BASE_URL", "ftp://x", "providers.openai.base_url"),
        ("KEYSTILE_PROVIDER_NOBODY_BASE_URL", "http://x", "providers.nobody.base_url"),
        ("KEYSTILE_PROVIDER_CUSTOM_BASE_URL", "http://x", "providers.custom.base_url"),
        ("KEYSTILE_MASTER_KEY", "", "master_key"),
        ("KEYSTILE_SETUP_TOKEN", " ", "setup_token"),
        ("KEYSTILE_CONNECTIONS_MAX", "many", "KEYSTILE_CONNECTIONS_MAX"),
    ] {
        assert!(error(&[(name, value)]).starts_with(setting), "{}", error(&[(name, value)]));
    }
}

#[test]
fn every_spelling_of_a_provider_moves_the_same_one() {
    let config =
        config(&[("KEYSTILE_PROVIDER_GOOGLE_AI_STUDIO_BASE_URL", "http://127.0.0.1:9/v1")]);

    let config = config.map(|config| config.provider_base_urls).unwrap_or_default();
    assert_eq!(config.first().map(|(id, _)| id.as_str()), Some("gemini"));
}

#[test]
fn the_master_key_has_two_names_but_not_at_once() {
    let key = "ab".repeat(32);

    assert!(config(&[("PROVIDER_KEY_ENCRYPTION_KEY", &key)]).is_ok_and(|c| c.master_key.is_some()));
    let twice =
        [("PROVIDER_KEY_ENCRYPTION_KEY", key.as_str()), ("KEYSTILE_MASTER_KEY", key.as_str())];
    assert!(error(&twice).contains("keep one"));
}

//! Everything that must be wrong loudly: each bad setting ends the process before it listens, in words that name the
//! setting and what to do, and that never hold a secret.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;
use testkit::app::TEST_MASTER_KEY;
use testkit::postgres::Postgres;
use testkit::process::{Ended, Program};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
/// 32 random bytes that are not the test master key.
const OTHER_KEY: &str = "5b1e83c07f2a94d6e8103b7c6da5f2194c8e70b3a1d6f5928e4b0c7d3a9f6152";
const PASSWORD: &str = "hunter2-hunter2";

fn serve(folder: &Path) -> Program {
    Program::new(KEYSTILE, folder)
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.join("data"))
}

/// Ended by itself, without a banner, in words that hold `says` and nothing of `secrets`.
#[track_caller]
fn assert_refused(what: &str, ended: &Ended, says: &[&str], secrets: &[&str]) {
    assert!(matches!(ended.status.code(), Some(1 | 2)), "{what}: {ended:?}");
    assert_eq!(ended.stdout, "", "{what}: it said something before it refused");
    for wanted in says {
        assert!(ended.stderr.contains(wanted), "{what}: no {wanted:?} in: {}", ended.stderr);
    }
    for secret in secrets {
        assert!(!ended.stderr.contains(secret), "{what}: {secret} in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
}

/// An environment variable, its value, and what must be said of it.
type Variable = (&'static str, &'static str, &'static [&'static str]);

const NAMES: &[Variable] = &[
    ("KEYSTILE_LISTN", "127.0.0.1:1", &["KEYSTILE_LISTN", "is no setting", "config show"]),
    ("KEYSTILE_MASTERKEY", OTHER_KEY, &["KEYSTILE_MASTERKEY", "is no setting"]),
    ("KEYSTILE_", "x", &["KEYSTILE_ is no setting"]),
    ("KEYSTILE_PROVIDER_OPENAI_URL", "http://x", &["KEYSTILE_PROVIDER_OPENAI_URL"]),
    ("KEYSTILE_PROVIDER_OPENAI_API_KEY", OTHER_KEY, &["KEYSTILE_PROVIDER_OPENAI_API_KEY"]),
    ("KEYSTILE_PROVIDER_NOBODY_BASE_URL", "http://x", &["providers.nobody", "no provider"]),
    ("KEYSTILE_PROVIDER_CUSTOM_BASE_URL", "http://x", &["providers.custom", "name their own"]),
];

const VALUES: &[Variable] = &[
    ("KEYSTILE_CONFIG", "", &["config", "empty"]),
    ("KEYSTILE_DATA_DIR", "", &["data_dir", "empty"]),
    ("KEYSTILE_LISTEN", "localhost", &["listen", "localhost", "127.0.0.1:4040"]),
    ("KEYSTILE_LISTEN", "127.0.0.1", &["listen", "127.0.0.1:4040"]),
    ("KEYSTILE_LISTEN", "", &["listen", "127.0.0.1:4040"]),
    ("KEYSTILE_PUBLIC_URL", "keystile.example", &["public_url", "URL"]),
    ("KEYSTILE_PUBLIC_URL", "https://me:hunter2-hunter2@host", &["public_url", "user name"]),
    ("KEYSTILE_DATABASE_URL", "", &["database_url", "postgres://", "SQLite"]),
    ("KEYSTILE_DATABASE_URL", "mysql://me:hunter2-hunter2@host/db", &["database_url", "SQLite"]),
    (
        "KEYSTILE_DATABASE_URL",
        "postgres://me:hunter2-hunter2@host:port/db",
        &["KEYSTILE_DATABASE_URL", "invalid port"],
    ),
    ("KEYSTILE_DATABASE_URL_FILE", "absent", &["KEYSTILE_DATABASE_URL_FILE", "absent"]),
    ("KEYSTILE_REDIS_URL", "", &["redis_url", "redis://", "rediss://"]),
    ("KEYSTILE_REDIS_URL", "http://me:hunter2-hunter2@host", &["redis_url", "redis://"]),
    ("KEYSTILE_REDIS_URL", "redis://me:hunter2-hunter2@host:port", &["redis_url", "redis://"]),
    ("KEYSTILE_REDIS_URL_FILE", "absent", &["KEYSTILE_REDIS_URL_FILE", "absent"]),
    ("KEYSTILE_VAULT_SUITE", "none", &["vault_suite", "aes-256-gcm", "fernet"]),
    ("KEYSTILE_SETUP_TOKEN", " ", &["setup_token", "empty", "leave it out"]),
    ("KEYSTILE_SETUP_TOKEN", "hunter2", &["setup_token", "12 characters"]),
    ("KEYSTILE_SETUP_TOKEN_FILE", "absent", &["setup_token", "absent"]),
    ("KEYSTILE_EGRESS_ALLOW", "10.0.0.0/8", &["egress_allow", "10.0.0.0/8", "CIDR:port"]),
    ("KEYSTILE_EGRESS_ALLOW", "10.0.0.0/8:80, 10.0.0.0/33:80", &["egress_allow", "/33"]),
    ("KEYSTILE_EGRESS_ALLOW", "*:443", &["egress_allow", "CIDR:port"]),
    ("KEYSTILE_UPSTREAM_CA_FILE", "", &["upstream_ca_file", "empty", "leave it out"]),
    ("KEYSTILE_UPSTREAM_CA_FILE", "absent", &["upstream_ca_file", "absent", "cannot be read"]),
    ("KEYSTILE_UPSTREAM_CA_FILE", "/dev/null", &["upstream_ca_file", "holds no certificate"]),
    ("KEYSTILE_LOG", "keystile=chatty=very", &["log"]),
    ("KEYSTILE_LOG_FORMAT", "xml", &["log_format", "json", "pretty"]),
    ("KEYSTILE_DRAIN_SECONDS_MAX", "soon", &["DRAIN_SECONDS_MAX", "whole number"]),
    ("KEYSTILE_DRAIN_SECONDS_MAX", "-1", &["DRAIN_SECONDS_MAX", "whole number"]),
    ("KEYSTILE_CONNECTIONS_MAX", "many", &["CONNECTIONS_MAX", "whole number"]),
    ("KEYSTILE_CONNECTIONS_MAX", "0", &["connections_max", "1"]),
    ("KEYSTILE_CONNECTIONS_MAX", "18446744073709551615", &["connections_max", "at most"]),
    ("KEYSTILE_PROVIDER_OPENAI_BASE_URL", "", &["providers.openai.base_url", "URL"]),
    ("KEYSTILE_PROVIDER_OPENAI_BASE_URL", "ftp://x", &["providers.openai.base_url", "https://"]),
    ("KEYSTILE_PROVIDER_OPENAI_BASE_URL", "http://x/?k=1", &["providers.openai.base_url"]),
];

const MASTER_KEYS: &[Variable] = &[
    ("KEYSTILE_MASTER_KEY", "", &["master_key", "empty", "leave it out"]),
    ("KEYSTILE_MASTER_KEY", ",", &["no master key", "openssl rand"]),
    ("KEYSTILE_MASTER_KEY", "c4f1d0a7be35866d", &["12 bytes, not 32", "openssl rand"]),
    (
        "KEYSTILE_MASTER_KEY",
        "9c4f1d0a7be35866d2e1f09a3b7c5d4e8f6071a2b3c4d5e6f708192a3b4c5d",
        &["master key", "not 32", "openssl rand"],
    ),
    ("KEYSTILE_MASTER_KEY", "correct horse battery staple", &["not 32 bytes", "openssl rand"]),
    (
        "KEYSTILE_MASTER_KEY",
        "0000000000000000000000000000000000000000000000000000000000000000",
        &["can be guessed", "openssl rand"],
    ),
    (
        "KEYSTILE_MASTER_KEY",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        &["can be guessed", "sequence", "openssl rand"],
    ),
    // "this is a 32 byte long password!", in base64.
    (
        "KEYSTILE_MASTER_KEY",
        "dGhpcyBpcyBhIDMyIGJ5dGUgbG9uZyBwYXNzd29yZCE=",
        &["can be guessed", "passphrase", "openssl rand"],
    ),
    (
        "KEYSTILE_MASTER_KEY",
        "x:9c4f1d0a7be35866d2e1f09a3b7c5d4e8f6071a2b3c4d5e6f708192a3b4c5d6e",
        &["version", "2:...,1:..."],
    ),
    (
        "PROVIDER_KEY_ENCRYPTION_KEY",
        "1111111111111111111111111111111111111111111111111111111111111111",
        &["master key", "can be guessed"],
    ),
    ("KEYSTILE_MASTER_KEY_FILE", "absent", &["master_key", "absent"]),
    ("PROVIDER_KEY_ENCRYPTION_KEY_FILE", "absent", &["master_key", "absent"]),
];

#[test]
fn a_wrong_name_or_value_in_the_environment_is_refused_in_words_that_help() {
    for (name, value, says) in NAMES.iter().chain(VALUES).chain(MASTER_KEYS) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut program = Program::new(KEYSTILE, folder.path()).env(name, value);
        // A flag would hide the value.
        for (flag, variable, usual) in [
            ("--listen", "KEYSTILE_LISTEN", "127.0.0.1:0"),
            ("--data-dir", "KEYSTILE_DATA_DIR", "data"),
        ] {
            if *name != variable {
                program = program.args([flag, usual]);
            }
        }

        let ended = program.run("");

        let secret = MASTER_KEYS.iter().any(|(_, key, _)| key == value) && value.len() > 8;
        let secrets = if secret { vec![*value] } else { vec![PASSWORD, OTHER_KEY] };
        assert_refused(&format!("{name}={value}"), &ended, says, &secrets);
        let kept = folder.path().join("data/master.key");
        assert!(!kept.exists(), "{name}={value}: a key was made before the refusal");
    }
}

#[test]
fn two_names_for_one_setting_are_refused() {
    for (one, two, says) in [
        ("KEYSTILE_MASTER_KEY", "PROVIDER_KEY_ENCRYPTION_KEY", "KEYSTILE_MASTER_KEY"),
        ("KEYSTILE_MASTER_KEY", "KEYSTILE_MASTER_KEY_FILE", "master_key"),
        ("PROVIDER_KEY_ENCRYPTION_KEY", "KEYSTILE_MASTER_KEY_FILE", "master_key"),
        (
            "KEYSTILE_MASTER_KEY_FILE",
            "PROVIDER_KEY_ENCRYPTION_KEY_FILE",
            "KEYSTILE_MASTER_KEY_FILE",
        ),
        ("KEYSTILE_SETUP_TOKEN", "KEYSTILE_SETUP_TOKEN_FILE", "setup_token"),
        ("KEYSTILE_DATABASE_URL", "KEYSTILE_DATABASE_URL_FILE", "DATABASE_URL"),
        ("KEYSTILE_REDIS_URL", "KEYSTILE_REDIS_URL_FILE", "REDIS_URL"),
        (
            "KEYSTILE_PROVIDER_GEMINI_BASE_URL",
            "KEYSTILE_PROVIDER_GOOGLE_BASE_URL",
            "providers.google.base_url",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("secret");
        fs::write(&file, TEST_MASTER_KEY).expect("a file");
        let mut program = serve(folder.path());
        for name in [one, two] {
            program = match name {
                name if name.ends_with("_FILE") => program.env(name, &file),
                name if name.ends_with("_BASE_URL") => program.env(name, "http://127.0.0.1:9/v1"),
                name => program.env(name, TEST_MASTER_KEY),
            };
        }

        let ended = program.run("");

        assert_refused(&format!("{one} and {two}"), &ended, &[says], &[TEST_MASTER_KEY]);
    }
}

#[test]
fn a_wrong_file_is_refused_with_its_name_and_line_and_without_its_values() {
    const SECRET: &str = "sk-proj-4f1d0a7be35866d2e1f09a3b";
    for (text, says) in [
        ("listn = \"127.0.0.1:1\"", ["line 1", "listn"]),
        ("\n\n[limit]\nbody_bytes_max = 5", ["line 3", "limit"]),
        ("[limits]\nbody_bytes = 5", ["line 2", "body_bytes"]),
        ("[journal]\nsyn = \"always\"", ["line 2", "syn"]),
        ("[providers.openai]\nurl = \"http://x\"", ["line 2", "url"]),
        ("[providers]\nopenai = \"sk-proj-4f1d0a7be35866d2e1f09a3b\"", ["line 2", "openai"]),
        ("[providers.nobody]\nbase_url = \"http://x\"", ["providers.nobody", "no provider"]),
        ("[providers.openai]\nbase_url = \"x\"", ["providers.openai.base_url", "URL"]),
        ("listen = 4040", ["line 1", "listen"]),
        ("connections_max = \"sk-proj-4f1d0a7be35866d2e1f09a3b\"", ["line 1", "connections_max"]),
        ("setup_token = 4815162342481516", ["line 1", "setup_token"]),
        ("master_key = [\"sk-proj-4f1d0a7be35866d2e1f09a3b\"]", ["line 1", "master_key"]),
        ("master_key = sk-proj-4f1d0a7be35866d2e1f09a3b", ["keystile.toml", "line 1"]),
        ("drain_seconds_max = 1.5", ["line 1", "drain_seconds_max"]),
        ("drain_seconds_max = -1", ["line 1", "drain_seconds_max"]),
        ("egress_allow = \"10.0.0.0/8:80\"", ["line 1", "egress_allow"]),
        ("egress_allow = [\"10.0.0.0:80\"]", ["egress_allow", "CIDR:port"]),
        ("[journal]\nsync = \"maybe\"", ["journal.sync", "interval"]),
        ("[journal]\nbytes_max = 0", ["journal.bytes_max", "at least"]),
        ("[limits]\nattempts_max = 0", ["limits.attempts_max", "at least 1"]),
        ("[limits]\nbody_bytes_max = 0", ["limits.body_bytes_max", "at least 1"]),
        ("[limits]\ntotal_seconds_max = 0", ["limits.total_seconds_max", "at least 1"]),
        (
            "[limits]\ntotal_seconds_max = 9223372036854775807",
            ["limits.total_seconds_max", "at most"],
        ),
        ("drain_seconds_max = 9223372036854775807", ["drain_seconds_max", "at most"]),
        ("listen = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:0\"", ["line 2", "duplicate"]),
        ("[limits", ["line 1", "keystile.toml"]),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("keystile.toml"), text).expect("a file");

        let ended = Program::new(KEYSTILE, folder.path()).args(["--data-dir", "data"]).run("");

        assert_refused(text, &ended, &says, &[SECRET, "4815162342481516"]);
    }
}

#[test]
fn a_configuration_file_that_was_named_must_be_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");

    let ended = serve(folder.path()).args(["--config", "absent.toml"]).run("");

    assert_refused("--config", &ended, &["absent.toml", "configuration"], &[]);
}

#[test]
fn an_unknown_flag_or_command_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for args in [["--master-key", OTHER_KEY], ["server", "--help=no"]] {
        let ended = Program::new(KEYSTILE, folder.path()).args(args).run("");

        assert_refused(args[0], &ended, &[args[0], "--help"], &[OTHER_KEY]);
    }
}

#[test]
fn a_data_folder_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("data"), "").expect("a file");

    let ended = serve(folder.path()).run("");

    let path = folder.path().join("data").display().to_string();
    assert_refused("a file", &ended, &["data folder", &path], &[]);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();

    let ended = Program::new(KEYSTILE, folder.path()).args(["--listen", &address]).run("");

    assert_refused("port", &ended, &["cannot listen on", &address, "in use", "--listen"], &[]);
}

/// A folder in which a gateway ran once, stopped.
fn used(master_key: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut program = serve(folder.path());
    if let Some(key) = master_key {
        program = program.env("KEYSTILE_MASTER_KEY", key);
    }
    let gateway = program.start();
    gateway.url();
    gateway.stop().well();
    folder
}

#[test]
fn a_master_key_that_others_may_read_is_refused() {
    let folder = used(None);
    let file = folder.path().join("data/master.key");
    let key = fs::read_to_string(&file).expect("the key");
    let (_, key) = key.trim().split_once(':').expect("version:key");
    for mode in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("our own file");

        let ended = serve(folder.path()).run("");

        let says = ["master.key", "may be read by others", "chmod 600"];
        assert_refused(&format!("{mode:o}"), &ended, &says, &[key]);
    }
}

#[test]
fn a_master_key_that_is_gone_is_not_made_anew() {
    let folder = used(None);
    let file = folder.path().join("data/master.key");
    let key = fs::read(&file).expect("the key");
    fs::remove_file(&file).expect("our own file");

    let ended = serve(folder.path()).run("");

    let says = ["master key is missing", "master.key", "Restore the file", "KEYSTILE_MASTER_KEY"];
    assert_refused("gone", &ended, &says, &[]);
    assert!(!file.exists(), "a new key would make the old values unreadable for good");
    fs::write(&file, key).expect("our own file");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("our own file");
    let gateway = serve(folder.path()).start();
    gateway.url();
}

#[test]
fn a_master_key_of_another_gateway_is_called_wrong() {
    let (folder, other) = (used(None), used(None));
    let of = |folder: &TempDir| folder.path().join("data/master.key");
    fs::copy(of(&other), of(&folder)).expect("our own files");
    let key = fs::read_to_string(of(&other)).expect("the key");
    let (_, key) = key.trim().split_once(':').expect("version:key");

    let ended = serve(folder.path()).run("");

    let says = ["master key version 1 is not the one", "KEYSTILE_MASTER_KEY", "key file"];
    assert_refused("replaced", &ended, &says, &[key]);
}

#[test]
fn a_master_key_file_that_holds_no_key_is_named() {
    let folder = used(None);
    let file = folder.path().join("data/master.key");
    for text in ["", "\n", "1:", "1:c4f1d0a7be35866d"] {
        fs::write(&file, text).expect("our own file");

        let ended = serve(folder.path()).run("");

        assert_refused(text, &ended, &["master.key", "openssl rand"], &["c4f1d0a7be35866d"]);
    }
}

#[test]
fn a_version_of_the_master_key_that_is_needed_and_missing_is_named() {
    let folder = used(Some(TEST_MASTER_KEY));
    let with = |keys: String| serve(folder.path()).env("KEYSTILE_MASTER_KEY", keys);

    let only_new = with(format!("2:{OTHER_KEY}")).run("");
    let wrong = with(OTHER_KEY.to_owned()).run("");
    let same_twice = with(format!("2:{TEST_MASTER_KEY},1:{TEST_MASTER_KEY}")).run("");

    let secrets = [TEST_MASTER_KEY, OTHER_KEY];
    let says = ["master key version 1 is missing", "KEYSTILE_MASTER_KEY", "1:..."];
    assert_refused("only version 2", &only_new, &says, &secrets);
    assert_refused("another key", &wrong, &["version 1 is not the one"], &secrets);
    assert_refused("one key twice", &same_twice, &["master keys 1 and 2 are the same"], &secrets);
    let gateway = with(format!("2:{OTHER_KEY},1:{TEST_MASTER_KEY}")).start();
    gateway.url();
}

#[tokio::test]
async fn with_postgres_a_master_key_must_be_given() {
    let Some(database) = Postgres::database().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for args in [["serve"].as_slice(), &["config", "check"]] {
        let ended =
            serve(folder.path()).env("KEYSTILE_DATABASE_URL", &database.url).args(args).run("");

        let says = ["PostgreSQL", "KEYSTILE_MASTER_KEY", "KEYSTILE_MASTER_KEY_FILE", "openssl"];
        assert_refused("no master key", &ended, &says, &[]);
        assert!(!folder.path().join("data/master.key").exists());
    }
}

#[test]
fn a_database_that_is_not_there_is_named_without_its_password() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Nothing listens on a port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
    let port = port.expect("a free port").port();
    let url = format!("postgres://me:{PASSWORD}@127.0.0.1:{port}/keystile");

    let ended = serve(folder.path())
        .env("KEYSTILE_DATABASE_URL", url)
        .env("KEYSTILE_MASTER_KEY", TEST_MASTER_KEY)
        .run("");

    let says = ["KEYSTILE_DATABASE_URL", "PostgreSQL"];
    assert_refused("unreachable", &ended, &says, &[PASSWORD, TEST_MASTER_KEY]);
}

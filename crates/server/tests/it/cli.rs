//! What the commands say and how they end: people read the one, scripts the other.

use std::fs;
use std::path::Path;

use testkit::app::TEST_MASTER_KEY;
use testkit::fake::Authority;
use testkit::process::{Ended, Program};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
const OTHER_KEY: &str = "5b1e83c07f2a94d6e8103b7c6da5f2194c8e70b3a1d6f5928e4b0c7d3a9f6152";
const SETUP_TOKEN: &str = "a-set-up-token-of-ours";

fn keystile(folder: &Path, args: &[&str]) -> Program {
    Program::new(KEYSTILE, folder).args(args)
}

fn empty_folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A gateway ran in `data` once, and stopped.
fn run_once(folder: &Path) {
    let args = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let gateway = keystile(folder, &args).start();
    gateway.url();
    gateway.stop().well();
}

#[test]
fn help_names_every_command_and_where_settings_come_from() {
    let folder = empty_folder();
    for flag in ["--help", "-h", "help"] {
        let help = keystile(folder.path(), &[flag]).run("").well();

        for wanted in [
            "serve",
            "setup",
            "config",
            "db",
            "vault",
            "completions",
            "--config",
            "--data-dir",
            "--listen",
            "keystile.toml",
            "KEYSTILE_",
        ] {
            assert!(help.contains(wanted), "{flag}: no {wanted} in {help}");
        }
    }
}

#[test]
fn every_command_explains_itself() {
    let folder = empty_folder();
    for (command, wanted) in [
        (["serve"].as_slice(), ["Start the gateway", "--listen"].as_slice()),
        (
            &["setup"],
            &["first owner", "--url", "--email", "--workspace", "--provider", "--no-probe"],
        ),
        (&["config"], &["show", "check"]),
        (&["config", "show"], &["effective configuration", "secrets hidden"]),
        (&["config", "check"], &["without starting"]),
        (&["db"], &["migrate"]),
        (&["db", "migrate"], &["--check", "exit code 1"]),
        (&["vault"], &["status"]),
        (&["vault", "status"], &["master key"]),
        (&["completions"], &["bash", "zsh", "fish"]),
    ] {
        let help = keystile(folder.path(), command).arg("--help").run("").well();

        for wanted in wanted {
            assert!(help.contains(wanted), "{command:?}: no {wanted} in {help}");
        }
    }
    let made: Vec<_> = fs::read_dir(folder.path()).expect("our folder").collect();
    assert!(made.is_empty(), "help makes nothing: {made:?}");
}

#[test]
fn the_version_is_the_packages() {
    let folder = empty_folder();

    let said = keystile(folder.path(), &["--version"]).run("").well();

    assert_eq!(said, format!("keystile {}\n", env!("CARGO_PKG_VERSION")));
}

fn shown(program: Program) -> toml::Table {
    let text = program.arg("config").arg("show").run("").well();
    text.parse().unwrap_or_else(|error| panic!("no TOML ({error}): {text}"))
}

#[test]
fn a_flag_goes_over_the_environment_over_the_file_over_the_default() {
    let folder = empty_folder();
    let (by_default, by_file) = ("127.0.0.1:4040", "127.0.0.1:4001");
    let (by_environment, by_flag) = ("127.0.0.1:4002", "127.0.0.1:4003");
    let file = format!("listen = \"{by_file}\"\nlog_format = \"json\"\ndrain_seconds_max = 7\n");
    let show = |program: Program| {
        let config = shown(program);
        config["listen"].as_str().expect("an address").to_owned()
    };
    let plain = || keystile(folder.path(), &[]);
    assert_eq!(show(plain()), by_default);

    fs::write(folder.path().join("keystile.toml"), &file).expect("a file");

    assert_eq!(show(plain()), by_file);
    assert_eq!(show(plain().env("KEYSTILE_LISTEN", by_environment)), by_environment);
    let all = plain().env("KEYSTILE_LISTEN", by_environment).args(["--listen", by_flag]);
    assert_eq!(show(all), by_flag);
    let config = shown(plain().env("KEYSTILE_DRAIN_SECONDS_MAX", "9"));
    assert_eq!(config["log_format"].as_str(), Some("json"), "what is set once holds");
    assert_eq!(config["drain_seconds_max"].as_integer(), Some(9));
    fs::write(folder.path().join("other.toml"), "listen = \"127.0.0.1:4005\"").expect("a file");
    assert_eq!(show(plain().args(["--config", "other.toml"])), "127.0.0.1:4005");
    let named = plain().env("KEYSTILE_CONFIG", "absent.toml").args(["--config", "other.toml"]);
    assert_eq!(show(named), "127.0.0.1:4005");
}

#[test]
fn every_setting_that_is_given_is_shown_and_what_is_shown_is_accepted_back() {
    let folder = empty_folder();
    let authority = Authority::new();
    fs::copy(authority.file(), folder.path().join("authority.pem")).expect("copied");
    let given = "data_dir = \"/tmp/quo\\\"ted\"\nlisten = \"[::1]:4041\"\n\
                 public_url = \"https://keys.example/base\"\nvault_suite = \"fernet\"\nvault_reseal_pause_ms = 4\n\
                 egress_allow = [\"10.0.0.0/8:8000\", \"[fd00::/8]:443\"]\n\
                 upstream_ca_file = \"authority.pem\"\nlog = \"warn,store=debug\"\n\
                 log_format = \"json\"\ndrain_seconds_max = 5\nconnections_max = 77\nkey_operations_per_minute = 30\n\
                 default_plan = \"gold\"\n\n\
                 [limits]\nbody_bytes_max = 1001\nbody_read_seconds_max = 2\nanswer_bytes_max = 1003\n\
                 stream_bytes_max = 1006\nevent_bytes_max = 1004\nheld_bytes_max = 1005\nheld_seconds_max = 4\nattempts_max = 5\nconnect_seconds_max = 6\n\
                 first_byte_seconds_max = 7\nidle_seconds_max = 8\ntotal_seconds_max = 9\n\n\
                 [journal]\nsync = \"always\"\nbytes_max = 1000000\n\n\
                 [plans.gold]\nbyok = true\npool_tiers = [\"premium\"]\npool_tokens_per_month = 8\n\n\
                 [providers.openai]\nbase_url = \"http://127.0.0.1:9000/v1\"\n";
    fs::write(folder.path().join("given.toml"), given).expect("a file");
    let show =
        |file: &str| keystile(folder.path(), &["--config", file, "config", "show"]).run("").well();

    let once = show("given.toml");
    fs::write(folder.path().join("shown.toml"), &once).expect("a file");
    let twice = show("shown.toml");

    let table = |text: &str| text.parse::<toml::Table>().expect("TOML");
    let mut shown = table(&once);
    let plans = shown["plans"].as_table_mut().expect("a table");
    assert!(plans.contains_key("starter"), "the shipped ones are there too");
    plans.retain(|name, _| name == "gold");
    assert_eq!(shown, table(given));
    assert_eq!(once, twice);
    let default = keystile(folder.path(), &["config", "show"]).run("").well();
    fs::write(folder.path().join("default.toml"), &default).expect("a file");
    assert_eq!(show("default.toml"), default);
}

#[test]
fn secrets_are_named_and_never_shown() {
    let folder = empty_folder();
    let show = |program: Program| program.args(["config", "show"]).run("").well();
    let given = || {
        keystile(folder.path(), &[])
            .env("KEYSTILE_MASTER_KEY", TEST_MASTER_KEY)
            .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
            .env("KEYSTILE_DATABASE_URL", "postgres://me:hunter2@db.example:5432/keystile")
            .env("KEYSTILE_REDIS_URL", "rediss://me:hunter2@cache.example:6379/1")
    };

    let said = show(given());

    for wanted in ["master_key", "setup_token", "database_url", "redis_url"] {
        assert!(said.contains(wanted), "{said}");
    }
    for secret in [TEST_MASTER_KEY, SETUP_TOKEN, "hunter2"] {
        assert!(!said.contains(secret), "{said}");
    }
    fs::write(folder.path().join("shown.toml"), &said).expect("a file");
    let again = show(keystile(folder.path(), &["--config", "shown.toml"]));
    let table = |text: &str| text.parse::<toml::Table>().expect("TOML");
    assert_eq!(table(&again), table(&said));
    // The dots are no key: whoever starts from the copy is told so, and no other key is taken.
    let check = keystile(folder.path(), &["--config", "shown.toml", "config", "check"]).run("");
    assert_eq!(check.status.code(), Some(1));
    assert!(check.stderr.contains("master key"), "{check:?}");
    let files = ["KEYSTILE_MASTER_KEY_FILE", "KEYSTILE_SETUP_TOKEN_FILE"];
    fs::write(folder.path().join("secret"), TEST_MASTER_KEY).expect("a file");
    let by_file = files.iter().fold(keystile(folder.path(), &[]), |p, name| p.env(name, "secret"));
    assert!(!show(by_file).contains(TEST_MASTER_KEY));
}

#[test]
fn config_check_tells_a_sound_configuration_from_one_that_would_not_start() {
    let folder = empty_folder();
    let check = |name: &str, value: &str| -> Ended {
        keystile(folder.path(), &["config", "check"]).env(name, value).run("")
    };

    assert_eq!(check("KEYSTILE_LOG", "info").well(), "the configuration is sound\n");
    assert_eq!(check("KEYSTILE_MASTER_KEY", TEST_MASTER_KEY).status.code(), Some(0));
    for (name, value, says) in [
        ("KEYSTILE_LISTEN", "nowhere", "listen"),
        ("KEYSTILE_LOG", "keystile=chatty=very", "log"),
        ("KEYSTILE_MASTER_KEY", "secret-and-short", "master key"),
        ("KEYSTILE_MASTER_KEY_FILE", "absent", "master_key"),
        ("KEYSTILE_DATABASE_URL", "postgres://db.example/keystile", "KEYSTILE_MASTER_KEY"),
        ("KEYSTILE_EGRESS_ALLOW", "everything", "egress_allow"),
    ] {
        let ended = check(name, value);

        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(1), ""), "{name}={value}");
        assert!(ended.stderr.contains(says), "{ended:?}");
        assert!(!ended.stderr.contains("secret-and-short"), "{ended:?}");
    }
    assert!(!folder.path().join("keystile-data").exists(), "checking makes nothing");
}

#[test]
fn migrations_are_missing_before_and_not_after() {
    let folder = empty_folder();
    let migrate = |check: &[&str]| {
        keystile(folder.path(), &["--data-dir", "data", "db", "migrate"]).args(check).run("")
    };

    let before = migrate(&["--check"]);
    let still = migrate(&["--check"]);
    let applied = migrate(&[]);
    let after = migrate(&["--check"]);
    let again = migrate(&[]);

    for missing in [&before, &still] {
        assert_eq!(missing.status.code(), Some(1), "{missing:?}");
        assert!(missing.stdout.starts_with("missing: 0001_"), "{missing:?}");
    }
    assert!(applied.well().starts_with("applied: 0001_"));
    assert_eq!(after.well(), "the database is up to date\n");
    assert_eq!(again.well(), "the database is up to date\n");
    assert!(!folder.path().join("data/master.key").exists(), "no key without a gateway");
}

#[test]
fn migrating_under_a_running_gateway_is_refused() {
    let folder = empty_folder();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let gateway = keystile(folder.path(), &args).start();
    gateway.url();

    let ended = keystile(folder.path(), &["--data-dir", "data", "db", "migrate"]).run("");

    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("another keystile is using the data folder"), "{ended:?}");
}

#[test]
fn vault_status_tells_a_right_master_key_from_a_wrong_one() {
    let folder = empty_folder();
    let status = || keystile(folder.path(), &["--data-dir", "data", "vault", "status"]);
    let before = status().run("");
    run_once(folder.path());

    let right = status().run("");
    let wrong = status().env("KEYSTILE_MASTER_KEY", OTHER_KEY).run("");
    let missing = status().env("KEYSTILE_MASTER_KEY", format!("2:{OTHER_KEY}")).run("");

    assert_eq!(before.status.code(), Some(1));
    assert!(before.stderr.contains("no master key yet"), "{before:?}");
    let line = |ended: &Ended| -> Vec<String> {
        let mut lines = ended.stdout.lines();
        let line = lines.find(|line| line.starts_with('1')).unwrap_or_default();
        line.split_whitespace().take(4).map(str::to_owned).collect()
    };
    // The instance's own three secrets are sealed from the start.
    assert_eq!(line(&right), ["1", "active", "3", "here"], "{right:?}");
    assert!(right.stdout.contains("suite for new values: aes-256-gcm"), "{right:?}");
    assert!(right.stdout.contains("aes-256-gcm: 3"), "{right:?}");
    assert_eq!(right.status.code(), Some(0));
    assert_eq!(line(&wrong), ["1", "active", "3", "WRONG"], "{wrong:?}");
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(line(&missing), ["1", "active", "3", "MISSING"], "{missing:?}");
    assert_eq!(missing.status.code(), Some(1));
    for ended in [&right, &wrong, &missing] {
        assert!(!ended.stdout.contains(OTHER_KEY) && !ended.stderr.contains(OTHER_KEY));
    }
}

#[test]
fn vault_status_may_run_beside_the_gateway() {
    let folder = empty_folder();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let gateway = keystile(folder.path(), &args).start();
    gateway.url();

    let said = keystile(folder.path(), &["--data-dir", "data", "vault", "status"]).run("").well();

    assert!(said.contains("here"), "{said}");
}

#[test]
fn every_shell_gets_its_completions() {
    let folder = empty_folder();
    for shell in ["bash", "zsh", "fish"] {
        let script = keystile(folder.path(), &["completions", shell]).run("").well();

        for wanted in ["keystile", "setup", "vault", "data-dir"] {
            assert!(script.contains(wanted), "{shell}: no {wanted}");
        }
    }
    let unknown = keystile(folder.path(), &["completions", "command.com"]).run("");
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn an_output_that_takes_no_more_is_an_error_and_no_crash() {
    let folder = empty_folder();
    for command in ["completions bash", "config show", "--version"] {
        let script = format!("'{KEYSTILE}' {command} >/dev/full");

        let ended = Program::new("sh", folder.path()).args(["-c", &script]).run("");

        assert!(!ended.stderr.contains("panicked"), "{command}: {ended:?}");
    }
    let script = format!("'{KEYSTILE}' completions bash >/dev/full");
    let ended = Program::new("sh", folder.path()).args(["-c", &script]).run("");
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}

#[test]
fn setup_says_when_no_gateway_is_there_or_its_token_is_wrong() {
    let folder = empty_folder();
    let setup = |url: &str, token: &str| {
        keystile(folder.path(), &["setup", "--email", "owner@example.com", "--url", url])
            .run(&format!("{token}\ncorrect horse battery staple\n"))
    };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
    let nobody = format!("http://{}", nobody.expect("a free port"));

    let alone = setup(&nobody, SETUP_TOKEN);
    let args = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let gateway = keystile(folder.path(), &args).env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN).start();
    let wrong = setup(&gateway.url(), "another-set-up-token");
    let right = setup(&gateway.url(), SETUP_TOKEN);
    let second = setup(&gateway.url(), SETUP_TOKEN);

    for (ended, code, says) in [
        (&alone, 6, "is the gateway running?"),
        (&wrong, 3, "the set-up token is wrong"),
        (&second, 5, "has been set up"),
    ] {
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
        assert!(!ended.stderr.contains("set-up-token"), "{ended:?}");
    }
    assert!(right.well().contains("ks_live_"));
}

//! What the commands say about themselves: enough to use them, and no flag that would put a secret where `ps` shows it.

use std::path::Path;

use testkit::process::Program;

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");

/// Flags that take a value, and are called like secrets without being ones.
const HARMLESS: [&str; 6] = [
    "--use-workspace-keys",
    "--members-may-create-keys",
    "--default-key",
    "--overlap-seconds",
    // These take ids.
    "--gateway-key",
    "--provider-key",
];
const FAMILIES: [&str; 19] = [
    "api",
    "audit",
    "env",
    "import",
    "invitations",
    "keys",
    "login",
    "logout",
    "members",
    "nodes",
    "projects",
    "providers",
    "reconcile",
    "requests",
    "run",
    "secrets",
    "usage",
    "whoami",
    "workspaces",
];

fn help(folder: &Path, command: &[String]) -> String {
    Program::new(KEYSTILE, folder).args(command).arg("--help").run("").well()
}

/// The names under "Commands:".
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names =
        listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    names.filter(|name| !name.is_empty() && name != "help").collect()
}

/// Every management command down to its leaves, with its help.
fn commands(folder: &Path) -> Vec<(Vec<String>, String)> {
    let mut open: Vec<Vec<String>> = FAMILIES.iter().map(|name| vec![(*name).to_owned()]).collect();
    let mut found = Vec::new();
    while let Some(command) = open.pop() {
        let help = help(folder, &command);
        open.extend(
            subcommands(&help).into_iter().map(|name| [command.clone(), vec![name]].concat()),
        );
        found.push((command, help));
    }
    found
}

#[test]
fn every_command_helps_with_an_example_and_no_setting_of_the_gateway() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let all = Program::new(KEYSTILE, folder.path()).arg("--help").run("").well();
    for family in FAMILIES {
        assert!(subcommands(&all).contains(&family.to_owned()), "{family}: {all}");
    }

    let commands = commands(folder.path());

    assert!(commands.len() > 50, "{}", commands.len());
    for (command, help) in &commands {
        let name = command.join(" ");
        let parent = subcommands(help).is_empty().then(|| command.split_last()).flatten();
        let example =
            format!("keystile {}", parent.map_or(command.as_slice(), |_| command).join(" "));
        let told = help.contains(&example);
        let parent = commands.iter().find(|(other, _)| *other == command[..command.len() - 1]);
        let told_above = parent.is_some_and(|(_, help)| help.contains(&example));
        assert!(told || told_above, "{name}: no example: {help}");
        for stray in ["--data-dir", "--listen", "keystile.toml"] {
            assert!(!help.contains(stray), "{name}: {stray}");
        }
    }
}

#[test]
fn no_flag_takes_a_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");

    for (command, help) in commands(folder.path()) {
        for line in help.lines().map(str::trim_start).filter(|line| line.starts_with("--")) {
            let flag = line.split([' ', '<']).next().unwrap_or_default();
            let sounds_secret = ["key", "token", "secret", "password", "value"]
                .iter()
                .any(|word| flag.contains(word));
            let takes_value = line.contains('<');
            assert!(
                !sounds_secret || !takes_value || HARMLESS.contains(&flag),
                "{}: {line}",
                command.join(" ")
            );
        }
    }
}

#[test]
fn a_secret_typed_in_the_wrong_place_is_not_repeated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = "sk-typed-0123456789";

    for args in [
        ["providers", "add", "openai", secret].as_slice(),
        &["providers", "add", "openai", "--key", secret],
        &["providers", "add", "openai", &format!("--key={secret}")],
        &["providers", "add", "openai", &format!("--key-stdin={secret}")],
        &["providers", "add", "openai", "--data-policy", secret],
        &["providers", secret],
        &["secrets", "create", "resend", secret],
        &["login", "hunter2"],
        &["login", "--password", "hunter2"],
        &["keys", "update", "gk_1", "--rpm-limit", secret],
        &[secret],
    ] {
        let ended = Program::new(KEYSTILE, folder.path()).args(args).run("");

        assert_eq!(ended.status.code(), Some(2), "{args:?}: {ended:?}");
        for typed in [secret, "hunter2"] {
            assert!(!ended.stderr.contains(typed), "{args:?}: {ended:?}");
        }
        assert!(ended.stderr.contains("--help"), "{args:?}: {ended:?}");
    }
    let typo = Program::new(KEYSTILE, folder.path()).args(["providers", "lst"]).run("");
    assert!(typo.stderr.contains("'lst'"), "what is a word of ours may be: {typo:?}");
}

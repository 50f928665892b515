//! Applications and coding agents that are told of the gateway by the command line, and the key that shows nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use testkit::process::Program;

use super::desk::{Desk, PROVIDER_KEY, Person, only_line};

impl Desk {
    /// A gateway key, and somebody who has nothing else.
    fn application(&self) -> (String, Person) {
        let owner = self.owner();
        owner.run(&["providers", "add", "openai", "--key-stdin"], PROVIDER_KEY).well();
        let made = owner.run(&["keys", "create", "--project", "default", "--name", "ci"], "");
        (only_line(&made.well()), self.stranger())
    }
}

/// What a shell has in these variables after it has read the lines.
fn read_by_a_shell(folder: &Path, lines: &str, names: &[&str]) -> Vec<String> {
    let script = names.iter().fold("eval \"$1\"\n".to_owned(), |script, name| {
        script + &format!("printf '%s\\n' \"${{{name}-unset}}\"\n")
    });
    let shell = Program::new("sh", folder).args(["-euc", &script, "sh", lines]);
    let said = shell.env("ANTHROPIC_API_KEY", "sk-ant-old").run("").well();
    said.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_learns_where_the_gateway_is_and_with_what_key() {
    let desk = Desk::open().await;
    let (key, person) = desk.application();
    let url = desk.url();

    for (application, names, values) in [
        ("openai", ["OPENAI_BASE_URL", "OPENAI_API_KEY"], [format!("{url}/v1"), key.clone()]),
        ("anthropic", ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"], [url.clone(), "unset".into()]),
        ("claude", ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"], [key.clone(), "unset".into()]),
        (
            "gemini",
            ["GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"],
            [format!("{url}/genai"), key.clone()],
        ),
    ] {
        let env = ["env", "--for", application, "--key-stdin", "--url", &url];
        let lines = person.run(&env, &key).well();

        assert_eq!(read_by_a_shell(&person.home, &lines, &names), values, "{application}");
    }
    let given = person.keystile(&["env", "--for", "openai"]).env("KEYSTILE_KEY", "ks_it's");
    let lines = given.env("KEYSTILE_URL", "https://keys.example").run("").well();
    let values = read_by_a_shell(&person.home, &lines, &["OPENAI_BASE_URL", "OPENAI_API_KEY"]);
    assert_eq!(values, ["https://keys.example/v1", "ks_it's"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_with_what_it_needs_and_ends_as_it_will() {
    let desk = Desk::open().await;
    let (key, person) = desk.application();
    let script = "cat; printf '%s\\n' $# \"$1\" $OPENAI_BASE_URL $OPENAI_API_KEY $ANTHROPIC_BASE_URL \
                  $ANTHROPIC_AUTH_TOKEN ${ANTHROPIC_API_KEY-unset} $GEMINI_API_KEY; exit 7";
    let url = desk.url();

    let program = person
        .keystile(&["run", "--url", &url, "sh", "-c", script, "sh", "--url", "b"])
        .env("KEYSTILE_KEY", &key)
        .env("ANTHROPIC_API_KEY", "sk-ant-old");
    let ended = program.run("input\n");

    assert_eq!(ended.status.code(), Some(7), "{ended:?}");
    let said: Vec<_> = ended.stdout.lines().collect();
    let openai = format!("{url}/v1");
    assert_eq!(said, ["input", "2", "--url", &openai, &key, &url, &key, "unset", &key]);
    assert_eq!(ended.stderr, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_is_told_by_arguments_and_nothing_shows_the_key() {
    let desk = Desk::open().await;
    let (key, person) = desk.application();
    let codex = person.home.join("codex");
    fs::write(&codex, "#!/bin/sh\nprintf '%s\\n' \"$@\"\ntest -n \"$KEYSTILE_KEY\"\n")
        .expect("a program");
    fs::set_permissions(&codex, fs::Permissions::from_mode(0o700)).expect("its mode");
    let (url, path) = (desk.url(), codex.to_str().expect("a path"));

    let run = person.keystile(&["run", "--url", &url, path, "--", "exec", "-c", "x=1"]);
    let said = run.env("KEYSTILE_KEY", &key).run("").well();

    let said: Vec<_> = said.lines().collect();
    let address = format!("model_providers.keystile.base_url=\"{url}/v1\"");
    assert_eq!(&said[..2], ["-c", "model_provider=\"keystile\""]);
    assert!(said.contains(&address.as_str()), "{said:?}");
    assert_eq!(&said[said.len() - 3..], ["exec", "-c", "x=1"]);
    assert!(said.iter().all(|word| !word.contains(&key)), "{said:?}");

    // What is printed for a shell becomes the same command line.
    let lines = person.run(&["env", "--for", "codex", "--key-stdin", "--url", &url], &key).well();
    let script = format!("{lines}codex exec -c x=1\n");
    let path = format!("{}:/usr/bin:/bin", person.home.display());
    let shell = Program::new("sh", &person.home).args(["-euc", &script]).env("PATH", path);
    assert_eq!(shell.run("").well().lines().collect::<Vec<_>>(), said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_starts_without_a_key_that_the_gateway_takes() {
    let desk = Desk::open().await;
    let (key, person) = desk.application();
    let (url, unused) = (desk.url(), "http://127.0.0.1:1".to_owned());

    for (key, url, program, code, words) in [
        ("ks_live_not-ours", &url, "touch", 3, "gateway key"),
        (desk.session.as_str(), &url, "touch", 2, "keystile keys create"),
        (&key, &unused, "touch", 6, "is the gateway running?"),
        (&key, &url, "no-such-program", 4, "no-such-program"),
    ] {
        let run = person.keystile(&["run", "--url", url, program, "started"]);
        let ended = run.env("KEYSTILE_KEY", key).run("");

        assert_eq!(ended.status.code(), Some(code), "{program}: {ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
        assert!(!ended.stderr.contains(key), "{ended:?}");
        assert!(!person.home.join("started").exists());
    }
    let unasked = person.run(&["run", "touch", "started"], &key);
    assert_eq!(unasked.status.code(), Some(2), "standard input is the program's: {unasked:?}");
    assert!(unasked.stderr.contains("KEYSTILE_KEY"), "{unasked:?}");
}

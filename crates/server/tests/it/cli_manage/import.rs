//! `keystile import env`: what it finds, what it says it would do, and that it does that and nothing else.

use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::process::Program;

use super::desk::{Desk, Person, json_of};

const IN_FILE: &str = "sk-in-the-file-0123456789abcdef";
const IN_ENVIRONMENT: &str = "AIza-in-the-environment-0123456789";
const UNUSED: &str = "sk-ant-commented-out-0123456789";

/// Somebody with keys lying around, all of which work.
fn careless(desk: &Desk) -> Person {
    desk.fake.always_probe(Reply::json(&json!({ "data": [] })));
    let owner = desk.owner();
    let file = format!(
        "# ANTHROPIC_API_KEY={UNUSED}\nexport OPENAI_API_KEY=\"{IN_FILE}\" # mine\nGROQ_API_KEY=${{SECRET}}\n\
         GEMINI_API_KEY=another\nXAI_API_KEY=\nUNRELATED_TOKEN=hush-hush-hush\n"
    );
    std::fs::write(owner.home.join(".env"), file).expect("a file");
    owner
}

fn import(owner: &Person, args: &[&str]) -> Program {
    let program = owner.keystile(&["import", "env"]).args(args);
    program.env("GEMINI_API_KEY", IN_ENVIRONMENT).env("GOOGLE_API_KEY", IN_ENVIRONMENT)
}

fn stored(owner: &Person) -> Vec<Value> {
    let mut items = json_of(&owner.run(&["providers", "list", "-o", "json"], "").well());
    let Value::Array(mut items) = items["items"].take() else { panic!("no items: {items}") };
    items.sort_by_key(|item| item["provider"].to_string());
    items
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_names_what_it_would_do_and_does_nothing() {
    let desk = Desk::open().await;
    let owner = careless(&desk);
    let asked = desk.fake.requests().len();

    let table = import(&owner, &["--dry-run"]).run("");
    let json = import(&owner, &["--dry-run", "-o", "json"]).run("").well();

    for secret in [IN_FILE, IN_ENVIRONMENT, UNUSED, "hush-hush", "another"] {
        let start = &secret[..secret.len().min(7)];
        assert!(!table.stdout.contains(start) && !table.stderr.contains(start), "{table:?}");
    }
    assert!(table.stderr.contains("nothing is stored"), "{table:?}");
    let rows: Vec<(Value, Value, Value)> = json_of(&json)["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|row| (row["variable"].clone(), row["from"].clone(), row["action"].clone()))
        .collect();
    let row =
        |variable: &str, from: &str, action: &str| (json!(variable), json!(from), json!(action));
    assert_eq!(
        rows,
        [
            row("OPENAI_API_KEY", ".env", "add"),
            row("GEMINI_API_KEY", "environment", "add"),
            row("GEMINI_API_KEY", ".env", "skip: GEMINI_API_KEY goes first"),
            row("GOOGLE_API_KEY", "environment", "skip: GEMINI_API_KEY is the same"),
            row("GROQ_API_KEY", ".env", "skip: it refers to something else"),
        ]
    );
    for variable in ["OPENAI_API_KEY", "openai", "gemini"] {
        assert!(table.stdout.contains(variable), "{table:?}");
    }
    assert_eq!(stored(&owner), [Value::Null; 0]);
    assert_eq!(desk.fake.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stores_once_and_replaces_when_told() {
    let desk = Desk::open().await;
    let owner = careless(&desk);

    let unasked = import(&owner, &[]).run("");
    let done = import(&owner, &["--yes"]).run("");

    assert_eq!(unasked.status.code(), Some(2), "without a terminal it takes --yes: {unasked:?}");
    assert!(done.stderr.contains("OPENAI_API_KEY: stored, healthy"), "{done:?}");
    done.well();
    let first = stored(&owner);
    let prefixes: Vec<_> =
        first.iter().map(|item| (&item["provider"], &item["key_prefix"])).collect();
    assert_eq!(
        prefixes,
        [
            (&json!("google_ai_studio"), &json!("AIza-in-...****")),
            (&json!("openai"), &json!("sk-in-t...****")),
        ]
    );
    let again = import(&owner, &["--yes"]).run("");
    assert!(again.stdout.contains("there is a key already"), "{again:?}");
    again.well();
    assert_eq!(stored(&owner), first);

    let calls = desk.fake.requests().len();
    import(&owner, &["--yes", "--replace"]).run("").well();

    let ids = |items: &[Value]| items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&stored(&owner)), ids(&first), "in place");
    assert_eq!(desk.fake.requests().len(), calls + 2, "each was probed again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_rejected_key_does_not_keep_the_others_out() {
    let desk = Desk::open().await;
    let owner = careless(&desk);
    desk.fake.next_probe(Reply::invalid_key(IN_FILE));

    let done = import(&owner, &["--yes"]).run("");

    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(done.stderr.contains("OPENAI_API_KEY: NOT stored"), "{done:?}");
    assert!(done.stderr.contains("GEMINI_API_KEY: stored"), "{done:?}");
    assert_eq!(stored(&owner).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projects_keys_can_be_imported_from_a_file_of_any_name() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    std::fs::write(owner.home.join("keys.env"), format!("OPENAI_API_KEY={IN_FILE}\n"))
        .expect("a file");
    let import = |args: &[&str]| {
        owner.keystile(&["import", "env", "--project", "default"]).args(args).run("")
    };

    import(&["--file", "keys.env", "--yes"]).well();
    import(&["--file", "keys.env", "--yes", "--replace"]).well();
    let absent = import(&["--file", "absent.env"]);
    let nothing = import(&[]);

    let args = ["providers", "list", "--project", "default", "-o", "json"];
    let listed = json_of(&owner.run(&args, "").well());
    assert_eq!(listed["items"][0]["provider"], "openai");
    assert_eq!(stored(&owner), [Value::Null; 0]);
    assert_eq!(absent.status.code(), Some(1), "{absent:?}");
    assert!(absent.stderr.contains("absent.env"), "{absent:?}");
    assert!(nothing.stderr.contains("nothing to do"), "{nothing:?}");
    nothing.well();
}

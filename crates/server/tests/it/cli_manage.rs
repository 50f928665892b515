//! The management commands, as people and scripts run them, against a gateway that runs: what they say, what they keep, how
//! they end, and that no secret shows anywhere but where it was asked for.

mod agents;
mod desk;
mod help;
mod import;
mod sessions;

use serde_json::{Value, json};
use testkit::fake::Reply;
use testkit::hello;
use testkit::http::Client;

use desk::{Desk, EMAIL, PASSWORD, PROVIDER_KEY, json_of, only_line};

const ABSENT_KEY: &str = "pk_01a1fe75779e75c9b7ab8aa5497edefd";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_key_goes_in_by_standard_input_and_a_gateway_key_comes_out_alone() {
    let desk = Desk::open().await;
    let owner = desk.owner();

    let added =
        owner.run(&["providers", "add", "openai", "--key-stdin", "--label", "Prod"], PROVIDER_KEY);
    let listed = owner.run(&["providers", "list"], "");
    let made = owner.run(&["keys", "create", "--project", "default", "--name", "ci"], "");

    let added = added.well();
    assert!(added.contains("sk-good-...****") && added.contains("valid"), "{added}");
    let listed = listed.well();
    assert!(listed.starts_with("ID") && listed.contains("Prod"), "{listed}");
    assert!(!listed.contains(&PROVIDER_KEY[..10]), "{listed}");
    assert!(!made.stderr.contains("ks_live_") || made.stderr.contains("key_prefix"), "{made:?}");
    let key = only_line(&made.well());
    assert!(key.starts_with("ks_live_"), "{key}");
    let api = Client::new(desk.url());
    let answer = api.post("/v1/chat/completions", &hello("gpt-4o")).bearer(&key).whole().await;
    answer.expect(200);
    assert_eq!(desk.fake.last_request().bearer(), Some(PROVIDER_KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_its_provider_rejects_is_not_stored_and_the_words_are_the_gateways() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    desk.fake.next_probe(Reply::invalid_key(PROVIDER_KEY));

    let refused = owner.run(&["providers", "add", "openai", "--key-stdin"], PROVIDER_KEY);

    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("OpenAI rejected this key"), "{refused:?}");
    assert!(!refused.stderr.contains(PROVIDER_KEY), "{refused:?}");
    let kept = json_of(&owner.run(&["providers", "list", "-o", "json"], "").well());
    assert_eq!(kept["items"], json!([]));
    let unasked = ["providers", "add", "openai", "--key-stdin", "--no-validate", "-o", "json"];
    let stored = json_of(&owner.run(&unasked, PROVIDER_KEY).well());
    assert_eq!(stored["validation_status"], "unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_fail_has_its_exit_code() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let nobody = desk.stranger();
    owner.run(&["projects", "create", "twice"], "").well();
    let member = desk.member(&owner, "member").await;

    for (person, args, code, says) in [
        (&owner, ["providers", "add", "no-such-provider", "--key-stdin"].as_slice(), 1, "provider"),
        (&owner, &["keys", "create"], 2, "--name"),
        (&owner, &["providers", "add", "openai"], 2, "--key-stdin"),
        (&owner, &["projects", "update", "twice"], 2, "nothing to change"),
        (&owner, &["api", "call", "GET", "v1/workspaces"], 2, "slash"),
        (&nobody, &["keys", "list"], 3, "keystile login"),
        (&member, &["projects", "create", "mine"], 3, ""),
        (&owner, &["providers", "delete", ABSENT_KEY], 4, ""),
        (&owner, &["projects", "show", "nowhere"], 4, "no project \"nowhere\""),
        (&owner, &["projects", "create", "twice"], 5, "already"),
        (&owner, &["projects", "update", "twice", "--rpm-limit", "5", "--if-version", "99"], 5, ""),
    ] {
        let ended = person.run(args, "sk-anything-at-all-0123456789");

        assert_eq!(ended.status.code(), Some(code), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {ended:?}");
        assert!(!ended.stderr.contains("sk-anything"), "{args:?}: {ended:?}");
    }
    desk.close();
    let down = owner.run(&["keys", "list"], "");
    assert_eq!(down.status.code(), Some(6), "{down:?}");
    assert!(down.stderr.contains("is the gateway running?"), "{down:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_the_answer_of_the_gateway_unchanged() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let api = Client::new(desk.url());
    owner.run(&["providers", "add", "openai", "--key-stdin"], PROVIDER_KEY).well();
    owner.run(&["keys", "create", "--name", "all"], "").well();
    let workspaces = "/v1/workspaces".to_owned();
    let mine = format!("/v1/workspaces/{}", desk.workspace);

    for (args, path) in [
        (["workspaces", "list"].as_slice(), workspaces),
        (&["workspaces", "show"], mine.clone()),
        (&["providers", "list"], format!("{mine}/provider-keys")),
        (&["keys", "list"], format!("{mine}/api-keys")),
        (&["projects", "list"], format!("{mine}/projects")),
        (&["members", "list"], format!("{mine}/members")),
        (&["invitations", "list"], format!("{mine}/invitations")),
        (&["whoami"], "/v1/users/current".to_owned()),
    ] {
        let said = owner.keystile(args).args(["-o", "json"]).run("").well();

        let answer = api.get(&path).bearer(&desk.session).whole().await.expect(200);
        assert_eq!(said, format!("{}\n", answer.text()), "{args:?}");
        let table = owner.run(args, "").well();
        assert!(!table.starts_with('{'), "{args:?}: {table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_key_is_shown_changed_rotated_blocked_and_revoked() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let api = Client::new(desk.url());
    let me = async |key: &str| api.get("/v1/me").bearer(key).whole().await.status.as_u16();
    let made = owner.run(
        &[
            "keys",
            "create",
            "--project",
            "default",
            "--name",
            "shop",
            "-o",
            "json",
            "--allowed-models",
            "openai/gpt-4o,openai/gpt-5",
            "--spend-cap-micro-usd",
            "5000000",
            "--cap-period",
            "monthly",
            "--cap-mode",
            "soft",
            "--rpm-limit",
            "60",
            "--tpm-limit",
            "9000",
            "--scopes",
            "inference,read:usage",
            "--fallback-models",
            "openai/gpt-4o",
            "--default-model",
            "openai/gpt-5",
            "--platform-fallback",
            "none",
            "--on-disconnect",
            "drain",
            "--expires-at",
            "2040-01-01T00:00:00Z",
        ],
        "",
    );
    let made = json_of(&made.well());
    let (id, first) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
    let run = |args: &[&str]| owner.keystile(args).args(["--project", "default"]).run("");
    let show = || json_of(&run(&["keys", "show", id, "-o", "json"]).well());

    let shown = show();
    for (field, value) in [
        ("allowed_models", json!(["openai/gpt-4o", "openai/gpt-5"])),
        ("spend_cap_micro_usd", json!(5_000_000)),
        ("cap_period", json!("monthly")),
        ("cap_mode", json!("soft")),
        ("rpm_limit", json!(60)),
        ("tpm_limit", json!(9000)),
        ("scopes", json!(["inference", "read:usage"])),
        ("fallback_models", json!(["openai/gpt-4o"])),
        ("default_model", json!("openai/gpt-5")),
        ("platform_fallback", json!([])),
        ("on_disconnect", json!("drain")),
    ] {
        assert_eq!(shown[field], value, "{field}: {shown}");
    }
    assert!(shown["expires_at"].as_str().is_some_and(|at| at.starts_with("2040-01-01")), "{shown}");
    run(&["keys", "update", id, "--name", "till", "--reset", "rpm_limit,expires_at"]).well();
    let changed = show();
    assert_eq!((&changed["name"], &changed["rpm_limit"]), (&json!("till"), &Value::Null));
    assert_eq!((&changed["expires_at"], &changed["tpm_limit"]), (&Value::Null, &json!(9000)));

    let second = only_line(&run(&["keys", "rotate", id]).well());
    assert_eq!((me(first).await, me(&second).await), (401, 200));
    let third = only_line(&run(&["keys", "rotate", id, "--overlap-seconds", "600"]).well());
    assert_eq!((me(&second).await, me(&third).await), (200, 200));
    run(&["keys", "block", id]).well();
    assert_eq!(me(&third).await, 401);
    run(&["keys", "unblock", id]).well();
    assert_eq!(me(&third).await, 200);
    assert_eq!(run(&["keys", "revoke", id]).well(), "");
    assert_eq!(me(&third).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_key_of_the_workspace_is_looked_after() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let run = |args: &[&str], stdin: &str| {
        json_of(&owner.keystile(args).args(["-o", "json"]).run(stdin).well())
    };
    let add = ["providers", "add", "openai", "--key-stdin", "--label", "one"];
    let one = run(&add, PROVIDER_KEY)["id"].as_str().expect("an id").to_owned();
    let two = run(&["providers", "add", "openai", "--key-stdin"], "sk-other-0123456789abcdef\n");
    let two = two["id"].as_str().expect("an id").to_owned();

    assert_eq!(run(&["providers", "set-default", &two], "")["is_default"], true);
    assert_eq!(run(&["providers", "show", &one], "")["is_default"], false);
    assert_eq!(run(&["providers", "pause", &one], "")["is_active"], false);
    assert_eq!(run(&["providers", "resume", &one], "")["is_active"], true);
    assert_eq!(run(&["providers", "update", &one, "--label", "uno"], "")["label"], "uno");
    assert_eq!(run(&["providers", "update", &one, "--reset", "label"], "")["label"], Value::Null);
    assert_eq!(run(&["providers", "test", &one], "")["health_status"], "healthy");
    let tier = run(&["providers", "tier", &one, "tier-4"], "");
    assert_eq!(
        (&tier["detected_tier"], &tier["tier_source"]),
        (&json!("tier-4"), &json!("user_specified"))
    );
    assert_eq!(
        run(&["providers", "tier", &one, "--enterprise"], "")["detected_tier"],
        "enterprise"
    );
    let detected = run(&["providers", "tier", &one, "--detect"], "");
    assert_ne!(detected["tier_source"], "user_specified", "{detected}");
    assert!(run(&["providers", "headroom", &one], "").is_object());
    let available = run(&["providers", "available"], "");
    assert!(available["items"].to_string().contains("console.groq.com/keys"), "{available}");
    let replaced = run(
        &["providers", "replace", &one, "--key-stdin"],
        "  sk-proj-0123456789abcdefghijklmnop\n",
    );
    assert_eq!(
        (&replaced["id"], &replaced["key_prefix"]),
        (&json!(one), &json!("sk-proj-...****"))
    );
    assert_eq!(
        desk.fake.last_request().bearer(),
        Some("sk-proj-0123456789abcdefghijklmnop"),
        "blanks are no part of it"
    );
    assert_eq!(owner.run(&["providers", "delete", &two], "").well(), "");
    assert_eq!(run(&["providers", "list"], "")["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projects_keys_are_named_by_their_provider() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    owner.run(&["projects", "create", "mobile"], "").well();
    let run = |args: &[&str], stdin: &str| {
        owner.keystile(args).args(["--project", "mobile", "-o", "json"]).run(stdin)
    };

    let set = json_of(&run(&["providers", "add", "openai", "--key-stdin"], PROVIDER_KEY).well());
    assert_eq!(
        (&set["provider"], &set["api_key_prefix"]),
        (&json!("openai"), &json!("sk-good-...****"))
    );
    let active = |args: &[&str]| json_of(&run(args, "").well())["is_active"].clone();
    assert_eq!(active(&["providers", "pause", "openai"]), false);
    assert_eq!(active(&["providers", "resume", "openai"]), true);
    let tested = json_of(&run(&["providers", "test", "openai"], "").well());
    assert_eq!(tested["health_status"], "healthy");
    let replaced = run(
        &["providers", "replace", "openai", "--key-stdin"],
        "sk-proj-0123456789abcdefghijklmnop",
    );
    assert_eq!(json_of(&replaced.well())["api_key_prefix"], "sk-proj-...****");
    let listed = json_of(&run(&["providers", "list"], "").well());
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    run(&["providers", "delete", "openai"], "").well();
    assert_eq!(run(&["providers", "delete", "openai"], "").status.code(), Some(4));
    let workspaces = json_of(&owner.run(&["providers", "list", "-o", "json"], "").well());
    assert_eq!(workspaces["items"], json!([]), "the workspace has none of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_goes_in_and_never_comes_out() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let value = "first line\nsecond line of a secret\n";
    let create = [
        "secrets",
        "create",
        "resend",
        "--category",
        "custom",
        "--description",
        "mail",
        "--value-stdin",
    ];

    let outputs = [
        owner.run(&create, value),
        owner.run(&["secrets", "list"], ""),
        owner.run(&["secrets", "show", "resend"], ""),
        owner
            .run(&["secrets", "update", "resend", "--value-stdin", "--description", "post"], value),
        owner.run(&["secrets", "list", "-o", "json"], ""),
    ];

    for output in outputs {
        assert!(!output.stderr.contains("of a secret"), "{output:?}");
        let said = output.well();
        assert!(said.contains("resend") && !said.contains("of a secret"), "{said}");
    }
    let shown = json_of(&owner.run(&["secrets", "show", "resend", "-o", "json"], "").well());
    assert_eq!((&shown["category"], &shown["description"]), (&json!("custom"), &json!("post")));
    let rename =
        ["secrets", "update", "resend", "--rename", "mailer", "--reset", "category", "-o", "json"];
    let renamed = json_of(&owner.run(&rename, "").well());
    assert_eq!((&renamed["name"], &renamed["category"]), (&json!("mailer"), &json!("api_key")));
    let key = ["secrets", "create", "provider_key_openai", "--value-stdin", "-o", "json"];
    let key = json_of(&owner.run(&key, PROVIDER_KEY).well());
    assert_eq!(key["category"], "llm_provider");
    owner.run(&["secrets", "delete", "mailer"], "").well();
    assert_eq!(owner.run(&["secrets", "show", "mailer"], "").status.code(), Some(4));
    assert_eq!(owner.run(&create, "").status.code(), Some(2), "an empty value is a mistake");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workspaces_and_projects_are_named_and_set() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let set = [
        "--data-policy",
        "zdr",
        "--platform-fallback",
        "missing,failed",
        "--model-alias",
        "fast=openai/gpt-4o",
        "--spend-cap-micro-usd",
        "7",
        "--openrouter-fallthrough",
        "false",
    ];

    owner.run(&["projects", "create", "mobile"], "").well();
    owner
        .keystile(&["projects", "update", "mobile", "--use-workspace-keys", "false"])
        .args(set)
        .run("")
        .well();
    owner.keystile(&["workspaces", "update", "--name", "acme & co"]).args(set).run("").well();

    for args in [["projects", "show", "mobile"].as_slice(), &["workspaces", "show"]] {
        let shown = json_of(&owner.keystile(args).args(["-o", "json"]).run("").well());
        assert_eq!(shown["data_policy"], "zdr", "{shown}");
        assert_eq!(shown["platform_fallback"], json!(["missing", "failed"]));
        assert_eq!(shown["model_aliases"], json!({ "fast": "openai/gpt-4o" }));
        assert_eq!(shown["spend_cap_micro_usd"], 7);
        assert_eq!(shown["openrouter_fallthrough"], false);
    }
    let version = owner.run(&["workspaces", "show"], "").well();
    let version = version.lines().find_map(|line| line.strip_prefix("version"));
    let version = version.expect("a version").trim().to_owned();
    let expecting = |version: &str| {
        let args = ["workspaces", "update", "--reset", "data_policy", "--if-version", version];
        owner.run(&args, "").status.code()
    };
    assert_eq!((expecting(&version), expecting(&version)), (Some(0), Some(5)));
    owner.run(&["workspaces", "create", "other"], "").well();
    let which = owner.run(&["projects", "list"], "");
    assert_eq!(which.status.code(), Some(2));
    assert!(which.stderr.contains("acme & co") && which.stderr.contains("other"), "{which:?}");
    let named = owner.run(&["projects", "list", "--workspace", "acme & co"], "").well();
    assert!(named.contains("mobile"), "{named}");
    let other =
        owner.keystile(&["projects", "list"]).env("KEYSTILE_WORKSPACE", "other").run("").well();
    assert!(!other.contains("mobile"), "{other}");
    owner.run(&["projects", "delete", "mobile", "--workspace", &desk.workspace], "").well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_invited_comes_in_changes_roles_and_goes() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let invite = |email: &str| {
        let ended = owner.run(&["members", "invite", email, "--role", "admin"], "");
        let said = ended.stderr.clone();
        let link = only_line(&ended.well());
        let token = link.rsplit('/').next().expect("a token");
        assert!(
            said.contains(email) && !said.contains(token),
            "the token is in the link alone: {said}"
        );
        link
    };
    let link = invite("ada@example.com");
    invite("eve@example.com");
    let open = json_of(&owner.run(&["invitations", "list", "-o", "json"], "").well());
    let of_eve = open["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|item| item["email"] == "eve@example.com");
    let of_eve = of_eve.and_then(|item| item["id"].as_str()).expect("an invitation");
    owner.run(&["invitations", "revoke", of_eve], "").well();

    let ada = desk.stranger();
    let accepted = ada.keystile(&["invitations", "accept", "--url", &desk.url()]);
    let accepted = accepted.run(&format!("{link}\nadas very own password\n"));

    assert!(accepted.stderr.contains("ada@example.com is invited"), "{accepted:?}");
    assert!(accepted.well().contains("signed in"));
    assert!(ada.run(&["whoami"], "").well().contains("ada@example.com"));
    let members = owner.run(&["members", "list"], "").well();
    assert!(members.contains("ada@example.com") && members.contains("admin"), "{members}");
    owner.run(&["members", "role", "Ada@example.com", "member"], "").well();
    assert_eq!(ada.run(&["projects", "create", "hers"], "").status.code(), Some(3));
    owner.run(&["members", "remove", "ada@example.com"], "").well();
    let members = owner.run(&["members", "list"], "").well();
    assert!(!members.contains("ada@example.com"), "{members}");
    let again = desk.stranger().keystile(&["invitations", "accept", "--url", &desk.url()]);
    let again = again.run(&format!("{link}\nadas very own password\n"));
    assert_eq!(again.status.code(), Some(4), "{again:?}");
    let token = link.rsplit('/').next().expect("a token");
    assert!(!again.stderr.contains(token), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_listed_and_checked() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    owner.run(&["projects", "create", "seen"], "").well();

    let all = owner.run(&["audit", "list"], "").well();
    let some =
        owner.run(&["audit", "list", "--action", "project.created", "-o", "json"], "").well();
    let verdict = owner.run(&["audit", "verify"], "").well();

    assert!(all.contains("project.created") && all.contains("ACTION"), "{all}");
    let some = json_of(&some);
    let actions = some["items"].as_array().expect("items").iter().map(|item| &item["action"]);
    assert_eq!(actions.collect::<Vec<_>>(), ["project.created"]);
    assert!(verdict.starts_with("the record is whole"), "{verdict}");
    let one = owner.run(&["audit", "list", "--limit", "1"], "");
    assert!(one.stderr.contains("there is more: --cursor "), "{one:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_route_can_be_called_and_a_refusal_is_shown_too() {
    let desk = Desk::open().await;
    let owner = desk.owner();

    let shown = owner.run(&["api", "call", "GET", "/v1/workspaces/{workspace}"], "").well();
    let made = owner.run(
        &["api", "call", "POST", "/v1/workspaces/{workspace}/projects", "--data-stdin"],
        "{\"name\":\"raw\"}",
    );
    let refused = owner.run(&["api", "call", "DELETE", "/v1/nothing"], "");
    let routes = owner.run(&["api", "routes"], "").well();

    assert_eq!(json_of(&shown)["id"], desk.workspace);
    assert_eq!(json_of(&made.well())["name"], "raw");
    assert_eq!(refused.status.code(), Some(4));
    assert_eq!(json_of(&refused.stdout)["error"]["code"], "not_found");
    assert!(refused.stderr.contains("no such route"), "{refused:?}");
    assert!(
        routes.lines().any(|line| {
            let words: Vec<_> = line.split_whitespace().take(2).collect();
            words == ["POST", "/v1/workspaces/{workspace}/projects"]
        }),
        "{routes}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_shows_where_it_was_not_asked_for() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let key = only_line(&owner.run(&["keys", "create", "--name", "k"], "").well());

    let (mut said, mut sessions) = (String::new(), vec![desk.session.clone()]);
    for args in [
        ["whoami"].as_slice(),
        &["login", "--email", EMAIL, "--password-stdin"],
        &["providers", "add", "openai", "--key-stdin"],
        &["providers", "list"],
        &["keys", "list"],
        &["audit", "list"],
        &["keys", "show", "gk_nonsense"],
        &["api", "call", "GET", "/v1/workspaces"],
        &["logout"],
        &["whoami"],
    ] {
        let stdin = if args[0] == "login" { PASSWORD } else { PROVIDER_KEY };
        let ended =
            owner.keystile(args).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1").run(stdin);
        said.push_str(&ended.stdout);
        said.push_str(&ended.stderr);
        sessions.extend(owner.kept("default"));
    }

    assert!(sessions.len() > 2, "the owner was signed in");
    for session in &sessions {
        assert!(!said.contains(session.as_str()), "a session shows: {said}");
    }
    for secret in [PASSWORD, PROVIDER_KEY, &key] {
        assert!(!said.contains(secret), "{secret} shows: {said}");
    }
}

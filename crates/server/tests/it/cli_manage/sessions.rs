//! Signing in and out: what is kept, for whom, and where it is sent.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use testkit::fake::{FakeProvider, Reply};

use super::desk::{Desk, EMAIL, PASSWORD, json_of, only_line, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_kept_for_its_owner_alone_and_ended() {
    let desk = Desk::open().await;
    let owner = desk.stranger();

    let signed_in = owner.log_in(&desk.url(), &format!("{PASSWORD}\n")).well();

    assert!(signed_in.contains(EMAIL) && signed_in.contains(&desk.url()), "{signed_in}");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    let file = owner.credentials();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().expect("a folder")), 0o700);
    assert!(!read(&file).contains(PASSWORD));
    assert!(owner.run(&["whoami"], "").well().contains(EMAIL));
    let token = owner.token("default");
    assert!(owner.run(&["logout"], "").well().contains("signed out"));
    assert_eq!(owner.run(&["whoami"], "").status.code(), Some(3));
    let still =
        owner.keystile(&["whoami"]).env("KEYSTILE_URL", desk.url()).env("KEYSTILE_TOKEN", &token);
    let still = still.run("");
    assert_eq!(still.status.code(), Some(3), "it ended at the gateway too: {still:?}");
    assert!(!still.stderr.contains(&token), "{still:?}");
    owner.run(&["logout"], "").well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_keeps_nothing() {
    let desk = Desk::open().await;
    let owner = desk.stranger();

    let wrong = owner.log_in(&desk.url(), "wrong horse battery staple");
    let none = owner.log_in(&desk.url(), "");
    let unasked = owner.run(&["login", "--url", &desk.url(), "--email", EMAIL], PASSWORD);

    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert!(wrong.stderr.contains("the email or the password is wrong"), "{wrong:?}");
    assert!(!wrong.stderr.contains("wrong horse"), "{wrong:?}");
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert_eq!(unasked.status.code(), Some(2), "{unasked:?}");
    assert!(unasked.stderr.contains("--password-stdin"), "{unasked:?}");
    assert!(!owner.credentials().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contexts_are_apart_and_a_damaged_file_is_told_without_its_text() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let log_in =
        ["login", "--context", "work", "--url", &desk.url(), "--email", EMAIL, "--password-stdin"];

    owner.run(&log_in, PASSWORD).well();
    owner.run(&["logout"], "").well();

    let by_flag = owner.run(&["whoami", "--context", "work"], "");
    let by_name = owner.keystile(&["whoami"]).env("KEYSTILE_CONTEXT", "work").run("");
    assert!(by_flag.well().contains(EMAIL) && by_name.well().contains(EMAIL));
    let absent = owner.run(&["whoami"], "");
    assert_eq!(absent.status.code(), Some(3));
    assert!(absent.stderr.contains("work"), "the others are named: {absent:?}");
    // Where it was is remembered, and so is who.
    owner.run(&["login", "--context", "work", "--password-stdin"], PASSWORD).well();
    let token = owner.token("work");
    let text = read(&owner.credentials()).replace("\"email\"", "\"mail");
    std::fs::write(owner.credentials(), &text).expect("written");
    let damaged = owner.run(&["whoami", "--context", "work"], "");
    assert_eq!(damaged.status.code(), Some(1));
    assert!(damaged.stderr.contains("damaged") && !damaged.stderr.contains(&token), "{damaged:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_others_can_read_is_not_used() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(owner.credentials(), open).expect("permissions");

    let refused = owner.run(&["whoami"], "");

    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("chmod 600"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_to_its_own_gateway_and_nowhere_else() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let elsewhere = FakeProvider::start().await;
    let other = format!("http://{}", elsewhere.addr());

    let by_flag = owner.run(&["keys", "list", "--url", &other], "");
    let by_name = owner.keystile(&["keys", "list"]).env("KEYSTILE_URL", &other).run("");
    let unencrypted = owner.keystile(&["keys", "list", "--url", "http://192.0.2.1"]);
    let unencrypted = unencrypted.env("KEYSTILE_TOKEN", "eyJ.any.token").run("");
    let log_in = owner.log_in("http://gateway.invalid:4040", PASSWORD);

    for ended in [&by_flag, &by_name] {
        assert_eq!(ended.status.code(), Some(3), "{ended:?}");
        assert!(ended.stderr.contains(&other), "{ended:?}");
    }
    assert_eq!(elsewhere.connections(), 0);
    for ended in [&unencrypted, &log_in] {
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains("--insecure-http"), "{ended:?}");
        assert!(!ended.stderr.contains("eyJ"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_an_error_and_takes_no_token_along() {
    let desk = Desk::open().await;
    let nobody = desk.stranger();
    let (here, there) = (FakeProvider::start().await, FakeProvider::start().await);
    here.always(Reply::redirect(307, &format!("http://{}/v1/workspaces", there.addr())));
    here.always_probe(Reply::redirect(302, &format!("http://{}/v1/workspaces", there.addr())));
    let url = format!("http://{}", here.addr());
    let proxy = format!("http://{}", there.addr());

    let ended = nobody
        .keystile(&["workspaces", "list"])
        .env("KEYSTILE_URL", &url)
        .env("KEYSTILE_TOKEN", "eyJ.any.token")
        .env("http_proxy", &proxy)
        .env("HTTP_PROXY", &proxy)
        .env("ALL_PROXY", &proxy)
        .run("");

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("redirect"), "{ended:?}");
    assert_eq!((here.connections(), there.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_beyond_this_machine_takes_a_word() {
    let desk = Desk::open().await;
    let owner = desk.stranger();
    // An address of this machine that is none of its loopback's.
    let url = desk.url().replace("127.0.0.1", "0.0.0.0");
    let log_in = ["login", "--url", &url, "--email", EMAIL, "--password-stdin"];

    let without = owner.run(&log_in, PASSWORD);
    owner.keystile(&log_in).arg("--insecure-http").run(PASSWORD).well();

    assert_eq!(without.status.code(), Some(2), "{without:?}");
    assert_eq!(owner.run(&["whoami"], "").status.code(), Some(2), "each time");
    assert!(owner.run(&["whoami", "--insecure-http"], "").well().contains(EMAIL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_says_cannot_steer_a_terminal() {
    let desk = Desk::open().await;
    let fake = FakeProvider::start().await;
    let run = |args: &[&str]| {
        let program = desk.stranger().keystile(args).env("KEYSTILE_TOKEN", "eyJ.any.token");
        program.env("KEYSTILE_URL", format!("http://{}", fake.addr())).run("")
    };
    let hostile = "\u{1b}]0;title\u{7}\u{9b}31m\u{202e}name\r\n";
    let item =
        json!({ "id": hostile, "name": hostile, "role": [hostile], "created_at": { hostile: 1 } });
    let page = json!({ "items": [item], "next_cursor": hostile });

    fake.always_probe(Reply::json(&page));
    fake.always(Reply::json(&page));
    let listed = run(&["workspaces", "list"]);
    let refusal = json!({ "error": { "message": hostile, "code": "x" } });
    fake.always_probe(Reply::error(400, &refusal).with_header("retry-after", "5"));
    fake.always(Reply::error(400, &refusal).with_header("retry-after", "5"));
    let refused = run(&["workspaces", "list"]);

    assert!(listed.stdout.contains("title") && refused.stderr.contains("title"), "{listed:?}");
    for said in [&listed.stdout, &listed.stderr, &refused.stderr] {
        let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(steering), "{said:?}");
    }
    assert_eq!(listed.stdout.lines().count(), 2, "{listed:?}");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_goes_before_what_is_kept_and_a_gateway_key_may_come_from_it() {
    let desk = Desk::open().await;
    let owner = desk.owner();
    let key = only_line(&owner.run(&["keys", "create", "--name", "all"], "").well());
    let script = desk.stranger();
    let with_key = |args: &[&str]| {
        script.keystile(args).env("KEYSTILE_URL", desk.url()).env("KEYSTILE_TOKEN", &key)
    };

    let me = json_of(&with_key(&["whoami", "-o", "json"]).run("").well());
    let listed = with_key(&["keys", "list"]).run("").well();
    std::fs::write(script.home.join("token"), format!("{key}\n")).expect("a file");
    let by_file = script.keystile(&["keys", "list"]).env("KEYSTILE_URL", desk.url());
    let by_file = by_file.env("KEYSTILE_TOKEN_FILE", "token").run("").well();
    let empty = script.keystile(&["whoami"]).env("KEYSTILE_TOKEN", "").run("");
    let kept = owner.keystile(&["whoami"]).env("KEYSTILE_TOKEN", &key).run("").well();
    let by_flag = owner.keystile(&["whoami", "--context", "default"]).env("KEYSTILE_TOKEN", &key);

    assert_eq!(me["workspace_id"], desk.workspace);
    assert!(listed.contains("all"), "{listed}");
    assert_eq!(by_file, listed);
    assert_eq!(empty.status.code(), Some(1), "{empty:?}");
    assert!(
        empty.stderr.contains("KEYSTILE_TOKEN is empty")
            || empty.stderr.contains("KEYSTILE_TOKEN: is empty"),
        "{empty:?}"
    );
    assert!(!kept.contains(EMAIL), "{kept}");
    assert!(by_flag.run("").well().contains(EMAIL));
    // The gateway itself is not confused by them.
    let check = owner
        .keystile(&["config", "check"])
        .env("KEYSTILE_URL", desk.url())
        .env("KEYSTILE_TOKEN", &key);
    assert_eq!(
        check.env("KEYSTILE_WORKSPACE", "acme").run("").well(),
        "the configuration is sound\n"
    );
}

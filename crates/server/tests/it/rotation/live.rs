//! The promise as a whole: many secrets, live traffic, processes killed in between; no request fails, no row is left behind,
//! and the old master key is not needed. `KEYSTILE_TEST_SECRETS=10000` tries it on many more.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::FakeProvider;
use testkit::postgres::Postgres;
use testkit::random::SeededRandom;

use super::node::{Door, Node, eventually};
use super::traffic::{Secret, Stored, Traffic};
use super::{rows_of, state_of};

const OLD: &str = "9c4f1d0a7be35866d2e1f09a3b7c5d4e8f6071a2b3c4d5e6f708192a3b4c5d6e";
const NEW: &str = "1f8b0d4c6a92e37755c1fe02b48d9a6037e5c8d1a4f09b2c6d7e8f1023456789";
const SECRETS: usize = 500;
/// Slow enough that there is time to kill somebody in between.
const PAUSE_MS: &str = "150";
/// In each state of the job, so that it also comes out of it.
const KILLS_PER_STATE: usize = 4;

struct Owner {
    session: String,
    workspaces: Vec<(String, String)>,
}

fn environment(fake: &FakeProvider) -> Vec<(&'static str, String)> {
    vec![
        ("KEYSTILE_PROVIDER_OPENAI_BASE_URL", fake.base_url()),
        ("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN.to_owned()),
        ("KEYSTILE_KEY_OPERATIONS_PER_MINUTE", "10000".to_owned()),
        ("KEYSTILE_VAULT_RESEAL_PAUSE_MS", PAUSE_MS.to_owned()),
        ("KEYSTILE_LOG", "warn".to_owned()),
    ]
}

#[expect(clippy::disallowed_methods, reason = "a test's size is nothing the product is told of")]
fn secrets_count() -> usize {
    let wish = std::env::var("KEYSTILE_TEST_SECRETS").ok();
    wish.map_or(SECRETS, |count| count.parse().expect("KEYSTILE_TEST_SECRETS is a number"))
}

/// Two workspaces, each with a gateway key of its own.
async fn set_up(door: &Door) -> Owner {
    let body = json!({
        "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme",
    });
    let made = door.answer(|api| api.post("/v1/setup", &body)).await.expect(201);
    let session = made.at("/token");
    let body = json!({ "name": "other" });
    let other = door.answer(|api| api.post("/v1/workspaces", &body).bearer(&session)).await;
    let mut workspaces = Vec::new();
    for workspace in [made.at("/workspace/id"), other.expect(201).at("/id")] {
        let path = format!("/v1/workspaces/{workspace}/api-keys");
        let body = json!({ "name": "an application" });
        let key = door.answer(|api| api.post(&path, &body).bearer(&session)).await.expect(201);
        workspaces.push((workspace, key.at("/key")));
    }
    Owner { session, workspaces }
}

/// Half of them provider keys, half of them other secrets, in both workspaces; and one platform key.
async fn fill(door: &Door, owner: &Owner, count: usize) -> Traffic {
    let random = SeededRandom::new(5);
    let (mut keys, mut secrets) = (Vec::new(), Vec::new());
    for n in 0..count {
        let (workspace, gateway_key) = &owner.workspaces[n / 2 % 2];
        if n % 2 == 0 {
            let value = format!("sk-{:016x}{:016x}", random.next(), random.next());
            let path = format!("/v1/workspaces/{workspace}/provider-keys");
            let body = key_body(&value);
            let made = door.answer(|api| api.post(&path, &body).bearer(&owner.session)).await;
            let id = made.expect(201).at("/id");
            keys.push(Stored::new(id, workspace.clone(), gateway_key.clone(), value));
        } else {
            let name = format!("secret_{n}");
            let body = json!({ "name": name, "value": format!("{:x}", random.next()), "category": "custom" });
            let made = door.answer(|api| {
                let call = api.post("/api/secrets", &body).bearer(&owner.session);
                call.header("x-tenant-id", workspace)
            });
            made.await.expect(201);
            secrets.push(Secret { name, workspace: workspace.clone() });
        }
    }
    let body = key_body("sk-platform-1234567890");
    let path = "/v1/operator/platform-keys";
    door.answer(|api| api.post(path, &body).bearer(&owner.session)).await.expect(201);
    Traffic::new(keys, secrets, &owner.session)
}

fn key_body(value: &str) -> Value {
    json!({ "provider": "openai", "api_key": value, "validate_before_save": false })
}

async fn vault(door: &Door, owner: &Owner) -> Value {
    door.get("/v1/operator/vault", &owner.session).await
}

/// Kills one node after the other at moments nobody chose, until all is sealed anew.
async fn kill_in_between(nodes: &mut [Node], owner: &Owner) {
    let random = SeededRandom::new(17);
    let mut died_in: Vec<String> = Vec::new();
    for turn in 0.. {
        tokio::time::sleep(Duration::from_millis(random.next() % 600)).await;
        let node = turn % nodes.len();
        let node = &mut nodes[node];
        let job = vault(&node.door, owner).await["job"].clone();
        let state = job["state"].as_str().expect("a state").to_owned();
        if state == "done" {
            break;
        }
        if died_in.iter().filter(|other| **other == state).count() < KILLS_PER_STATE {
            died_in.push(state);
            node.kill();
            node.start();
        }
    }
    assert!(died_in.iter().any(|state| state == "resealing"), "{died_in:?}");
}

/// What must hold when all is done.
async fn judge(door: &Door, owner: &Owner, traffic: &Traffic) {
    let done = eventually("everything is sealed anew", async || {
        let vault = vault(door, owner).await;
        (vault["job"]["state"] == "done").then_some(vault)
    });
    let done = done.await;
    assert_eq!((rows_of(&done, 1), state_of(&done, 1)), (0, "retired"), "{done}");
    assert_eq!((&done["active"], state_of(&done, 2)), (&json!(2), "active"), "{done}");
    // With the platform key and the instance's own three.
    let all =
        u64::try_from(traffic.keys.len() + traffic.secrets.len() + 4).expect("a small number");
    assert_eq!(rows_of(&done, 2), all, "{done}");
    let job = &done["job"];
    assert_eq!(
        (&job["done"], &job["total"], &job["closed"]),
        (&json!(all), &json!(all), &json!(0))
    );

    let doctor = door.get("/v1/operator/vault/doctor", &owner.session).await;

    assert_eq!((&doctor["checked"], &doctor["closed"]), (&json!(all), &json!([])), "{doctor}");
}

/// Every stored key opens, and is the one its owner gave last.
async fn chat_with_every_key(door: &Door, traffic: &Traffic, fake: &FakeProvider) {
    for key in &traffic.keys {
        let chat = key.chat();
        door.answer(|api| api.post("/v1/chat/completions", &chat).bearer(&key.gateway_key))
            .await
            .expect(200);
        let seen = fake.last_request();
        assert!(key.may_be_now(seen.bearer().expect("a key")), "{} has another value", key.id);
    }
}

fn write_keys(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, text).expect("a key file");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_generated_key_rotates_under_traffic_and_kills_and_the_old_one_is_needed_no_more() {
    let fake = FakeProvider::start().await;
    let folder = TempDir::new().expect("a temporary folder");
    let mut nodes = [Node::new(folder.path(), &environment(&fake))];
    nodes[0].start();
    let door = Arc::clone(&nodes[0].door);
    let owner = set_up(&door).await;
    let traffic = Arc::new(fill(&door, &owner, secrets_count()).await);
    let tasks = traffic.start(&[Arc::clone(&door)]);

    let rotate = "/v1/operator/vault/rotate";
    let begun = door.answer(|api| api.post(rotate, &json!({})).bearer(&owner.session)).await;
    let begun = begun.expect(202).json();
    assert_eq!((&begun["version"], &begun["waiting_for"]), (&json!(2), &json!([])), "{begun}");
    kill_in_between(&mut nodes, &owner).await;

    judge(&door, &owner, &traffic).await;
    let [served, replaced] = traffic.end(tasks).await;
    assert!(served > 50 && replaced > 10, "{served} served, {replaced} replaced");
    traffic.judge(&fake.requests());
    nodes[0].stop();
    let file = nodes[0].data().join("master.key");
    let keys = fs::read_to_string(&file).expect("the key file");
    let only_new = keys.lines().find(|line| line.starts_with("2:")).expect("the new key");
    write_keys(&file, only_new);
    nodes[0].start();
    chat_with_every_key(&door, &traffic, &fake).await;
    let said = nodes[0].stop();
    assert!(!said.contains("does not open") && !said.contains("ERROR"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_nodes_rotate_when_both_have_the_key_under_traffic_and_kills() {
    let fake = FakeProvider::start().await;
    let Some(database) = Postgres::database().await else { return };
    let folders = [0, 1].map(|_| TempDir::new().expect("a temporary folder"));
    let key_file = |n: usize| folders[n].path().join("keys");
    let mut nodes = [0, 1].map(|n| {
        write_keys(&key_file(n), OLD);
        let mut environment = environment(&fake);
        environment.push(("KEYSTILE_DATABASE_URL", database.url.clone()));
        environment.push(("KEYSTILE_MASTER_KEY_FILE", key_file(n).display().to_string()));
        let mut node = Node::new(folders[n].path(), &environment);
        node.start();
        node
    });
    let doors = [0, 1].map(|n| Arc::clone(&nodes[n].door));
    let owner = set_up(&doors[0]).await;
    let traffic = Arc::new(fill(&doors[0], &owner, secrets_count()).await);
    let tasks = traffic.start(&doors);

    let rotate = async || {
        let path = "/v1/operator/vault/rotate";
        doors[0].answer(|api| api.post(path, &json!({})).bearer(&owner.session)).await
    };
    let refused = rotate().await.expect(409);
    assert!(refused.at("/error/message").contains("no master key newer than version 1"));
    let both = format!("2:{NEW}\n1:{OLD}\n");
    write_keys(&key_file(0), &both);
    let begun = rotate().await.expect(202).json();
    assert_eq!(
        (&begun["state"], begun["waiting_for"].as_array().map(Vec::len)),
        (&json!("staged"), Some(1)),
        "{begun}"
    );
    // It survives this one's end as well.
    nodes[0].kill();
    nodes[0].start();
    let waiting = vault(&doors[1], &owner).await;
    assert_eq!((&waiting["active"], state_of(&waiting, 2)), (&json!(1), "staged"), "{waiting}");
    write_keys(&key_file(1), &both);
    kill_in_between(&mut nodes, &owner).await;

    judge(&doors[0], &owner, &traffic).await;
    let [served, replaced] = traffic.end(tasks).await;
    assert!(served > 50 && replaced > 10, "{served} served, {replaced} replaced");
    traffic.judge(&fake.requests());
    for (n, node) in nodes.iter_mut().enumerate() {
        node.stop();
        write_keys(&key_file(n), &format!("2:{NEW}"));
        node.start();
    }
    chat_with_every_key(&doors[0], &traffic, &fake).await;
    chat_with_every_key(&doors[1], &traffic, &fake).await;
}

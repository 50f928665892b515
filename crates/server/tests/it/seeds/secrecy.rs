//! Seed 000, what is promised of a stored key: no answer, no log line and no byte of the database shows it, and
//! neither member nor admin nor operator has a route that does.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use testkit::canary::Canaries;
use testkit::http::Whole;

use super::people::{Caller, Workspace, api_keys, byok_key, stored};
use super::site::{Asked, Site, fresh};

on_both! {
    no_route_answers_with_a_stored_key
    no_write_answers_with_the_key_it_was_sent
    there_is_no_way_to_plaintext_not_even_for_admins
    the_key_is_never_written_to_logs
    the_prompt_is_never_written_to_logs
    only_ciphertext_is_stored
    the_encryption_key_never_leaves_the_server
    the_cipher_is_the_one_that_was_chosen
    keys_are_used_only_to_route_your_requests
}

/// One key through each face there is.
struct Faces {
    workspace: Workspace,
    keys: BTreeMap<&'static str, String>,
    /// What each route's name for a thing is here.
    ids: BTreeMap<&'static str, String>,
    answers: Vec<(String, Whole)>,
}

impl Faces {
    async fn of(site: &Site) -> Self {
        let workspace = site.workspace().await;
        let starts = [("openai", "sk-proj-"), ("groq", "gsk_"), ("together", ""), ("smtp", "re_")];
        let keys: BTreeMap<_, _> = starts.map(|(name, start)| (name, fresh(start))).into();
        let ids = BTreeMap::from([
            ("workspaces", workspace.id.clone()),
            ("projects", workspace.project.clone()),
            ("byok-keys", "groq".to_owned()),
            ("secrets", "smtp".to_owned()),
            ("models", "gpt-4o".to_owned()),
            ("providers", "openai".to_owned()),
        ]);
        let mut faces = Self { workspace, keys, ids, answers: Vec::new() };
        faces.write().await;
        faces
    }

    async fn write(&mut self) {
        let (owner, tenant) = (self.workspace.owner.clone(), self.workspace.tenant());
        let key = |name: &str| self.keys[name].clone();
        let body = json!({ "provider": "openai", "api_key": key("openai"), "label": "mine" });
        let made = self.workspace.try_provider_key(body).await.expect(201);
        self.ids.insert("provider-keys", made.at("/id"));
        let path = byok_key(&self.workspace.project, "groq");
        let put = stored(owner.put(&path, json!({ "api_key": key("groq") })).await);
        let secret = |name: &str, value: String, category: &str| json!({ "name": name, "value": value, "category": category });
        let provider = secret("provider_key_together", key("together"), "llm_provider");
        let provider = tenant.post("/api/secrets", provider).await.expect(201);
        let general = secret("smtp", key("smtp"), "api_key");
        let general = tenant.post("/api/secrets", general).await.expect(201);
        let path = api_keys(&self.workspace.project);
        let made_key = owner.post(&path, json!({ "name": "app" })).await.expect(201);
        self.ids.insert("api-keys", made_key.at("/id"));
        let answers = [("a key", made), ("a BYOK key", put), ("a secret", provider)];
        self.answers = answers.map(|(name, answer)| (name.to_owned(), answer)).into();
        self.answers.push(("a general secret".to_owned(), general));
    }

    fn canaries(&self) -> Canaries {
        let each = self.keys.iter();
        each.fold(Canaries::new(), |canaries, (name, key)| {
            // Of the beginning up to eight characters are shown.
            canaries.any_part(name, &key[key.len() - 40..])
        })
    }

    /// The documented route with the names of what is here in the places of its parameters.
    fn filled(&self, template: &str) -> String {
        let mut before = "";
        let mut path = String::new();
        for part in template.split('/').skip(1) {
            let known = self.ids.get(before).map_or("nothing", String::as_str);
            path.push('/');
            path.push_str(if part.starts_with('{') { known } else { part });
            before = part;
        }
        path
    }

    #[track_caller]
    fn show_nothing(&self) {
        let canaries = self.canaries();
        let mut found = Vec::new();
        for (name, answer) in &self.answers {
            let whole = format!("{:?}\n{}", answer.headers, answer.text());
            found.extend(canaries.scan(&format!("the answer to {name}"), whole.as_bytes()));
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// Every route of the published description, with its methods.
async fn routes(site: &Site) -> Vec<(String, Vec<Method>)> {
    let description = site.api.get("/api/openapi.json").whole().await.expect(200).json();
    let paths = description["paths"].as_object().expect("paths");
    assert!(paths.len() > 30, "all routes are described: {}", paths.len());
    let methods = |operations: &Value| {
        let names = operations.as_object().expect("operations").keys();
        names.filter_map(|name| name.to_uppercase().parse().ok()).collect()
    };
    paths.iter().map(|(path, operations)| (path.clone(), methods(operations))).collect()
}

/// Seed 000: "The key is never written to logs or returned from any API."
async fn no_route_answers_with_a_stored_key(site: &Site) {
    let mut faces = Faces::of(site).await;
    let wide = faces.workspace.tenant_key(json!({})).await;
    let callers =
        [("owner", faces.workspace.tenant()), ("key", wide), ("operator", site.operator())];
    let mut answered = 0;

    let routes = routes(site).await.into_iter();
    let reads = routes.filter(|(_, methods)| methods.contains(&Method::GET));
    let beside = ["/v1/models", "/metrics", "/readyz", "/api/openapi.json"].map(str::to_owned);
    for template in reads.map(|(template, _)| template).chain(beside) {
        let path = faces.filled(&template);
        for (who, caller) in &callers {
            let answer = caller.get(&path).await;
            answered += usize::from(answer.status.is_success());
            faces.answers.push((format!("GET {template} as {who}"), answer));
        }
    }

    faces.show_nothing();
    assert!(answered > 30, "most routes have something to say: {answered}");
    let list = faces.workspace.owner.get(&faces.workspace.path("provider-keys")).await.expect(200);
    assert!(list.text().contains("sk-proj-...****"), "the list was of these keys: {}", list.text());
}

/// Seed 000: "... or returned from any API", not even in the words of a refusal.
async fn no_write_answers_with_the_key_it_was_sent(site: &Site) {
    let mut faces = Faces::of(site).await;
    let owner = faces.workspace.tenant();
    let lost = faces.keys["openai"].clone();

    for (template, methods) in routes(site).await {
        let is_ours = !template.starts_with("/v1/operator") && !template.contains("/sessions");
        for method in methods.into_iter().filter(|method| is_ours && *method != Method::DELETE) {
            let body =
                json!({ "api_key": lost, "value": lost, "name": [lost], (lost.as_str()): 1 });
            let path = faces.filled(&template);
            let answer = owner.call(method.clone(), &path, Some(body)).await;
            assert!(!answer.status.is_server_error(), "{method} {path}: {}", answer.text());
            faces.answers.push((format!("{method} {template}"), answer));
        }
    }

    faces.show_nothing();
    assert!(faces.answers.len() > 40, "{} answers", faces.answers.len());
}

/// Seed 000: "The API has no endpoint that returns provider plaintext — not even to admins."
async fn there_is_no_way_to_plaintext_not_even_for_admins(site: &Site) {
    let mut faces = Faces::of(site).await;
    let (id, ws) = (faces.ids["provider-keys"].clone(), faces.workspace.id.clone());
    let project = faces.workspace.project.clone();
    let guesses = [
        format!("/v1/workspaces/{ws}/provider-keys/{id}/secret"),
        format!("/v1/workspaces/{ws}/provider-keys/{id}/plaintext"),
        format!("/v1/workspaces/{ws}/provider-keys/{id}/export"),
        format!("/api/v1/projects/{project}/byok-keys/groq/secret"),
        format!("/api/v1/projects/{project}/byok-keys/groq/value"),
        "/api/secrets/smtp/value".to_owned(),
        format!("/v1/operator/workspaces/{ws}/provider-keys/{id}"),
    ];
    let shown = [
        format!("/v1/workspaces/{ws}/provider-keys/{id}?reveal=true&include=secret,api_key"),
        format!("/api/v1/projects/{project}/byok-keys?reveal=true"),
        "/api/secrets/smtp?reveal=true&include=value".to_owned(),
    ];
    let admin = faces.workspace.join("admin").await.in_tenant(&ws);

    for caller in [faces.workspace.tenant(), admin, site.operator().in_tenant(&ws)] {
        for path in &guesses {
            let answer = caller.get(path).await;
            assert!(matches!(answer.status.as_u16(), 404 | 405), "{path}: {}", answer.text());
        }
        for path in &shown {
            let answer = caller.get(path).await;
            faces.answers.push((path.clone(), answer));
        }
    }

    faces.show_nothing();
}

/// Seed 000: "The key is never written to logs" (002: "never exposed in logs"; 004: "Never logged").
async fn the_key_is_never_written_to_logs(site: &Site) {
    let faces = Faces::of(site).await;
    let bad = fresh("bad-");
    let refused = json!({ "provider": "openai", "api_key": bad });
    faces.workspace.try_provider_key(refused).await.expect(400);
    let chat = faces.workspace.application(json!({})).await.chat("openai/gpt-4o").await.expect(200);

    let log = site.log();

    let canaries = faces.canaries().any_part("the refused key", &bad[4..]);
    let found = canaries.scan("the log", log.as_bytes());
    assert!(found.is_empty(), "{}", found.join("\n"));
    let id = chat.header("x-keystile-request-id").expect("an id");
    assert!(log.contains(id), "the log is of this gateway, and holds this request");
}

/// Seed 000: "We log tokens, latency and cost — never the key, never the prompt body."
async fn the_prompt_is_never_written_to_logs(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    workspace.add_provider_key("openai", &key).await;
    let app = workspace.application(json!({})).await;
    let prompt = fresh("please tell me about ");

    let body =
        json!({ "model": "openai/gpt-4o", "messages": [{ "role": "user", "content": prompt }] });
    let chat = app.post("/v1/chat/completions", body).await.expect(200);

    let canaries = Canaries::new().any_part("the prompt", &prompt[prompt.len() - 40..]);
    let id = chat.header("x-keystile-request-id").expect("an id");
    assert!(site.log().contains(id));
    let mut found = canaries.scan("the log", site.log().as_bytes());
    if let Some(kept) = site.stored() {
        found.extend(canaries.scan("the database", &kept));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(site.asked("openai", &key).calls, 1, "and yet it was sent");
}

/// Seed 000: "stores the ciphertext only"; "never holds provider credentials in plaintext".
async fn only_ciphertext_is_stored(site: &Site) {
    let faces = Faces::of(site).await;
    let label = fresh("label ");
    let body = json!({ "provider": "openai", "api_key": fresh("sk-"), "label": label });
    faces.workspace.try_provider_key(body).await.expect(201);
    faces.workspace.application(json!({})).await.chat("openai/gpt-4o").await.expect(200);

    let Some(kept) = site.stored() else { return };

    let found = faces.canaries().scan("the database", &kept);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let control = Canaries::new().whole("the label", &label);
    assert!(!control.scan("the database", &kept).is_empty(), "what is no secret is found");
}

/// Seed 000: "The encryption key never leaves the server."
async fn the_encryption_key_never_leaves_the_server(site: &Site) {
    let master_key = site.master_key();
    assert!(master_key.len() >= 40, "{} characters", master_key.len());
    let canaries = Canaries::new().any_part("the master key", &master_key);
    let operator = site.operator();
    let mut found = Vec::new();

    for (template, methods) in routes(site).await {
        if methods.contains(&Method::GET) && !template.contains('{') {
            let answer = operator.get(&template).await.text();
            found.extend(canaries.scan(&format!("GET {template}"), answer.as_bytes()));
        }
    }

    found.extend(canaries.scan("the log", site.whole_log().as_bytes()));
    if let Some(kept) = site.stored() {
        found.extend(canaries.scan("the database", &kept));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Seeds 000: "Fernet", from `PROVIDER_KEY_ENCRYPTION_KEY` (here with PostgreSQL); 001: "AES-256 at rest" and 002:
/// "encrypted vault (AES-256-GCM)" (here with SQLite).
async fn the_cipher_is_the_one_that_was_chosen(site: &Site) {
    let (suite, number) = site.suite();
    site.workspace().await.add_provider_key("openai", &fresh("sk-")).await;

    let vault = site.operator().get("/v1/operator/vault").await.expect(200).json();

    assert_eq!(vault["suite"], suite, "{vault}");
    let Some(kept) = site.stored() else { return };
    let envelope = [b"KSTL\x01", [number].as_slice()].concat();
    let hex: String = envelope.iter().map(|byte| format!("{byte:02x}")).collect();
    let holds = |needle: &[u8]| kept.windows(needle.len()).any(|window| window == needle);
    assert!(holds(&envelope) || holds(hex.as_bytes()), "an envelope of {suite}");
}

/// Seed 000: "use them only to route your requests".
async fn keys_are_used_only_to_route_your_requests(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let body = json!({ "provider": "openai", "api_key": key, "validate_before_save": false });
    workspace.try_provider_key(body).await.expect(201);
    let app: Caller = workspace.application(json!({})).await;
    assert_eq!(site.asked("openai", &key), Asked::default());

    app.chat("openai/gpt-4o").await.expect(200);

    assert_eq!(site.asked("openai", &key), Asked { probes: 0, calls: 1 });
}

//! The official SDKs and the coding agents as callers: nothing but the base URL and the key is ours. Each asks its own
//! provider and those of other dialects, and cannot tell them apart.

mod agents;
mod details;
mod node;
mod python;

use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::fake::{FakeProvider, SeenRequest};
use testkit::process::Program;
use testkit::{Options, TestApp, skip};

const OPENAI_KEY: &str = "sk-good-1234567890";
const PROVIDER_KEYS: [(&str, &str); 3] = [
    ("anthropic", "sk-ant-good-1234567890"),
    ("gemini", "AIza-good-1234567890"),
    ("openai", OPENAI_KEY),
];

/// Models as applications name them, one of each provider.
const OPENAI: &str = "openai/gpt-5.4-mini";
const ANTHROPIC: &str = "anthropic/claude-sonnet-5";
const GEMINI: &str = "gemini/gemini-3-flash-preview";

/// A gateway that is set up, and a provider behind it that speaks every dialect.
struct Site {
    fake: FakeProvider,
    app: TestApp,
    key: String,
}

impl Site {
    async fn open() -> Self {
        let fake = FakeProvider::start().await;
        let providers =
            [("openai", fake.base_url()), ("anthropic", fake.url()), ("gemini", fake.url())];
        let providers = providers.map(|(name, url)| (name.to_owned(), url)).into();
        let options = Options { providers, ..Options::default() };
        let app = TestApp::start_with(options).await.expect("SQLite is always there");
        let owner = app.set_up().await;
        for (provider, key) in PROVIDER_KEYS {
            let mut body = json!({ "provider": provider, "api_key": key });
            if provider == "gemini" {
                // The free one allows fewer requests a minute than are made here.
                body["selected_tier"] = "tier-1".into();
            }
            app.add_provider_key(&owner, &body).await.expect(201);
        }
        let key = app.gateway_key(&owner, &json!({ "name": "sdk" })).await.expect(201).at("/key");
        Self { fake, app, key }
    }

    /// Below the gateway's address.
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app.address())
    }

    fn folder(&self) -> &Path {
        self.app.folder.path()
    }

    /// A script in Python, told where it is and with what key.
    fn python(&self, python: &Path, script: &str, base: &str) -> Program {
        let program =
            Program::new(python, self.folder()).arg("-Wignore").arg(scripts().join(script));
        self.told(program, base).env("PYTHONDONTWRITEBYTECODE", "1")
    }

    fn told(&self, program: Program, base: &str) -> Program {
        program.env("BASE_URL", self.url(base)).env("API_KEY", &self.key)
    }

    /// Runs the scenarios, and looks at what reached the provider: its own dialect, its own key, and not the gateway's.
    #[track_caller]
    fn speak(&self, program: Program, model: &str, scenarios: &[&str]) {
        let before = self.fake.requests().len();

        program.env("MODEL", model).args(scenarios).run("").well();

        let seen = self.fake.requests().split_off(before);
        assert!(!seen.is_empty(), "nothing reached the provider");
        for request in seen {
            self.judge(&request, model);
        }
    }

    #[track_caller]
    fn judge(&self, request: &SeenRequest, model: &str) {
        let provider = model.split('/').next().unwrap_or_default();
        let (_, key) =
            PROVIDER_KEYS.iter().find(|(name, _)| *name == provider).expect("a provider");
        assert_eq!(request.key(), Some(*key), "{}", request.path());
        let path = request.path();
        let is_own = match provider {
            "anthropic" => path.starts_with("/v1/messages"),
            "gemini" => path.starts_with("/v1beta/") || path.starts_with("/v1/models/"),
            _ => path.starts_with("/v1/") && !path.starts_with("/v1/messages"),
        };
        assert!(is_own, "{model} was asked at {path}");
        let all = format!("{:?}{}", request.headers, String::from_utf8_lossy(&request.body));
        assert!(!all.contains(&self.key), "{path} was told the gateway key");
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// What `.ci/run` makes.
fn made(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(path)
}

/// The one that is asked for, else the one that `.ci/run` makes, else the machine's: whichever has this package.
pub fn python(package: &str) -> Option<PathBuf> {
    let made = made("sdk-venv/bin/python");
    let candidates = match asked_for() {
        Some(python) => vec![python],
        None => [made].into_iter().filter(|made| made.exists()).chain(["python3".into()]).collect(),
    };
    let folder = std::env::temp_dir();
    let imports = |python: &PathBuf| {
        let script = "\"$0\" -c \"import $1\"";
        let shell = Program::new("sh", &folder).args(["-c", script]).arg(python).arg(package);
        shell.run("").status.success()
    };
    let found = candidates.into_iter().find(imports);
    if found.is_none() {
        skip::skipped(&format!("{package}: none of the Pythons here can import it, see .ci/run"));
    }
    found
}

#[expect(
    clippy::disallowed_methods,
    reason = "says where a tool of this test is, and configures nothing of the gateway"
)]
fn asked_for() -> Option<PathBuf> {
    std::env::var_os("KEYSTILE_TEST_PYTHON").map(PathBuf::from)
}

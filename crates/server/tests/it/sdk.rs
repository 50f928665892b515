//! The official OpenAI SDK for Python as a caller: nothing but its base URL and its key is ours.

use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::fake::{FakeProvider, Reply, Step, chat_stream_bytes};
use testkit::process::{Ended, Program};
use testkit::{TestApp, skip};

const PROVIDER_KEY: &str = "sk-good-1234567890";

/// A gateway that is set up, and an application that speaks through the SDK.
struct Application {
    python: PathBuf,
    fake: FakeProvider,
    app: TestApp,
    key: String,
}

impl Application {
    /// `None` where no Python has the SDK, which has been said by then.
    async fn start() -> Option<Self> {
        let python = python("openai")?;
        let fake = FakeProvider::start().await;
        let app = TestApp::start(&fake).await;
        let (_, key) = app.ready(PROVIDER_KEY).await;
        Some(Self { python, fake, app, key })
    }

    #[track_caller]
    fn run(&self, scenario: &str) {
        self.run_with(scenario, &self.key).well();
    }

    fn run_with(&self, scenario: &str, key: &str) -> Ended {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/openai_chat.py");
        Program::new(&self.python, self.app.folder.path())
            .env("BASE_URL", format!("http://{}/v1", self.app.address()))
            .env("API_KEY", key)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(script)
            .arg(scenario)
            .run("")
    }
}

/// The one that is asked for, else the one that `.ci/run` makes, else the machine's: whichever has this package.
pub fn python(package: &str) -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sdk-venv/bin/python");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_completes_and_streams() {
    let Some(application) = Application::start().await else { return };

    for scenario in ["completes", "streams", "streams_with_usage"] {
        application.run(scenario);

        let seen = application.fake.last_request();
        assert_eq!(seen.bearer(), Some(PROVIDER_KEY), "{scenario}");
        assert_eq!(seen.json()["model"], "gpt-5.4-mini", "{scenario}");
        let sent = String::from_utf8_lossy(&seen.body).into_owned();
        assert!(!sent.contains(&application.key), "{scenario}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_lists_models() {
    let Some(application) = Application::start().await else { return };

    application.run("lists_models");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_passes_fields_that_we_do_not_know_in_both_directions() {
    let Some(application) = Application::start().await else { return };

    application.run("sees_unknown_fields");
    application.run("sends_unknown_fields");

    let seen = application.fake.last_request();
    assert_eq!(seen.json()["x_new"], json!({ "b": 1, "a": [] }));
    assert_eq!(seen.json()["temperature"], json!(0.5));
    // What the SDK says of the application's machine is not the provider's business.
    assert!(seen.headers.keys().all(|name| !name.as_str().starts_with("x-")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_raises_the_error_that_fits() {
    let Some(application) = Application::start().await else { return };
    let asked = application.fake.requests().len();

    application.run_with("is_told_of_a_bad_key", "sk-not-ours").well();
    application.run("is_told_of_an_unknown_model");

    assert_eq!(application.fake.requests().len(), asked, "neither reaches the provider");
    let limited = Reply::openai_error(429, "tokens", Some("rate_limit_exceeded"), "slow down");
    application.fake.next(limited);
    application.run("is_told_of_the_providers_rate_limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_raises_an_error_where_a_stream_breaks() {
    let Some(application) = Application::start().await else { return };
    let all = chat_stream_bytes(5, false);
    for end in [Step::Cut, Step::Reset] {
        let half = Step::bytes(all.slice(..all.len() / 2));
        application.fake.next(Reply::stream(vec![half, end]));

        application.run("is_told_of_a_stream_that_breaks");
    }
    // An end without a terminator is a break as well.
    let half = all.windows(2).position(|pair| pair == b"\n\n").expect("an event") + 2;
    application.fake.next(Reply::stream(vec![Step::bytes(all.slice(..half))]));
    application.run("is_told_of_a_stream_that_breaks");
}

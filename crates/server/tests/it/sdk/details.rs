//! What an application sees of OpenAI's chat completions beyond the answer: unknown fields, errors, broken streams.

use serde_json::json;
use testkit::fake::{Reply, Step, chat_stream_bytes};
use testkit::process::Ended;

use super::{OPENAI_KEY, Site, python};

/// An application that speaks through the SDK.
struct Application {
    site: Site,
    python: std::path::PathBuf,
}

impl Application {
    /// `None` where no Python has the SDK, which has been said by then.
    async fn start() -> Option<Self> {
        let python = python("openai")?;
        Some(Self { site: Site::open().await, python })
    }

    #[track_caller]
    fn run(&self, scenario: &str) {
        self.run_with(scenario, &self.site.key).well();
    }

    fn run_with(&self, scenario: &str, key: &str) -> Ended {
        let program = self.site.python(&self.python, "openai_chat.py", "/v1");
        program.env("API_KEY", key).arg(scenario).run("")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_completes_and_streams() {
    let Some(application) = Application::start().await else { return };

    for scenario in ["completes", "streams", "streams_with_usage"] {
        application.run(scenario);

        let seen = application.site.fake.last_request();
        assert_eq!(seen.bearer(), Some(OPENAI_KEY), "{scenario}");
        assert_eq!(seen.json()["model"], "gpt-5.4-mini", "{scenario}");
        let sent = String::from_utf8_lossy(&seen.body).into_owned();
        assert!(!sent.contains(&application.site.key), "{scenario}: {sent}");
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

    let seen = application.site.fake.last_request();
    assert_eq!(seen.json()["x_new"], json!({ "b": 1, "a": [] }));
    assert_eq!(seen.json()["temperature"], json!(0.5));
    // What the SDK says of the application's machine is not the provider's business.
    assert!(seen.headers.keys().all(|name| !name.as_str().starts_with("x-")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_raises_the_error_that_fits() {
    let Some(application) = Application::start().await else { return };
    let asked = application.site.fake.requests().len();

    application.run_with("is_told_of_a_bad_key", "sk-not-ours").well();
    application.run("is_told_of_an_unknown_model");

    assert_eq!(application.site.fake.requests().len(), asked, "neither reaches the provider");
    let limited = Reply::openai_error(429, "tokens", Some("rate_limit_exceeded"), "slow down");
    application.site.fake.next(limited);
    application.run("is_told_of_the_providers_rate_limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_raises_an_error_where_a_stream_breaks() {
    let Some(application) = Application::start().await else { return };
    let all = chat_stream_bytes(5, false);
    for end in [Step::Cut, Step::Reset] {
        let half = Step::bytes(all.slice(..all.len() / 2));
        application.site.fake.next(Reply::stream(vec![half, end]));

        application.run("is_told_of_a_stream_that_breaks");
    }
    // An end without a terminator is a break as well, once there was a word: before it, another attempt is made.
    let ends = all.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n");
    let half = ends.map(|(position, _)| position + 2).nth(1).expect("two events");
    application.site.fake.next(Reply::stream(vec![Step::bytes(all.slice(..half))]));
    application.run("is_told_of_a_stream_that_breaks");
}

//! Claude Code and Codex, started by `keystile run`: one turn each, at their own provider and at another.

use std::path::PathBuf;

use testkit::process::Program;
use testkit::skip;

use super::{ANTHROPIC, GEMINI, OPENAI, Site, made};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
const WORDS: &str = "Hello from the fäke 🦀";

/// `None` where it is missing, which has been said by then.
fn agent(name: &str) -> Option<PathBuf> {
    let program = made("sdk-node/node_modules/.bin").join(name);
    if !program.exists() {
        skip::skipped(&format!("{name} is not in target/sdk-node, see .ci/run"));
        return None;
    }
    Some(program)
}

impl Site {
    /// With a home of its own, and no word to anybody but the gateway.
    fn agent(&self, name: &str, program: &PathBuf) -> Program {
        let home = self.folder().join(name);
        std::fs::create_dir_all(&home).expect("a home");
        let node = made("sdk-venv/bin");
        Program::new(KEYSTILE, &home)
            .env("HOME", &home)
            .env("PATH", format!("{}:/usr/bin:/bin", node.display()))
            .env("KEYSTILE_KEY", &self.key)
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("DISABLE_ERROR_REPORTING", "1")
            .env("DISABLE_TELEMETRY", "1")
            .args(["run", "--url", &self.url("")])
            .arg(program)
            .arg("--")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claude_code_does_not_see_who_has_the_model() {
    let Some(claude) = agent("claude") else { return };
    let site = Site::open().await;
    for model in [ANTHROPIC, OPENAI, GEMINI] {
        let program = site.agent("claude", &claude).args(["--model", model, "-p", "say hello"]);

        let said = program.run("").well();

        assert_eq!(said.trim(), WORDS, "{model}");
        site.judge(&site.fake.last_request(), model);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_does_not_see_who_has_the_model() {
    let Some(codex) = agent("codex") else { return };
    let site = Site::open().await;
    for model in [OPENAI, ANTHROPIC, GEMINI] {
        let settings =
            ["exec", "--skip-git-repo-check", "--sandbox", "read-only", "--model", model];
        let program =
            site.agent("codex", &codex).args(settings).args(["-c", "analytics.enabled=false"]);

        let said = program.arg("say hello").run("").well();

        assert_eq!(said.trim(), WORDS, "{model}");
        site.judge(&site.fake.last_request(), model);
    }
}

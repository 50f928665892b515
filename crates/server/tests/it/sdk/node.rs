//! The SDKs for Node: OpenAI's, Anthropic's, and Vercel's AI SDK over three providers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use testkit::process::Program;
use testkit::skip;

use super::{ANTHROPIC, GEMINI, OPENAI, Site, made, scripts};

const OPENAI_SDK: [&str; 6] = [
    "chats",
    "chats_in_a_stream",
    "chats_with_two_tools",
    "responds_in_a_stream",
    "responds_with_a_tool",
    "is_told_of_its_mistakes",
];
const ANTHROPIC_SDK: [&str; 5] = [
    "chats",
    "chats_in_a_stream",
    "chats_with_two_tools_in_a_stream",
    "chats_by_a_schema",
    "is_told_of_its_mistakes",
];
const AI_SDK: [&str; 6] = [
    "chats",
    "chats_in_a_stream",
    "chats_with_two_tools",
    "chats_with_a_tool_in_a_stream",
    "chats_by_a_schema",
    "is_told_of_its_mistakes",
];

/// Node, and a folder from which a script finds the SDKs.
struct Node {
    node: PathBuf,
    folder: PathBuf,
}

impl Node {
    /// `None` where Node or the SDKs are missing, which has been said by then.
    fn set_up(site: &Site) -> Option<Self> {
        let modules = made("sdk-node/node_modules");
        let node = made("sdk-venv/bin/node");
        if !modules.join("ai").exists() || !node.exists() {
            skip::skipped("Node's SDKs are not in target/sdk-node, see .ci/run");
            return None;
        }
        // Node looks for modules beside the script.
        let folder = site.folder().join("node");
        fs::create_dir(&folder).expect("a new folder");
        symlink(fs::canonicalize(modules).expect("the modules"), folder.join("node_modules"))
            .expect("a link to the modules");
        for script in fs::read_dir(scripts().join("node")).expect("the scripts") {
            let script = script.expect("a script");
            fs::copy(script.path(), folder.join(script.file_name())).expect("a copy");
        }
        Some(Self { node, folder })
    }

    fn script(&self, site: &Site, name: &str, base: &str) -> Program {
        site.told(Program::new(&self.node, &self.folder).arg(name), base)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openais_sdk_does_not_see_who_has_the_model() {
    let site = Site::open().await;
    let Some(node) = Node::set_up(&site) else { return };

    for model in [OPENAI, ANTHROPIC, GEMINI] {
        site.speak(node.script(&site, "openai_sdk.js", "/v1"), model, &OPENAI_SDK);
    }
    let embeds = node.script(&site, "openai_sdk.js", "/v1");
    let embeds = embeds.env("EMBEDDING_MODEL", "openai/text-embedding-3-small");
    site.speak(embeds, OPENAI, &["embeds"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropics_sdk_does_not_see_who_has_the_model() {
    let site = Site::open().await;
    let Some(node) = Node::set_up(&site) else { return };

    for model in [ANTHROPIC, OPENAI, GEMINI] {
        site.speak(node.script(&site, "anthropic_sdk.js", ""), model, &ANTHROPIC_SDK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ai_sdk_does_not_see_who_has_the_model() {
    let site = Site::open().await;
    let Some(node) = Node::set_up(&site) else { return };

    for (dialect, base, own, other) in [
        ("chat", "/v1", OPENAI, GEMINI),
        ("responses", "/v1", OPENAI, ANTHROPIC),
        ("anthropic", "/v1", ANTHROPIC, OPENAI),
        ("gemini", "/v1beta", GEMINI, ANTHROPIC),
    ] {
        for model in [own, other] {
            let program = node.script(&site, "ai_sdk.js", base).env("DIALECT", dialect);
            site.speak(program, model, &AI_SDK);
        }
    }
    for (dialect, base, model, embedder) in [
        ("chat", "/v1", OPENAI, "openai/text-embedding-3-small"),
        ("gemini", "/v1beta", GEMINI, "gemini/gemini-embedding-2"),
    ] {
        let program = node.script(&site, "ai_sdk.js", base).env("DIALECT", dialect);
        site.speak(program.env("EMBEDDING_MODEL", embedder), model, &["embeds"]);
    }
}

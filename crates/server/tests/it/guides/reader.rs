//! Somebody at a terminal with a guide, a gateway that has no owner yet, and the keys the guide asks for.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tempfile::TempDir;
use testkit::fake::{FakeProvider, RateLimits, Reply, chat_json_bytes};
use testkit::process::{Program, Running};

use super::pages::{Block, Page};

pub struct Reader {
    /// Every provider of the guides.
    _providers: FakeProvider,
    /// The reader's own, which asks for no key.
    endpoint: FakeProvider,
    _gateway: Running,
    port: u16,
    /// The data folder is in it.
    folder: TempDir,
}

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
const SETUP_TOKEN: &str = "a-set-up-token-of-ours";
/// Providers of the guides, by the variables that move them.
const PROVIDERS: [&str; 4] = ["GROQ", "MISTRAL", "OPENAI", "XAI"];
/// What the guides tell the reader to have.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("ADA_PASSWORD", "a battery that is stapled"),
    ("GROK_KEY", "xai-0123456789abcdefghijklmnopqrstuvwxyz"),
    ("GROQ_API_KEY", "gsk_0123456789abcdefghijklmnopqrstuvwxyz"),
    ("MISTRAL_API_KEY", "0123456789abcdefghijklmnopqrstuv"),
    ("OPENAI_API_KEY", "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz"),
    ("PASSWORD", "correct horse battery staple"),
    ("SETUP_TOKEN", SETUP_TOKEN),
    ("WEBHOOK_SECRET", "whsec-0123456789abcdefghijklmnop"),
];
/// Those of OpenAI's highest tier.
const LIMITS: RateLimits = RateLimits {
    limit_requests: 15_000,
    remaining_requests: 14_999,
    reset_requests: "4ms",
    limit_tokens: 40_000_000,
    remaining_tokens: 39_999_000,
    reset_tokens: "1ms",
};
/// As the guides write the addresses of the gateway and of an endpoint of the reader's own.
const GATEWAY: &str = "127.0.0.1:4040";
const ENDPOINT: &str = "http://127.0.0.1:11434/v1";

impl Reader {
    /// `None` without curl, which the guides need.
    pub async fn sit_down() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let curl = Program::new("sh", folder.path()).args(["-c", "command -v curl"]).run("");
        if !curl.status.success() {
            testkit::skip::skipped("curl is not installed");
            return None;
        }
        for name in ["backups", "bin", "home"] {
            fs::create_dir(folder.path().join(name)).expect("a new folder");
        }
        symlink(KEYSTILE, folder.path().join("bin/keystile")).expect("a link to the binary");
        let providers = FakeProvider::start().await;
        providers.always_probe(Reply::standard().with_rate_limits(LIMITS));
        providers.always(Reply::standard().with_rate_limits(LIMITS));
        let endpoint = FakeProvider::start().await;
        endpoint.always_probe(Reply::json(&json!({ "object": "list", "data": [] })));
        endpoint.always(Reply::text(200, "application/json", chat_json_bytes(3)));
        let port = free_port();
        let mut program = Program::new(KEYSTILE, folder.path())
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
            .env("KEYSTILE_EGRESS_ALLOW", format!("127.0.0.1/32:{}", endpoint.port()));
        for provider in PROVIDERS {
            let name = format!("KEYSTILE_PROVIDER_{provider}_BASE_URL");
            program = program.env(name, providers.base_url());
        }
        let gateway = program.start();
        gateway.url();
        Some(Self { _providers: providers, endpoint, _gateway: gateway, port, folder })
    }

    /// From its first block to its last.
    pub fn follow(&self, page: &Page) {
        let script: String =
            (0..).zip(&page.blocks).map(|(n, block)| self.step(n, block)).collect();
        let file = self.place("script");
        fs::write(&file, script).expect("a script");
        let mut shell = Program::new("sh", self.folder.path())
            .arg("-eu")
            .arg(&file)
            .env("BACKUPS", self.place("backups"))
            .env("HOME", self.place("home"));
        for (name, value) in ENVIRONMENT {
            shell = shell.env(name, value);
        }

        let ended = shell.run("");

        for (n, block) in (0..).zip(&page.blocks) {
            let at = format!("{}:{}", page.path, block.line);
            let (stdout, stderr) = (self.said(n, "out"), self.said(n, "err"));
            let has_ended = self.place(&format!("{n}.done")).exists();
            assert!(has_ended, "{at}: {}: {stdout}\n{stderr}\n{}", ended.status, ended.stderr);
            let missing = block.shown.as_ref().map(|shown| shown.missing_from(&stdout, &stderr));
            let missing = missing.unwrap_or_default();
            assert!(missing.is_empty(), "{at}: not said: {missing:#?}\n{stdout}\n{stderr}");
        }
        ended.well();
        for n in 0..page.blocks.len() {
            for end in ["out", "err", "done"] {
                fs::remove_file(self.place(&format!("{n}.{end}"))).expect("what a block left");
            }
        }
    }

    /// In the shell of the whole page, so that what one block sets the next one has.
    fn step(&self, number: usize, block: &Block) -> String {
        let here = format!("127.0.0.1:{}", self.port);
        let commands =
            block.commands.replace(GATEWAY, &here).replace(ENDPOINT, &self.endpoint.base_url());
        let path = "PATH=\"$PWD/bin:$PATH\"\n";
        let path = if number == 0 { path } else { "" };
        format!("{path}{{\n{commands}}} >{number}.out 2>{number}.err\n: >{number}.done\n")
    }

    fn said(&self, number: usize, end: &str) -> String {
        fs::read_to_string(self.place(&format!("{number}.{end}"))).unwrap_or_default()
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Links name the port, so that it has to be known before. It is below those that the kernel gives to whoever asks for any:
/// nobody takes it meanwhile.
fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(16);
    let next = || start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST;
    let mut ports = std::iter::repeat_with(next).take(COUNT as usize);
    let port = ports.find_map(|port| {
        let port = u16::try_from(port).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
    });
    port.expect("a free port")
}

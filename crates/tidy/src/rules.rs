//! What is allowed where, and why: the one place to read, and to argue about. Exemptions may only shrink.

/// Which of our crates a crate may use. `*` is every crate of the product.
pub const EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("vault", &["model"]),
    ("wire", &["model"]),
    ("store", &["model"]),
    ("gateway", &["model", "vault", "wire", "store"]),
    ("control", &["model", "vault", "store"]),
    ("server", &["*"]),
    ("testkit", &["*"]),
    ("bench", &["*", "testkit"]),
    ("tidy", &[]),
];

/// Never part of the product: tests may lean on it, and nothing else.
pub const DEV_ONLY: &str = "testkit";

/// Uses std alone, so that it is built before anything else is.
pub const STD_ONLY: &str = "tidy";

/// Which crates may use a library. What is not named is at home everywhere. Tests may use what they like.
pub const HOMES: &[(&str, &[&str], &str)] = &[
    // The harness asks a SQLite file itself whether it is whole.
    ("sqlx", &["store", "bench"], "SQL lives in store"),
    ("redis", &["store"], "SQL, Redis and the journal live in store"),
    ("axum", &["server"], "gateway and control know no HTTP framework"),
    ("clap", &["server", "bench"], "the command line is a skin"),
    ("hyper", &["gateway", "server", "testkit", "bench"], "connections are gateway's and server's"),
    (
        "hyper-util",
        &["gateway", "server", "testkit", "bench"],
        "connections are gateway's and server's",
    ),
    (
        "hyper-rustls",
        &["gateway", "server", "testkit", "bench"],
        "connections are gateway's and server's",
    ),
    ("reqwest", &[], "every outgoing call goes through gateway/src/upstream"),
    ("aes-gcm", &["vault"], "only the vault encrypts"),
    ("aes", &["vault"], "only the vault encrypts"),
    ("cbc", &["vault"], "only the vault encrypts"),
    ("salsa20", &["vault"], "only the vault encrypts"),
    ("poly1305", &["vault"], "only the vault encrypts"),
    ("hkdf", &["vault"], "only the vault derives keys"),
    ("hmac", &["vault"], "only the vault derives keys"),
    ("jsonwebtoken", &["vault"], "only the vault signs"),
    ("argon2", &["control"], "only control checks passwords"),
    (
        "tokio",
        &["store", "gateway", "control", "server", "testkit", "bench"],
        "model, vault and wire do no I/O",
    ),
    (
        "tracing",
        &["store", "gateway", "control", "server", "testkit", "bench"],
        "model, vault and wire return what is worth telling",
    ),
];

/// Text that only these modules may hold (`a/b` is `a/b.rs` and all below `a/b/`), compared without regard
/// to case.
pub const ONLY_IN: &[(&str, &[&str], &str)] = &[
    (".expose(", EXPOSING, "a key leaves the vault only to become a header"),
    ("::expose", EXPOSING, "a key leaves the vault only to become a header"),
    ("env::var", &["server/src/config"], "configuration is read once, in server/src/config"),
    ("SystemTime::now", &["model/src/clock"], "take a `&dyn Clock`"),
    ("Timestamp::now", &["model/src/clock"], "take a `&dyn Clock`"),
    ("getrandom::", &["model/src/random"], "take a `&dyn Random`"),
    ("\"select ", &["store/src"], "SQL lives in store"),
    ("\"insert ", &["store/src"], "SQL lives in store"),
    ("\"update ", &["store/src"], "SQL lives in store"),
    ("\"delete from", &["store/src"], "SQL lives in store"),
    (
        "hyper_util::client",
        // The command line calls the gateway that the person at this machine names.
        &["gateway/src/upstream", "server/src/cli/client"],
        "every outgoing call goes through gateway/src/upstream, where addresses are judged",
    ),
    ("process::exit(", &[], "return an ExitCode from main, so that guards are dropped"),
    ("task::spawn(", SPAWNING, "a task needs an owner that awaits it; name the file in rules.rs"),
    ("tokio::spawn", SPAWNING, "a task needs an owner that awaits it; name the file in rules.rs"),
    ("std::fs", TOUCHING_FILES, "model and wire do no I/O"),
    ("f32", FLOATING, "money and counts are whole numbers"),
    ("f64", FLOATING, "money and counts are whole numbers"),
];

const EXPOSING: &[&str] = &[
    "vault/src",
    "gateway/src/upstream/auth",
    // A new token is shown once.
    "control/src/gateway_keys",
    "control/src/invitations",
    "control/src/uploads",
    // What another system had sealed goes to the gateway that the person at this machine named.
    "server/src/cli/vault/import",
];

const SPAWNING: &[&str] = &[
    // The commit and its news happen together, whoever waits for them; awaited on the spot.
    "store/src/write",
    // The drainer, the follower and the keeper, joined when the gateway stops.
    "server/src/boot",
    // The accept loop, joined by `stop`; it owns the connections' tasks.
    "server/src/listener",
];

const FLOATING: &[&str] = &[
    // Seconds until a window is open again.
    "gateway/src/headroom/reading",
    // A temperature's neighbour, as its dialect writes it.
    "wire/src/anthropic/ask/write",
    // When an answer was made, and whether an account says that nothing is left.
    "wire/src/openai/responses/reply",
    "wire/src/account",
    // A fraction in a body, which is read over.
    "wire/src/reach/value",
    // Vectors and times, which nobody pays by.
    "testkit/src/fake",
    "bench/src",
];

const TOUCHING_FILES: &[&str] =
    &["vault/src", "store/src", "gateway/src", "control/src", "server/src"];

/// Names that say nothing about what is inside.
pub const EMPTY_NAMES: &[&str] =
    &["utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"];

/// The stages of a request; each may import those before it. The recorder exists before the first byte
/// leaves, so that `attempt` and `stream` can only report to it.
pub const STAGES: &[&str] =
    &["accept", "authenticate", "parse", "authorize", "plan", "record", "attempt", "stream"];

/// They parse, call one function of control or gateway, and render. They never import one another.
pub const SKINS: &[&str] = &["cli", "console", "mcp", "rest"];

pub struct Exemption {
    pub place: &'static str,
    pub what: &'static str,
    pub reason: &'static str,
}

/// Imports that may close a cycle: the crate, and `from -> to`.
pub const CYCLES_EXEMPT: &[Exemption] = &[];

/// SQL below `store/src/workspace` without a workspace: the file, and a part of the statement.
pub const TENANTLESS_SQL: &[Exemption] = &[
    Exemption {
        place: "store/src/workspace/provider_keys.rs",
        what: "set name = name",
        reason: "locks the workspace: its own row has its id as `id`",
    },
    Exemption {
        place: "store/src/workspace.rs",
        what: "set name = $2, plan = $3, settings = $4",
        reason: "saves the workspace: its own row has its id as `id`",
    },
    Exemption {
        place: "store/src/workspace.rs",
        what: "delete from workspaces",
        reason: "deletes the workspace: its own row has its id as `id`",
    },
];

/// Packages that may not be built into the product.
pub const BANNED: &[(&str, &str)] = &[
    ("native-tls", "TLS is rustls on aws-lc-rs"),
    ("openssl", "TLS is rustls on aws-lc-rs"),
    ("openssl-sys", "TLS is rustls on aws-lc-rs"),
    ("ring", "cryptography is aws-lc-rs or RustCrypto"),
    ("rsa", "timing attacks (RUSTSEC-2023-0071)"),
];

/// Edges of the lock that are in no build: the parent, and the banned package.
pub const LOCK_EXEMPT: &[Exemption] = &[Exemption {
    place: "rustls-webpki",
    what: "ring",
    reason: "cargo locks what a weak feature (`ring?/alloc`) names; a build with ring would show the \
             edge from rustls too, and `cargo deny` judges the build",
}];

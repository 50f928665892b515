//! The SDKs for Python: OpenAI's, Anthropic's, Google's, and LangChain over two of them.

use super::{ANTHROPIC, GEMINI, OPENAI, Site, python};

/// What OpenAI's SDK can do with any model that chats.
const OPENAI_SDK: [&str; 14] = [
    "chats",
    "chats_in_a_stream",
    "chats_with_a_tool",
    "chats_with_two_tools_in_a_stream",
    "chats_by_a_schema",
    "sees_pictures",
    "thinks",
    "responds",
    "responds_in_a_stream",
    "responds_with_two_tools",
    "responds_with_a_tool_in_a_stream",
    "responds_by_a_schema",
    "is_told_of_an_unknown_model",
    "is_told_of_a_bad_key",
];
/// What only OpenAI's own models do.
const ONLY_OPENAI: [&str; 6] =
    ["completes_text", "moderates", "draws", "speaks", "transcribes", "is_told_of_a_bad_request"];
const ANTHROPIC_SDK: [&str; 11] = [
    "chats",
    "chats_with_a_token",
    "chats_in_a_stream",
    "chats_with_a_tool",
    "chats_with_two_tools_in_a_stream",
    "chats_by_a_schema",
    "sees_pictures",
    "thinks",
    "counts_tokens",
    "is_told_of_an_unknown_model",
    "is_told_of_a_bad_key",
];
const GOOGLE_SDK: [&str; 9] = [
    "chats",
    "chats_in_a_stream",
    "chats_with_two_tools",
    "chats_with_a_tool_in_a_stream",
    "chats_by_a_schema",
    "sees_pictures",
    "thinks",
    "is_told_of_an_unknown_model",
    "is_told_of_a_bad_key",
];
const LANGCHAIN: [&str; 6] = [
    "chats",
    "chats_in_a_stream",
    "chats_with_two_tools",
    "chats_with_a_tool_in_a_stream",
    "chats_by_a_schema",
    "is_told_of_its_mistakes",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openais_sdk_does_not_see_who_has_the_model() {
    let Some(python) = python("openai") else { return };
    let site = Site::open().await;

    for model in [OPENAI, ANTHROPIC, GEMINI] {
        site.speak(site.python(&python, "openai_sdk.py", "/v1"), model, &OPENAI_SDK);
    }
    // The prefix that some programs insist on.
    let mounted = site.python(&python, "openai_sdk.py", "/openai");
    site.speak(
        mounted,
        ANTHROPIC,
        &["chats", "responds_in_a_stream", "is_told_what_its_model_cannot"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openais_sdk_does_what_is_no_conversation() {
    let Some(python) = python("openai") else { return };
    let site = Site::open().await;
    let program = || site.python(&python, "openai_sdk.py", "/v1");

    site.speak(program(), OPENAI, &ONLY_OPENAI);
    for (model, embedder) in
        [(OPENAI, "openai/text-embedding-3-small"), (GEMINI, "gemini/gemini-embedding-2")]
    {
        site.speak(program().env("EMBEDDING_MODEL", embedder), model, &["embeds"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropics_sdk_does_not_see_who_has_the_model() {
    let Some(python) = python("anthropic") else { return };
    let site = Site::open().await;

    for model in [ANTHROPIC, OPENAI, GEMINI] {
        let program = site.python(&python, "anthropic_sdk.py", "");
        site.speak(program, model, &ANTHROPIC_SDK);
    }
    let mounted = site.python(&python, "anthropic_sdk.py", "/anthropic");
    let own = ["lists_models", "shows_thoughts", "is_told_of_a_bad_request"];
    site.speak(mounted, ANTHROPIC, &own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn googles_sdk_does_not_see_who_has_the_model() {
    let Some(python) = python("google.genai") else { return };
    let site = Site::open().await;

    for model in [GEMINI, OPENAI, ANTHROPIC] {
        let program = site.python(&python, "google_genai_sdk.py", "/genai");
        site.speak(program, model, &GOOGLE_SDK);
    }
    let unmounted = site.python(&python, "google_genai_sdk.py", "");
    site.speak(unmounted, GEMINI, &["chats_in_a_stream"]);
    let mounted = site.python(&python, "google_genai_sdk.py", "/genai");
    site.speak(mounted, GEMINI, &["lists_models", "chats"]);
    // It asks for several vectors at a route that is Google's alone, and so goes through as it is.
    let through = site.python(&python, "google_genai_sdk.py", "/passthrough/gemini");
    site.speak(through.env("EMBEDDING_MODEL", "gemini-embedding-2"), GEMINI, &["embeds"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn langchain_does_not_see_who_has_the_model() {
    let Some(python) = python("langchain_openai, langchain_anthropic") else { return };
    let site = Site::open().await;
    let program = |dialect: &str, base: &str| {
        site.python(&python, "langchain_sdk.py", base).env("DIALECT", dialect)
    };

    for (dialect, base, model) in [
        ("openai", "/v1", OPENAI),
        ("openai", "/v1", ANTHROPIC),
        ("anthropic", "", ANTHROPIC),
        ("anthropic", "", GEMINI),
    ] {
        site.speak(program(dialect, base), model, &LANGCHAIN);
    }
    let embeds = program("openai", "/v1").env("EMBEDDING_MODEL", "openai/text-embedding-3-small");
    site.speak(embeds, OPENAI, &["embeds"]);
}

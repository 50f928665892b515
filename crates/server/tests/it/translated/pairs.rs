//! Each of the twelve pairs of a caller's dialect and a provider's, plain and streamed: what the provider said is what the
//! caller reads, with what it cost.

use serde_json::{Value, json};
use testkit::fake::{CACHED_TOKENS, PROMPT_TOKENS, REASONING_TOKENS, chat_content};
use testkit::http::Whole;

use super::super::routing::site::Site;
use super::dialects::{Dialect, Said, TOOL, Topic, Used};

const GREETING_TOKENS: u64 = 5;
const THOUGHT: &str = "They greet me.";
/// What the fake signs its thoughts with.
const SIGNATURE: &str = "c2lnbmVkLWJ5LXRoZS1mYWtl";

/// A caller, and a provider that does not speak as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    caller: Dialect,
    provider: Dialect,
}

impl Pair {
    fn all() -> impl Iterator<Item = Self> {
        let pairs = Dialect::ALL.into_iter().flat_map(|caller| {
            Dialect::ALL.into_iter().map(move |provider| Self { caller, provider })
        });
        pairs.filter(|pair| pair.caller != pair.provider)
    }

    /// One that can think, call tools and keep to a schema, at a provider that has no other way of being asked.
    fn model(self) -> &'static str {
        match (self.provider, self.caller) {
            // OpenAI would be asked in the caller's own words.
            (Dialect::Chat, Dialect::Responses) => "moonshot/kimi-k3",
            (Dialect::Chat, _) => "openai/gpt-5.4-mini",
            (Dialect::Gemini, _) => "gemini/gemini-3-flash-preview",
            (Dialect::Messages, _) => "anthropic/claude-sonnet-4-5",
            (Dialect::Responses, _) => "openai/gpt-5.4-pro",
        }
    }

    fn spoken_at(self) -> &'static str {
        match self.provider {
            Dialect::Chat => "/chat/completions",
            Dialect::Gemini => "enerateContent",
            Dialect::Messages => "/v1/messages",
            Dialect::Responses => "/responses",
        }
    }
}

async fn with_keys() -> Site {
    let site = Site::open().await;
    for provider in ["anthropic", "gemini", "moonshot", "openai"] {
        site.own_paid(provider, provider).await;
    }
    site
}

/// Asks, and has a look at what the provider got and what was written down.
async fn ask(site: &Site, pair: Pair, stream: bool, topic: &Topic<'_>) -> Said {
    let Pair { caller, .. } = pair;
    let body = caller.body(pair.model(), stream, topic);
    let path = caller.path(pair.model(), stream);
    let answer = site.app.api.post(&path, &body).header("x-api-key", &site.key).whole().await;

    assert_eq!(answer.status, 200, "{pair:?} stream={stream}: {}\n{body}", answer.text());
    let seen = site.fake.last_request();
    assert!(seen.path().ends_with(pair.spoken_at()), "{pair:?}: {}", seen.path());
    // A thought that came in pieces goes back in pieces, of which the last alone has a proof.
    let unproven = matches!(topic, Topic::WeatherTold { thinks: true, .. }).then_some("reasoning");
    let left_out = answer.header("x-keystile-left-out");
    assert!(left_out.is_none() || left_out == unproven, "{pair:?}: {left_out:?} of {body}");
    let said = caller.said(&answer, stream);
    assert_written_down(site, &answer, said.used).await;
    said
}

async fn assert_written_down(site: &Site, answer: &Whole, told: Used) {
    let rows = site.app.attempts_of(answer).await;
    let usage = rows[0].usage;
    let written = [usage.input_tokens, usage.cached_tokens, usage.output_tokens];
    assert_eq!(written, [Some(told.input), Some(told.cached), Some(told.output)], "{rows:?}");
    assert!(!usage.estimated && rows.len() == 1);
}

fn used(output: u64, thoughts: u64) -> impl Fn(Used) -> Used {
    move |told| Used {
        input: PROMPT_TOKENS,
        cached: CACHED_TOKENS,
        output: output + thoughts,
        // Not every dialect has a word for it.
        thoughts: told.thoughts.map(|_| thoughts),
    }
}

#[tokio::test]
async fn a_text_reads_as_it_was_said() {
    let site = with_keys().await;
    for pair in Pair::all() {
        for stream in [false, true] {
            let said = ask(&site, pair, stream, &Topic::Greeting).await;

            assert_eq!(said.text, chat_content(5), "{pair:?} stream={stream}");
            assert!(said.calls.is_empty() && !said.waits_for_tools && said.thought.is_empty());
            assert_eq!(said.used, used(GREETING_TOKENS, 0)(said.used), "{pair:?} stream={stream}");
        }
    }
}

#[tokio::test]
async fn tools_are_called_and_their_results_told() {
    let site = with_keys().await;
    for pair in Pair::all() {
        for stream in [false, true] {
            let said = ask(&site, pair, stream, &Topic::Weather { thinks: false }).await;

            assert_two_calls(&said, pair);
            assert_eq!(said.used, used(6, 0)(said.used), "{pair:?} stream={stream}");
            let told = Topic::WeatherTold { thinks: false, said: &said };
            let told = ask(&site, pair, stream, &told).await;
            assert_eq!(told.text, chat_content(5), "{pair:?} stream={stream}");
            assert!(told.calls.is_empty() && !told.waits_for_tools);
        }
    }
}

fn assert_two_calls(said: &Said, pair: Pair) {
    let [first, second] = said.calls.as_slice() else { panic!("{pair:?}: {said:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), (TOOL, TOOL));
    assert_eq!((&first.arguments, &second.arguments), (&city("Paris"), &city("Rome")));
    // Google's ids may be absent; where there are some, they tell the calls apart.
    assert!(first.id != second.id || (first.id.is_empty() && pair.caller == Dialect::Gemini));
    assert!(said.waits_for_tools && said.text.is_empty(), "{pair:?}: {said:?}");
}

fn city(name: &str) -> Value {
    json!({ "city": name })
}

#[tokio::test]
async fn thoughts_are_shown_and_counted() {
    let site = with_keys().await;
    for pair in Pair::all() {
        for stream in [false, true] {
            let said = ask(&site, pair, stream, &Topic::Thought).await;

            // OpenAI's chat shows none.
            let thought = if pair.provider == Dialect::Chat { "" } else { THOUGHT };
            assert_eq!(said.thought, thought, "{pair:?} stream={stream}");
            assert_eq!(said.text, chat_content(5), "{pair:?} stream={stream}");
            let expected = used(GREETING_TOKENS, REASONING_TOKENS);
            assert_eq!(said.used, expected(said.used), "{pair:?} stream={stream}");
        }
    }
}

#[tokio::test]
async fn the_proof_of_a_thought_comes_back_to_whom_it_is_of() {
    let site = with_keys().await;
    for pair in Pair::all().filter(|pair| pair.provider != Dialect::Chat) {
        for stream in [false, true] {
            let said = ask(&site, pair, stream, &Topic::Weather { thinks: true }).await;
            assert_two_calls(&said, pair);

            let told = Topic::WeatherTold { thinks: true, said: &said };
            let told = ask(&site, pair, stream, &told).await;

            assert_eq!(told.text, chat_content(5), "{pair:?} stream={stream}");
            let sent = site.fake.last_request().json().to_string();
            let sent = sent.matches(SIGNATURE).count();
            assert_eq!(sent, 1, "{pair:?} stream={stream}");
        }
    }
}

#[tokio::test]
async fn an_answer_keeps_to_its_schema() {
    let site = with_keys().await;
    for pair in Pair::all() {
        for stream in [false, true] {
            let said = ask(&site, pair, stream, &Topic::Json).await;

            let json: Value = serde_json::from_str(&said.text).expect("JSON");
            assert_eq!(json, json!({ "city": "Paris", "degrees": 21 }), "{pair:?} stream={stream}");
            assert!(said.calls.is_empty() && !said.waits_for_tools, "{pair:?}: {said:?}");
        }
    }
}

#[tokio::test]
async fn whoever_speaks_the_callers_dialect_is_asked_in_it() {
    let site = with_keys().await;
    for (dialect, model) in [
        (Dialect::Chat, "openai/gpt-5.4-mini"),
        (Dialect::Gemini, "gemini/gemini-3-flash-preview"),
        (Dialect::Messages, "anthropic/claude-sonnet-4-5"),
        (Dialect::Responses, "openai/gpt-5.4-mini"),
    ] {
        for stream in [false, true] {
            let body = dialect.body(model, stream, &Topic::Greeting);
            let path = dialect.path(model, stream);
            let answer =
                site.app.api.post(&path, &body).bearer(&site.key).whole().await.expect(200);

            assert_eq!(dialect.said(&answer, stream).text, chat_content(5));
            // What no translator knows is still there.
            let unknown = answer.text().contains("x_unknown") || answer.text().contains("xUnknown");
            assert!(unknown, "{dialect:?} stream={stream}: {}", answer.text());
        }
    }
}

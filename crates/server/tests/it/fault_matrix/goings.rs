//! HTTP/2 as it goes on: many streams at once, a provider that goes away in order, and another that takes over.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use model::Dialect;
use serde_json::json;
use testkit::fake::{Gate, Reply, Step, chat_content};
use tokio::time::Instant;

use super::caller::{heard, words};
use super::http2::Secure;
use super::pair::Pair;
use super::site::WITHIN;
use super::upstream::{Upstream, WORDS};

const CHAT: Pair = Pair { caller: Dialect::Chat, upstream: Upstream(Dialect::Chat) };

#[tokio::test]
async fn three_hundred_streams_at_once_do_not_wait_for_one_another() {
    const STREAMS: usize = 300;
    let site = Secure::open(CHAT, &["h2"]).await;
    let gate = Gate::new();
    site.fake.always_for("held", Reply::standard().held_by(&gate));
    let asked = (0..STREAMS).map(|_| site.ask("held", true));

    let (answers, all_there) = tokio::join!(join_all(asked), async {
        let all_there = site.fake.wait_requests(STREAMS, WITHIN).await;
        gate.open();
        all_there
    });

    assert!(all_there, "{} came before the first was answered", site.fake.requests().len());
    for answer in answers {
        let answer = answer.expect("an answer");
        let heard = heard(Dialect::Chat, &answer.body);
        assert!(heard.is_ended && heard.words == chat_content(WORDS), "{}", answer.text());
    }
    let requests = site.fake.requests();
    let used: HashSet<_> = requests.iter().map(|request| request.connection).collect();
    // Eighty on each: fewer would have to queue at the provider's hundred, and more would be waste.
    assert!(used.len() <= 4, "{} connections", used.len());
}

#[tokio::test]
async fn a_provider_that_goes_away_finishes_what_it_began_and_is_called_anew() {
    let site = Secure::open(CHAT, &["h2"]).await;
    let gate = Gate::new();
    let (begun, rest) = (CHAT.upstream.begun(), CHAT.upstream.stream());
    let rest = rest.slice(begun.len()..);
    let steps = vec![Step::Bytes(begun), Step::Wait(gate.clone()), Step::Bytes(rest)];
    site.fake.always_for("held", Reply::stream(steps));

    let (held, ()) = tokio::join!(site.ask("held", true), async {
        assert!(gate.reached(WITHIN).await, "the first stream is half way");
        let first = site.fake.requests()[0].connection;
        site.fake.go_away();
        let until = Instant::now() + WITHIN;
        loop {
            let answer = site.ask("m", false).await.expect("an answer");
            assert_eq!(words(Dialect::Chat, &answer.body), Some(chat_content(WORDS)));
            assert_eq!(answer.header("x-keystile-attempts"), Some("1"), "nobody notices");
            if site.fake.last_request().connection != first {
                break;
            }
            assert!(Instant::now() < until, "the old connection is still used");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        gate.open();
    });

    let held = held.expect("an answer");
    let heard = heard(Dialect::Chat, &held.body);
    assert!(heard.is_ended && heard.words == chat_content(WORDS), "{}", held.text());
}

#[tokio::test]
async fn another_model_takes_over_from_a_stream_that_broke_before_its_first_word() {
    let site = Secure::open(CHAT, &["h2"]).await;
    let silent = vec![Step::Bytes(CHAT.upstream.preamble()), Step::Pause(PAUSE), Step::Cut];
    for (broken, reply) in [
        ("before-head", Reply::cut_before_headers()),
        ("before-word", Reply::stream(silent)),
        ("lost", Reply::reset_before_headers()),
        ("refused", Reply::refused_stream()),
    ] {
        site.fake.always_for(broken, reply);
        let models = [format!("openai.{broken}"), "openai.good".to_owned()];
        let messages = json!([{ "role": "user", "content": "hello" }]);
        let body = json!({ "models": models, "messages": messages, "stream": true });
        let call = site.app.api.post("/v1/chat/completions", &body).bearer(&site.key);

        let answer = call.whole().await;

        let heard = heard(Dialect::Chat, &answer.body);
        assert!(heard.is_ended && heard.words == chat_content(WORDS), "{}", answer.text());
        assert_eq!(answer.header("x-keystile-attempts"), Some("2"), "{broken}");
        assert_eq!(answer.header("x-keystile-model"), Some("good"), "{broken}");
        let rows = site.app.attempts_made(&answer, 2).await;
        let outcomes: Vec<_> = rows.iter().map(|row| row.outcome.as_deref()).collect();
        assert_eq!(outcomes, [Some("failed"), Some("completed")], "{broken}");
    }
}

/// So that what was written before has left.
const PAUSE: Duration = Duration::from_millis(200);

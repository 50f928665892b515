//! What the table keeps, for how long, and of whom.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use model::Catalogue;
use model::clock::SystemClock;
use model::random::OsRandom;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_774_000_800_000);
const MODEL: &str = "gpt-5.4";

struct Stage {
    catalogue: Catalogue,
    headroom: Headroom,
}

impl Stage {
    fn new() -> Self {
        Self::holding(ENTRIES_MAX)
    }

    fn holding(entries_max: usize) -> Self {
        let catalogue = Catalogue::shipped().expect("valid");
        Self { catalogue, headroom: Headroom::with_capacity(entries_max) }
    }

    fn note(&self, provider: &str, key: ProviderKeyId, model: &str, pairs: &[(&str, &str)]) {
        let provider = self.catalogue.provider(provider).expect("known");
        self.headroom.note(key, model, provider, &headers(pairs), NOW);
    }

    fn remaining(&self, key: ProviderKeyId, model: &str) -> Option<u64> {
        self.headroom.left(key, model, NOW)?.requests()?.remaining
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&str, &str)| {
        let name = HeaderName::try_from(*name).expect("a name");
        (name, HeaderValue::try_from(*value).expect("a value"))
    };
    pairs.iter().map(header).collect()
}

fn key() -> ProviderKeyId {
    ProviderKeyId::new(&SystemClock, &OsRandom)
}

fn after(milliseconds: u64) -> Timestamp {
    NOW.plus(Duration::from_millis(milliseconds))
}

const LEFT: [(&str, &str); 2] =
    [("x-ratelimit-limit-requests", "500"), ("x-ratelimit-remaining-requests", "499")];
const EXHAUSTED: [(&str, &str); 6] = [
    ("x-ratelimit-limit-requests", "500"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-reset-requests", "120ms"),
    ("x-ratelimit-limit-tokens", "200000"),
    ("x-ratelimit-remaining-tokens", "0"),
    ("x-ratelimit-reset-tokens", "6m0s"),
];

fn requests_left(count: &str) -> [(&str, &str); 1] {
    [("x-ratelimit-remaining-requests", count)]
}

#[test]
fn a_window_is_full_again_once_its_reset_has_passed() {
    let stage = Stage::new();
    let key = key();
    stage.note("openai", key, MODEL, &EXHAUSTED);
    let left = |now| stage.headroom.left(key, MODEL, now).expect("known");
    let of = |window: Option<Window>| window.map(|w| (w.remaining, w.resets_at));

    let now = left(NOW);
    assert_eq!(of(now.requests()), Some((Some(0), Some(after(120)))));
    assert_eq!(of(now.tokens()), Some((Some(0), Some(after(360_000)))));
    assert_eq!(now.exhausted_until(), Some(after(360_000)));

    let soon = left(after(120));
    assert_eq!(of(soon.requests()), Some((Some(500), None)));
    assert_eq!(soon.exhausted_until(), Some(after(360_000)), "of tokens there are still none");

    let later = left(after(360_000));
    assert_eq!(of(later.tokens()), Some((Some(200_000), None)));
    assert_eq!(later.exhausted_until(), None);
}

/// Groq's reset is when all of a day's requests are back: at the last of them, a day away, one is back in 86.4 s.
#[test]
fn a_steady_window_fills_unit_by_unit() {
    let stage = Stage::new();
    let key = key();
    let exhausted = [
        ("x-ratelimit-limit-requests", "1000"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "24h0m0s"),
    ];
    stage.note("groq", key, MODEL, &exhausted);
    let left = |now| stage.headroom.left(key, MODEL, now).expect("known");
    let remaining = |now| left(now).requests().and_then(|window| window.remaining);

    assert_eq!(left(NOW).exhausted_until(), Some(after(86_400)));
    assert_eq!(remaining(after(86_399)), Some(0));
    assert_eq!(left(after(86_399)).exhausted_until(), Some(after(86_400)));
    assert_eq!(remaining(after(86_400)), Some(1));
    assert_eq!(left(after(86_400)).exhausted_until(), None);
    assert_eq!(remaining(after(864_000)), Some(10));
    assert_eq!(remaining(after(24 * 3_600_000)), Some(1000));
    let resets_at = left(after(86_400)).requests().and_then(|window| window.resets_at);
    assert_eq!(resets_at, Some(after(24 * 3_600_000)), "all of it");
}

#[test]
fn the_latest_reading_counts_and_silence_changes_nothing() {
    let stage = Stage::new();
    let key = key();
    stage.note("openai", key, MODEL, &requests_left("9"));
    stage.note("openai", key, MODEL, &requests_left("8"));
    assert_eq!(stage.remaining(key, MODEL), Some(8));

    stage.note("openai", key, MODEL, &[]);
    stage.note("openai", key, MODEL, &requests_left("nonsense"));
    assert_eq!(stage.remaining(key, MODEL), Some(8));

    let provider = stage.catalogue.provider("openai").expect("known");
    let told = stage.headroom.note(key, MODEL, provider, &headers(&EXHAUSTED), NOW);
    assert_eq!(told, stage.headroom.left(key, MODEL, NOW), "what is noted is also returned");
}

#[test]
fn keys_and_models_are_kept_apart_and_a_key_is_forgotten_whole() {
    let stage = Stage::new();
    let (one, other) = (key(), key());
    stage.note("openai", one, "b-model", &requests_left("1"));
    stage.note("openai", one, "a-model", &requests_left("2"));
    stage.note("openai", other, "a-model", &requests_left("3"));

    let of_one = stage.headroom.of_key(one, after(7));
    let names: Vec<_> = of_one.iter().map(|of| (&*of.model, of.windows[0].remaining)).collect();
    assert_eq!(names, [("a-model", Some(2)), ("b-model", Some(1))]);
    assert!(of_one.iter().all(|of| of.read_at == NOW));
    assert_eq!(stage.remaining(one, "c-model"), None);

    stage.headroom.forget(one);
    assert_eq!(stage.headroom.of_key(one, NOW), []);
    assert_eq!(stage.remaining(one, "a-model"), None);
    assert_eq!(stage.remaining(other, "a-model"), Some(3));
    assert_eq!(stage.headroom.table().turns.len(), 1, "its places are free again");
    stage.headroom.forget(one);
}

#[test]
fn the_oldest_reading_makes_way() {
    let stage = Stage::holding(3);
    let keys: Vec<_> = (0..4).map(|_| key()).collect();
    for key in &keys[..3] {
        stage.note("openai", *key, MODEL, &requests_left("1"));
    }
    // Heard of again: no longer the oldest.
    stage.note("openai", keys[0], MODEL, &requests_left("2"));

    stage.note("openai", keys[3], MODEL, &requests_left("4"));

    let kept: Vec<_> = keys.iter().map(|key| stage.remaining(*key, MODEL)).collect();
    assert_eq!(kept, [Some(2), None, Some(1), Some(4)]);
    let table = stage.headroom.table();
    assert_eq!((table.turns.len(), table.keys.len()), (3, 3));
}

#[test]
fn made_up_models_push_out_only_the_readings_of_their_own_key() {
    let stage = Stage::new();
    let (victim, flooder) = (key(), key());
    stage.note("openai", victim, MODEL, &requests_left("5"));

    for number in 0..MODELS_PER_KEY_MAX * 3 {
        stage.note("openai", flooder, &format!("model-{number}"), &requests_left("1"));
    }

    assert_eq!(stage.remaining(victim, MODEL), Some(5));
    assert_eq!(stage.headroom.of_key(flooder, NOW).len(), MODELS_PER_KEY_MAX);
    assert_eq!(stage.remaining(flooder, "model-0"), None);
    assert_eq!(stage.remaining(flooder, &format!("model-{}", MODELS_PER_KEY_MAX * 3 - 1)), Some(1));
    assert_eq!(stage.headroom.table().turns.len(), MODELS_PER_KEY_MAX + 1);
}

#[test]
fn many_threads_keep_the_table_in_order() {
    let stage = Stage::holding(50);
    let keys: Vec<_> = (0..8).map(|_| key()).collect();

    std::thread::scope(|scope| {
        for key in &keys {
            let stage = &stage;
            scope.spawn(move || {
                for number in 0..500 {
                    let model = format!("model-{}", number % 40);
                    stage.note("openai", *key, &model, &requests_left("1"));
                    stage.headroom.left(*key, &model, NOW);
                    stage.headroom.of_key(*key, NOW);
                    if number % 100 == 99 {
                        stage.headroom.forget(*key);
                    }
                }
            });
        }
    });

    let table = stage.headroom.table();
    let entries: usize = table.keys.values().map(HashMap::len).sum();
    assert_eq!(entries, table.turns.len());
    assert!(entries <= 50, "{entries}");
}

#[test]
fn a_key_that_said_it_can_no_more_rests_for_one_model_or_for_all() {
    let stage = Stage::new();
    let (key, other) = (key(), key());
    let until = |key, model| stage.headroom.exhausted_until(key, model, None, NOW);

    stage.headroom.cool_down(key, Some(MODEL), after(5_000));
    assert_eq!(until(key, MODEL), Some(after(5_000)));
    assert_eq!(until(key, "gpt-5.4-mini"), None);
    stage.headroom.cool_down(key, None, after(7_000));
    assert_eq!(until(key, MODEL), Some(after(7_000)), "the longer rest counts");
    assert_eq!(until(key, "gpt-5.4-mini"), Some(after(7_000)));
    assert_eq!(until(other, MODEL), None);
    assert_eq!(stage.headroom.exhausted_until(key, MODEL, None, after(7_000)), None);
    stage.headroom.forget(key);
    assert_eq!(until(key, MODEL), None);
}

#[test]
fn what_headers_tell_and_what_a_refusal_tells_both_count() {
    let stage = Stage::new();
    let key = key();
    stage.note("openai", key, MODEL, &EXHAUSTED);
    let told = stage.headroom.left(key, MODEL, NOW).and_then(|left| left.exhausted_until());
    assert!(told.is_some());

    assert_eq!(stage.headroom.exhausted_until(key, MODEL, None, NOW), told);
    stage.headroom.cool_down(key, Some(MODEL), after(600_000));
    assert_eq!(stage.headroom.exhausted_until(key, MODEL, None, NOW), Some(after(600_000)));
}

#[test]
fn of_too_many_rests_those_that_end_first_are_forgotten() {
    let stage = Stage::holding(2);
    let keys: Vec<_> = (0..3).map(|_| key()).collect();
    for (key, seconds) in keys.iter().zip([2, 1, 3]) {
        stage.headroom.cool_down(*key, None, after(seconds * 1_000));
    }
    let rests =
        |key: &ProviderKeyId| stage.headroom.exhausted_until(*key, MODEL, None, NOW).is_some();
    assert_eq!(keys.iter().map(rests).collect::<Vec<_>>(), [true, false, true]);

    let models: Vec<_> = (0..=MODELS_PER_KEY_MAX).map(|n| format!("model-{n}")).collect();
    for (model, milliseconds) in models.iter().zip(1..) {
        stage.headroom.cool_down(keys[0], Some(model), after(milliseconds * 10_000));
    }
    let until = |model: &str| stage.headroom.exhausted_until(keys[0], model, None, NOW);
    assert_eq!(until(&models[0]), Some(after(2_000)), "what holds for all is still known");
    assert_eq!(until(&models[1]), Some(after(20_000)));
}

#[test]
fn what_a_tier_allows_counts_until_an_answer_has_told_more() {
    let stage = Stage::new();
    let key = key();
    let until = |most, now| stage.headroom.exhausted_until(key, MODEL, Some(most), now);
    assert_eq!(until(1, NOW), None, "nothing was asked yet");

    for second in 0..3 {
        stage.headroom.count(key, MODEL, after(second * 1000));
    }

    assert_eq!(until(4, after(3_000)), None);
    assert_eq!(until(3, after(3_000)), Some(after(60_000)), "a minute from the first on");
    assert_eq!(until(3, after(59_999)), Some(after(60_000)));
    assert_eq!(until(3, after(60_000)), None);
    assert_eq!(stage.headroom.exhausted_until(key, MODEL, None, NOW), None, "no limit is known");
    assert_eq!(stage.headroom.exhausted_until(key, "other", Some(1), NOW), None);
    stage.headroom.count(key, MODEL, after(61_000));
    assert_eq!(until(1, after(62_000)), Some(after(121_000)), "a new minute, from its first on");
    stage.note("openai", key, MODEL, &LEFT);
    assert_eq!(until(1, after(62_000)), None, "the provider knows better");
    stage.headroom.forget(key);
    assert_eq!(until(1, after(62_000)), None);
}

#[test]
fn of_keys_without_number_only_so_many_are_counted() {
    let stage = Stage::holding(2);
    let keys = [key(), key(), key()];
    let is_full = |key: &ProviderKeyId, now| {
        stage.headroom.exhausted_until(*key, MODEL, Some(1), now).is_some()
    };
    stage.headroom.count(keys[0], MODEL, NOW);
    stage.headroom.count(keys[1], MODEL, after(50_000));
    stage.headroom.count(keys[2], MODEL, after(70_000));
    let now = after(71_000);
    assert_eq!(keys.each_ref().map(|key| is_full(key, now)), [false, true, true]);
}

//! Raw usage blocks of every provider, each worked out by hand and by two other programs, to the last pico-USD.

use model::{Catalogue, Dialect, PicoUsd, Timestamp, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::{Meter, dialect};

#[derive(Deserialize)]
struct Vector {
    id: String,
    provider: String,
    model: String,
    flavor: String,
    at: Timestamp,
    context: Context,
    usage: Box<RawValue>,
    expected_pusd: Option<i128>,
    expected_micros: Option<i64>,
}

#[derive(Deserialize)]
struct Context {
    service_tier: Option<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("price_vectors.json")).expect("vectors")
}

#[test]
fn every_vector_costs_what_it_is_known_to_cost() {
    let catalogue = Catalogue::shipped().expect("valid");
    let vectors = vectors();
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let provider = &catalogue.provider(&vector.provider).expect("known").id;
        let tariff = catalogue.tariff(provider, &vector.model, vector.at);

        for (how, usage) in [("plain", plain(&vector)), ("streamed", streamed(&vector))] {
            let cost = tariff.as_ref().and_then(|tariff| tariff.cost(&usage, vector.at));

            let exact = vector.expected_pusd.map(PicoUsd);
            assert_eq!(cost, exact, "{} {how}: {usage:?}", vector.id);
            let shown = cost.map(|cost| cost.rounded().0);
            assert_eq!(shown, vector.expected_micros, "{} {how}", vector.id);
        }
    }
}

/// Where the provider reports its cost, our own table agrees: it is no worse where nothing is reported.
#[test]
fn a_reported_cost_is_what_the_table_says_too() {
    let catalogue = Catalogue::shipped().expect("valid");
    let vector = vectors().into_iter().find(|it| it.id == "xai-inclusive").expect("listed");
    let provider = &catalogue.provider("xai").expect("known").id;
    let tariff = catalogue.tariff(provider, &vector.model, vector.at).expect("priced");
    let usage = plain(&vector);
    assert!(usage.reported_pico_usd.is_some());

    let unreported = Usage { reported_pico_usd: None, ..usage };

    assert_eq!(tariff.cost(&unreported, vector.at), tariff.cost(&usage, vector.at));
}

fn plain(vector: &Vector) -> Usage {
    let body = body(vector);
    dialect::usage(spoken(vector), body.as_bytes()).expect("usage")
}

fn streamed(vector: &Vector) -> Usage {
    let mut meter = Meter::new(spoken(vector));
    let body = body(vector);
    let event = match spoken(vector) {
        Dialect::Anthropic => format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{}}}"#,
            vector.usage.get()
        ),
        _ => body,
    };
    meter.see(format!("data: {}\n\n", event.replace('\n', "")).as_bytes());
    meter.usage()
}

fn body(vector: &Vector) -> String {
    let usage = vector.usage.get();
    match spoken(vector) {
        Dialect::Gemini => format!(r#"{{"usageMetadata":{usage}}}"#),
        _ => {
            let tier = vector.context.service_tier.as_deref().unwrap_or("default");
            format!(r#"{{"service_tier":"{tier}","usage":{usage}}}"#)
        }
    }
}

fn spoken(vector: &Vector) -> Dialect {
    match vector.flavor.as_str() {
        "anthropic" => Dialect::Anthropic,
        "gemini" => Dialect::Gemini,
        "openai_chat" | "xai_chat" | "deepseek_chat" | "embeddings" => Dialect::Chat,
        other => panic!("no dialect for {other}"),
    }
}

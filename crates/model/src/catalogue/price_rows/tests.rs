//! Rows over the catalogue: what they change, and what they leave.

use super::*;
use crate::{Timestamp, Usage};

const ROWS: &str = r#"
[models.openai]
"gpt-4o" = { price = { usd = { input = "3", output = "12" } }, source = "our contract", as_of = 2026-11-20 }
[models.custom]
"llama\"3" = { kind = "chat", context = 8192, output = 4096, price = { usd = { input = "0.1", output = "0.1" }, search = "5" }, source = "ours", as_of = 2026-11-19 }
"#;

fn catalogue() -> Catalogue {
    Catalogue::shipped().expect("valid")
}

#[test]
fn a_row_goes_over_the_catalogues_price_and_leaves_the_rest() {
    let rows = PriceRows::parse(ROWS).expect("rows");
    let catalogue = catalogue().with_prices(&rows).expect("sound");
    let now = Timestamp::default();
    let openai = &catalogue.provider("openai").expect("known").id;

    let tariff = catalogue.tariff(openai, "gpt-4o", now).expect("priced");
    let usage = Usage { input_tokens: Some(10), output_tokens: Some(1), ..Usage::default() };

    assert_eq!(tariff.version(), "operator@2026-11-20");
    assert_eq!(tariff.cost(&usage, now).map(|cost| cost.0), Some(42_000_000));
    assert_eq!(catalogue.model(openai, "gpt-4o").and_then(|it| it.context), Some(128_000));
    let other = catalogue.tariff(openai, "gpt-4o-mini", now).expect("priced");
    assert!(other.version().starts_with("catalogue@"));
}

#[test]
fn a_row_makes_a_model_known() {
    let rows = PriceRows::parse(ROWS).expect("rows");
    let catalogue = catalogue().with_prices(&rows).expect("sound");
    let custom = &catalogue.provider("custom").expect("known").id;

    let model = catalogue.model(custom, "llama\"3").expect("known now");

    assert_eq!((model.context, model.output), (Some(8192), Some(4096)));
    assert_eq!(catalogue.sources(model).count(), 0);
}

#[test]
fn what_is_written_is_read_again() {
    let rows = PriceRows::parse(ROWS).expect("rows");

    assert_eq!(PriceRows::parse(&rows.to_string()).expect("rows"), rows);
    let none = PriceRows::default();
    assert_eq!(PriceRows::parse(&none.to_string()).expect("rows"), none);
}

#[test]
fn a_flawed_row_is_refused_with_its_name() {
    for (sound, bad, reason) in [
        ("models.openai", "models.acme", "no provider"),
        ("\"gpt-4o\"", "\"gpt 4o\"", "could not be typed"),
        ("\"our contract\"", "\"\"", "names no source"),
        (
            "\"12\" } }",
            "\"12\" }, long = { above = 1, usd = { input = \"3\", output = \"12\" } } }",
            "no threshold",
        ),
        ("\"12\"", "\"-12\"", "does not parse"),
        ("\"12\"", "\"12000\"", "does not parse"),
        ("\"chat\"", "\"rerank\"", "no operation for its kind"),
        ("8192", "0", "a size is zero"),
    ] {
        assert!(ROWS.contains(sound), "{sound}");
        let rows = PriceRows::parse(&ROWS.replace(sound, bad));

        let error = rows.and_then(|rows| catalogue().with_prices(&rows)).expect_err(bad);

        assert!(error.to_string().contains(reason), "{bad}: {error}");
    }
}

//! `keystile models`: what is known, what a call would cost, and newer prices from three catalogues' files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use testkit::process::{Ended, Program};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");

/// A folder with a data folder in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::create_dir(place.0.path().join("data")).expect("a data folder");
        place
    }

    fn models(&self, args: &[&str]) -> Ended {
        let program = Program::new(KEYSTILE, self.0.path()).args(["--data-dir", "data", "models"]);
        program.args(args).run("")
    }

    fn json(&self, args: &[&str]) -> Value {
        let said = self.models(&[args, &["-o", "json"]].concat()).well();
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// As `(action, what)` by model, of those that are not gone.
    fn changes(&self, file: &Path) -> Vec<(String, String, String)> {
        let told = self.json(&["import", file.to_str().expect("text")]);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let changes = told["changes"].as_array().expect("changes").iter().map(|change| {
            let parts = change["parts"].as_array().expect("parts").iter().map(text);
            let parts = parts.collect::<Vec<_>>().join(", ");
            (text(&change["action"]), text(&change["model"]), parts)
        });
        changes.filter(|(action, ..)| action != "gone").collect()
    }

    fn prices(&self) -> PathBuf {
        self.0.path().join("data/prices.toml")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, text).expect("a file");
        file
    }

    /// A price map with one model of OpenAI's in it.
    fn litellm(&self, model: &str, input: &str, output: &str) -> PathBuf {
        let text = format!(
            r#"{{"{model}": {{"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": {input},
                "output_cost_per_token": {output}, "max_input_tokens": 1000}}}}"#
        );
        self.write("one.json", &text)
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/models_cli").join(name)
}

fn apply(place: &Place, file: &Path) -> Ended {
    place.models(&["import", file.to_str().expect("text"), "--apply"])
}

#[test]
fn the_models_are_listed_by_provider_with_their_prices() {
    let place = Place::new();

    let all = place.models(&["list"]).well();
    let some = place.models(&["list", "--provider", "google"]).well();
    let items = place.json(&["list", "--provider", "gemini"]);

    assert!(all.lines().count() > 300, "{all}");
    assert!(all.lines().any(|line| line.starts_with("openai/gpt-4o ") && line.contains(" 1.25 ")));
    assert!(some.lines().skip(1).all(|line| line.starts_with("gemini/")), "{some}");
    let items = items["items"].as_array().expect("items");
    assert_eq!(items.len(), some.lines().count() - 1);
    let flash = items.iter().find(|item| item["model"] == "gemini/gemini-2.5-flash");
    assert_eq!(flash.expect("listed")["usd"]["audio"], "1");
    assert_eq!(place.models(&["list", "--provider", "acme"]).status.code(), Some(4));
}

#[test]
fn a_model_is_shown_with_every_price_it_has() {
    let place = Place::new();

    let shown = place.models(&["show", "openai/gpt-6.1-sol"]).well();
    let json = place.json(&["show", "openai/gpt-6.1-sol"]);

    for wanted in ["long.above", "272000", "flex.long.cached", "catalogue@2026-11-09", "LiteLLM"] {
        assert!(shown.contains(wanted), "no {wanted} in {shown}");
    }
    assert_eq!(json["usd"]["priority.long.output"], "30");
    assert_eq!(json["context"], 1_050_000);
    assert_eq!(place.models(&["show", "openai/gpt-0"]).status.code(), Some(4));
    let nameless = place.models(&["show", "gpt-4o"]);
    assert_eq!(nameless.status.code(), Some(2));
    assert!(nameless.stderr.contains("provider/model"), "{}", nameless.stderr);
}

#[test]
fn a_call_is_priced_to_the_last_digit_in_its_tier_and_at_its_time() {
    let place = Place::new();
    let mini =
        ["price", "openai/gpt-5.4-mini", "--input", "12345", "--cached", "8192", "--output", "678"];
    let deepseek = ["price", "deepseek/deepseek-flash", "--input", "10007", "--cached", "9984"];
    let deepseek = [deepseek.as_slice(), &["--output", "333", "--at"]].concat();
    let argon = ["price", "gemini/gemini-4-argon", "--output", "1000", "--at"];
    for (args, usd, micro_usd) in [
        (mini.to_vec(), "0.00678015", 6780),
        ([mini.as_slice(), &["--tier", "flex"]].concat(), "0.003390075", 3390),
        ([mini.as_slice(), &["--searches", "1"]].concat(), "0.01678015", 16780),
        ([deepseek.as_slice(), &["2026-11-21T02:00:00Z"]].concat(), "0.000233202", 233),
        ([deepseek.as_slice(), &["2026-11-23T02:00:00Z"]].concat(), "0.000466404", 466),
        ([argon.as_slice(), &["2026-11-30T23:59:59Z"]].concat(), "0.01", 10_000),
        ([argon.as_slice(), &["2026-12-01T00:00:00Z"]].concat(), "0.02", 20_000),
    ] {
        let priced = place.json(&args);

        assert_eq!((&priced["usd"], &priced["micro_usd"]), (&usd.into(), &micro_usd.into()));
        let shown = place.models(&args).well();
        assert!(shown.contains(usd) && shown.contains("catalogue@2026-11-09"), "{shown}");
    }
}

#[test]
fn what_cannot_be_priced_is_said_and_never_zero() {
    let place = Place::new();
    for (args, code, reason) in [
        (["price", "openai/gpt-0", "--input", "1"].as_slice(), 4, "no price is known"),
        (&["price", "zai/glm-5.3", "--searches", "1"], 4, "no price is known for searches"),
        (&["price", "openai/gpt-4o", "--input", "1", "--cached", "2"], 2, "cannot be less"),
        (&["price", "openai/gpt-4o", "--tier", "slow"], 2, "batch, fast, flex"),
        (&["price", "openai/gpt-4o", "--at", "tomorrow"], 2, "not a time"),
        (&["price", "openai/gpt-4o", "--input", "many"], 2, "--input"),
    ] {
        let ended = place.models(args);

        assert_eq!(ended.status.code(), Some(code), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

/// What each catalogue tells otherwise than ours. All else in its file is the same to the last digit.
#[test]
fn three_catalogues_are_told_apart_and_compared() {
    let place = Place::new();
    for (file, source, expected) in [
        (
            "litellm.json",
            "LiteLLM",
            [
                ("changed", "openai/gpt-4.1-mini", "search 10 -> 25"),
                ("changed", "zai/glm-5.3", "write 0"),
                ("changed", "openai/text-embedding-3-small", "batch.input 0.01, batch.output 0"),
            ]
            .as_slice(),
        ),
        (
            "models-dev.json",
            "models.dev",
            &[
                ("added", "openai/gpt-3.5-turbo", "input 0.5, output 1.5, cached 0"),
                ("changed", "zai/glm-5.3", "write 0"),
            ],
        ),
        (
            "genai-prices.json",
            "genai-prices",
            &[
                ("added", "xai/grok-3-mini-latest", "input 0.3, output 0.5, cached 0.075"),
                ("changed", "anthropic/claude-haiku-5-5", "batch.long.write_long 0.5"),
            ],
        ),
    ] {
        let changes = place.changes(&fixture(file));

        for (action, model, what) in expected {
            let change = ((*action).to_owned(), (*model).to_owned(), (*what).to_owned());
            assert!(changes.contains(&change), "{file}: no {change:?} in {changes:#?}");
        }
        for stranger in
            ["bigmodel", "venice", "whisper", "gpt-image", "dashscope", "deepseek-flash"]
        {
            let named = changes.iter().find(|(_, model, _)| model.contains(stranger));
            assert_eq!(named, None, "{file}");
        }
        let told = place.json(&["import", fixture(file).to_str().expect("text")]);
        assert_eq!(told["source"], source);
        assert!(told["skipped"].as_u64() > Some(0));
    }
    assert!(!place.prices().exists(), "nothing is written unless it is applied");
}

#[test]
fn what_is_applied_holds_from_the_next_start_on() {
    let place = Place::new();
    let file = place.litellm("gpt-4o", "3e-06", "0.0000121");

    let dry = place.models(&["import", file.to_str().expect("text")]);
    assert!(dry.stdout.contains("input 2.5 -> 3, output 10 -> 12.1"), "{}", dry.stdout);
    assert!(dry.stderr.contains("nothing was written"), "{}", dry.stderr);
    assert!(!place.prices().exists());

    let applied = apply(&place, &file);
    assert!(applied.stderr.contains("prices.toml was written"), "{}", applied.stderr);

    let shown = place.json(&["show", "openai/gpt-4o"]);
    assert_eq!(shown["usd"]["output"], "12.1");
    assert_eq!(shown["usd"].get("flex.input"), None, "of the old price nothing is left");
    assert!(shown["price"].as_str().is_some_and(|it| it.starts_with("operator@20")), "{shown}");
    assert_eq!(shown["context"], 128_000, "what is known of a model stays");
    let row = fs::read_to_string(place.prices()).expect("rows");
    assert!(row.contains("source = \"LiteLLM\", as_of = 20"), "{row}");

    let again = apply(&place, &file);
    assert!(again.stderr.contains("there is nothing new"), "{}", again.stderr);
    let checked = Program::new(KEYSTILE, place.0.path()).args(["--data-dir", "data"]);
    checked.args(["config", "check"]).run("").well();
}

#[test]
fn every_catalogue_can_be_applied_over_the_other() {
    let place = Place::new();
    for file in ["litellm.json", "models-dev.json", "genai-prices.json"] {
        apply(&place, &fixture(file)).well();

        let changes = place.changes(&fixture(file));
        assert_eq!(changes, [], "{file} agrees with itself");
    }
    let costs = place.json(&["price", "openai/gpt-5.4-mini", "--input", "12345", "--output", "1"]);
    assert_eq!(costs["usd"], "0.00926325");
    let added = place.json(&["show", "openai/gpt-3.5-turbo"]);
    assert_eq!(added["context"], 16_385);
}

#[test]
fn an_import_may_leave_unknown_models_out() {
    let place = Place::new();
    let file = fixture("models-dev.json");

    let told = place.json(&["import", file.to_str().expect("text"), "--only-known"]);

    let changes = told["changes"].as_array().expect("changes");
    let actions: Vec<_> = changes.iter().map(|change| change["action"].as_str()).collect();
    assert!(actions.contains(&Some("changed")) && !actions.contains(&Some("added")), "{actions:?}");
}

#[test]
fn nothing_is_deleted_and_a_persons_own_row_is_kept() {
    let place = Place::new();
    let own = "[models.openai]\n\"gpt-4o\" = { price = { usd = { input = \"1\", output = \"2\" } }, source = \"our contract\", as_of = 2026-11-01 }\n\
        \"gone-1\" = { kind = \"chat\", price = { usd = { input = \"1\", output = \"2\" } }, source = \"LiteLLM\", as_of = 2026-11-01 }\n";
    fs::write(place.prices(), own).expect("rows");

    let kept = place.litellm("gpt-4o", "3e-06", "1.2e-05");
    assert_eq!(place.changes(&kept)[0].0, "kept");
    apply(&place, &kept).well();
    assert_eq!(fs::read_to_string(place.prices()).expect("rows"), own, "not even rewritten");

    let other = place.litellm("gpt-4o-mini", "3e-07", "1.2e-06");
    let told = apply(&place, &other).well();
    let gone = |line: &str| line.starts_with("gone") && line.contains("openai/gone-1");
    assert!(told.lines().any(gone), "{told}");
    for (model, input) in [("gpt-4o", "1"), ("gone-1", "1"), ("gpt-4o-mini", "0.3")] {
        let shown = place.json(&["show", &format!("openai/{model}")]);
        assert_eq!(shown["usd"]["input"], input, "{model}");
    }
}

#[test]
fn a_price_that_nobody_asks_is_refused() {
    let place = Place::new();
    for (input, output, reason) in [
        ("-0.000001", "0.000002", "input_cost_per_token is -0.000001"),
        ("0.0100000001", "0.02", "input_cost_per_token is 0.0100000001"),
        ("\"free\"", "0.02", "input_cost_per_token is \"free\""),
        ("1e-06", "1e300", "output_cost_per_token is 1e300"),
    ] {
        let file = place.litellm("gpt-4o", input, output);

        let changes = place.changes(&file);
        let (action, model, what) = &changes[0];
        assert_eq!((action.as_str(), model.as_str()), ("refused", "openai/gpt-4o"));
        assert!(what.starts_with(reason), "{what}");

        apply(&place, &file).well();
        assert!(!place.prices().exists());
    }
    let dearest = place.litellm("gpt-4o", "0.01", "0.01");
    assert_eq!(place.changes(&dearest)[0].0, "changed");
}

#[test]
fn a_file_of_another_kind_is_refused_whole() {
    let place = Place::new();
    for text in
        ["", "{}", "[]", "null", "{\"a\":{\"b\":1}}", "[{\"id\":\"x\"}]", "{\"a\":", "\u{0}"]
    {
        let file = place.write("other.json", text);

        let ended = place.models(&["import", file.to_str().expect("text")]);

        assert_eq!(ended.status.code(), Some(2), "{text}: {}", ended.stderr);
        assert!(ended.stderr.contains("is none of"), "{}", ended.stderr);
    }
    let absent = place.models(&["import", "absent.json"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(absent.stderr.contains("absent.json"), "{}", absent.stderr);
}

#[test]
fn a_flawed_row_stops_the_start_and_is_named() {
    let place = Place::new();
    fs::write(place.prices(), "[models.openai]\n\"gpt 4o\" = { price = { usd = { input = \"1\", output = \"2\" } }, source = \"ours\", as_of = 2026-11-01 }\n").expect("rows");

    let checked = Program::new(KEYSTILE, place.0.path()).args(["--data-dir", "data"]);
    let ended = checked.args(["config", "check"]).run("");

    assert!(!ended.status.success());
    for wanted in ["prices.toml", "openai/gpt 4o", "could not be typed"] {
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
}

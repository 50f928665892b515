//! Tables as they should be, and with one flaw each.

use crate::catalogue::{Catalogue, CatalogueError};

const SOUND: &str = r#"
[[provider]]
id = "acme"
name = "Acme"
base_url = "https://api.acme.example/v1"
auth = "bearer"
speaks = { chat_completions = "/chat/completions", generate_content = "/v1/{model}:generateContent" }
quirks = { max_tokens = true, schema_strip = ["$id"] }
probe = { path = "/models", invalid_if_true = ["data.blocked"] }
headers = { x-version = "1" }
no_credit_status = [412]
key_url = "https://acme.example/keys"
data_policy = "no_training"
windows = [{ counts = "tokens", per = "minute", limit = "x-limit", remaining = "x-left", reset = { header = "x-reset", as = "unix", example = "1774000830" } }]
families = [{ name = "small", models = ["s-*"] }]
tiers = [{ name = "free", limits = { small = { tpm = 5 } } }, { name = "tier-1", limits = { all = { tpm = 6 } } }]
tier_sign = { counts = "tokens", per = "minute" }
source = "-"
as_of = 2026-11-21
"#;

const MODEL: &str = r#"
[sources]
L = { name = "A list", as_of = 2026-11-09 }
[surcharges.acme]
peak = { ratio = [2, 1], hours = [[1, 4]], holidays = [2026-10-01] }
us = [11, 10]
source = "a page"
as_of = 2026-11-09
[models.acme]
"s-1" = { kind = "chat", context = 8, only = ["chat_completions"], traits = ["tools"], price = { usd = { input = "1", output = "2" }, long = { above = 200_000, usd = { input = "2", output = "4" } }, tiers = { flex = { usd = { input = "1", output = "1" }, long = { input = "2", output = "2" } } }, search = "3", next = { from = 2026-12-01, price = { usd = { input = "5", output = "6" }, next = { from = 2026-12-02, price = { usd = { input = "7", output = "8" } } } } } }, status = "retired", ends = 2026-02-28, sources = "L" }
"#;

#[test]
fn a_sound_table_is_taken() {
    let catalogue = Catalogue::parse(SOUND, MODEL).expect("sound");

    let acme = catalogue.provider("ACME").expect("listed");
    assert!(catalogue.model(&acme.id, "s-1").is_some());
    assert!(catalogue.model(&acme.id, "S-1").is_none());
}

/// With all that ships, as a reader would add it.
#[test]
fn the_table_in_the_guide_is_sound() {
    let guide = include_str!("../../../../../docs/adding-a-provider.md");
    let table = guide
        .lines()
        .skip_while(|line| *line != "    [[provider]]")
        .take_while(|line| !line.is_empty());
    let providers = include_str!("../../../../../catalogue/providers.toml");
    let models = include_str!("../../../../../catalogue/models.toml");
    let table: Vec<_> = table.collect();

    let catalogue = Catalogue::parse(&format!("{providers}\n{}", table.join("\n")), models);

    assert!(catalogue.expect("sound").provider("acme").is_some());
}

#[test]
fn bad_data_is_refused_with_the_provider_and_the_reason() {
    for (sound, bad, reason) in [
        ("id = \"acme\"", "id = \"Acme Inc\"", "the id has more"),
        ("name = \"Acme\"", "name = \"A/B\"", "no name that could be typed"),
        ("name = \"Acme\"", "name = \"Acme\"\naliases = [\"\"]", "no name that could be typed"),
        ("https://api", "http://api", "base_url is not https"),
        ("\"/chat/completions\"", "\"chat/completions\"", "no path below the base URL"),
        ("\"/models\"", "\"/mod els\"", "no path below the base URL"),
        ("\"/chat/completions\"", "\"/{model}/chat\"", "has no {model} in its path"),
        ("\"/chat/completions\"", "\"/{modle}/chat\"", "more in it than a path"),
        ("\"/chat/completions\"", "\"/chat?beta=true\"", "more in it than a path"),
        ("/v1/{model}:", "/v1/", "needs {model} in its path"),
        ("/v1/{model}:", "/v1/{model}/{model}:", "more in it than a path"),
        (":generateContent", ":generate", "does not end in"),
        ("chat_completions =", "passthrough =", "no path of its own"),
        ("example = \"1774000830\"", "example = \"6m0s\"", "is no example"),
        ("as = \"unix\"", "as = \"rfc3339\"", "is no example"),
        ("as = \"unix\"", "as = \"duration\"", "is no example"),
        ("source = \"-\"", "source = \"\"", "source is empty"),
        ("\"data.blocked\"", "\"data..blocked\"", "no path to a field"),
        ("x-version = \"1\"", "X-Version = \"1\"", "is no header"),
        ("x-version = \"1\"", "x-version = \"1\\r\\nx: y\"", "is no header"),
        ("[412]", "[200]", "no status of an error"),
        ("https://acme.example/keys", "javascript:alert(1)", "key_url does not start"),
        ("\"x-left\"", "\"X Left\"", "no header in lower case"),
        ("limit = \"x-limit\", remaining = \"x-left\", ", "", "names neither the header"),
        ("limit = \"x-limit\", ", "", "no window has the limit"),
        ("limit = \"x-limit\", ", "steady = true, ", "a steady window names"),
        ("name = \"small\"", "name = \"all\"", "listed twice or taken"),
        ("[\"s-*\"]", "[]", "lists no model"),
        ("limits = { small", "limits = { smal", "is no family"),
        ("tpm = 5", "tpm = 0", "or one of zero"),
        ("{ tpm = 5 }", "{}", "has no limit"),
        ("\"tier-1\"", "\"free\"", "listed twice or taken"),
        ("\"tier-1\"", "\"enterprise\"", "listed twice or taken"),
        ("name = \"free\"", "name = \"free\", floor = 1", "all tiers have one or none"),
        ("sign = { counts = \"tokens\"", "sign = { counts = \"requests\"", "no window has"),
    ] {
        assert!(SOUND.contains(sound), "{sound}");
        let flawed = SOUND.replace(sound, bad);

        let error = Catalogue::parse(&flawed, "").expect_err(bad);

        assert!(matches!(error, CatalogueError::Flawed { .. }), "{bad}: {error}");
        let message = error.to_string();
        assert!(message.contains(reason) && message.contains("cme"), "{bad}: {message}");
    }
}

#[test]
fn a_sign_without_an_answer_and_floors_without_a_sign_are_refused() {
    let nothing = SOUND.replace("tpm = 5", "rpm = 5").replace("tpm = 6", "rpm = 6");
    let unsigned = SOUND
        .replace("tier_sign = { counts = \"tokens\", per = \"minute\" }\n", "")
        .replace("name = \"free\"", "name = \"free\", floor = 1")
        .replace("name = \"tier-1\"", "name = \"tier-1\", floor = 2");
    let falling = SOUND
        .replace("name = \"free\"", "name = \"free\", floor = 2")
        .replace("name = \"tier-1\"", "name = \"tier-1\", floor = 2");

    for (flawed, reason) in [
        (nothing, "no tier has the limit"),
        (unsigned, "there is no tier_sign"),
        (falling, "floors must rise"),
    ] {
        let error = Catalogue::parse(&flawed, "").expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn what_the_types_do_not_know_is_refused_where_it_stands() {
    for (sound, bad) in [
        ("as = \"unix\"", "as = \"sometime\""),
        ("counts = \"tokens\"", "counts = \"words\""),
        ("\"no_training\"", "\"some\""),
        ("data_policy = \"no_training\"\n", ""),
        ("\"tier-1\"", "\"Tier 1\""),
        ("tpm = 5", "tpn = 5"),
        ("tpm = 5", "tpm = -5"),
        ("source", "sauce"),
        ("as_of = 2026-11-21\n", ""),
        ("2026-11-21", "2026-02-30"),
        ("max_tokens = true", "max_token = true"),
        ("chat_completions", "chats"),
        (", example = \"1774000830\"", ""),
    ] {
        let error = Catalogue::parse(&SOUND.replace(sound, bad), "").expect_err(bad);

        assert!(matches!(error, CatalogueError::Parse(_)), "{bad}: {error}");
    }
}

#[test]
fn a_models_line_is_refused_with_its_name_and_the_reason() {
    for (sound, bad, reason) in [
        ("\"s-1\"", "\"s 1\"", "could not be typed"),
        ("[\"chat_completions\"]", "[\"responses\"]", "`only` names"),
        ("[\"chat_completions\"]", "[\"embeddings\"]", "`only` names"),
        ("\"chat\", context = 8, only = [\"chat_completions\"]", "\"rerank\"", "no operation"),
        ("context = 8", "context = 0", "a size is zero"),
        ("200_000", "200", "no threshold"),
        ("\"4\"", "\"2\"", "its long price is not above"),
        ("flex = { usd = { input = \"1\"", "flex = { usd = { input = \"3\"", "flex tier is dearer"),
        (
            "long = { above = 200_000, usd = { input = \"2\", output = \"4\" } }, ",
            "",
            "a tier has a long",
        ),
        ("2026-12-02", "2026-12-01", "not in their order"),
        ("ends = 2026-02-28, ", "", "do not go together"),
        ("status = \"retired\", ", "", "do not go together"),
        ("sources = \"L\"", "sources = \"LG\"", "names no source"),
        ("sources = \"L\"", "sources = \"\"", "names no source"),
    ] {
        assert!(MODEL.contains(sound), "{sound}");
        let flawed = MODEL.replace(sound, bad);

        let error = Catalogue::parse(SOUND, &flawed).expect_err(bad);

        assert!(matches!(error, CatalogueError::FlawedModel { .. }), "{bad}: {error}");
        let message = error.to_string();
        assert!(message.contains(reason) && message.contains("acme/s"), "{bad}: {message}");
    }
}

#[test]
fn a_surcharge_is_refused_with_its_provider_and_the_reason() {
    for (sound, bad, reason) in [
        ("[2, 1]", "[1, 1]", "makes nothing dearer"),
        ("[2, 1]", "[2, 0]", "makes nothing dearer"),
        ("[11, 10]", "[10, 11]", "makes nothing dearer"),
        ("[[1, 4]]", "[[4, 1]]", "peak hours are none"),
        ("[[1, 4]]", "[[1, 25]]", "peak hours are none"),
        ("\"a page\"", "\"\"", "has no source"),
    ] {
        assert!(MODEL.contains(sound), "{sound}");
        let error = Catalogue::parse(SOUND, &MODEL.replace(sound, bad)).expect_err(bad);

        assert!(matches!(error, CatalogueError::Flawed { .. }), "{bad}: {error}");
        let message = error.to_string();
        assert!(message.contains(reason) && message.contains("acme"), "{bad}: {message}");
    }
}

#[test]
fn a_model_with_an_unknown_word_or_no_provider_is_refused() {
    for (sound, bad) in [
        ("\"tools\"", "\"magic\""),
        ("context", "contxt"),
        ("output = \"2\"", "outptu = \"2\""),
        ("input = \"1\"", "input = 1.0"),
        ("search = \"3\"", "search = 3"),
        ("flex = {", "slow = {"),
        ("2026-12-01", "2026-13-01"),
        ("peak =", "peaks ="),
        ("\"retired\"", "\"gone\""),
        ("2026-02-28", "2026-02-31"),
        ("[models.acme]", "[acme]"),
        ("\nL =", "\nList ="),
    ] {
        assert!(MODEL.contains(sound), "{sound}");
        let error = Catalogue::parse(SOUND, &MODEL.replace(sound, bad)).expect_err(bad);

        assert!(matches!(error, CatalogueError::Parse(_)), "{bad}: {error}");
    }
    let error = Catalogue::parse(SOUND, &MODEL.replace("models.acme", "models.acne"))
        .expect_err("stranger");
    assert!(matches!(error, CatalogueError::UnknownProvider(name) if name == "acne"));
}

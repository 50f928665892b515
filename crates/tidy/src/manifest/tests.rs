//! Manifests that break the layers, one way each.

use super::*;
use crate::rules::{DEV_ONLY, EDGES, HOMES, STD_ONLY};

fn edges(name: &str, text: &str) -> Vec<String> {
    wrong_edges(&[Manifest::new(name, text)], EDGES, DEV_ONLY)
}

#[test]
fn an_upward_edge_is_named_with_its_line() {
    for (name, text) in [
        ("wire", "[dependencies]\nvault.workspace = true"),
        ("store", "[dependencies]\nwire = { path = \"../wire\" }"),
        ("gateway", "[dependencies]\n\"control\" = \"1\""),
        ("control", "[package]\n[dependencies.gateway]"),
        ("model", "[build-dependencies]\nvault.workspace = true"),
        ("vault", "[target.'cfg(unix)'.dependencies]\nstore.workspace = true"),
        ("control", "[dependencies]\nharmless = { package = \"wire\", path = \"../wire\" }"),
        ("wire", "[dev-dependencies]\nvault.workspace = true"),
        ("server", "[dependencies]\ntestkit.workspace = true"),
        ("tidy", "[dependencies]\nmodel.workspace = true"),
    ] {
        let bad = edges(name, text);

        assert_eq!(bad.len(), 1, "{text}: {bad:?}");
        assert!(
            bad[0].starts_with(&format!("{name}/Cargo.toml:2: `{name}` may not use ")),
            "{bad:?}"
        );
    }
}

#[test]
fn downward_edges_and_the_testkit_of_tests_are_fine() {
    for (name, text) in [
        ("gateway", "[dependencies]\nmodel.workspace = true\nstore.workspace = true"),
        (
            "server",
            "[dependencies]\ncontrol.workspace = true\n[dev-dependencies]\ntestkit.workspace = true",
        ),
        ("testkit", "[dependencies]\nserver.workspace = true # for TestApp"),
        ("wire", "[dev-dependencies]\ntestkit.workspace = true\n#vault.workspace = true"),
        ("wire", "[features]\nvault = []"),
    ] {
        assert_eq!(edges(name, text), [""; 0], "{text}");
    }
}

#[test]
fn a_crate_without_a_place_is_named() {
    assert_eq!(
        edges("extras", ""),
        ["extras/Cargo.toml:1: `extras` has no place among the layers"]
    );
}

#[test]
fn a_library_away_from_home_is_named_with_its_line() {
    let text = "[package]\nname = \"x\"\n[dependencies]\nserde = \"1\"\nNAME.workspace = true";
    for (name, library) in [
        ("control", "sqlx"),
        ("gateway", "axum"),
        ("wire", "tokio"),
        ("vault", "tokio"),
        ("model", "tokio"),
        ("control", "hyper"),
        ("gateway", "aes-gcm"),
        ("server", "jsonwebtoken"),
        ("vault", "argon2"),
        ("gateway", "reqwest"),
    ] {
        let manifest = Manifest::new(name, text.replace("NAME", library));

        let bad = homeless(&[manifest], HOMES);

        assert_eq!(bad.len(), 1, "{name} {library}");
        assert!(bad[0].starts_with(&format!("{name}/Cargo.toml:5: `{library}`: ")), "{bad:?}");
    }
}

#[test]
fn a_library_at_home_or_only_in_tests_is_let_be() {
    let store = Manifest::new("store", "[dependencies]\nsqlx = \"1\"\ntokio = \"1\"");
    let wire = Manifest::new("wire", "[dev-dependencies]\ntokio = \"1\"");

    assert_eq!(homeless(&[store, wire], HOMES), [""; 0]);
}

#[test]
fn a_renamed_library_is_known_by_its_own_name() {
    for text in [
        "[dependencies]\ndb = { version = \"1\", package = \"sqlx\" }",
        "[dependencies.db]\npackage = \"sqlx\"",
    ] {
        let bad = homeless(&[Manifest::new("server", text)], HOMES);

        assert_eq!(bad.len(), 1, "{text}");
        assert!(bad[0].contains("`sqlx`"), "{bad:?}");
    }
}

#[test]
fn the_checker_itself_uses_std_alone() {
    let bad = not_std_only(&[Manifest::new("tidy", "[dev-dependencies]\nregex = \"1\"")], STD_ONLY);

    assert_eq!(bad, ["tidy/Cargo.toml:2: `regex`: `tidy` uses std alone"]);
}

#[test]
fn a_second_program_or_none_to_run_is_told() {
    let crates = |runs: &[&str]| -> Vec<Manifest> {
        let text = |run: &&str| match *run {
            "" => "[package]\n".to_owned(),
            run => format!("[package]\ndefault-run = \"{run}\"\n"),
        };
        runs.iter().map(|run| Manifest::new("some", text(run))).collect()
    };

    assert_eq!(runs_another(&crates(&["", "keystile", ""]), "keystile"), [""; 0]);
    for wrong in [&["", ""][..], &["bench"], &["keystile", "bench"]] {
        assert_eq!(runs_another(&crates(wrong), "keystile").len(), 1, "{wrong:?}");
    }
}

//! Imports that break the order, in every spelling.

use super::*;
use crate::rules::{SKINS, STAGES};

fn gateway(file: &str, text: &str) -> Vec<Source> {
    let mut sources = vec![
        Source::new(
            "gateway/src/lib.rs",
            "//! x\nuse plan::{plan, Plan};\npub use attempt::Answer;\n",
        ),
        Source::new(format!("gateway/src/{file}"), text),
    ];
    for stage in STAGES {
        let path = format!("gateway/src/{stage}.rs");
        if sources[1].path != path {
            sources.push(Source::new(path, ""));
        }
    }
    sources
}

#[test]
fn a_stage_that_looks_ahead_is_named_with_its_line() {
    for (file, text) in [
        ("accept.rs", "//! x\nuse crate::plan::Plan;"),
        ("accept.rs", "//! x\nuse super::plan::Plan;"),
        ("accept.rs", "//! x\nlet a = crate::plan::plan(1);"),
        ("accept.rs", "use crate::{\n    parse::{accept, Call}, Limits\n};"),
        ("parse.rs", "//! x\nuse crate::Plan;"),
        ("parse/wishes.rs", "use crate::{Limits,\n    Answer};"),
    ] {
        let bad = later_stages(&gateway(file, text), STAGES);

        assert_eq!(bad.len(), 1, "{text}: {bad:?}");
        assert!(bad[0].starts_with(&format!("gateway/src/{file}:2: stage ")), "{bad:?}");
    }
}

#[test]
fn looking_back_or_aside_is_fine() {
    for (file, text) in [
        ("plan.rs", "use crate::accept::Head;\nuse crate::{parse::Call, directory::Entry};"),
        ("stream.rs", "use crate::record::Recorder;"),
        ("accept.rs", "#[cfg(test)]\nmod tests {\n    use crate::plan::Plan;\n}"),
        ("accept.rs", "use mycrate::plan::Plan;\n// crate::plan\n$crate::plan::x!();"),
        ("accept/head.rs", "use super::plan;"),
        ("directory.rs", "use crate::plan::Plan;"),
    ] {
        assert_eq!(later_stages(&gateway(file, text), STAGES), [""; 0], "{text}");
    }
}

#[test]
fn a_skin_that_leans_on_another_is_named_with_its_line() {
    let sources = [
        Source::new("server/src/rest/keys.rs", "//! x\n\nuse crate::console::page;\n"),
        Source::new("server/src/console.rs", "use crate::proxy::Proxy;"),
        Source::new("server/src/proxy.rs", "use crate::rest::keys;"),
    ];

    let bad = touching_skins(&sources, SKINS);

    assert_eq!(bad.len(), 1);
    assert!(bad[0].starts_with("server/src/rest/keys.rs:3: `rest` imports `console`"), "{bad:?}");
}

#[test]
fn a_cycle_is_named_from_each_of_its_imports() {
    let sources = [
        Source::new("store/src/a.rs", "use crate::b::B;\nuse crate::b::C;"),
        Source::new("store/src/b/inner.rs", "\nuse crate::c::C;"),
        Source::new("store/src/c.rs", "use crate::{a::A, d::D};"),
        Source::new("store/src/d.rs", ""),
    ];

    let bad = cycles(&sources, &[]);

    assert_eq!(
        bad,
        [
            "store/src/a.rs:1: a cycle: a -> b -> c -> a",
            "store/src/b/inner.rs:2: a cycle: b -> c -> a -> b",
            "store/src/c.rs:1: a cycle: c -> a -> b -> c",
        ]
    );
}

#[test]
fn an_exempt_import_closes_no_cycle_until_it_is_gone() {
    let sources = [
        Source::new("store/src/a.rs", "use crate::b::B;"),
        Source::new("store/src/b.rs", "use crate::a::A;"),
    ];
    let exempt = [Exemption { place: "store", what: "b -> a", reason: "a test" }];

    assert_eq!(cycles(&sources, &exempt), [""; 0]);
    assert_eq!(outgrown(&sources, &exempt), [""; 0]);
    assert_eq!(outgrown(&[], &exempt).len(), 1);
}

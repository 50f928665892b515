//! The tree as it is, held against the rules. Everything wrong is told at once: where, what, and why.

use std::io::{self, Write};

use tidy::source::Source;
use tidy::{imports, layout, lock, manifest, mirror, needles, rules, sql, tree};

#[test]
fn crates_use_only_the_layers_below_them() -> io::Result<()> {
    let manifests = tree::manifests()?;
    told(&manifest::wrong_edges(&manifests, rules::EDGES, rules::DEV_ONLY));
    told(&manifest::not_std_only(&manifests, rules::STD_ONLY));
    Ok(())
}

#[test]
fn cargo_run_starts_the_gateway() -> io::Result<()> {
    told(&manifest::runs_another(&tree::manifests()?, "keystile"));
    Ok(())
}

#[test]
fn libraries_stay_in_their_crates() -> io::Result<()> {
    told(&manifest::homeless(&tree::manifests()?, rules::HOMES));
    Ok(())
}

#[test]
fn needles_stay_home() -> io::Result<()> {
    told(&needles::strays(&product()?, rules::ONLY_IN));
    Ok(())
}

#[test]
fn homes_exist() -> io::Result<()> {
    told(&needles::empty_homes(&tree::sources()?, rules::ONLY_IN));
    Ok(())
}

#[test]
fn every_file_opens_with_its_story() -> io::Result<()> {
    told(&layout::unopened(&tree::sources()?));
    Ok(())
}

#[test]
fn names_say_what_is_inside() -> io::Result<()> {
    told(&layout::misnamed(&tree::sources()?, rules::EMPTY_NAMES));
    Ok(())
}

#[test]
fn migrations_come_in_pairs() -> io::Result<()> {
    told(&layout::unpaired(&tree::migrations("sqlite")?, &tree::migrations("postgres")?));
    Ok(())
}

#[test]
fn stages_never_look_ahead() -> io::Result<()> {
    told(&imports::later_stages(&tree::sources()?, rules::STAGES));
    Ok(())
}

#[test]
fn skins_never_touch() -> io::Result<()> {
    told(&imports::touching_skins(&tree::sources()?, rules::SKINS));
    Ok(())
}

#[test]
fn modules_do_not_go_in_circles() -> io::Result<()> {
    let sources = product()?;
    told(&imports::cycles(&sources, rules::CYCLES_EXEMPT));
    told(&imports::outgrown(&sources, rules::CYCLES_EXEMPT));
    Ok(())
}

#[test]
fn a_tenants_sql_names_the_tenant() -> io::Result<()> {
    let sources = tree::sources()?;
    told(&sql::tenantless(&sources, rules::TENANTLESS_SQL));
    told(&sql::outgrown(&sources, rules::TENANTLESS_SQL));
    Ok(())
}

#[test]
fn the_lock_lets_in_nothing_banned() -> io::Result<()> {
    let lock = tree::lock()?;
    told(&lock::banned(&lock, rules::BANNED, rules::LOCK_EXEMPT));
    told(&lock::outgrown(&lock, rules::LOCK_EXEMPT));
    Ok(())
}

/// Written past the test harness, which shows nothing of tests that pass.
#[test]
fn the_mirror() -> io::Result<()> {
    io::stderr().write_all(mirror::report(&product()?, 12).as_bytes())
}

/// All but this crate, which has to quote what it forbids.
fn product() -> io::Result<Vec<Source>> {
    let mut sources = tree::sources()?;
    sources.retain(|source| source.crate_name() != rules::STD_ONLY);
    Ok(sources)
}

fn told(bad: &[String]) {
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

//! Who imports whom inside a crate: stages, skins, cycles. Follows `crate::x` and the root's `use x::Y`.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::Exemption;
use crate::source::Source;

/// One module of a crate's root naming another.
struct Import<'a> {
    source: &'a Source,
    line: usize,
    from: &'a str,
    to: String,
}

/// Stages that look ahead.
pub fn later_stages(sources: &[Source], stages: &[&str]) -> Vec<String> {
    let order = |module: &str| stages.iter().position(|stage| *stage == module);
    judge(sources, "gateway", |import| match (order(import.from), order(&import.to)) {
        (Some(from), Some(to)) if from < to => {
            let Import { from, to, .. } = import;
            Some(format!("stage `{from}` imports `{to}`, which comes after it"))
        }
        _ => None,
    })
}

/// Skins that lean on one another.
pub fn touching_skins(sources: &[Source], skins: &[&str]) -> Vec<String> {
    judge(sources, "server", |import| {
        let Import { from, to, .. } = import;
        let touching = skins.contains(from) && skins.contains(&to.as_str());
        touching
            .then(|| format!("`{from}` imports `{to}`: skins share nothing; move it below them"))
    })
}

/// Modules that import one another in a circle, each import once.
pub fn cycles(sources: &[Source], exempt: &[Exemption]) -> Vec<String> {
    let crates: BTreeSet<_> = sources.iter().map(Source::crate_name).collect();
    let mut bad = Vec::new();
    for name in crates {
        let mut imports = imports(sources, name);
        imports.retain(|import| !exempt.iter().any(|one| excuses(one, name, import)));
        let mut told = BTreeSet::new();
        for import in &imports {
            if let Some(way) = way(&imports, &import.to, import.from)
                && told.insert((import.from, import.to.as_str()))
            {
                let what = format!("a cycle: {} -> {}", import.from, way.join(" -> "));
                bad.push(import.source.at(import.line, what));
            }
        }
    }
    bad
}

/// Exemptions for imports that are no longer there.
pub fn outgrown(sources: &[Source], exempt: &[Exemption]) -> Vec<String> {
    let needed = |one: &&Exemption| {
        let imports = imports(sources, one.place);
        imports.iter().any(|import| excuses(one, one.place, import))
    };
    let gone = exempt.iter().filter(|one| !needed(one));
    gone.map(|one| format!("rules.rs: CYCLES_EXEMPT: {}: {} is not there", one.place, one.what))
        .collect()
}

fn excuses(one: &Exemption, name: &str, import: &Import<'_>) -> bool {
    one.place == name && one.what == format!("{} -> {}", import.from, import.to)
}

fn judge(
    sources: &[Source],
    name: &str,
    verdict: impl Fn(&Import<'_>) -> Option<String>,
) -> Vec<String> {
    let imports = imports(sources, name);
    let bad = imports
        .iter()
        .filter_map(|import| verdict(import).map(|what| import.source.at(import.line, what)));
    bad.collect()
}

/// The shortest chain of imports from one module to another.
fn way<'a>(imports: &'a [Import<'a>], from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let Some(&last) = way.last() else { continue };
            if last == to {
                return Some(way);
            }
            for next in imports.iter().filter(|import| import.from == last) {
                if seen.insert(&next.to) {
                    longer.push(way.iter().copied().chain([next.to.as_str()]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

fn imports<'a>(sources: &'a [Source], name: &str) -> Vec<Import<'a>> {
    let files: Vec<_> = sources.iter().filter(|source| source.crate_name() == name).collect();
    let modules: BTreeSet<_> = files.iter().filter_map(|source| source.module()).collect();
    let roots = files.iter().filter(|source| source.path.ends_with("/src/lib.rs"));
    let lent: BTreeMap<_, _> = roots.flat_map(|root| lent(root, &modules)).collect();
    let mut imports = Vec::new();
    for source in files {
        let Some(from) = source.module() else { continue };
        for (line, head) in heads(source) {
            let to = modules.get(head.as_str()).map(|module| (*module).to_owned());
            let to = to.or_else(|| lent.get(&head).cloned());
            if let Some(to) = to.filter(|to| to != from) {
                imports.push(Import { source, line, from, to });
            }
        }
    }
    imports
}

/// Names that the root takes from its modules, so that others reach them as `crate::Name`.
fn lent(root: &Source, modules: &BTreeSet<&str>) -> Vec<(String, String)> {
    let text: Vec<_> = root.code().into_iter().map(|(_, line)| line).collect();
    let text = text.join("\n");
    let mut lent = Vec::new();
    for statement in text.split(';') {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let path = path.trim_start_matches("crate::").trim_start_matches("self::");
        let Some((module, names)) = path.split_once("::") else { continue };
        if modules.contains(module) {
            let names = names.split(|c: char| !is_part_of_name(c)).filter(|name| !name.is_empty());
            lent.extend(names.map(|name| (name.to_owned(), module.to_owned())));
        }
    }
    lent
}

/// What follows `crate::`, or `super::` where that is the crate: every name, also out of braces.
fn heads(source: &Source) -> Vec<(usize, String)> {
    let code = source.code();
    let text: String = code.iter().flat_map(|(_, line)| [*line, "\n"]).collect();
    let mut starts: Vec<_> =
        text.match_indices("crate::").map(|(at, found)| at + found.len()).collect();
    if source.is_top_level() {
        starts.extend(text.match_indices("super::").map(|(at, found)| at + found.len()));
    }
    starts.sort_unstable();
    let mut heads = Vec::new();
    for start in starts {
        let before = text.get(..start).unwrap_or_default();
        let line = code.get(before.matches('\n').count()).map_or(0, |(number, _)| *number);
        let prefix = before.len().checked_sub("crate::".len()).and_then(|end| before.get(..end));
        let own = prefix.is_none_or(|prefix| !prefix.ends_with(|c| is_part_of_name(c) || c == '$'));
        if own {
            let names = first_names(text.get(start..).unwrap_or_default());
            heads.extend(names.into_iter().map(|(lines, name)| (line + lines, name)));
        }
    }
    heads
}

/// `a::b` is `a`; `{a::{b, c}, d}` is `a` and `d`, each with how many lines further down it stands.
fn first_names(path: &str) -> Vec<(usize, String)> {
    let name = |text: &str| text.chars().take_while(|c| is_part_of_name(*c)).collect::<String>();
    if !path.starts_with('{') {
        return vec![(0, name(path))];
    }
    let (mut depth, mut fresh, mut lines) = (0, false, 0);
    let mut names = Vec::new();
    for (at, character) in path.char_indices() {
        match character {
            '{' => (depth, fresh) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => fresh = depth == 1,
            '\n' => lines += 1,
            _ if fresh && is_part_of_name(character) => {
                names.push((lines, name(path.get(at..).unwrap_or_default())));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn is_part_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests;

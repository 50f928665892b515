//! What each crate depends on. Reads the tables of a `Cargo.toml` that say so, and nothing else of it.

/// A crate and the text of its manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub name: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Build,
    Dev,
    Normal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    pub line: usize,
    pub kind: Kind,
    /// The package, also where it was renamed.
    pub package: String,
}

/// Imports against the layers.
pub fn wrong_edges(
    manifests: &[Manifest],
    edges: &[(&str, &[&str])],
    dev_only: &str,
) -> Vec<String> {
    let mut bad = Vec::new();
    for manifest in manifests {
        let Some((_, allowed)) = edges.iter().find(|(name, _)| *name == manifest.name) else {
            bad.push(
                manifest.at(1, format_args!("`{}` has no place among the layers", manifest.name)),
            );
            continue;
        };
        for dependency in manifest.dependencies() {
            let package = dependency.package.as_str();
            let ours = edges.iter().any(|(name, _)| *name == package);
            let product = !matches!(package, "bench" | "tidy") && package != dev_only;
            let may = allowed.contains(&package)
                || (allowed.contains(&"*") && product)
                || (dependency.kind == Kind::Dev && package == dev_only);
            if ours && !may {
                let name = &manifest.name;
                bad.push(
                    manifest.at(dependency.line, format_args!("`{name}` may not use `{package}`")),
                );
            }
        }
    }
    bad
}

/// What `cargo run` starts: the README's first command has one meaning, however many programs there are.
pub fn runs_another(manifests: &[Manifest], program: &str) -> Vec<String> {
    let lines = |manifest: &Manifest| -> Vec<String> {
        let lines = manifest.text.lines().filter_map(|line| line.strip_prefix("default-run"));
        lines.map(|rest| rest.trim_matches([' ', '=', '"']).to_owned()).collect()
    };
    let named: Vec<String> = manifests.iter().flat_map(lines).collect();
    if named == [program] {
        return Vec::new();
    }
    vec![format!(
        "`cargo run` must start `{program}`: its crate, and no other, has it for a default-run; found {named:?}"
    )]
}

/// Libraries away from their crates. What only tests use is let be.
pub fn homeless(manifests: &[Manifest], homes: &[(&str, &[&str], &str)]) -> Vec<String> {
    let mut bad = Vec::new();
    for manifest in manifests {
        for dependency in manifest.dependencies() {
            let package = dependency.package.as_str();
            let home = homes.iter().find(|(name, ..)| *name == package);
            if let Some((_, crates, why)) = home
                && dependency.kind != Kind::Dev
                && !crates.contains(&manifest.name.as_str())
            {
                bad.push(manifest.at(dependency.line, format_args!("`{package}`: {why}")));
            }
        }
    }
    bad
}

/// A crate that must build from nothing.
pub fn not_std_only(manifests: &[Manifest], std_only: &str) -> Vec<String> {
    let ours = manifests.iter().filter(|manifest| manifest.name == std_only);
    ours.flat_map(|manifest| {
        manifest.dependencies().into_iter().map(move |dependency| {
            let package = &dependency.package;
            manifest.at(dependency.line, format_args!("`{package}`: `{std_only}` uses std alone"))
        })
    })
    .collect()
}

impl Manifest {
    pub fn new(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into() }
    }

    pub fn dependencies(&self) -> Vec<Dependency> {
        let mut found: Vec<Dependency> = Vec::new();
        let (mut kind, mut single) = (None, false);
        for (line, text) in (1..).zip(self.text.lines()) {
            let text = text.split(" #").next().unwrap_or_default().trim();
            if let Some(table) = text.strip_prefix('[') {
                let (of, name) = table_kind(table.trim_end_matches(']'));
                (kind, single) = (of, name.is_some());
                if let (Some(kind), Some(name)) = (kind, name) {
                    found.push(Dependency { line, kind, package: unquoted(name) });
                }
                continue;
            }
            let (Some(kind), Some((key, value))) = (kind, text.split_once('=')) else { continue };
            if text.starts_with('#') {
                continue;
            }
            let renamed = if single && key.trim() == "package" {
                Some(unquoted(value))
            } else {
                value
                    .split_once("package")
                    .and_then(|(_, rest)| rest.split('"').nth(1))
                    .map(str::to_owned)
            };
            if single {
                if let (Some(renamed), Some(last)) = (renamed, found.last_mut()) {
                    last.package = renamed;
                }
                continue;
            }
            let name = unquoted(key.split('.').next().unwrap_or_default());
            found.push(Dependency { line, kind, package: renamed.unwrap_or(name) });
        }
        found
    }

    fn at(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}/Cargo.toml:{line}: {what}", self.name)
    }
}

/// `dependencies`, `target.'cfg(..)'.dev-dependencies`, `dependencies.foo`: its kind, and the one it is about.
fn table_kind(table: &str) -> (Option<Kind>, Option<&str>) {
    for (name, kind) in [
        ("dev-dependencies", Kind::Dev),
        ("build-dependencies", Kind::Build),
        ("dependencies", Kind::Normal),
    ] {
        if table == name || table.ends_with(&format!(".{name}")) {
            return (Some(kind), None);
        }
        let inside = table
            .split_once(&format!("{name}."))
            .filter(|(before, _)| before.is_empty() || before.ends_with('.'));
        if let Some((_, one)) = inside {
            return (Some(kind), Some(one));
        }
    }
    (None, None)
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests;

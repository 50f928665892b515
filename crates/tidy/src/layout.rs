//! How files are called, how they begin, and which come in pairs.

use crate::source::Source;

/// Every file says on its first line what it is.
pub fn unopened(sources: &[Source]) -> Vec<String> {
    let unopened = sources.iter().filter(|source| !source.text.starts_with("//!"));
    unopened
        .map(|source| {
            source.at(1, "the first line must be `//!`: what it is, what it refuses to know")
        })
        .collect()
}

/// `foo.rs` beside `foo/`, and names that say what is inside.
pub fn misnamed(sources: &[Source], empty_names: &[&str]) -> Vec<String> {
    let mut bad = Vec::new();
    for source in sources {
        if source.path.ends_with("/mod.rs") {
            bad.push(source.at(1, "`mod.rs`: name it after its folder, beside the folder"));
        }
        for part in source.path.split('/') {
            let name = part.strip_suffix(".rs").unwrap_or(part);
            if empty_names.contains(&name) {
                bad.push(source.at(1, format_args!("`{name}` says nothing: name what is inside")));
            }
        }
    }
    bad
}

/// Each migration exists for both databases, under one name.
pub fn unpaired(sqlite: &[String], postgres: &[String]) -> Vec<String> {
    let missing = |here: &str, names: &[String], there: &[String]| -> Vec<String> {
        let alone = names.iter().filter(|name| !there.contains(name));
        alone
            .map(|name| {
                format!("migrations/{here}/{name}:1: the other database has no such migration")
            })
            .collect()
    };
    let mut bad = missing("sqlite", sqlite, postgres);
    bad.extend(missing("postgres", postgres, sqlite));
    bad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::EMPTY_NAMES;

    #[test]
    fn a_file_without_its_story_is_named() {
        let sources = [
            Source::new("wire/src/sse.rs", "//! Frames.\n"),
            Source::new("wire/src/json.rs", "\n//! Late.\n"),
            Source::new("wire/tests/it/main.rs", ""),
        ];

        let bad = unopened(&sources);

        assert_eq!(bad.len(), 2);
        assert!(bad[0].starts_with("wire/src/json.rs:1: "), "{bad:?}");
        assert!(bad[1].starts_with("wire/tests/it/main.rs:1: "), "{bad:?}");
    }

    #[test]
    fn empty_names_are_named() {
        let paths = [
            "wire/src/sse/mod.rs",
            "server/src/utils.rs",
            "server/src/common/a.rs",
            "wire/src/sse.rs",
        ];
        let sources = paths.map(|path| Source::new(path, "//!"));

        let bad = misnamed(&sources, EMPTY_NAMES);

        assert_eq!(bad.len(), 3, "{bad:?}");
        for (message, path) in bad.iter().zip(paths) {
            assert!(message.starts_with(&format!("{path}:1: ")), "{message}");
        }
    }

    #[test]
    fn a_migration_for_one_database_only_is_named() {
        let both = "0001_a.sql".to_owned();

        let bad =
            unpaired(&[both.clone(), "0002_b.sql".to_owned()], &[both, "0002_c.sql".to_owned()]);

        assert_eq!(bad.len(), 2);
        assert!(bad[0].starts_with("migrations/sqlite/0002_b.sql:1: "), "{bad:?}");
        assert!(bad[1].starts_with("migrations/postgres/0002_c.sql:1: "), "{bad:?}");
    }
}

//! Text that has a home. Knows nothing of what the text does.

use crate::source::Source;

type Rule = (&'static str, &'static [&'static str], &'static str);

/// Every line outside tests that holds a needle away from its homes.
pub fn strays(sources: &[Source], only_in: &[Rule]) -> Vec<String> {
    let mut bad = Vec::new();
    for source in sources {
        for (number, line) in source.code() {
            let line = line.to_lowercase();
            for (needle, homes, why) in only_in {
                let home = homes.iter().any(|home| source.is_in(home));
                if !home && line.contains(&needle.to_lowercase()) {
                    bad.push(source.at(number, format_args!("`{needle}`: {why}")));
                }
            }
        }
    }
    bad
}

/// Homes that are not there: a rule that nobody can break any more guards nothing.
pub fn empty_homes(sources: &[Source], only_in: &[Rule]) -> Vec<String> {
    let mut bad = Vec::new();
    for (needle, homes, _) in only_in {
        for home in *homes {
            if !sources.iter().any(|source| source.is_in(home)) {
                bad.push(format!("rules.rs: `{needle}` has a home that does not exist: {home}"));
            }
        }
    }
    bad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ONLY_IN;

    #[test]
    fn a_needle_away_from_home_is_named_with_its_line() {
        for (path, line, needle) in [
            ("control/src/probe.rs", "let text = key.expose();", "`.expose(`"),
            ("control/src/probe.rs", "key.map(ProviderKey::expose)", "`::expose`"),
            ("server/src/boot.rs", "std::env::vars()", "`env::var`"),
            ("store/src/db.rs", "SystemTime::now()", "`SystemTime::now`"),
            ("server/src/rest/keys.rs", "let sql = \"SELECT id from keys\";", "`\"select `"),
            ("control/src/keys.rs", "r\"delete from keys\"", "`\"delete from`"),
            ("server/src/cli.rs", "hyper_util::client::legacy::Client", "`hyper_util::client`"),
            ("gateway/src/stream.rs", "tokio::spawn(drain)", "`tokio::spawn`"),
            ("server/src/main.rs", "std::process::exit(1)", "`process::exit(`"),
            ("wire/src/sse.rs", "use std::fs;", "`std::fs`"),
            ("model/src/price.rs", "let cost = tokens as f64;", "`f64`"),
        ] {
            let source = Source::new(path, format!("//! x\n{line}\n"));

            let bad = strays(&[source], ONLY_IN);

            assert_eq!(bad.len(), 1, "{path}: {line}: {bad:?}");
            assert!(bad[0].starts_with(&format!("{path}:2: {needle}: ")), "{bad:?}");
        }
    }

    #[test]
    fn at_home_in_tests_and_in_comments_it_is_let_be() {
        let sources = [
            Source::new("vault/src/scrub.rs", "let text = key.expose();"),
            Source::new("gateway/src/upstream/auth.rs", "key.expose()"),
            Source::new(
                "gateway/src/plan.rs",
                "// key.expose()\n#[cfg(test)]\nmod tests {\nkey.expose()\n}",
            ),
            Source::new("gateway/tests/it/main.rs", "key.expose()"),
        ];

        assert_eq!(strays(&sources, ONLY_IN), [""; 0]);
    }

    #[test]
    fn a_home_that_is_gone_is_reported() {
        let sources = [Source::new("vault/src/lib.rs", "")];
        let rules: &[Rule] = &[("x(", &["vault/src", "vault/src/old"], "why")];

        let bad = empty_homes(&sources, rules);

        assert_eq!(bad.len(), 1);
        assert!(bad[0].contains("`x(`") && bad[0].ends_with("vault/src/old"), "{bad:?}");
    }
}

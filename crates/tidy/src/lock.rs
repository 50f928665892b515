//! What the lock file would let into a build. Knows names and edges, not features: those are `cargo deny`'s.

use crate::rules::Exemption;

struct Edge<'a> {
    line: usize,
    from: &'a str,
    to: &'a str,
}

/// Banned packages, by the edges that bring them in.
pub fn banned(lock: &str, banned: &[(&str, &str)], exempt: &[Exemption]) -> Vec<String> {
    let (packages, edges) = parse(lock);
    let mut bad = Vec::new();
    for (line, package) in packages {
        let Some((_, why)) = banned.iter().find(|(name, _)| *name == package) else { continue };
        let mut parents = edges.iter().filter(|edge| edge.to == package).peekable();
        if parents.peek().is_none() {
            bad.push(format!("Cargo.lock:{line}: `{package}`: {why}"));
        }
        bad.extend(parents.filter(|edge| !is_exempt(edge, exempt)).map(|edge| {
            format!("Cargo.lock:{}: `{}` brings in `{package}`: {why}", edge.line, edge.from)
        }));
    }
    bad
}

/// Exemptions that the lock has outgrown.
pub fn outgrown(lock: &str, exempt: &[Exemption]) -> Vec<String> {
    let (_, edges) = parse(lock);
    let gone = exempt.iter().filter(|exemption| {
        !edges.iter().any(|edge| is_exempt(edge, std::slice::from_ref(exemption)))
    });
    gone.map(|Exemption { place, what, .. }| {
        format!("rules.rs: LOCK_EXEMPT: `{place}` does not bring in `{what}` any more")
    })
    .collect()
}

fn is_exempt(edge: &Edge<'_>, exempt: &[Exemption]) -> bool {
    exempt.iter().any(|exemption| exemption.place == edge.from && exemption.what == edge.to)
}

fn parse(lock: &str) -> (Vec<(usize, &str)>, Vec<Edge<'_>>) {
    let (mut packages, mut edges) = (Vec::new(), Vec::new());
    let mut from = "";
    for (line, text) in (1..).zip(lock.lines()) {
        if let Some(name) = text.strip_prefix("name = ") {
            from = name.trim_matches('"');
            packages.push((line, from));
        } else if let Some(dependency) = text.strip_prefix(" \"") {
            // `name`, or `name version` where there are several.
            let to = dependency.split([' ', '"']).next().unwrap_or_default();
            edges.push(Edge { line, from, to });
        }
    }
    (packages, edges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{BANNED, LOCK_EXEMPT};

    const LOCK: &str = "[[package]]\nname = \"ring\"\n\n[[package]]\nname = \"PARENT\"\ndependencies = [\n \
                        \"cc\",\n \"ring 0.17.14\",\n]\n";

    #[test]
    fn a_banned_package_is_named_with_the_edge_that_brings_it_in() {
        let bad = banned(&LOCK.replace("PARENT", "rustls"), BANNED, LOCK_EXEMPT);

        assert_eq!(bad.len(), 1);
        assert!(bad[0].starts_with("Cargo.lock:8: `rustls` brings in `ring`: "), "{bad:?}");
    }

    #[test]
    fn a_banned_package_that_nothing_brings_in_is_named() {
        let bad = banned("[[package]]\nname = \"openssl-sys\"\n", BANNED, LOCK_EXEMPT);

        assert_eq!(bad.len(), 1);
        assert!(bad[0].starts_with("Cargo.lock:2: `openssl-sys`: "), "{bad:?}");
    }

    #[test]
    fn an_edge_of_no_build_is_exempt_until_it_is_gone() {
        let lock = LOCK.replace("PARENT", "rustls-webpki");

        assert_eq!(banned(&lock, BANNED, LOCK_EXEMPT), [""; 0]);
        assert_eq!(outgrown(&lock, LOCK_EXEMPT), [""; 0]);
        let bad = outgrown("", LOCK_EXEMPT);
        assert!(bad.iter().any(|line| line.contains("`rustls-webpki`")), "{bad:?}");
    }
}

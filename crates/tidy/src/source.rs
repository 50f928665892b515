//! One file of the tree as the checks see it. Knows which lines reach the binary, not what they mean.

/// A text file; the path is the one below `crates/`.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub fn crate_name(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The module of the crate's root that the file belongs to; none for the root itself.
    pub fn module(&self) -> Option<&str> {
        let below = self.path.split_once("/src/")?.1;
        let first = below.split('/').next()?;
        let module = first.strip_suffix(".rs").unwrap_or(first);
        (!matches!(module, "lib" | "main" | "bin")).then_some(module)
    }

    /// Whether the file is this module, as `wire/src/sse`, or below it.
    pub fn is_in(&self, module: &str) -> bool {
        let rest = self.path.strip_prefix(module);
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    /// Whether the file is its module's first: there, `super` is the crate's root.
    pub fn is_top_level(&self) -> bool {
        self.path.split('/').count() == 3
    }

    /// Code that never reaches an operator.
    pub fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        matches!(parts.next(), Some("testkit" | "bench"))
            || parts.any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"))
    }

    /// The lines that reach the binary, numbered from 1: no comments, nothing under `#[cfg(test)]`.
    pub fn code(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let mut code = Vec::new();
        let mut lines = (1..).zip(self.text.lines());
        while let Some((number, line)) = lines.next() {
            let text = line.trim_start();
            if text.starts_with("#[cfg(test)]") {
                skip_item(&mut lines, line.len() - text.len());
            } else if !text.starts_with("//") {
                code.push((number, line));
            }
        }
        code
    }

    pub fn at(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Leaves out the item after the attribute. A block ends where rustfmt closes it; a module of tests at the
/// root ends the file, whatever its texts look like.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, indent: usize) {
    let mut open = false;
    while let Some((_, line)) = lines.next() {
        let text = line.trim();
        if open {
            let depth = line.len() - line.trim_start().len();
            if depth == indent && text.starts_with('}') {
                return;
            }
        } else if indent == 0 && text.starts_with("mod ") && text.ends_with('{') {
            return lines.for_each(drop);
        } else if !text.starts_with("#[") && !text.starts_with("//") {
            if text.ends_with([';', '}']) {
                return;
            }
            open = text.ends_with('{');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        Source::new("wire/src/sse.rs", text).code().into_iter().map(|(n, _)| n).collect()
    }

    #[test]
    fn comments_and_test_code_are_no_code() {
        assert_eq!(lines("//! a\nuse x;\n    // b\nfn f() {}\n"), [2, 4]);
        assert_eq!(lines("fn f() {}\n#[cfg(test)]\nmod tests {\n    r\"\n}\n\";\n}\n"), [1]);
        assert_eq!(lines("#[cfg(test)]\nmod tests;\nfn f() {}\n"), [3]);
        assert_eq!(lines("#[cfg(test)]\nfn f(\n) {\n    g();\n}\nfn g() {}\n"), [6]);
        assert_eq!(lines("impl A {\n    #[cfg(test)]\n    fn f() {\n    }\n}\n"), [1, 5]);
    }

    #[test]
    fn a_path_says_what_a_file_is() {
        let file = |path: &str| Source::new(path, "");

        assert_eq!(file("wire/src/sse/frames.rs").module(), Some("sse"));
        assert_eq!(file("wire/src/sse.rs").module(), Some("sse"));
        assert_eq!(file("wire/src/lib.rs").module(), None);
        assert_eq!(file("wire/tests/it/main.rs").module(), None);
        assert!(file("wire/src/sse.rs").is_in("wire/src/sse"));
        assert!(file("wire/src/sse/frames.rs").is_in("wire/src/sse"));
        assert!(!file("wire/src/sse_more.rs").is_in("wire/src/sse"));
        assert!(file("wire/src/sse/tests.rs").is_test());
        assert!(file("vault/src/tests/swap.rs").is_test());
        assert!(file("testkit/src/clock.rs").is_test());
        assert!(!file("wire/src/testsuite.rs").is_test());
    }
}

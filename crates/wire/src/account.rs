//! What a provider's answer about a key or its account says, field by field. Knows no provider's fields by name.

use serde_json::Value;

/// Such an answer; an unreadable one says nothing.
pub struct Account(Value);

impl Account {
    pub fn read(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    pub fn is_true(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool) == Some(true)
    }

    pub fn is_false(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool) == Some(false)
    }

    /// Whether it is a number, and nothing is left of it.
    pub fn is_spent(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_f64).is_some_and(|left| left <= 0.0)
    }

    /// `outer.inner`
    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.0, |value, step| value.get(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_path_and_say_only_what_they_say() {
        let body = br#"{"blocked":true,"data":{"left":0,"debt":-0.5,"some":0.01,"none":null,"no":false,"text":"0"}}"#;
        let account = Account::read(body);

        assert!(account.is_true("blocked") && !account.is_false("blocked"));
        assert!(account.is_false("data.no") && !account.is_true("data.no"));
        for (path, spent) in [
            ("data.left", true),
            ("data.debt", true),
            ("data.some", false),
            ("data.none", false),
            ("data.no", false),
            ("data.text", false),
            ("data", false),
            ("left", false),
            ("data.left.more", false),
            ("", false),
        ] {
            assert_eq!(account.is_spent(path), spent, "{path}");
        }
    }

    #[test]
    fn what_is_no_json_says_nothing() {
        for body in [&b""[..], b"<html>", b"{\"left\":0", b"[0]", b"\xff", &[b'['; 100_000]] {
            let account = Account::read(body);
            assert!(!account.is_spent("left") && !account.is_true("left"));
        }
    }
}

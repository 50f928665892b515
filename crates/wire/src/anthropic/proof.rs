//! Other providers' proofs of thought, in places where clients of this dialect keep them: in the signature of a thought,
//! and in the id of a tool call. Both come back as they are, and nobody but us looks into them.

use std::borrow::Cow;

use crate::hub::Thought;

/// The signature under a thought. A thought of another provider has none that this dialect knows; its SDKs want one.
pub(super) fn signature(thought: &Thought) -> Cow<'_, str> {
    match (&thought.signature, &thought.sealed) {
        (Some(signature), _) => Cow::Borrowed(signature),
        (None, sealed) => Cow::Owned(foreign(sealed.as_deref().unwrap_or_default())),
    }
}

/// A proof that is not this dialect's, as a signature.
pub(super) fn foreign(sealed: &str) -> String {
    format!("{OURS}{sealed}")
}

/// The other way about.
pub(super) fn thought(text: String, signature: Option<String>) -> Thought {
    let some = |proof: String| (!proof.is_empty()).then_some(proof);
    match signature.as_deref().and_then(|signature| signature.strip_prefix(OURS)) {
        Some(sealed) => Thought { text, signature: None, sealed: some(sealed.to_owned()) },
        None => Thought { text, signature: signature.and_then(some), sealed: None },
    }
}

/// A tool call's id with the proof of the thought before it. A proof in letters no id may have stays behind.
pub(super) fn call_id<'a>(id: &'a str, proof: Option<&str>) -> Cow<'a, str> {
    let escaped = proof.filter(|proof| !proof.is_empty()).and_then(escape);
    escaped.map_or(Cow::Borrowed(id), |proof| Cow::Owned(format!("{id}{BEHIND_ID}{proof}")))
}

/// The other way about: the id as it was, and the proof.
pub(super) fn split_call_id(id: &str) -> (&str, Option<String>) {
    id.split_once(BEHIND_ID)
        .and_then(|(id, proof)| Some((id, Some(unescape(proof)?))))
        .unwrap_or((id, None))
}

/// Base64 in any alphabet, in the letters of an id.
fn escape(proof: &str) -> Option<String> {
    let mut escaped = String::with_capacity(proof.len());
    for letter in proof.chars() {
        match ESCAPED.iter().find(|(plain, _)| *plain == letter) {
            Some((_, digit)) => escaped.extend(['-', *digit]),
            None if letter.is_ascii_alphanumeric() || letter == '_' => escaped.push(letter),
            None => return None,
        }
    }
    Some(escaped)
}

fn unescape(escaped: &str) -> Option<String> {
    let mut letters = escaped.chars();
    let mut proof = String::with_capacity(escaped.len());
    while let Some(letter) = letters.next() {
        if letter == '-' {
            let digit = letters.next()?;
            proof.push(ESCAPED.iter().find(|(_, escape)| *escape == digit)?.0);
        } else {
            proof.push(letter);
        }
    }
    Some(proof)
}

/// What a signature begins with that is not Anthropic's.
const OURS: &str = "ks1.";
const BEHIND_ID: &str = "__ks1_";
const ESCAPED: [(char, char); 4] = [('-', '0'), ('+', '1'), ('/', '2'), ('=', '3')];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{call_id, signature, split_call_id, thought};
    use crate::hub::Thought;

    #[test]
    fn a_signature_of_anthropics_is_left_alone() {
        let own = Thought { text: "t".into(), signature: Some("EqQB+/=".into()), sealed: None };

        assert_eq!(signature(&own), "EqQB+/=");
        assert_eq!(thought("t".into(), Some("EqQB+/=".into())), own);
    }

    #[test]
    fn what_another_provider_sealed_comes_back_sealed() {
        let foreign = Thought { text: "t".into(), signature: None, sealed: Some("gAAAA=".into()) };

        let signature = signature(&foreign);

        assert_eq!(signature, "ks1.gAAAA=");
        assert_eq!(thought("t".into(), Some(signature.into_owned())), foreign);
    }

    #[test]
    fn a_thought_without_proof_has_a_signature_that_proves_nothing() {
        let bare = Thought { text: "t".into(), ..Thought::default() };

        assert_eq!(signature(&bare), "ks1.");
        assert_eq!(thought("t".into(), Some("ks1.".into())), bare);
        assert_eq!(thought("t".into(), Some(String::new())), bare);
        assert_eq!(thought("t".into(), None), bare);
    }

    #[test]
    fn ids_without_a_proof_stay_what_they_are() {
        for id in ["toolu_1", "functions.f:0", "", "a__ks1_-", "a__ks1_-9"] {
            assert_eq!(call_id(id, None), id);
            assert_eq!(split_call_id(id), (id, None));
        }
        assert_eq!(call_id("a", Some("")), "a");
        assert_eq!(call_id("a", Some("é")), "a");
    }

    proptest! {
        #[test]
        fn a_proof_survives_in_an_id(id in "[a-zA-Z0-9]{1,12}", proof in "[a-zA-Z0-9+/=-]{1,60}") {
            let joined = call_id(&id, Some(&proof));

            prop_assert!(joined.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
            prop_assert_eq!(split_call_id(&joined), (id.as_str(), Some(proof)));
        }
    }
}

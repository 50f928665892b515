//! Another provider's proof of a thought, in the field Google has for its own. Google's is bytes, and SDKs decode and
//! encode them again, so that a foreign text would come back changed; hexadecimal digits come back as they went.

use model::hex;
use serde_json::Value;

use super::response;
use crate::hub::Thought;

/// What the field holds for a thought of another provider's; `None` if there is nothing to prove.
pub(super) fn write(thought: &Thought) -> Option<String> {
    match (&thought.sealed, &thought.signature) {
        (Some(sealed), _) => Some(wrap(SEALED, sealed)),
        (None, Some(signature)) => Some(wrap(SIGNED, signature)),
        (None, None) => None,
    }
}

/// The proof alone, where the field stands on something that was said; `None` for Google's own.
pub(super) fn read_proof(field: &str) -> Option<Thought> {
    Some(read(String::new(), Some(field))).filter(|thought| *thought != Thought::default())
}

/// The proof of a thought that the caller did not ask to see. It goes with what is said next, as Google's own do, and comes
/// back so. Where there was a text to go with it, it proves nothing alone.
#[derive(Default)]
pub(super) struct Unseen {
    proof: Option<String>,
    has_text: bool,
}

impl Unseen {
    /// A piece of a thought. The proof of the one before goes alone then.
    pub fn hold(&mut self, thought: &Thought) -> Option<Value> {
        self.has_text |= !thought.text.is_empty();
        let proof = write(thought)?;
        let is_whole = thought.sealed.is_some() || !std::mem::take(&mut self.has_text);
        let earlier = if is_whole { self.proof.replace(proof) } else { None };
        earlier.map(alone)
    }

    /// Signs what is said next. Where this has a proof of its own, ours stands before it.
    pub fn sign(&mut self, mut part: Value) -> impl Iterator<Item = Value> + use<> {
        self.has_text = false;
        let has_own = part.get("thoughtSignature").is_some();
        let before = self.proof.take_if(|_| has_own).map(alone);
        response::sign(&mut part, self.proof.take().as_deref());
        before.into_iter().chain([part])
    }

    /// What is left when nothing more is said.
    pub fn rest(&mut self) -> Option<Value> {
        self.proof.take().map(alone)
    }
}

fn alone(proof: String) -> Value {
    let mut part = response::write_text("");
    response::sign(&mut part, Some(&proof));
    part
}

/// The thought the field belongs to. A signature of Google's own means nothing to anybody else.
pub(super) fn read(text: String, field: Option<&str>) -> Thought {
    let unwrapped = |mark| unwrap(field?.strip_prefix(mark)?);
    Thought { text, signature: unwrapped(SIGNED), sealed: unwrapped(SEALED) }
}

/// Four characters are three bytes: an even number of bytes and a mark of four leave nothing over.
fn wrap(mark: &str, text: &str) -> String {
    let padding = if text.len().is_multiple_of(2) { "" } else { "00" };
    format!("{mark}{}{padding}", hex(text.as_bytes()))
}

fn unwrap(digits: &str) -> Option<String> {
    let digits: Option<Vec<u8>> =
        digits.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let bytes = digits?
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

/// Accepted in place of a signature for a call that another model made.
pub(super) const SKIP: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";
const SEALED: &str = "ks1s";
const SIGNED: &str = "ks1t";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_proof_survives_clients_that_decode_and_encode() {
        for text in ["", "a", "EqQB+/==", "é\"\n"] {
            let signed = Thought { signature: Some(text.to_owned()), ..Thought::default() };
            let sealed = Thought { sealed: Some(text.to_owned()), ..Thought::default() };
            for thought in [signed, sealed] {
                let field = write(&thought).expect("a field");

                assert!(field.len().is_multiple_of(4), "no padding is needed");
                assert!(field.bytes().all(|byte| byte.is_ascii_alphanumeric()));
                assert_eq!(read(String::new(), Some(&field)), thought);
            }
        }
    }

    #[test]
    fn googles_own_proof_is_nobody_elses() {
        assert_eq!(write(&Thought::default()), None);
        for field in [None, Some("CpcBAVKhFLZx"), Some("ks1tzz"), Some("ks1t\u{e9}"), Some("")] {
            let thought = read("so".to_owned(), field);

            assert_eq!(thought, Thought { text: "so".to_owned(), ..Thought::default() });
        }
    }
}

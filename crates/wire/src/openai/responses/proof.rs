//! What stands in a reasoning item's `encrypted_content`: a provider's own proof, or one of another dialect's in our
//! wrapping, so that it survives a round trip and is never shown to a provider that cannot read it.

use crate::hub::Thought;

/// A thought's proof as a caller gets it.
pub(super) fn wrapped(thought: &Thought) -> Option<String> {
    let signature = thought.signature.as_ref().map(|signature| format!("{SIGNATURE}{signature}"));
    signature.or_else(|| thought.sealed.as_ref().map(|sealed| format!("{SEALED}{sealed}")))
}

/// Puts back what a caller got from us. `false` if it never was ours: sealed by a provider of this dialect, and whoever
/// is asked now speaks another.
pub(super) fn unwrap_into(thought: &mut Thought, content: &str) -> bool {
    if let Some(signature) = content.strip_prefix(SIGNATURE) {
        thought.signature = Some(signature.to_owned());
    } else if let Some(sealed) = content.strip_prefix(SEALED) {
        thought.sealed = Some(sealed.to_owned());
    } else {
        return false;
    }
    true
}

/// Gemini's proof of a call, which has no place of its own in one.
pub(super) fn of_call(call_id: &str, signature: &str) -> String {
    format!("{CALL}{call_id}.{signature}")
}

/// The other way about: the call's id, and the proof.
pub(super) fn call_of(content: &str) -> Option<(&str, &str)> {
    content.strip_prefix(CALL)?.rsplit_once('.')
}

const SIGNATURE: &str = "ks1.";
const SEALED: &str = "ks2.";
/// Behind the mark of what is sealed: the proofs of Anthropic's and OpenAI's own are base64, which has no dots.
const CALL: &str = "ks2.call.";

//! Hears answers, and keeps each as it stood on the wire but for what it shows once by design.

use serde_json::Value;
use testkit::canary::Canaries;
use testkit::http::{Call, Whole};

use super::sinks::heard;

#[derive(Default)]
pub struct Ears {
    pub answers: Vec<(String, Vec<u8>)>,
    /// What the gateway made and showed once.
    tokens: Vec<String>,
}

/// Of a token that are its own.
const OWN_CHARS: usize = 28;

/// Where a good answer shows a token by design, and how often that answer holds it.
pub type Shown = (&'static str, usize);

impl Ears {
    /// Makes a call and keeps what was heard, also of an answer that broke off. A token that is shown here may stand in
    /// no other answer.
    pub async fn hear(&mut self, name: &str, call: Call, shown: Option<Shown>) -> Whole {
        let mut answer = call.send().await;
        let mut body = Vec::new();
        while let Some(Ok(chunk)) = answer.chunk().await {
            body.extend_from_slice(&chunk);
        }
        let whole = Whole { status: answer.status, headers: answer.headers, body: body.into() };
        let mut kept = heard(&whole);
        let is_replay = whole.headers.contains_key("idempotent-replayed");
        if let Some(shown) = shown.filter(|_| whole.status.is_success() && !is_replay) {
            kept = self.without_token(name, &whole, shown);
        }
        self.answers.push((name.to_owned(), kept));
        whole
    }

    fn without_token(&mut self, name: &str, whole: &Whole, (pointer, times): Shown) -> Vec<u8> {
        let text = whole.at(pointer);
        // A link ends in its token.
        let token = text.rsplit('/').next().expect("at least one part").to_owned();
        let kept = String::from_utf8_lossy(&heard(whole)).into_owned();
        assert_eq!(kept.matches(&token).count(), times, "{name} shows a token");
        let kept = kept.replace(&token, "(shown once)").into_bytes();
        self.tokens.push(token);
        kept
    }

    /// The caller's own words may come back in the answer that was just heard.
    pub fn unhear(&mut self, words: &str) {
        let (_, kept) = self.answers.last_mut().expect("just kept");
        *kept = String::from_utf8_lossy(kept).replace(words, "(the caller's own)").into_bytes();
    }

    /// The answer that was just heard, if it is JSON, as `change` leaves it.
    pub fn reword(&mut self, change: impl FnOnce(&mut Value)) {
        let (_, kept) = self.answers.last_mut().expect("just kept");
        let Some(head) = kept.windows(2).position(|pair| pair == b"\n\n") else { return };
        let Ok(said) = serde_json::from_slice::<Value>(&kept[head..]) else { return };
        let mut changed = said.clone();
        change(&mut changed);
        if changed != said {
            kept.truncate(head + 2);
            kept.extend(changed.to_string().bytes());
        }
    }

    /// Its tokens may stand in no answer but the one that was kept without them.
    pub fn hidden(&self, canaries: Canaries) -> Canaries {
        self.tokens.iter().enumerate().fold(canaries, |canaries, (number, token)| {
            canaries.any_part(&format!("token {number}"), own(token))
        })
    }
}

/// All tokens begin alike, and a gateway key's beginning is shown in lists.
pub fn own(token: &str) -> &str {
    &token[token.len() - OWN_CHARS..]
}

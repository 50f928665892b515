//! What a model thought, under every name this dialect has for it: `reasoning_content`, `reasoning`, and OpenRouter's
//! `reasoning_details`, which alone carry the provider's proof.

use serde_json::{Value, json};

use crate::hub::{Thought, ToolCall};
use crate::members::Members;

/// One entry of `reasoning_details` or `thinking_blocks`, or a piece of one in a stream.
#[derive(Default)]
pub(super) struct Detail {
    /// The thought it belongs to.
    index: Option<u64>,
    pub text: String,
    pub signature: Option<String>,
    pub sealed: Option<String>,
    /// The tool call that `sealed` proves, if it is one's.
    pub call_id: Option<String>,
}

impl Detail {
    /// What is not understood says nothing.
    pub fn read(entry: &Value) -> Self {
        let text = |name| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let sealed = text("data").map(str::to_owned);
        let of_call = sealed.is_some() && text("format").is_some_and(|f| f.starts_with(GEMINI));
        Self {
            index: entry.get("index").and_then(Value::as_u64),
            text: ["text", "summary", "thinking"]
                .into_iter()
                .find_map(text)
                .unwrap_or_default()
                .into(),
            signature: text("signature").map(str::to_owned),
            call_id: text("id").filter(|_| of_call).map(str::to_owned),
            sealed,
        }
    }

    /// Further on in a thought that is begun: the same number, and nothing told twice.
    fn continues(&self, thought: &Thought, index: Option<u64>) -> bool {
        let open = thought.sealed.is_none() && thought.signature.is_none();
        self.index.is_some() && self.index == index && open
    }
}

/// A message's thoughts. Proofs among them that belong to tool calls go there.
pub(super) fn read(message: &mut Members, calls: &mut [ToolCall]) -> Vec<Thought> {
    let plain = [message.take("reasoning_content"), message.take("reasoning")];
    let [details, blocks] = [message.take("reasoning_details"), message.take("thinking_blocks")];
    let mut thoughts: Vec<Thought> = Vec::new();
    let mut index = None;
    let details = details.or(blocks);
    for entry in details.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let detail = Detail::read(entry);
        if let Some(call_id) = &detail.call_id {
            let call = calls.iter_mut().find(|call| call.id == *call_id);
            if let Some(call) = call.filter(|call| call.signature.is_none()) {
                call.signature = detail.sealed;
            }
            continue;
        }
        match thoughts.last_mut().filter(|thought| detail.continues(thought, index)) {
            Some(thought) => {
                thought.text.push_str(&detail.text);
                thought.signature = detail.signature;
                thought.sealed = detail.sealed;
            }
            None => thoughts.extend(Some(Thought::from(&detail)).filter(tells)),
        }
        index = detail.index;
    }
    if thoughts.iter().all(|thought| thought.text.is_empty()) {
        let plain = plain.iter().flatten().filter_map(Value::as_str);
        let plain = plain.map(str::to_owned).find(|text| !text.trim().is_empty());
        let plain = plain.map(|text| Thought { text, ..Thought::default() });
        thoughts.splice(0..0, plain);
    }
    thoughts
}

impl From<&Detail> for Thought {
    fn from(detail: &Detail) -> Self {
        Self {
            text: detail.text.clone(),
            signature: detail.signature.clone(),
            sealed: detail.sealed.clone(),
        }
    }
}

fn tells(thought: &Thought) -> bool {
    *thought != Thought::default()
}

/// `reasoning_details` of a whole answer.
pub(super) fn details<'a>(
    thoughts: impl Iterator<Item = &'a Thought>,
    calls: impl Iterator<Item = &'a ToolCall>,
) -> Vec<Value> {
    let mut details = Vec::new();
    let mut index = 0;
    for thought in thoughts {
        match &thought.sealed {
            Some(data) => {
                if !thought.text.is_empty() {
                    let summary = &thought.text;
                    details.push(
                        json!({"type": "reasoning.summary", "summary": summary, "index": index}),
                    );
                }
                details.push(sealed(data, index));
            }
            None => {
                let mut detail = text(&thought.text, index);
                if let (Some(detail), Some(proof)) = (detail.as_object_mut(), &thought.signature) {
                    detail.insert("signature".to_owned(), json!(proof));
                }
                details.push(detail);
            }
        }
        index += 1;
    }
    for call in calls {
        if let Some(signature) = &call.signature {
            details.push(proof_of_call(&call.id, signature, index));
            index += 1;
        }
    }
    details
}

pub(super) fn text(text: &str, index: usize) -> Value {
    json!({"type": "reasoning.text", "text": text, "index": index})
}

pub(super) fn signature(signature: &str, index: usize) -> Value {
    json!({"type": "reasoning.text", "signature": signature, "index": index})
}

pub(super) fn sealed(data: &str, index: usize) -> Value {
    json!({"type": "reasoning.encrypted", "data": data, "index": index})
}

/// OpenRouter's way to carry Gemini's; `extra_content` on the call is Google's own.
pub(super) fn proof_of_call(call_id: &str, signature: &str, index: usize) -> Value {
    let format = "google-gemini-v1";
    json!({"type": "reasoning.encrypted", "data": signature, "id": call_id, "format": format, "index": index})
}

const GEMINI: &str = "google-gemini";

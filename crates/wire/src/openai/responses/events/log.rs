//! Events as they are sent, numbered from the first.

use bytes::Bytes;
use serde_json::Value;

#[derive(Default)]
pub(super) struct Log {
    sequence: u64,
    events: Vec<Bytes>,
}

impl Log {
    /// The name and the number first, then the members of `fields`, which has some.
    pub fn say(&mut self, kind: &str, fields: &Value) {
        let fields = fields.to_string();
        let rest = fields.strip_prefix('{').unwrap_or("}");
        let number = self.sequence;
        self.sequence = self.sequence.saturating_add(1);
        let event = format!(
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},{rest}\n\n"
        );
        self.events.push(event.into());
    }

    pub fn comment(&mut self, text: &str) {
        self.events.push(format!(": {text}\n\n").into());
    }

    pub fn take_into(&mut self, out: &mut Vec<Bytes>) {
        out.append(&mut self.events);
    }
}

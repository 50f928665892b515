//! Puts tool calls together from their pieces, however a provider cuts them. Knows nothing of the rest of a stream.

use serde_json::Value;

use super::super::assistant;
use crate::hub::Event;

/// The calls of one stream, in the order they began.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// Proofs that came apart from their calls, by the calls' ids.
    proofs: Vec<(String, String)>,
    are_too_many: bool,
}

/// A call, told as soon as its name is whole: when its arguments begin, when another call does, or at the end.
#[derive(Default)]
struct Call {
    /// The provider's number for it, where it gives one.
    number: Option<u64>,
    id: Option<String>,
    name: String,
    signature: Option<String>,
    is_told: bool,
    /// Arguments that came before the name.
    held: String,
}

impl Calls {
    /// Whether anything was called.
    pub fn are_told(&self) -> bool {
        self.calls.iter().any(|call| call.is_told)
    }

    /// One entry of a delta's `tool_calls`.
    pub fn piece(&mut self, piece: &Value, events: &mut Vec<Event>) {
        let id = text(piece, "id");
        let number = piece.get("index").and_then(Value::as_u64);
        let function = piece.get("function").unwrap_or(&Value::Null);
        let found = self.find(number, id, text(function, "name").is_some());
        let Some(at) = found.or_else(|| self.begin(number, events)) else { return };
        if let Some(call) = self.calls.get_mut(at) {
            call.id = call.id.take().or_else(|| id.map(str::to_owned));
            let signature = piece.get("extra_content").and_then(assistant::signature);
            call.signature = call.signature.take().or(signature);
            call.add(function);
        }
        self.pass_arguments(at, events);
    }

    /// The one before is told, if it can be; the others had their turn.
    fn begin(&mut self, number: Option<u64>, events: &mut Vec<Event>) -> Option<usize> {
        let at = self.calls.len();
        if at == CALLS_MAX {
            self.are_too_many = true;
            return None;
        }
        self.tell(at.saturating_sub(1), events);
        self.calls.push(Call { number, ..Call::default() });
        Some(at)
    }

    /// More calls than anybody makes, or more of them than can be held before it is known what is called.
    pub const fn are_too_many(&self) -> bool {
        self.are_too_many
    }

    /// A piece of OpenAI's old `function_call`, which is one call without a number.
    pub fn old_piece(&mut self, function: &Value, events: &mut Vec<Event>) {
        self.calls.resize_with(self.calls.len().max(1), Call::default);
        if let Some(call) = self.calls.first_mut() {
            call.add(function);
        }
        self.pass_arguments(0, events);
    }

    pub fn prove(&mut self, call_id: String, signature: String) {
        if self.proofs.len() < CALLS_MAX {
            self.proofs.push((call_id, signature));
        }
    }

    /// No more of their names will come.
    pub fn tell_all(&mut self, events: &mut Vec<Event>) {
        for at in 0..self.calls.len() {
            self.tell(at, events);
        }
    }

    /// The begun call that a piece belongs to. Google's compatible route numbers all calls 0, and only their ids differ; old
    /// vLLMs give every piece another id; others give no number, and an id only to the first piece.
    fn find(&self, number: Option<u64>, id: Option<&str>, is_named: bool) -> Option<usize> {
        let mut begun = self.calls.iter().enumerate().rev();
        let found = match (number, id) {
            (None, None) => begun.next(),
            (None, Some(id)) => begun.find(|(_, call)| call.id.as_deref() == Some(id)),
            (Some(_), None) => begun.find(|(_, call)| call.number == number),
            (Some(_), Some(id)) => begun.find(|(_, call)| {
                let other_id = call.id.as_deref().is_some_and(|own| own != id);
                call.number == number && !(other_id && is_named)
            }),
        };
        found.map(|(at, _)| at)
    }

    /// Where arguments have begun, the name is whole.
    fn pass_arguments(&mut self, index: usize, events: &mut Vec<Event>) {
        if self.calls.get(index).is_some_and(|call| !call.held.is_empty()) {
            self.tell(index, events);
        }
        // Only what nobody has named is still held.
        let held = self.calls.get(index).map_or(0, |call| call.held.len().max(call.name.len()));
        self.are_too_many |= held > HELD_BYTES_MAX;
    }

    /// A call nobody has named yet is no call.
    fn tell(&mut self, index: usize, events: &mut Vec<Event>) {
        let Some(call) = self.calls.get_mut(index).filter(|call| !call.name.is_empty()) else {
            return;
        };
        if !call.is_told {
            call.is_told = true;
            let (id, name) = (call.id.clone(), call.name.clone());
            let proof = self.proofs.iter().find(|(call_id, _)| id.as_ref() == Some(call_id));
            let proof = proof.map(|(_, signature)| signature.clone());
            let signature = call.signature.take().or(proof);
            events.push(Event::ToolCall { index, id, name, signature });
        }
        if !call.held.is_empty() {
            events.push(Event::Arguments { index, json: std::mem::take(&mut call.held) });
        }
    }
}

impl Call {
    /// The name in pieces, or whole with every piece of the arguments.
    fn add(&mut self, function: &Value) {
        let name = text(function, "name").filter(|name| !self.is_told && *name != self.name);
        self.name.push_str(name.unwrap_or_default());
        let arguments = function.get("arguments").and_then(assistant::arguments);
        self.held.push_str(&arguments.unwrap_or_default());
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

const CALLS_MAX: usize = 1_024;
const HELD_BYTES_MAX: usize = 64 << 10;

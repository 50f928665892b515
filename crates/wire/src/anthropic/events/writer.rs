//! A stream for a caller of this dialect, out of what happens in any other.

mod calls;
mod event;

use bytes::Bytes;
use model::{Refusal, Usage};

use crate::anthropic::render::error_event;
use crate::anthropic::reply::{Shown, message_id};
use crate::anthropic::usage::UsageBlock;
use crate::anthropic::{block, proof};
use crate::hub::{Echo, Event, Stop};
use crate::provider_error::UpstreamErrorBody;
use calls::{Call, Calls};
use event::{Block, Delta, End, ErrorBody, Message, Said};

/// Blocks open with their first piece, never overlap, and are numbered as they open.
pub struct Writer {
    state: State,
    /// Where the provider gives none.
    message_id: String,
    request_id: String,
    shown: Shown,
    model: String,
    blocks: usize,
    open: Option<Open>,
    calls: Calls,
    refused: bool,
    stop: Stop,
    usage: Usage,
}

#[derive(PartialEq)]
enum State {
    Over,
    Started,
    Waiting,
}

#[derive(PartialEq)]
enum Open {
    /// The one that `calls` knows as current.
    Call,
    Text,
    Thought,
}

impl Writer {
    pub fn new(echo: &Echo<'_>) -> Self {
        Self {
            state: State::Waiting,
            message_id: message_id("", echo),
            request_id: echo.request_id.to_owned(),
            shown: Shown::to(echo.ask),
            model: echo.ask.model.clone(),
            blocks: 0,
            open: None,
            calls: Calls::new(echo.request_id),
            refused: false,
            stop: Stop::End,
            usage: Usage::default(),
        }
    }

    pub fn write(&mut self, event: Event, out: &mut Vec<Bytes>) {
        match (&self.state, &event) {
            (State::Over, _) => return,
            (State::Waiting, Event::Error(_) | Event::Ping | Event::Start { .. }) => {}
            (State::Waiting, _) => self.start(String::new(), String::new(), out),
            (State::Started, _) => {}
        }
        match event {
            Event::Arguments { index, json } => {
                self.calls.add(index, &json);
                self.write_calls(out);
            }
            Event::End => self.end(out),
            Event::Error(error) => self.break_off(Some(&error), out),
            // It has no block for a picture that a model made.
            Event::Image(_) => {}
            Event::Ping => out.push(Said::Ping.frame()),
            Event::Refusal(text) => {
                self.refused |= !text.is_empty();
                self.text(&text, out);
            }
            Event::SealedThought(_) | Event::Signature(_) | Event::Thought(_)
                if self.shown == Shown::Nothing => {}
            Event::SealedThought(proof) | Event::Signature(proof) if proof.is_empty() => {}
            Event::SealedThought(data) => self.sealed_thought(&data, out),
            Event::Signature(signature) => {
                self.turn_to(Open::Thought, out);
                self.sign(&signature, out);
            }
            Event::Start { id, model } => self.start(id, model, out),
            Event::Stop(stop) => self.stop = stop,
            Event::Text(text) => self.text(&text, out),
            Event::Thought(text) if text.is_empty() || self.shown != Shown::Thoughts => {}
            Event::Thought(text) => {
                self.turn_to(Open::Thought, out);
                self.delta(Delta::Thinking { thinking: &text }, out);
            }
            Event::ToolCall { index, id, name, signature } => {
                self.calls.begin(index, id, name, signature);
                self.write_calls(out);
            }
            Event::Usage(usage) => self.usage = usage,
        }
        if self.calls.is_broken() {
            self.break_off(None, out);
        }
    }

    /// An end in words of ours, made for the caller.
    pub fn fail(&mut self, refusal: &Refusal, out: &mut Vec<Bytes>) {
        if self.state != State::Over {
            self.state = State::Over;
            out.push(error_event(refusal, Some(&self.request_id)));
        }
    }

    /// Once only: a second beginning is no beginning.
    fn start(&mut self, id: String, model: String, out: &mut Vec<Bytes>) {
        if self.state != State::Waiting {
            return;
        }
        self.state = State::Started;
        let message = Message {
            id: if id.is_empty() { &self.message_id } else { &id },
            r#type: "message",
            role: "assistant",
            model: if model.is_empty() { &self.model } else { &model },
            content: [],
            stop_reason: None,
            stop_sequence: None,
            // It is told at the end.
            usage: UsageBlock::from(Usage::default()),
        };
        out.push(Said::MessageStart { message }.frame());
    }

    fn text(&mut self, text: &str, out: &mut Vec<Bytes>) {
        // Some put a line end among the pieces of a call, which must not end it.
        let is_beside = self.open == Some(Open::Call) && text.trim().is_empty();
        if !text.is_empty() && !is_beside {
            self.turn_to(Open::Text, out);
            self.delta(Delta::Text { text }, out);
        }
    }

    /// Beside the words of a thought it is their proof; alone it is a thought of its own.
    fn sealed_thought(&mut self, data: &str, out: &mut Vec<Bytes>) {
        if self.open == Some(Open::Thought) {
            self.sign(&proof::foreign(data), out);
            return;
        }
        self.close_all(out);
        self.begin_block(Block::RedactedThinking { data }, out);
        self.end_block(out);
    }

    /// The proof of the thought that is open, which ends it.
    fn sign(&mut self, signature: &str, out: &mut Vec<Bytes>) {
        self.delta(Delta::Signature { signature }, out);
        self.open = None;
        self.end_block(out);
    }

    /// Makes a block of text or thought the open one.
    fn turn_to(&mut self, wanted: Open, out: &mut Vec<Bytes>) {
        if self.open.as_ref() == Some(&wanted) {
            return;
        }
        self.close_all(out);
        let block = match wanted {
            Open::Thought => Block::Thinking { thinking: "", signature: "" },
            Open::Call | Open::Text => Block::Text { text: "" },
        };
        self.begin_block(block, out);
        self.open = Some(wanted);
    }

    /// Goes on with the call that is open. The next one opens when it is known to be whole.
    fn write_calls(&mut self, out: &mut Vec<Bytes>) {
        loop {
            if self.open == Some(Open::Call) {
                self.write_arguments(out);
                if !self.calls.may_turn() {
                    return;
                }
                self.close(out);
            }
            if !self.calls.has_next() {
                return;
            }
            self.close(out);
            self.open_call(out);
        }
    }

    fn open_call(&mut self, out: &mut Vec<Bytes>) {
        let Some(Call { id, name }) = self.calls.open_next() else { return };
        self.begin_block(Block::tool_use(&id, &name), out);
        self.open = Some(Open::Call);
    }

    fn write_arguments(&mut self, out: &mut Vec<Bytes>) {
        let json = self.calls.take_arguments();
        if !json.is_empty() {
            self.delta(Delta::InputJson { partial_json: &json }, out);
        }
    }

    /// Closes what is open, then says whole what had to wait for it.
    fn close_all(&mut self, out: &mut Vec<Bytes>) {
        self.close(out);
        while self.calls.has_next() {
            self.open_call(out);
            self.write_arguments(out);
            self.close(out);
        }
    }

    fn close(&mut self, out: &mut Vec<Bytes>) {
        match self.open.take() {
            None => return,
            Some(Open::Call) => self.calls.close(),
            Some(Open::Text) => {}
            // A thought without a proof; clients want to see one.
            Some(Open::Thought) => {
                self.delta(Delta::Signature { signature: &proof::foreign("") }, out);
            }
        }
        self.end_block(out);
    }

    fn begin_block(&self, content_block: Block<'_>, out: &mut Vec<Bytes>) {
        out.push(Said::ContentBlockStart { index: self.blocks, content_block }.frame());
    }

    fn delta(&self, delta: Delta<'_>, out: &mut Vec<Bytes>) {
        out.push(Said::ContentBlockDelta { index: self.blocks, delta }.frame());
    }

    fn end_block(&mut self, out: &mut Vec<Bytes>) {
        out.push(Said::ContentBlockStop { index: self.blocks }.frame());
        self.blocks = self.blocks.saturating_add(1);
    }

    /// Only now is it known what was used, and whether a tool was called, which is then why the model stopped.
    fn end(&mut self, out: &mut Vec<Bytes>) {
        self.close_all(out);
        if self.calls.has_nameless() {
            self.break_off(None, out);
            return;
        }
        let (stop_reason, stop_sequence) =
            block::stop_reason(&self.stop, self.calls.any(), self.refused);
        let delta = End { stop_reason, stop_sequence };
        out.push(Said::MessageDelta { delta, usage: UsageBlock::from(self.usage) }.frame());
        out.push(Said::MessageStop.frame());
        self.state = State::Over;
    }

    /// The provider's own words stay behind: they may repeat what must not be seen.
    fn break_off(&mut self, error: Option<&UpstreamErrorBody>, out: &mut Vec<Bytes>) {
        let told = error.and_then(|error| error.kind.as_deref());
        let kind = KINDS.into_iter().find(|kind| Some(*kind) == told).unwrap_or("api_error");
        let message = match error {
            Some(_) => "the provider broke off in the middle of its answer",
            None => "the provider's tool calls do not make sense",
        };
        out.push(Said::Error { error: ErrorBody { r#type: kind, message } }.frame());
        self.state = State::Over;
    }
}

/// Types of errors that may come in the middle of an answer.
const KINDS: [&str; 4] = ["overloaded_error", "rate_limit_error", "timeout_error", "api_error"];

#[cfg(test)]
mod tests;

//! Steps of a stream as this dialect's events: one item after the other, each begun and ended, and in the end all of them
//! once more in the whole answer. Codex runs a tool when its item is done: nothing is called complete that is not.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use model::{Code, Refusal, Usage};
use serde_json::{Value, json};

use super::items::{Call, Done, Message, Place, Thinking, Voice};
use super::log::Log;
use crate::hub::{Echo, Event, Stop};
use crate::openai::responses::outline::{Outline, Status};
use crate::provider_error::UpstreamErrorBody;

/// In a box, as a stream's translator holds one of four writers, and this is the largest.
pub struct Writer(Box<Writing>);

struct Writing {
    outline: Outline,
    log: Log,
    stage: Stage,
    /// By their places; nothing where one is not done.
    output: Vec<Option<Value>>,
    /// What is being said, unless something is being thought.
    message: Option<Message>,
    /// What is being thought, unless something is being said.
    thinking: Option<Thinking>,
    /// Those that are not done. The first has begun; the others wait for it, whatever the order their pieces come in.
    calls: VecDeque<Call>,
    calls_done: usize,
    /// How many calls came before the one of that number.
    calls_before: HashMap<usize, usize>,
    has_refused: bool,
    stop: Stop,
    usage: Option<Usage>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Before,
    Open,
    Over,
}

impl Writer {
    pub fn new(echo: &Echo<'_>) -> Self {
        Self(Box::new(Writing {
            outline: Outline::new(echo),
            log: Log::default(),
            stage: Stage::Before,
            output: Vec::new(),
            message: None,
            thinking: None,
            calls: VecDeque::new(),
            calls_done: 0,
            calls_before: HashMap::new(),
            has_refused: false,
            stop: Stop::End,
            usage: None,
        }))
    }

    pub fn write(&mut self, event: Event, out: &mut Vec<Bytes>) {
        let writing = &mut *self.0;
        match event {
            _ if writing.stage == Stage::Over => {}
            Event::Ping => writing.log.comment("ping"),
            Event::Start { id, model } => writing.begin(&id, &model),
            event => {
                writing.begin("", "");
                writing.step(event);
            }
        }
        writing.log.take_into(out);
    }

    /// An end in words made for the caller.
    pub fn fail(&mut self, refusal: &Refusal, out: &mut Vec<Bytes>) {
        let writing = &mut *self.0;
        if writing.stage != Stage::Over {
            writing.begin("", "");
            let code = match refusal.code {
                Code::RateLimited | Code::UpstreamRateLimited => "rate_limit_exceeded",
                Code::UpstreamUnavailable => "server_is_overloaded",
                code => code.as_str(),
            };
            writing.break_off(code, &refusal.public);
            writing.log.take_into(out);
        }
    }
}

impl Writing {
    fn begin(&mut self, id: &str, model: &str) {
        if self.stage == Stage::Before {
            self.stage = Stage::Open;
            self.outline.name(id, model);
            self.tell("response.created", &Status::InProgress);
            self.tell("response.in_progress", &Status::InProgress);
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Arguments { index, json } => self.add_arguments(index, &json),
            Event::End => self.end(),
            Event::Error(error) => self.break_off(code(&error), BROKE_OFF),
            // A picture is there what a tool made, and this was none.
            Event::Image(_) | Event::Ping | Event::Start { .. } => {}
            Event::Refusal(text) => self.say(Voice::Refusal, &text),
            Event::SealedThought(sealed) => {
                self.end_speech("completed");
                self.think(|thinking, _| thinking.seal(sealed));
                self.end_speech("completed");
            }
            Event::Signature(signature) => {
                self.end_signed_thought();
                self.think(|thinking, _| thinking.sign(signature));
            }
            Event::Stop(stop) => self.stop = stop,
            Event::Text(text) => self.say(Voice::Text, &text),
            Event::Thought(text) => {
                self.end_signed_thought();
                if !text.is_empty() {
                    self.think(|thinking, log| thinking.think(&text, log));
                }
            }
            Event::ToolCall { index, id, name, signature } => {
                self.end_speech("completed");
                if let (Some(id), Some(signature)) = (&id, &signature) {
                    self.think(|thinking, _| thinking.prove_call(id, signature));
                    self.end_speech("completed");
                }
                let before = self.calls_done.saturating_add(self.calls.len());
                self.calls_before.insert(index, before);
                self.calls.push_back(Call::new(id, name));
                self.advance();
            }
            Event::Usage(usage) => self.usage = Some(usage),
        }
    }

    fn say(&mut self, voice: Voice, text: &str) {
        if text.is_empty() {
            return;
        }
        self.has_refused |= voice == Voice::Refusal;
        if self.message.is_none() {
            let place = self.place_for_speech("msg");
            self.message = Some(Message::begin(place, &mut self.log));
        }
        if let Some(message) = &mut self.message {
            message.say(voice, text, &mut self.log);
        }
    }

    /// A proof ends its thought: what follows is another.
    fn end_signed_thought(&mut self) {
        if self.thinking.as_ref().is_some_and(Thinking::is_signed) {
            self.end_speech("completed");
        }
    }

    fn think(&mut self, think: impl FnOnce(&mut Thinking, &mut Log)) {
        if self.thinking.is_none() {
            let place = self.place_for_speech("rs");
            self.thinking = Some(Thinking::begin(place, &mut self.log));
        }
        if let Some(thinking) = &mut self.thinking {
            think(thinking, &mut self.log);
        }
    }

    /// A call that is whole is over when something else is said. One that is not stays open beside it.
    fn place_for_speech(&mut self, kind: &str) -> Place {
        self.end_speech("completed");
        if self.calls.front().is_some_and(Call::is_whole) {
            self.end_call(false);
        }
        self.place(kind)
    }

    fn end_speech(&mut self, status: &str) {
        if let Some(message) = self.message.take() {
            let done = message.end(status, &mut self.log);
            self.keep(done);
        }
        if let Some(thinking) = self.thinking.take() {
            let done = thinking.end(&mut self.log);
            self.keep(done);
        }
    }

    /// To the call of that number, unless it is done.
    fn add_arguments(&mut self, number: usize, piece: &str) {
        let before = self.calls_before.get(&number);
        let at = before.and_then(|before| before.checked_sub(self.calls_done));
        if let Some(call) = at.and_then(|at| self.calls.get_mut(at)) {
            call.add(piece, &mut self.log);
            self.advance();
        }
    }

    /// Ends the calls that are whole while others wait, and begins the next.
    fn advance(&mut self) {
        while let Some(first) = self.calls.front() {
            let (has_begun, is_over) =
                (first.has_begun(), first.is_whole() && self.calls.len() > 1);
            if !has_begun {
                self.begin_call();
            }
            if !is_over {
                return;
            }
            self.end_call(false);
        }
    }

    fn begin_call(&mut self) {
        let place = self.place("fc");
        if let Some(call) = self.calls.front_mut() {
            call.begin(place, &mut self.log);
        }
    }

    fn end_call(&mut self, was_cut: bool) {
        let Some(call) = self.calls.pop_front() else { return };
        self.calls_done = self.calls_done.saturating_add(1);
        if let Some(done) = call.end(was_cut, &mut self.log) {
            self.keep(done);
        }
    }

    fn end(&mut self) {
        let status = Status::of(&self.stop, self.has_refused);
        let was_cut = matches!(status, Status::Incomplete { .. });
        self.end_speech(status.as_str());
        while let Some(call) = self.calls.front() {
            if !call.has_begun() {
                self.begin_call();
            }
            self.end_call(was_cut);
        }
        self.stage = Stage::Over;
        self.tell(if was_cut { "response.incomplete" } else { "response.completed" }, &status);
    }

    /// What was not done stays so, that nobody may act on it.
    fn break_off(&mut self, code: &str, message: &str) {
        self.stage = Stage::Over;
        self.tell("response.failed", &Status::Failed { code, message });
    }

    fn tell(&mut self, kind: &str, status: &Status<'_>) {
        let output = self.output.iter().flatten().cloned().collect();
        let response = self.outline.response(status, output, self.usage.as_ref());
        self.log.say(kind, &json!({"response": response}));
    }

    fn place(&mut self, kind: &str) -> Place {
        let index = self.output.len();
        self.output.push(None);
        Place { index, id: self.outline.item_id(kind, index) }
    }

    fn keep(&mut self, done: Done) {
        if let Some(slot) = self.output.get_mut(done.index) {
            *slot = Some(done.item);
        }
    }
}

/// Those by which Codex decides what to do, whatever the provider calls them.
fn code(error: &UpstreamErrorBody) -> &'static str {
    let known = error.codes().find_map(|code| match code {
        "context_length_exceeded" => Some("context_length_exceeded"),
        "insufficient_quota" => Some("insufficient_quota"),
        "RESOURCE_EXHAUSTED" | "rate_limit_error" | "rate_limit_exceeded" => {
            Some("rate_limit_exceeded")
        }
        "UNAVAILABLE" | "overloaded_error" | "server_is_overloaded" | "slow_down" => {
            Some("server_is_overloaded")
        }
        _ => None,
    });
    known.unwrap_or("server_error")
}

const BROKE_OFF: &str = "the provider broke off in the middle of its answer";

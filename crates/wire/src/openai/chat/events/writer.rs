//! A stream for a caller, in this dialect: the role first, one piece of the answer an event, why it stopped, what it used
//! if that was asked for, and the terminator.

use bytes::Bytes;
use model::{Code, Refusal, Usage};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::reply::own_id;
use super::super::{assistant, digest, finish, images, thoughts};
use crate::hub::{Echo, Event, Source, Stop};
use crate::openai::render::error_event;

/// Writes one stream. Whatever comes after its end or an error is not written.
pub struct Writer {
    id: String,
    model: String,
    created: i64,
    request_id: String,
    include_usage: bool,
    has_started: bool,
    has_ended: bool,
    /// In the order they began, which is their number here.
    calls: Vec<Call>,
    thoughts: Thoughts,
    /// How many were told.
    images: usize,
    stop: Option<Stop>,
    usage: Option<Usage>,
}

struct Call {
    /// Its number in the events.
    index: usize,
    has_arguments: bool,
}

/// The number of the thought that is open, or of the next one.
#[derive(Default)]
struct Thoughts {
    index: usize,
    is_open: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<finish::Block>,
}

#[derive(Serialize)]
struct Choice {
    index: u8,
    delta: Delta,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[Value; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[Value; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Value; 1]>,
}

impl Writer {
    pub fn new(echo: &Echo<'_>) -> Self {
        Self {
            id: own_id(echo),
            model: echo.ask.model.clone(),
            created: echo.now,
            request_id: echo.request_id.to_owned(),
            include_usage: echo.ask.include_usage,
            has_started: false,
            has_ended: false,
            calls: Vec::new(),
            thoughts: Thoughts::default(),
            images: 0,
            stop: None,
            usage: None,
        }
    }

    /// What an event looks like: nothing yet, one event, or several.
    pub fn write(&mut self, event: Event, out: &mut Vec<Bytes>) {
        if self.has_ended {
            return;
        }
        match event {
            Event::Arguments { index, json } => self.arguments(index, json, out),
            Event::End => self.end(out),
            Event::Error(_) => self.error(out),
            Event::Image(source) => self.image(&source, out),
            Event::Ping => out.push(Bytes::from_static(b": ping\n\n")),
            Event::Refusal(words) => {
                self.delta(Delta { refusal: Some(words), ..Delta::default() }, out);
            }
            Event::SealedThought(data) => {
                let detail = thoughts::sealed(&data, self.thoughts.index);
                self.detail(detail, out);
                self.thoughts.close();
            }
            Event::Signature(signature) => {
                let detail = thoughts::signature(&signature, self.thoughts.index);
                self.detail(detail, out);
                self.thoughts.close();
            }
            Event::Start { id, model } => self.start(id, model, out),
            Event::Stop(stop) => self.stop = Some(stop),
            Event::Text(piece) => {
                self.thoughts.close_open();
                self.delta(Delta { content: Some(piece), ..Delta::default() }, out);
            }
            Event::Thought(piece) => self.thought(piece, out),
            Event::ToolCall { index, id, name, signature } => {
                self.thoughts.close_open();
                self.tool_call(index, id, &name, signature.as_deref(), out);
            }
            Event::Usage(usage) => self.usage = Some(usage),
        }
    }

    /// An end in words made for the caller. No terminator, so that nobody takes it for a good one.
    pub fn fail(&mut self, refusal: &Refusal, out: &mut Vec<Bytes>) {
        if !self.has_ended {
            self.has_ended = true;
            out.push(error_event(refusal, Some(&self.request_id)));
        }
    }

    fn start(&mut self, id: String, model: String, out: &mut Vec<Bytes>) {
        if self.has_started {
            return;
        }
        if !id.is_empty() {
            self.id = id;
        }
        if !model.is_empty() {
            self.model = model;
        }
        self.begin(out);
    }

    fn begin(&mut self, out: &mut Vec<Bytes>) {
        if !self.has_started {
            self.has_started = true;
            let delta =
                Delta { role: Some("assistant"), content: Some(String::new()), ..Delta::default() };
            out.push(self.chunk(delta, None));
        }
    }

    fn image(&mut self, source: &Source, out: &mut Vec<Bytes>) {
        self.thoughts.close_open();
        if let Some(image) = images::write(source, self.images) {
            self.images = self.images.saturating_add(1);
            self.delta(Delta { images: Some([image]), ..Delta::default() }, out);
        }
    }

    fn thought(&mut self, piece: String, out: &mut Vec<Bytes>) {
        self.thoughts.is_open = true;
        let detail = thoughts::text(&piece, self.thoughts.index);
        let delta = Delta {
            reasoning_content: Some(piece),
            reasoning_details: Some([detail]),
            ..Delta::default()
        };
        self.delta(delta, out);
    }

    fn tool_call(
        &mut self,
        index: usize,
        id: Option<String>,
        name: &str,
        signature: Option<&str>,
        out: &mut Vec<Bytes>,
    ) {
        let at = self.calls.len();
        self.calls.push(Call { index, has_arguments: false });
        let id =
            id.unwrap_or_else(|| format!("call_{:016x}_{at}", digest(self.request_id.as_bytes())));
        let mut call = json!({
            "index": at, "id": id, "type": "function", "function": {"name": name, "arguments": ""},
        });
        let mut proof = None;
        if let (Some(call), Some(signature)) = (call.as_object_mut(), signature) {
            call.insert("extra_content".to_owned(), assistant::extra_content(signature));
            proof = Some([thoughts::proof_of_call(&id, signature, self.thoughts.index)]);
            self.thoughts.close();
        }
        let delta =
            Delta { tool_calls: Some([call]), reasoning_details: proof, ..Delta::default() };
        self.delta(delta, out);
    }

    /// Of a call that was never told, there is nobody to tell.
    fn arguments(&mut self, index: usize, json: String, out: &mut Vec<Bytes>) {
        let mut calls = self.calls.iter_mut().enumerate();
        let Some((at, call)) = calls.find(|(_, call)| call.index == index) else { return };
        if !json.is_empty() {
            call.has_arguments = true;
            self.arguments_of(at, &json, out);
        }
    }

    fn arguments_of(&mut self, at: usize, json: &str, out: &mut Vec<Bytes>) {
        let piece = json!({"index": at, "function": {"arguments": json}});
        self.delta(Delta { tool_calls: Some([piece]), ..Delta::default() }, out);
    }

    fn detail(&mut self, detail: Value, out: &mut Vec<Bytes>) {
        self.delta(Delta { reasoning_details: Some([detail]), ..Delta::default() }, out);
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<Bytes>) {
        self.begin(out);
        out.push(self.chunk(delta, None));
    }

    fn end(&mut self, out: &mut Vec<Bytes>) {
        self.begin(out);
        // Where the output limit cut a call, what is missing is not ours to write.
        let was_cut = self.stop == Some(Stop::Length);
        for at in 0..self.calls.len() {
            if !was_cut && self.calls.get(at).is_some_and(|call| !call.has_arguments) {
                self.arguments_of(at, "{}", out);
            }
        }
        let stop = finish::settled(self.stop.take().unwrap_or_default(), !self.calls.is_empty());
        out.push(self.chunk(Delta::default(), Some(finish::reason(&stop))));
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            out.push(self.event(Vec::new(), Some(finish::Block::from(usage))));
        }
        out.push(Bytes::from_static(b"data: [DONE]\n\n"));
        self.has_ended = true;
    }

    /// In our words: the provider's may hold a part of a key.
    fn error(&mut self, out: &mut Vec<Bytes>) {
        self.fail(&Refusal::new(Code::UpstreamError, BROKE_OFF), out);
    }

    fn chunk(&self, delta: Delta, finish_reason: Option<&'static str>) -> Bytes {
        self.event(vec![Choice { index: 0, delta, finish_reason }], None)
    }

    fn event(&self, choices: Vec<Choice>, usage: Option<finish::Block>) -> Bytes {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        };
        // Plain structs of texts and numbers always serialise.
        let json = serde_json::to_vec(&chunk).unwrap_or_default();
        [b"data: ", json.as_slice(), b"\n\n"].concat().into()
    }
}

impl Thoughts {
    fn close(&mut self) {
        self.index = self.index.saturating_add(1);
        self.is_open = false;
    }

    fn close_open(&mut self) {
        if self.is_open {
            self.close();
        }
    }
}

const BROKE_OFF: &str = "the provider broke off in the middle of its answer";

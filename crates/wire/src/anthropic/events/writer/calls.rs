//! Tool calls that may come mingled, one after the other. Knows nothing of blocks.

use crate::anthropic::proof;

/// All calls of one answer, in the order they came.
pub(super) struct Calls {
    /// For ids of our own, where the provider gives none.
    request_id: String,
    calls: Vec<Begun>,
    /// Which of them is being said.
    current: Option<usize>,
    held_bytes: usize,
    is_broken: bool,
}

/// What a call begins with.
pub(super) struct Call {
    pub id: String,
    pub name: String,
}

#[derive(Default)]
struct Begun {
    index: usize,
    id: Option<String>,
    name: String,
    signature: Option<String>,
    /// What was not said yet.
    arguments: String,
    json: Json,
    is_said: bool,
}

impl Calls {
    pub fn new(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            calls: Vec::new(),
            current: None,
            held_bytes: 0,
            is_broken: false,
        }
    }

    /// Some begin a call again with every piece of it, and some tell its name late: what is known stays.
    pub fn begin(
        &mut self,
        index: usize,
        id: Option<String>,
        name: String,
        signature: Option<String>,
    ) {
        let Some(call) = self.at(index) else { return };
        call.id = call.id.take().or(id.filter(|id| !id.is_empty()));
        call.signature = call.signature.take().or(signature);
        if call.name.is_empty() {
            call.name = name;
        }
    }

    pub fn add(&mut self, index: usize, json: &str) {
        let Some(call) = self.at(index) else { return };
        if !call.is_said {
            call.json.follow(json);
            call.arguments.push_str(json);
            self.held_bytes = self.held_bytes.saturating_add(json.len());
            self.is_broken |= self.held_bytes > HELD_BYTES_MAX;
        } else if !json.trim().is_empty() {
            // It was closed for something else, and cannot be opened again.
            self.is_broken = true;
        }
    }

    /// The current call is whole, and another one waits.
    pub fn may_turn(&self) -> bool {
        let is_whole = |call: &Begun| call.json.is_whole();
        self.has_next() && self.current().is_none_or(is_whole)
    }

    /// A call waits to be said, and it is known which.
    pub fn has_next(&self) -> bool {
        self.next().is_some()
    }

    pub fn open_next(&mut self) -> Option<Call> {
        let at = self.next()?;
        let call = self.calls.get(at)?;
        self.current = Some(at);
        let own = || format!("toolu_{}_{}", self.request_id, call.index);
        let id = call.id.clone().unwrap_or_else(own);
        let id = proof::call_id(&id, call.signature.as_deref()).into_owned();
        Some(Call { id, name: call.name.clone() })
    }

    /// What is new of the current call.
    pub fn take_arguments(&mut self) -> String {
        let current = self.current.and_then(|at| self.calls.get_mut(at));
        let arguments = current.map(|call| std::mem::take(&mut call.arguments));
        let arguments = arguments.unwrap_or_default();
        self.held_bytes = self.held_bytes.saturating_sub(arguments.len());
        arguments
    }

    pub fn close(&mut self) {
        if let Some(call) = self.current.take().and_then(|at| self.calls.get_mut(at)) {
            call.is_said = true;
        }
    }

    pub fn any(&self) -> bool {
        self.calls.iter().any(|call| call.is_said)
    }

    /// Something is called, and nobody knows what.
    pub fn has_nameless(&self) -> bool {
        self.calls.iter().any(|call| !call.is_said && !call.arguments.trim().is_empty())
    }

    /// What came cannot be said in any order, or is too much to be held back.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    fn current(&self) -> Option<&Begun> {
        self.calls.get(self.current?)
    }

    fn next(&self) -> Option<usize> {
        let waits = |call: &Begun| !call.is_said && !call.name.is_empty();
        let mut calls = self.calls.iter().enumerate();
        calls.find(|(at, call)| Some(*at) != self.current && waits(call)).map(|(at, _)| at)
    }

    fn at(&mut self, index: usize) -> Option<&mut Begun> {
        let at = self.calls.iter().position(|call| call.index == index);
        if at.is_none() && self.calls.len() == CALLS_MAX {
            self.is_broken = true;
            return None;
        }
        if at.is_none() {
            self.calls.push(Begun { index, ..Begun::default() });
        }
        match at {
            Some(at) => self.calls.get_mut(at),
            None => self.calls.last_mut(),
        }
    }
}

/// Follows JSON that comes in pieces, as far as its brackets.
#[derive(Default)]
struct Json {
    depth: u32,
    began: bool,
    in_string: bool,
    is_escaped: bool,
}

impl Json {
    fn follow(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => {
                    self.began = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    const fn is_whole(&self) -> bool {
        self.began && self.depth == 0
    }
}

/// More calls at once than anybody makes.
const CALLS_MAX: usize = 1_024;
/// What may wait for an earlier call to end, together.
const HELD_BYTES_MAX: usize = 8 << 20;

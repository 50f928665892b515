//! The conversation: what the caller and the model said in turn.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use crate::InvalidBody;
use crate::gemini::fields::Fields;
use crate::gemini::{media, signature};
use crate::hub::{CachePoint, Part, Text, ToolCall, ToolResult, Turn};

pub(super) fn read(
    contents: Vec<Fields>,
    left_out: &mut Vec<String>,
) -> Result<Vec<Turn>, InvalidBody> {
    let mut conversation = Conversation { calls: Calls::default(), left_out };
    let mut turns = Vec::new();
    for mut content in contents {
        let role = content.text("role")?;
        let parts = content.objects("parts")?;
        let speaker = match role.as_deref() {
            Some("model") => Speaker::Model,
            None | Some("" | "user" | "function") => Speaker::User,
            Some(_) => return Err(content.wrong("role", "\"user\" or \"model\"")),
        };
        content.finish()?;
        conversation.say(speaker, parts, &mut turns)?;
    }
    Ok(turns)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Model,
    User,
}

struct Conversation<'a> {
    calls: Calls,
    left_out: &'a mut Vec<String>,
}

impl Conversation<'_> {
    fn say(
        &mut self,
        speaker: Speaker,
        parts: Vec<Fields>,
        turns: &mut Vec<Turn>,
    ) -> Result<(), InvalidBody> {
        let mut said = Vec::new();
        for part in parts {
            said.extend(self.part(speaker, part)?);
        }
        if said.is_empty() {
            return Ok(());
        }
        match (speaker, turns.last_mut()) {
            (Speaker::User, _) => turns.push(Turn::User(said)),
            // SDKs keep every piece of a stream as a content of its own.
            (Speaker::Model, Some(Turn::Assistant(before))) => join(before, said),
            (Speaker::Model, _) => {
                let mut parts = Vec::new();
                join(&mut parts, said);
                turns.push(Turn::Assistant(parts));
            }
        }
        Ok(())
    }

    /// Nothing for what says nothing, an empty text. What is said may come with the proof of a thought that was not shown.
    fn part(&mut self, speaker: Speaker, mut part: Fields) -> Result<Vec<Part>, InvalidBody> {
        part.leave_out(&["mediaResolution", "partMetadata", "videoMetadata"], self.left_out);
        part.refuse(&["codeExecutionResult", "executableCode", "toolCall", "toolResponse"])?;
        let is_thought = part.flag("thought")?;
        let signature = part.text("thoughtSignature")?;
        let proof = signature.as_deref().filter(|_| !is_thought).and_then(signature::read_proof);
        let signature = signature.filter(|_| proof.is_none());
        let read = if let Some(text) = part.text("text")? {
            said(text, is_thought, signature.as_deref())
        } else if let Some(blob) = part.object("inlineData")? {
            Some(media::read_inline(blob)?)
        } else if let Some(file) = part.object("fileData")? {
            Some(media::read_file(file)?)
        } else if speaker == Speaker::Model
            && let Some(call) = part.object("functionCall")?
        {
            Some(Part::ToolCall(self.call(call, signature)?))
        } else if speaker == Speaker::User
            && let Some(response) = part.object("functionResponse")?
        {
            Some(Part::ToolResult(self.result(response)?))
        } else {
            None
        };
        part.finish()?;
        Ok(proof.map(Part::Thought).into_iter().chain(read).collect())
    }

    fn call(
        &mut self,
        mut call: Fields,
        signature: Option<String>,
    ) -> Result<ToolCall, InvalidBody> {
        let name = call.required_text("name")?;
        let arguments = match call.take("args") {
            None => "{}".to_owned(),
            Some(args @ Value::Object(_)) => args.to_string(),
            Some(_) => return Err(call.wrong("args", "a JSON object")),
        };
        let id = self.calls.open(call.text("id")?, &name);
        call.finish()?;
        let signature = signature.filter(|signature| signature != signature::SKIP);
        Ok(ToolCall { id, name, arguments, signature })
    }

    fn result(&mut self, mut response: Fields) -> Result<ToolResult, InvalidBody> {
        let name = response.required_text("name")?;
        let Some(call_id) = self.calls.answer(response.text("id")?, &name) else {
            return Err(response.wrong("name", "that of a functionCall before it"));
        };
        let (text, is_error) = match response.take("response") {
            None => (String::new(), false),
            Some(value) => outcome(value),
        };
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(Part::Text(Text { text, cache_point: CachePoint::None }));
        }
        for part in response.objects("parts")? {
            parts.extend(self.part(Speaker::User, part)?);
        }
        response.leave_out(&["scheduling", "willContinue"], self.left_out);
        response.finish()?;
        Ok(ToolResult { call_id, name: Some(name), parts, is_error, cache_point: CachePoint::None })
    }
}

fn said(text: String, is_thought: bool, signature: Option<&str>) -> Option<Part> {
    if is_thought {
        let thought = signature::read(text, signature);
        return (thought != Default::default()).then_some(Part::Thought(thought));
    }
    (!text.is_empty()).then_some(Part::Text(Text { text, cache_point: CachePoint::None }))
}

/// Texts and thoughts of the model go on where the last one ended.
fn join(parts: &mut Vec<Part>, more: Vec<Part>) {
    for part in more {
        match (parts.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.text.push_str(&text.text),
            (Some(Part::Thought(before)), Part::Thought(thought))
                if before.signature.is_none()
                    && before.sealed.is_none()
                    && thought.sealed.is_none() =>
            {
                before.text.push_str(&thought.text);
                before.signature = thought.signature;
            }
            (_, part) => parts.push(part),
        }
    }
}

/// What a function gave back, and whether it failed. SDKs put a bare value under one of a few names.
fn outcome(response: Value) -> (String, bool) {
    let Value::Object(mut members) = response else { return (plain(response), false) };
    if members.len() == 1 {
        for (name, is_error) in [("output", false), ("result", false), ("error", true)] {
            if let Some(value) = members.remove(name) {
                return (plain(value), is_error);
            }
        }
    }
    (Value::Object(members).to_string(), false)
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Which calls wait for a result. Google needs no ids where the names tell enough; the others do.
#[derive(Default)]
struct Calls {
    waiting: HashSet<String>,
    /// Every id ever called by a name, in order, those that were answered by their id among them.
    by_name: HashMap<String, VecDeque<String>>,
    invented: usize,
}

impl Calls {
    fn open(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            let id = format!("call_{}", self.invented);
            self.invented = self.invented.saturating_add(1);
            id
        });
        self.waiting.insert(id.clone());
        self.by_name.entry(name.to_owned()).or_default().push_back(id.clone());
        id
    }

    /// The call a result belongs to: by its id, else the first of that name that waits.
    fn answer(&mut self, id: Option<String>, name: &str) -> Option<String> {
        let id = id.filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| self.waiting.remove(id)) {
            return id;
        }
        let mut named = self.by_name.get_mut(name);
        let mut named = std::iter::from_fn(|| named.as_mut()?.pop_front());
        // Where there is none, the call may have been cut from the conversation.
        named.find(|id| self.waiting.remove(id)).or(id)
    }
}

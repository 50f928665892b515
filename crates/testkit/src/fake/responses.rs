//! OpenAI's responses, with the events of a stream in the order in which its SDK and Codex insist on them.

use bytes::Bytes;
use serde_json::{Value, json};

use super::openai::DEFAULT_MODEL;
use super::talk::{Asked, Call, Choice, Said, Tool, Turn, any_object, text_of};
use super::words::{CACHED_TOKENS, CREATED, PROMPT_TOKENS, SIGNATURE, THOUGHT};

const ID: &str = "resp_fake0001";

/// The canonical stream, `n_content` tokens long.
pub fn responses_stream_bytes(n_content: usize) -> Bytes {
    events(&canonical(n_content)).concat().into()
}

/// The canonical answer without streaming.
pub fn responses_json_bytes(n_content: usize) -> Bytes {
    json(&canonical(n_content)).into()
}

fn canonical(n_content: usize) -> Turn<'static> {
    let said = Said::words(n_content);
    Turn { body: &Value::Null, model: DEFAULT_MODEL, said, thinks: false }
}

pub(super) fn complaint(body: &Value) -> Option<String> {
    body["input"].is_null().then(|| "Missing required parameter: 'input'.".to_owned())
}

pub(super) fn read(body: &Value) -> Asked {
    let items = body["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    // The user's words, or all the results of one turn: both stand at the end.
    let last = items.last().unwrap_or(&Value::Null);
    let tools = body["tools"].as_array().into_iter().flatten();
    let functions = tools.filter(|tool| tool["type"] == "function");
    let format = &body["text"]["format"];
    Asked {
        words: body["input"].as_str().map_or_else(|| text_of(&last["content"]), str::to_owned),
        has_result: last["type"] == "function_call_output",
        tools: functions.filter_map(|it| Tool::of(&it["name"], &it["parameters"])).collect(),
        choice: match &body["tool_choice"] {
            choice if choice == "none" => Choice::None,
            choice if choice == "required" => Choice::Forced(None),
            choice => match choice["name"].as_str() {
                Some(name) => Choice::Forced(Some(name.to_owned())),
                None => Choice::Auto,
            },
        },
        schema: match format["type"].as_str() {
            Some("json_schema") => Some(format["schema"].clone()),
            Some("json_object") => Some(any_object()),
            _ => None,
        },
        thinks: body["reasoning"]["effort"]
            .as_str()
            .is_some_and(|effort| !matches!(effort, "minimal" | "none")),
    }
}

pub(super) fn json(turn: &Turn) -> String {
    let output: Vec<Value> = items(turn).iter().map(Item::whole).collect();
    response(turn, "completed", output).to_string()
}

pub(super) fn events(turn: &Turn) -> Vec<String> {
    let mut events = Events::default();
    for kind in ["response.created", "response.in_progress"] {
        let begun = response(turn, "in_progress", Vec::new());
        events.push(kind, json!({ "response": begun }));
    }
    let items = items(turn);
    for (index, item) in items.iter().enumerate() {
        events.at(index, "output_item.added", json!({ "item": item.begun() }));
        item.tell(index, &mut events);
        events.at(index, "output_item.done", json!({ "item": item.whole() }));
    }
    let output = items.iter().map(Item::whole).collect();
    let whole = response(turn, "completed", output);
    events.push("response.completed", json!({ "response": whole }));
    events.written
}

fn items<'a>(turn: &'a Turn) -> Vec<Item<'a>> {
    let includes = turn.body["include"].as_array().into_iter().flatten();
    let is_sealed = includes.into_iter().any(|it| it == "reasoning.encrypted_content");
    let has_summary = !turn.body["reasoning"]["summary"].is_null();
    let thought = turn.thinks.then_some(Item::Thought { is_sealed, has_summary });
    let said: Vec<Item<'_>> = match &turn.said {
        Said::Calls(calls) => {
            calls.iter().enumerate().map(|(nth, call)| Item::Call { nth, call }).collect()
        }
        Said::Words(words) => vec![Item::Message(words)],
    };
    thought.into_iter().chain(said).collect()
}

/// One item of the output.
enum Item<'a> {
    Call { nth: usize, call: &'a Call },
    Message(&'a [String]),
    Thought { is_sealed: bool, has_summary: bool },
}

impl Item<'_> {
    fn id(&self) -> String {
        match self {
            Self::Call { nth, .. } => format!("fc_fake{nth:04}"),
            Self::Message(_) => "msg_fake0001".to_owned(),
            Self::Thought { .. } => "rs_fake0001".to_owned(),
        }
    }

    fn begun(&self) -> Value {
        let mut item = self.whole();
        match self {
            Self::Call { .. } => item["arguments"] = "".into(),
            Self::Message(_) => item["content"] = json!([]),
            Self::Thought { .. } => item["summary"] = json!([]),
        }
        if item.get("status").is_some() {
            item["status"] = "in_progress".into();
        }
        item
    }

    fn whole(&self) -> Value {
        let id = self.id();
        match self {
            Self::Call { nth, call } => json!({
                "id": id, "type": "function_call", "status": "completed", "name": call.name,
                "call_id": call_id(*nth), "arguments": call.arguments.to_string(),
            }),
            Self::Message(words) => json!({
                "id": id, "type": "message", "status": "completed", "role": "assistant",
                "content": [text_part(&words.concat())],
            }),
            Self::Thought { is_sealed, has_summary } => {
                let summary = if *has_summary { vec![summary_part()] } else { Vec::new() };
                let mut item = json!({ "id": id, "type": "reasoning", "summary": summary });
                if *is_sealed {
                    item["encrypted_content"] = SIGNATURE.into();
                }
                item
            }
        }
    }

    /// What comes between its beginning and its end.
    fn tell(&self, index: usize, events: &mut Events) {
        let id = self.id();
        match self {
            Self::Call { call, .. } => {
                for piece in call.pieces() {
                    let delta = json!({ "item_id": id, "delta": piece, "obfuscation": "kQ3x" });
                    events.at(index, "function_call_arguments.delta", delta);
                }
                let arguments = call.arguments.to_string();
                let done = json!({ "item_id": id, "name": call.name, "arguments": arguments });
                events.at(index, "function_call_arguments.done", done);
            }
            Self::Message(words) => {
                let part = |kind: &str, mut more: Value, events: &mut Events| {
                    more["item_id"] = id.as_str().into();
                    more["content_index"] = 0.into();
                    events.at(index, kind, more);
                };
                part("content_part.added", json!({ "part": text_part("") }), events);
                for word in *words {
                    let delta = json!({ "delta": word, "logprobs": [], "obfuscation": "kQ3x" });
                    part("output_text.delta", delta, events);
                }
                let text = words.concat();
                let done = json!({ "text": text, "logprobs": [] });
                part("output_text.done", done, events);
                part("content_part.done", json!({ "part": text_part(&text) }), events);
            }
            Self::Thought { has_summary: false, .. } => {}
            Self::Thought { .. } => {
                let part = |kind: &str, mut more: Value, events: &mut Events| {
                    more["item_id"] = id.as_str().into();
                    more["summary_index"] = 0.into();
                    events.at(index, &format!("reasoning_summary_{kind}"), more);
                };
                let empty = json!({ "type": "summary_text", "text": "" });
                part("part.added", json!({ "part": empty }), events);
                for word in THOUGHT {
                    part("text.delta", json!({ "delta": word }), events);
                }
                part("text.done", json!({ "text": THOUGHT.concat() }), events);
                part("part.done", json!({ "part": summary_part() }), events);
            }
        }
    }
}

/// Numbers them.
#[derive(Default)]
struct Events {
    written: Vec<String>,
}

impl Events {
    /// About one item of the output.
    fn at(&mut self, index: usize, kind: &str, mut event: Value) {
        event["output_index"] = index.into();
        self.push(&format!("response.{kind}"), event);
    }

    fn push(&mut self, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        event["sequence_number"] = self.written.len().into();
        self.written.push(format!("event: {kind}\ndata: {event}\n\n"));
    }
}

fn call_id(nth: usize) -> String {
    format!("call_fake{nth:04}")
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn summary_part() -> Value {
    json!({ "type": "summary_text", "text": THOUGHT.concat() })
}

fn response(turn: &Turn, status: &str, output: Vec<Value>) -> Value {
    let body = turn.body;
    let or = |value: &Value, otherwise: Value| {
        if value.is_null() { otherwise } else { value.clone() }
    };
    let format = json!({ "format": { "type": "text" }, "verbosity": "medium" });
    let mut response = json!({
        "id": ID, "object": "response", "created_at": CREATED, "status": status,
        "background": false, "error": null, "incomplete_details": null,
        "instructions": body["instructions"], "max_output_tokens": body["max_output_tokens"],
        "max_tool_calls": null, "model": turn.model, "output": output,
        "parallel_tool_calls": or(&body["parallel_tool_calls"], true.into()),
        "previous_response_id": null, "prompt_cache_key": body["prompt_cache_key"],
        "reasoning": { "effort": body["reasoning"]["effort"], "summary": null },
        "safety_identifier": null, "service_tier": "default",
        "store": or(&body["store"], true.into()), "temperature": 1.0,
        "text": or(&body["text"], format), "tool_choice": or(&body["tool_choice"], "auto".into()),
        "tools": or(&body["tools"], json!([])), "top_logprobs": 0, "top_p": 1.0,
        "truncation": "disabled", "usage": null, "user": null,
        "metadata": or(&body["metadata"], json!({})), "x_unknown": { "kept": true },
    });
    if status == "completed" {
        response["usage"] = usage(turn);
    }
    response
}

fn usage(turn: &Turn) -> Value {
    json!({
        "input_tokens": PROMPT_TOKENS, "input_tokens_details": { "cached_tokens": CACHED_TOKENS },
        "output_tokens": turn.tokens(),
        "output_tokens_details": { "reasoning_tokens": turn.reasoning_tokens() },
        "total_tokens": PROMPT_TOKENS + turn.tokens(),
    })
}

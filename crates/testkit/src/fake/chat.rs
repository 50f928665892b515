//! OpenAI's chat completions in their recorded shape and order, as text: key order and spacing are part of what a
//! gateway must not disturb. Every answer holds an `x_unknown` field that must survive.

use bytes::Bytes;
use serde_json::{Value, json};

use super::openai::DEFAULT_MODEL;
use super::talk::{Asked, Call, Choice, Said, Tool, Turn, any_object, text_of};
use super::words::{CACHED_TOKENS, CREATED, PROMPT_TOKENS};

const ID: &str = "chatcmpl-CfakeB9pQ4rT7vXzKeystile1";
const FINGERPRINT: &str = "fp_3a1c5e7f90";

/// The canonical stream: the role, `n_content` tokens, the end, the usage if asked for, `[DONE]`.
pub fn chat_stream_bytes(n_content: usize, include_usage: bool) -> Bytes {
    let body = json!({ "stream_options": { "include_usage": include_usage } });
    events(&canonical(n_content, &body)).concat().into()
}

/// The canonical answer without streaming, `n_content` tokens long.
pub fn chat_json_bytes(n_content: usize) -> Bytes {
    json(&canonical(n_content, &Value::Null)).into()
}

fn canonical(n_content: usize, body: &Value) -> Turn<'_> {
    Turn { body, model: DEFAULT_MODEL, said: Said::words(n_content), thinks: false }
}

pub(super) fn complaint(body: &Value) -> Option<String> {
    let complaint = "The 'stream_options' parameter is only allowed when 'stream' is on.";
    let streams = body["stream"] == true;
    (!streams && !body["stream_options"].is_null()).then(|| complaint.to_owned())
}

pub(super) fn read(body: &Value) -> Asked {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let last = last.unwrap_or(&Value::Null);
    let tools = body["tools"].as_array().into_iter().flatten();
    let effort = body["reasoning_effort"].as_str();
    Asked {
        words: text_of(&last["content"]),
        has_result: last["role"] == "tool",
        tools: tools
            .filter_map(|it| Tool::of(&it["function"]["name"], &it["function"]["parameters"]))
            .collect(),
        choice: match &body["tool_choice"] {
            choice if choice == "none" => Choice::None,
            choice if choice == "required" => Choice::Forced(None),
            choice => match choice["function"]["name"].as_str() {
                Some(name) => Choice::Forced(Some(name.to_owned())),
                None => Choice::Auto,
            },
        },
        schema: match body["response_format"]["type"].as_str() {
            Some("json_schema") => Some(body["response_format"]["json_schema"]["schema"].clone()),
            Some("json_object") => Some(any_object()),
            _ => None,
        },
        thinks: effort.is_some_and(|effort| !matches!(effort, "minimal" | "none")),
    }
}

pub(super) fn json(turn: &Turn) -> String {
    let (model, usage, finish) = (quoted(turn.model), usage(turn), finish(&turn.said));
    let said = match &turn.said {
        Said::Calls(calls) => {
            let calls: Vec<Value> =
                calls.iter().enumerate().map(|(nth, call)| whole(call, nth)).collect();
            format!(r#""content": null,{SPACE}"tool_calls": {},"#, Value::from(calls))
        }
        Said::Words(words) => format!(r#""content": {},"#, quoted(&words.concat())),
    };
    format!(
        r#"{{
  "id": "{ID}",
  "object": "chat.completion",
  "created": {CREATED},
  "model": {model},
  "choices": [
    {{
      "index": 0,
      "message": {{
        "role": "assistant",
        {said}
        "refusal": null,
        "annotations": []
      }},
      "logprobs": null,
      "finish_reason": {finish}
    }}
  ],
  "usage": {usage},
  "service_tier": "default",
  "system_fingerprint": "{FINGERPRINT}",
  "x_unknown": {{"kept": true}}
}}
"#
    )
}

const SPACE: &str = "\n        ";

pub(super) fn events(turn: &Turn) -> Vec<String> {
    let include_usage = turn.body["stream_options"]["include_usage"] == true;
    let no_usage = if include_usage { r#","usage":null"# } else { "" };
    let one = |delta: &str, finish: &str| {
        let choices =
            format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}"#);
        event(turn.model, &choices, no_usage)
    };

    let mut events = vec![one(r#"{"role":"assistant","content":"","refusal":null}"#, "null")];
    events.extend(deltas(&turn.said).iter().map(|delta| one(delta, "null")));
    events.push(one("{}", finish(&turn.said)));
    if include_usage {
        events.push(event(turn.model, "", &format!(r#","usage":{}"#, usage(turn))));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn deltas(said: &Said) -> Vec<String> {
    let calls = match said {
        Said::Words(words) => {
            return words.iter().map(|it| format!(r#"{{"content":{}}}"#, quoted(it))).collect();
        }
        Said::Calls(calls) => calls,
    };
    let mut deltas = Vec::new();
    for (nth, call) in calls.iter().enumerate() {
        let mut first = whole(call, nth);
        first["index"] = nth.into();
        first["function"]["arguments"] = "".into();
        deltas.push(json!({ "tool_calls": [first] }).to_string());
        for piece in call.pieces() {
            let more = json!({ "index": nth, "function": { "arguments": piece } });
            deltas.push(json!({ "tool_calls": [more] }).to_string());
        }
    }
    deltas
}

fn whole(call: &Call, nth: usize) -> Value {
    let arguments = call.arguments.to_string();
    json!({
        "id": format!("call_fake{nth:04}"), "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    })
}

fn event(model: &str, choices: &str, usage: &str) -> String {
    let model = quoted(model);
    format!(
        r#"data: {{"id":"{ID}","object":"chat.completion.chunk","created":{CREATED},"model":{model},"service_tier":"default","system_fingerprint":"{FINGERPRINT}","choices":[{choices}]{usage},"obfuscation":"kQ3x","x_unknown":{{"kept":true}}}}"#
    ) + "\n\n"
}

const fn finish(said: &Said) -> &'static str {
    match said {
        Said::Calls(_) => r#""tool_calls""#,
        Said::Words(_) => r#""stop""#,
    }
}

fn usage(turn: &Turn) -> String {
    let (completion, reasoning) = (turn.tokens(), turn.reasoning_tokens());
    let total = PROMPT_TOKENS + completion;
    format!(
        r#"{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{completion},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{CACHED_TOKENS},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

//! A caller's request out of this dialect.

mod messages;
mod reasoning;

use serde_json::Value;

use crate::InvalidBody;
use crate::cache_control;
use crate::hub::{Ask, Format, Tool, ToolChoice, leave_out};
use crate::members::{Members, invalid};
use crate::openai::chat::unsayable::refused;
use messages::Conversation;

/// Refuses what changes an answer and is not known, or could not be told in another dialect; hints that others can do
/// without are named in `left_out`.
pub fn read(body: &[u8]) -> Result<Ask, InvalidBody> {
    let mut body = Members::of_body(body)?;
    refuse_the_untranslatable(&mut body)?;
    let mut left_out = Vec::new();
    let messages = body.list("messages")?;
    if messages.is_empty() {
        return Err(invalid("messages", "a list of at least one message"));
    }
    let Conversation { system, turns, .. } = Conversation::read(messages, &mut left_out)?;
    let reasoning = reasoning::read(&mut body)?;
    let tools = body.list("tools")?.into_iter().map(read_tool).collect::<Result<_, _>>()?;
    let max_tokens = body.count("max_tokens")?;
    let mut ask = Ask {
        model: body.text("model")?.unwrap_or_default(),
        system,
        turns,
        tools,
        tool_choice: tool_choice(&mut body)?,
        parallel_tools: body.yes("parallel_tool_calls")?,
        format: format(&mut body)?,
        reasoning,
        output_tokens_max: body.count("max_completion_tokens")?.or(max_tokens),
        temperature: body.number("temperature")?,
        top_p: body.number("top_p")?,
        top_k: body.count("top_k")?,
        presence_penalty: body.number("presence_penalty")?,
        frequency_penalty: body.number("frequency_penalty")?,
        seed: body.integer("seed")?,
        stop: stop(&mut body)?,
        user: body.text("user")?,
        service_tier: body.text("service_tier")?,
        stream: body.yes("stream")?.unwrap_or_default(),
        include_usage: include_usage(&mut body)?,
        left_out: Vec::new(),
    };
    for name in HINTS {
        if body.take(name).is_some() {
            leave_out(&mut left_out, name);
        }
    }
    for name in OURS {
        body.take(name);
    }
    body.end()?;
    ask.left_out = left_out;
    Ok(ask)
}

/// What the answer would be another without, and no other dialect has. Where it asks for nothing, it is let pass.
fn refuse_the_untranslatable(body: &mut Members) -> Result<(), InvalidBody> {
    if body.count("n")?.is_some_and(|n| n != 1) {
        return Err(refused("n", "more than one answer"));
    }
    let logprobs = body.yes("logprobs")?.unwrap_or_default();
    if body.count("top_logprobs")?.is_some_and(|top| top > 0) || logprobs {
        return Err(refused("logprobs", "log probabilities"));
    }
    let modalities = body.list("modalities")?;
    if body.take("audio").is_some() || modalities.iter().any(|modality| modality != "text") {
        return Err(refused("modalities", "anything but text"));
    }
    let bias = body.take("logit_bias");
    if bias.is_some_and(|bias| bias.as_object().is_none_or(|bias| !bias.is_empty())) {
        return Err(refused("logit_bias", "a bias on tokens"));
    }
    if body.take("web_search_options").is_some() {
        return Err(refused("web_search_options", "a search of the web"));
    }
    for (old, new) in [("functions", "tools"), ("function_call", "tool_choice")] {
        if body.take(old).is_some() {
            let message = format!("`{old}` cannot be translated for this provider: use `{new}`");
            return Err(InvalidBody::new(Some(old), message));
        }
    }
    Ok(())
}

fn read_tool(tool: Value) -> Result<Tool, InvalidBody> {
    let mut tool = Members::of(tool, "tools")?;
    if tool.needed_text("type")? != "function" {
        return Err(refused("tools", "a tool that is not a function"));
    }
    let cache_point = cache_control::read(tool.take("cache_control"));
    let mut function = tool
        .inner("function", "tools.function")?
        .ok_or_else(|| tool.invalid("function", "an object"))?;
    let read = Tool {
        name: function.needed_text("name")?,
        description: function.text("description")?,
        parameters: function.take("parameters"),
        strict: function.yes("strict")?,
        cache_point: cache_point.max(cache_control::read(function.take("cache_control"))),
    };
    function.end()?;
    tool.end()?;
    Ok(read)
}

fn tool_choice(body: &mut Members) -> Result<Option<ToolChoice>, InvalidBody> {
    let choice = match body.take("tool_choice") {
        None => return Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            // Mistral's word, and now others'.
            "any" | "required" => ToolChoice::Required,
            _ => return Err(invalid("tool_choice", TOOL_CHOICE)),
        },
        Some(choice) => {
            let mut choice = Members::of(choice, "tool_choice")?;
            if choice.text("type")?.is_some_and(|kind| kind != "function") {
                return Err(refused("tool_choice", "a choice of tools other than one function"));
            }
            let mut function = choice
                .inner("function", "tool_choice.function")?
                .ok_or_else(|| invalid("tool_choice", TOOL_CHOICE))?;
            let name = function.needed_text("name")?;
            function.end()?;
            choice.end()?;
            ToolChoice::Named(name)
        }
    };
    Ok(Some(choice))
}

fn format(body: &mut Members) -> Result<Option<Format>, InvalidBody> {
    let Some(mut format) = body.inner("response_format", "response_format")? else {
        return Ok(None);
    };
    let read = match format.needed_text("type")?.as_str() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let mut inner = format
                .inner("json_schema", "response_format.json_schema")?
                .ok_or_else(|| format.invalid("json_schema", "an object"))?;
            let schema = inner.take("schema");
            let read = Format::Schema {
                name: inner.needed_text("name")?,
                description: inner.text("description")?,
                schema: schema.ok_or_else(|| inner.invalid("schema", "a JSON schema"))?,
                strict: inner.yes("strict")?,
            };
            inner.end()?;
            Some(read)
        }
        _ => return Err(format.invalid("type", "\"text\", \"json_object\" or \"json_schema\"")),
    };
    format.end()?;
    Ok(read)
}

fn stop(body: &mut Members) -> Result<Vec<String>, InvalidBody> {
    let texts = match body.take("stop") {
        None => return Ok(Vec::new()),
        Some(Value::Array(texts)) => texts,
        Some(one) => vec![one],
    };
    let text = |text| match text {
        Value::String(text) => Ok(text),
        _ => Err(invalid("stop", "a string or a list of strings")),
    };
    texts.into_iter().map(text).collect()
}

fn include_usage(body: &mut Members) -> Result<bool, InvalidBody> {
    let Some(mut options) = body.inner("stream_options", "stream_options")? else {
        return Ok(false);
    };
    let asked = options.yes("include_usage")?.unwrap_or_default();
    // Padding against listeners, which our own streams do without.
    options.take("include_obfuscation");
    options.end()?;
    Ok(asked)
}

const TOOL_CHOICE: &str = "\"auto\", \"none\", \"required\" or one function";
/// Said to make things cheaper, faster, tidier or a little different: the answer means the same without.
const HINTS: [&str; 12] = [
    "cache_control",
    "metadata",
    "min_p",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "repetition_penalty",
    "safety_identifier",
    "store",
    "top_a",
    "usage",
    "verbosity",
];
/// Read before, and not here.
const OURS: [&str; 3] = ["models", "provider", "routing"];

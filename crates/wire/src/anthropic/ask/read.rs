//! A caller's request out of this dialect.

mod content;

use serde_json::Value;

use crate::InvalidBody;
use crate::cache_control;
use crate::hub::{Ask, Effort, Format, Reasoning, Text, Tool, ToolChoice, Turn, leave_out};
use crate::json::Flaw;
use crate::members::{Members, invalid, quoted};
use content::Blocks;

/// Refuses what only this dialect's own models understand; hints that others can do without are told in `left_out`.
pub fn read(body: &[u8]) -> Result<Ask, InvalidBody> {
    let mut body = Members::of_body(body)?;
    let mut left_out = Vec::new();
    let (tool_choice, parallel_tools) = tool_choice(&mut body, &mut left_out)?;
    let (reasoning, format) = output(&mut body, &mut left_out)?;
    let mut ask = Ask {
        model: body.text("model")?.unwrap_or_default(),
        system: system(&mut body, &mut left_out)?,
        turns: turns(&mut body, &mut left_out)?,
        tools: tools(&mut body, &mut left_out)?,
        tool_choice,
        parallel_tools,
        format,
        reasoning,
        output_tokens_max: body.count("max_tokens")?,
        temperature: body.number("temperature")?,
        top_p: body.number("top_p")?,
        top_k: body.count("top_k")?,
        stop: stop(&mut body)?,
        user: user(&mut body, &mut left_out)?,
        service_tier: service_tier(&mut body)?,
        stream: body.yes("stream")?.unwrap_or_default(),
        ..Ask::default()
    };
    for name in HINTS {
        if body.take(name).is_some() {
            leave_out(&mut left_out, name);
        }
    }
    for name in OURS {
        body.take(name);
    }
    match body.rest().next() {
        Some(name) => Err(stranger(name.to_owned())),
        None => {
            ask.left_out = left_out;
            Ok(ask)
        }
    }
}

fn stranger(name: String) -> InvalidBody {
    if let Some(name) = ANTHROPIC_ONLY.into_iter().find(|known| *known == name) {
        let message = format!("`{name}` cannot be had from this provider: {WAY_OUT}");
        return InvalidBody::new(Some(name), message);
    }
    let mut invalid = InvalidBody::flaw(None, Flaw::Unknown(name));
    invalid.message.push_str(&format!(": {WAY_OUT}"));
    invalid
}

fn system(body: &mut Members, left_out: &mut Vec<String>) -> Result<Vec<Text>, InvalidBody> {
    match body.take("system") {
        Some(system) => Blocks { place: "system", left_out }.texts(system),
        None => Ok(Vec::new()),
    }
}

fn turns(body: &mut Members, left_out: &mut Vec<String>) -> Result<Vec<Turn>, InvalidBody> {
    let messages = body.take("messages").ok_or_else(|| invalid("messages", "a list"))?;
    let Value::Array(messages) = messages else { return Err(invalid("messages", "a list")) };
    messages.into_iter().map(|message| turn(message, left_out)).collect()
}

fn turn(message: Value, left_out: &mut Vec<String>) -> Result<Turn, InvalidBody> {
    let mut message = Members::of(message, "messages")?;
    let role = message.needed_text("role")?;
    let content =
        message.take("content").ok_or_else(|| message.invalid("content", "a string or a list"))?;
    message.leave_out(left_out);
    let mut blocks = Blocks { place: "messages.content", left_out };
    match role.as_str() {
        "assistant" => blocks.assistant(content).map(Turn::Assistant),
        "system" => blocks.texts(content).map(Turn::System),
        "user" => blocks.user(content).map(Turn::User),
        _ => Err(invalid("messages.role", "\"user\", \"assistant\" or \"system\"")),
    }
}

fn tools(body: &mut Members, left_out: &mut Vec<String>) -> Result<Vec<Tool>, InvalidBody> {
    let tools = body.list("tools")?;
    tools.into_iter().map(|tool| read_tool(tool, left_out)).collect()
}

fn read_tool(tool: Value, left_out: &mut Vec<String>) -> Result<Tool, InvalidBody> {
    let mut tool = Members::of(tool, "tools")?;
    if let Some(kind) = tool.text("type")?.filter(|kind| kind != "custom") {
        let kind = quoted(&kind);
        let message =
            format!("`tools` holds one of a type {kind}, which only Anthropic runs: {WAY_OUT}");
        return Err(InvalidBody::new(Some("tools"), message));
    }
    let read = Tool {
        name: tool.needed_text("name")?,
        description: tool.text("description")?,
        parameters: tool.take("input_schema"),
        strict: tool.yes("strict")?,
        cache_point: cache_control::read(tool.take("cache_control")),
    };
    tool.leave_out(left_out);
    Ok(read)
}

fn tool_choice(
    body: &mut Members,
    left_out: &mut Vec<String>,
) -> Result<(Option<ToolChoice>, Option<bool>), InvalidBody> {
    let Some(mut choice) = body.inner("tool_choice", "tool_choice")? else {
        return Ok((None, None));
    };
    let kind = choice.needed_text("type")?;
    let read = match kind.as_str() {
        "any" => ToolChoice::Required,
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.needed_text("name")?),
        _ => return Err(choice.invalid("type", "\"auto\", \"any\", \"tool\" or \"none\"")),
    };
    let parallel = choice.yes("disable_parallel_tool_use")?.map(|disabled| !disabled);
    choice.leave_out(left_out);
    Ok((Some(read), parallel))
}

/// How hard to think and what the answer must look like, which share a member.
fn output(
    body: &mut Members,
    left_out: &mut Vec<String>,
) -> Result<(Option<Reasoning>, Option<Format>), InvalidBody> {
    let (mut effort, mut format) = (None, None);
    if let Some(mut config) = body.inner("output_config", "output_config")? {
        effort = config.text("effort")?.map(|effort| read_effort(&effort)).transpose()?;
        format = config.inner("format", "output_config.format")?;
        config.leave_out(left_out);
    }
    // What the member was called while it was new.
    let older = body.inner("output_format", "output_format")?;
    let format = format.or(older).map(|format| read_format(format, left_out)).transpose()?;
    Ok((thinking(body, effort, left_out)?, format))
}

fn read_effort(effort: &str) -> Result<Effort, InvalidBody> {
    Effort::parse(effort).ok_or_else(|| {
        invalid("output_config.effort", "\"low\", \"medium\", \"high\", \"xhigh\" or \"max\"")
    })
}

fn thinking(
    body: &mut Members,
    effort: Option<Effort>,
    left_out: &mut Vec<String>,
) -> Result<Option<Reasoning>, InvalidBody> {
    let Some(mut thinking) = body.inner("thinking", "thinking")? else {
        return Ok(effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }));
    };
    let kind = thinking.needed_text("type")?;
    let budget_tokens = thinking.count("budget_tokens")?;
    let shown = thinking.text("display")?.as_deref() != Some("omitted");
    let reasoning = match kind.as_str() {
        "adaptive" => {
            Reasoning { effort: Some(effort.unwrap_or(Effort::Medium)), budget_tokens: None, shown }
        }
        "disabled" => Reasoning { effort: Some(Effort::None), ..Reasoning::default() },
        "enabled" => Reasoning { effort, budget_tokens, shown },
        _ => return Err(thinking.invalid("type", "\"enabled\", \"adaptive\" or \"disabled\"")),
    };
    thinking.leave_out(left_out);
    Ok(Some(reasoning))
}

fn read_format(mut format: Members, left_out: &mut Vec<String>) -> Result<Format, InvalidBody> {
    if format.needed_text("type")? != "json_schema" {
        return Err(format.invalid("type", "\"json_schema\""));
    }
    let schema = format.take("schema").ok_or_else(|| format.invalid("schema", "a JSON schema"))?;
    format.leave_out(left_out);
    // This dialect names no schema and keeps to each strictly.
    Ok(Format::Schema {
        name: "response".to_owned(),
        description: None,
        schema,
        strict: Some(true),
    })
}

fn stop(body: &mut Members) -> Result<Vec<String>, InvalidBody> {
    let texts = body.list("stop_sequences")?.into_iter();
    texts
        .map(|text| match text {
            Value::String(text) => Ok(text),
            _ => Err(invalid("stop_sequences", "a list of strings")),
        })
        .collect()
}

fn user(body: &mut Members, left_out: &mut Vec<String>) -> Result<Option<String>, InvalidBody> {
    let Some(mut metadata) = body.inner("metadata", "metadata")? else {
        return Ok(None);
    };
    let user = metadata.text("user_id")?;
    metadata.leave_out(left_out);
    Ok(user)
}

fn service_tier(body: &mut Members) -> Result<Option<String>, InvalidBody> {
    let tier = body.text("service_tier")?;
    match tier.as_deref() {
        None => Ok(None),
        Some("auto") => Ok(Some("auto".to_owned())),
        Some("standard_only") => Ok(Some("default".to_owned())),
        Some(_) => Err(invalid("service_tier", "\"auto\" or \"standard_only\"")),
    }
}

pub(super) const WAY_OUT: &str =
    "leave it out, or choose a model whose provider speaks Anthropic's messages";

/// Said to make things cheaper, faster or tidier: the answer means the same without.
const HINTS: [&str; 7] = [
    "anthropic_beta",
    "anthropic_version",
    "betas",
    "cache_control",
    "context_management",
    "speed",
    "user_profile_id",
];
/// Read before, and not by us.
const OURS: [&str; 3] = ["models", "provider", "routing"];
const ANTHROPIC_ONLY: [&str; 3] = ["container", "inference_geo", "mcp_servers"];

#[cfg(test)]
mod tests;

//! A caller's request. What only OpenAI's own servers can do is refused; what can be done without is left out by name.

mod items;

use serde_json::Value;

use self::items::Conversation;
use super::fields::{Fields, NOT_HERE, leave_out};
use crate::InvalidBody;
use crate::hub::{Ask, CachePoint, Effort, Format, Reasoning, Tool, ToolChoice};

pub fn read(body: &[u8]) -> Result<Ask, InvalidBody> {
    let mut body = Fields::body(body)?;
    body.skip(&OURS);
    refuse_what_is_kept(&mut body)?;
    let mut left_out = Vec::new();
    body.leave_out(&HINTS, &mut left_out);
    include(&mut body, &mut left_out)?;
    truncation(&mut body, &mut left_out)?;
    let tools = tools(&mut body, &mut left_out)?;
    let format = format(&mut body, &mut left_out)?;
    let reasoning = reasoning(&mut body, &mut left_out)?;
    let instructions = body.text("instructions")?;
    let conversation = Conversation::read(instructions, &mut body, &mut left_out)?;
    let ask = Ask {
        model: body.text("model")?.unwrap_or_default(),
        system: conversation.system,
        turns: conversation.turns,
        tool_choice: tool_choice(&mut body, &tools)?,
        tools,
        parallel_tools: body.flag("parallel_tool_calls")?,
        format,
        reasoning,
        output_tokens_max: body.count("max_output_tokens")?,
        temperature: body.number("temperature")?,
        top_p: body.number("top_p")?,
        user: body.text("user")?,
        service_tier: body.text("service_tier")?,
        stream: body.flag("stream")?.unwrap_or_default(),
        left_out,
        ..Ask::default()
    };
    body.end()?;
    Ok(ask)
}

/// What refers to things an earlier answer left behind on OpenAI's servers, or is to leave some there.
fn refuse_what_is_kept(body: &mut Fields) -> Result<(), InvalidBody> {
    for name in ["previous_response_id", "conversation", "prompt"] {
        if body.take(name).is_some() {
            let message = format!(
                "`{name}` refers to what is kept by a provider, and this model's keeps nothing: send the whole \
                 conversation in `input`"
            );
            return Err(InvalidBody::new(Some(name), message));
        }
    }
    if body.flag("background")? == Some(true) {
        return Err(body.cannot_be_had("background"));
    }
    if body.count("top_logprobs")?.is_some_and(|count| count > 0) {
        return Err(body.cannot_be_had("top_logprobs"));
    }
    Ok(())
}

/// Proofs of thoughts are always given where there are any.
fn include(body: &mut Fields, left_out: &mut Vec<String>) -> Result<(), InvalidBody> {
    for value in body.list("include")? {
        match value.as_str() {
            Some("reasoning.encrypted_content") => {}
            Some("message.output_text.logprobs") => {
                let message = format!("`include: [\"message.output_text.logprobs\"]` {NOT_HERE}");
                return Err(InvalidBody::new(Some("include"), message));
            }
            Some(_) => leave_out("include".to_owned(), left_out),
            None => return Err(body.must_be("include", "a list of strings")),
        }
    }
    Ok(())
}

fn truncation(body: &mut Fields, left_out: &mut Vec<String>) -> Result<(), InvalidBody> {
    if body.text("truncation")?.is_some_and(|truncation| truncation != "disabled") {
        leave_out("truncation".to_owned(), left_out);
    }
    Ok(())
}

fn tools(body: &mut Fields, left_out: &mut Vec<String>) -> Result<Vec<Tool>, InvalidBody> {
    let mut tools = Vec::new();
    for mut tool in body.objects("tools")? {
        let kind = tool.needed_text("type")?;
        // Codex sends these with every request and works without them.
        if let Some(known) = DROPPED_TOOLS.iter().find(|known| kind.starts_with(*known)) {
            leave_out(format!("tools.{known}"), left_out);
            continue;
        }
        if kind != "function" {
            let place = tool.place();
            let message = format!("`{place}` is not of type \"function\" and {NOT_HERE}");
            return Err(InvalidBody::new(Some("tools"), message));
        }
        tool.leave_out(&["cache_control", "defer_loading"], left_out);
        tools.push(Tool {
            name: tool.needed_text("name")?,
            description: tool.text("description")?,
            parameters: tool.take("parameters"),
            strict: tool.flag("strict")?,
            cache_point: CachePoint::None,
        });
        tool.end()?;
    }
    Ok(tools)
}

fn tool_choice(body: &mut Fields, tools: &[Tool]) -> Result<Option<ToolChoice>, InvalidBody> {
    let choice = match body.take("tool_choice") {
        None => return Ok(None),
        Some(Value::String(mode)) => match mode.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(body.must_be("tool_choice", CHOICES)),
        },
        Some(choice) => {
            let mut choice = Fields::of(choice, "tool_choice", "tool_choice".to_owned())
                .map_err(|_| body.must_be("tool_choice", CHOICES))?;
            if choice.needed_text("type")? != "function" {
                return Err(body.must_be("tool_choice", CHOICES));
            }
            let name = choice.needed_text("name")?;
            choice.end()?;
            ToolChoice::Named(name)
        }
    };
    let is_possible = match &choice {
        ToolChoice::Auto | ToolChoice::None => true,
        ToolChoice::Named(name) => tools.iter().any(|tool| tool.name == *name),
        ToolChoice::Required => !tools.is_empty(),
    };
    if is_possible {
        Ok(Some(choice))
    } else {
        let message =
            "`tool_choice` forces a tool that is not in `tools`, or not of type \"function\"";
        Err(InvalidBody::new(Some("tool_choice"), message))
    }
}

fn format(body: &mut Fields, left_out: &mut Vec<String>) -> Result<Option<Format>, InvalidBody> {
    let Some(mut text) = body.object("text")? else { return Ok(None) };
    text.leave_out(&["verbosity"], left_out);
    let wanted = text.object("format")?;
    text.end()?;
    let Some(mut wanted) = wanted else { return Ok(None) };
    let format = match wanted.needed_text("type")?.as_str() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => Some(Format::Schema {
            name: wanted.needed_text("name")?,
            description: wanted.text("description")?,
            schema: wanted
                .take("schema")
                .ok_or_else(|| wanted.must_be("schema", "a JSON schema"))?,
            strict: wanted.flag("strict")?,
        }),
        _ => {
            let types = "\"text\", \"json_object\" or \"json_schema\"";
            return Err(wanted.must_be("type", types));
        }
    };
    wanted.end()?;
    Ok(format)
}

fn reasoning(
    body: &mut Fields,
    left_out: &mut Vec<String>,
) -> Result<Option<Reasoning>, InvalidBody> {
    let Some(mut wanted) = body.object("reasoning")? else { return Ok(None) };
    wanted.leave_out(&["context"], left_out);
    let effort = wanted.text("effort")?.map(|effort| {
        Effort::parse(&effort).ok_or_else(|| {
            let known = Effort::ALL.map(Effort::as_str).join(", ");
            wanted.must_be("effort", &format!("one of {known}"))
        })
    });
    let summaries = [wanted.text("summary")?, wanted.text("generate_summary")?];
    let reasoning = Reasoning {
        effort: effort.transpose()?,
        budget_tokens: None,
        shown: summaries.into_iter().flatten().any(|summary| summary != "none"),
    };
    wanted.end()?;
    Ok((reasoning != Reasoning::default()).then_some(reasoning))
}

/// Read as wishes of ours before anything is translated, and silently.
const OURS: [&str; 3] = ["routing", "models", "provider"];
/// Said about the answer, never in it. `store: false` is what happens anyway.
const HINTS: [&str; 10] = [
    "client_metadata",
    "context_management",
    "max_tool_calls",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
    "stream_options",
];
const DROPPED_TOOLS: [&str; 4] = ["custom", "namespace", "tool_search", "web_search"];
const CHOICES: &str = "\"auto\", \"none\", \"required\", or {\"type\": \"function\", \"name\": ..}";

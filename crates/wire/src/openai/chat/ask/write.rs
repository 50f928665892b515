//! A request for a provider, in this dialect and with the provider's quirks.

mod messages;
mod schema;

use model::catalogue::Quirks;
use serde_json::{Map, Value, json};

use crate::InvalidBody;
use crate::hub::{Ask, Effort, Format, Target, Tool, ToolChoice, leave_out};
use crate::openai::{self, json_mode};
use messages::Messages;

/// What the provider cannot be told and can do without is added to `left_out`.
pub fn write(
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<Vec<u8>, InvalidBody> {
    let (format, instruction) = format(ask, target, left_out);
    let messages = Messages::write(ask, instruction, target.quirks, left_out)?;
    let mut body = Body(Map::new());
    body.put("model", Some(target.model));
    body.put("messages", Some(messages));
    put_tools(&mut body, ask, target, left_out)?;
    body.put("response_format", format);
    let limit = if target.quirks.max_tokens { "max_tokens" } else { "max_completion_tokens" };
    body.put(limit, output_tokens_max(ask, target));
    body.put("reasoning_effort", effort(ask, target, left_out).map(Effort::as_str));
    put_sampling(&mut body, ask, target, left_out);
    body.put("stop", stop(ask, target)?);
    body.put("user", user(ask, left_out));
    body.put("service_tier", ask.service_tier.as_deref());
    body.put("stream", ask.stream.then_some(true));
    if ask.stream && target.include_usage {
        body.put("stream_options", Some(json!({"include_usage": true})));
    }
    // A tree of texts always serialises.
    Ok(serde_json::to_vec(&body.0).unwrap_or_default())
}

struct Body(Map<String, Value>);

impl Body {
    fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }
}

/// What a model does not take of it can be done without: it answers all the same.
fn put_sampling(body: &mut Body, ask: &Ask, target: &Target<'_>, left_out: &mut Vec<String>) {
    let takes_any = !target.traits.is_some_and(|traits| traits.no_sampling);
    let numbers = [
        ("temperature", &ask.temperature),
        ("top_p", &ask.top_p),
        ("presence_penalty", &ask.presence_penalty),
        ("frequency_penalty", &ask.frequency_penalty),
    ];
    for (name, asked) in numbers {
        if asked.is_some() && !takes_any {
            leave_out(left_out, name);
        }
        body.put(name, asked.clone().filter(|_| takes_any));
    }
    if ask.seed.is_some() && target.quirks.no_seed {
        leave_out(left_out, "seed");
    }
    body.put("seed", ask.seed.filter(|_| !target.quirks.no_seed));
    if ask.top_k.is_some() {
        leave_out(left_out, "top_k");
    }
}

fn put_tools(
    body: &mut Body,
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<(), InvalidBody> {
    let quirks = target.quirks;
    let cannot_choose = quirks.no_forced_tool;
    let cannot_force = cannot_choose || target.traits.is_some_and(|traits| traits.no_forced_tool);
    let choice = match &ask.tool_choice {
        _ if ask.tools.is_empty() => return Ok(()),
        // Nothing can be called that is not there.
        Some(ToolChoice::None) if cannot_choose => return Ok(()),
        Some(ToolChoice::Named(_) | ToolChoice::Required) if cannot_force => {
            let message = "`tool_choice` cannot force a call with this model: let it be \"auto\", or choose another model";
            return Err(InvalidBody::new(Some("tool_choice"), message));
        }
        Some(ToolChoice::Auto) => Some(json!("auto")),
        Some(ToolChoice::Named(name)) => {
            Some(json!({"type": "function", "function": {"name": name}}))
        }
        Some(ToolChoice::None) => Some(json!("none")),
        Some(ToolChoice::Required) if quirks.required_is_any => Some(json!("any")),
        Some(ToolChoice::Required) => Some(json!("required")),
        None => None,
    };
    let is_loosened =
        |tool: &Tool| tool.strict == Some(true) && strict(tool, quirks) != tool.strict;
    if ask.tools.iter().any(is_loosened) {
        leave_out(left_out, "tools.strict");
    }
    if ask.tools.iter().any(|tool| tool.cache_point.is_set()) {
        leave_out(left_out, "cache_control");
    }
    let tools: Vec<_> = ask.tools.iter().map(|tool| write_tool(tool, target)).collect();
    body.put("tools", Some(tools));
    body.put("tool_choice", choice);
    body.put("parallel_tool_calls", ask.parallel_tools);
    Ok(())
}

fn write_tool(tool: &Tool, target: &Target<'_>) -> Value {
    let mut parameters = openai::schema::of_tool(tool.parameters.as_ref());
    schema::strip(&mut parameters, &target.quirks.schema_strip);
    let mut function = Body(Map::new());
    function.put("name", Some(tool.name.as_str()));
    function.put("description", tool.description.as_deref());
    function.put("parameters", Some(parameters));
    function.put("strict", strict(tool, target.quirks));
    json!({"type": "function", "function": function.0})
}

/// Only of a schema that can be kept to the letter: of another OpenAI refuses it.
fn strict(tool: &Tool, quirks: &Quirks) -> Option<bool> {
    let strict = tool.strict.filter(|_| !quirks.no_strict)?;
    Some(strict && openai::schema::tool_may_be_strict(tool.parameters.as_ref()))
}

/// `response_format`, and what must be said to the model itself because of it.
fn format(
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> (Option<Value>, Option<String>) {
    let object = Some(json!({"type": "json_object"}));
    match &ask.format {
        None => (None, None),
        Some(Format::Json) if json_mode::is_spoken_of(&ask.system, &ask.turns) => (object, None),
        Some(Format::Json) => (object, Some(json_mode::INSTRUCTION.to_owned())),
        Some(Format::Schema { schema, .. }) if target.quirks.no_json_schema => {
            let instruction = format!(
                "Answer with one JSON object that matches this JSON schema, and with nothing else:\n{schema}"
            );
            (object, Some(instruction))
        }
        Some(Format::Schema { name, description, schema, strict }) => {
            let mut inner = Body(Map::new());
            inner.put("name", Some(name.as_str()));
            inner.put("description", description.as_deref());
            inner.put("schema", Some(schema.clone()));
            let is_strict = *strict == Some(true) && openai::schema::may_be_strict(schema);
            if *strict == Some(true) && !is_strict {
                leave_out(left_out, "response_format.strict");
            }
            inner.put("strict", strict.map(|_| is_strict));
            (Some(json!({"type": "json_schema", "json_schema": inner.0})), None)
        }
    }
}

/// More than the model can do is refused by some, and means no more than its limit.
fn output_tokens_max(ask: &Ask, target: &Target<'_>) -> Option<u64> {
    let asked = ask.output_tokens_max?;
    Some(target.output_tokens_max.map_or(asked, |limit| asked.min(limit)))
}

fn effort(ask: &Ask, target: &Target<'_>, left_out: &mut Vec<String>) -> Option<Effort> {
    let reasoning = ask.reasoning?;
    let effort = reasoning.effort.or(reasoning.budget_tokens.map(Effort::of_budget))?;
    let never_thinks = target.traits.is_some_and(|traits| !traits.reasoning);
    if target.quirks.no_effort || never_thinks {
        if !(never_thinks && effort == Effort::None) {
            leave_out(left_out, "reasoning_effort");
        }
        return None;
    }
    // Here the highest has another name.
    Some(if effort == Effort::Max { Effort::Xhigh } else { effort })
}

fn stop(ask: &Ask, target: &Target<'_>) -> Result<Option<Vec<String>>, InvalidBody> {
    let takes_none = target.traits.is_some_and(|traits| traits.no_stop);
    if takes_none && !ask.stop.is_empty() {
        let message =
            "stop sequences cannot be had from this model: leave them out, or choose another model";
        return Err(InvalidBody::new(Some("stop"), message));
    }
    if ask.stop.len() > STOPS_MAX {
        let message = format!("this provider takes no more than {STOPS_MAX} texts to stop at");
        return Err(InvalidBody::new(Some("stop"), message));
    }
    Ok((!ask.stop.is_empty()).then(|| ask.stop.clone()))
}

fn user<'a>(ask: &'a Ask, left_out: &mut Vec<String>) -> Option<&'a str> {
    let user = ask.user.as_deref()?;
    if user.len() > USER_BYTES_MAX {
        leave_out(left_out, "user");
        return None;
    }
    Some(user)
}

const STOPS_MAX: usize = 4;
/// OpenAI takes no longer one, and agents put whole objects there.
const USER_BYTES_MAX: usize = 64;

//! A request for a provider that answers in this dialect. Nothing is to be kept there: every call carries all it needs.

mod input;

use serde_json::{Map, Value, json};

use self::input::Input;
use super::fields::leave_out;
use crate::InvalidBody;
use crate::hub::{Ask, Effort, Format, Reasoning, Target, Tool, ToolChoice};
use crate::openai::responses::outline;
use crate::openai::schema;

pub fn write(
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<Vec<u8>, InvalidBody> {
    if !ask.stop.is_empty() {
        let message = "stop sequences cannot be had from this model's provider: leave them out, or choose another model";
        return Err(InvalidBody::new(Some("stop"), message));
    }
    leave_out_what_is_not_known(ask, left_out);
    let mut body = Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    let Input { instructions, items } = Input::of(ask, left_out)?;
    say("model", Some(target.model.into()));
    say("instructions", instructions.map(Value::from));
    say("input", Some(items.into()));
    if !ask.tools.is_empty() {
        say("tools", Some(ask.tools.iter().map(|it| tool(it, left_out)).collect()));
        say("parallel_tool_calls", ask.parallel_tools.map(Value::from));
    }
    say("tool_choice", tool_choice(ask, target)?);
    say(
        "text",
        ask.format.as_ref().map(|format| json!({"format": self::format(format, left_out)})),
    );
    if let Some(wanted) = ask.reasoning.as_ref() {
        let effort = effort(wanted);
        say("reasoning", Some(reasoning(wanted, effort)));
        if effort != Some(Effort::None) {
            say("include", Some(json!(["reasoning.encrypted_content"])));
        }
    }
    say("max_output_tokens", output_tokens_max(ask, target).map(Value::from));
    let takes_sampling = !target.traits.is_some_and(|traits| traits.no_sampling);
    for (name, asked) in [("temperature", &ask.temperature), ("top_p", &ask.top_p)] {
        if asked.is_some() && !takes_sampling {
            leave_out(name.to_owned(), left_out);
        }
        say(name, asked.clone().filter(|_| takes_sampling).map(Value::from));
    }
    say("service_tier", ask.service_tier.as_deref().map(Value::from));
    match ask.user.as_deref() {
        Some(user) if user.len() > USER_BYTES_MAX => leave_out("user".to_owned(), left_out),
        user => say("user", user.map(Value::from)),
    }
    say("stream", ask.stream.then_some(true.into()));
    say("store", Some(false.into()));
    serde_json::to_vec(&body).map_err(|error| InvalidBody::new(None, error.to_string()))
}

fn leave_out_what_is_not_known(ask: &Ask, left_out: &mut Vec<String>) {
    for (name, is_told) in [
        ("top_k", ask.top_k.is_some()),
        ("presence_penalty", ask.presence_penalty.is_some()),
        ("frequency_penalty", ask.frequency_penalty.is_some()),
        ("seed", ask.seed.is_some()),
    ] {
        if is_told {
            leave_out(name.to_owned(), left_out);
        }
    }
}

/// Unlike in chat, a tool is strict here unless it says that it is not.
fn tool(tool: &Tool, left_out: &mut Vec<String>) -> Value {
    let is_asked = tool.strict.unwrap_or(false);
    let is_strict = is_asked && schema::tool_may_be_strict(tool.parameters.as_ref());
    if is_asked && !is_strict {
        leave_out("tools.strict".to_owned(), left_out);
    }
    outline::tool(tool, is_strict)
}

/// The same goes for the answer's format.
fn format(format: &Format, left_out: &mut Vec<String>) -> Value {
    match format {
        Format::Schema { name, description, schema, strict: Some(true) }
            if !schema::may_be_strict(schema) =>
        {
            leave_out("text.format.strict".to_owned(), left_out);
            outline::format(Some(&Format::Schema {
                name: name.clone(),
                description: description.clone(),
                schema: schema.clone(),
                strict: Some(false),
            }))
        }
        format => outline::format(Some(format)),
    }
}

fn tool_choice(ask: &Ask, target: &Target<'_>) -> Result<Option<Value>, InvalidBody> {
    let Some(choice) = &ask.tool_choice else { return Ok(None) };
    let is_forced = matches!(choice, ToolChoice::Named(_) | ToolChoice::Required);
    let refuses = target.traits.is_some_and(|traits| traits.no_forced_tool);
    if is_forced && (refuses || ask.tools.is_empty()) {
        let message =
            "this model cannot be forced to use a tool: let it choose, or choose another model";
        return Err(InvalidBody::new(Some("tool_choice"), message));
    }
    Ok((!ask.tools.is_empty()).then(|| outline::tool_choice(Some(choice))))
}

/// Told in words here, whatever it was told in.
fn effort(wanted: &Reasoning) -> Option<Effort> {
    wanted.effort.or(wanted.budget_tokens.map(Effort::of_budget))
}

/// More than the model can say is refused, and less than OpenAI's least.
fn output_tokens_max(ask: &Ask, target: &Target<'_>) -> Option<u64> {
    let possible = target.output_tokens_max.unwrap_or(u64::MAX);
    ask.output_tokens_max.map(|asked| asked.min(possible).max(OUTPUT_TOKENS_MIN))
}

fn reasoning(wanted: &Reasoning, effort: Option<Effort>) -> Value {
    let mut reasoning = Map::new();
    if let Some(effort) = effort {
        // The highest is called so here.
        let highest = effort.min(Effort::Xhigh);
        reasoning.insert("effort".to_owned(), highest.as_str().into());
    }
    if wanted.shown {
        reasoning.insert("summary".to_owned(), "auto".into());
    }
    reasoning.into()
}

/// OpenAI refuses longer ones; Claude Code's is 150 bytes of JSON.
const USER_BYTES_MAX: usize = 64;
const OUTPUT_TOKENS_MIN: u64 = 16;

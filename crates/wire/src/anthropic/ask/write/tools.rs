//! The tools, which of them must be called, and an answer's format, which may be one of them.

use serde_json::{Map, Value, json};

use super::schema;
use crate::InvalidBody;
use crate::anthropic::block::JSON_TOOL;
use crate::cache_control;
use crate::hub::{Ask, Format, Part, Target, Tool, ToolChoice, Turn, leave_out};

pub(super) struct Toolbox {
    pub tools: Vec<Value>,
    pub choice: Option<Value>,
    /// The model must call a tool.
    pub is_forced: bool,
    /// `output_config.format`.
    pub format: Option<Value>,
}

pub(super) fn write(
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<Toolbox, InvalidBody> {
    let traits = target.traits.copied().unwrap_or_default();
    let mut tools = ask
        .tools
        .iter()
        .map(|tool| write_tool(tool, traits.json_schema, left_out))
        .collect::<Result<Vec<_>, _>>()?;
    let mut choice = ask.tool_choice.clone();
    let mut parallel = ask.parallel_tools;
    let mut format = None;
    match &ask.format {
        Some(Format::Schema { schema, description, .. }) if traits.json_schema => {
            format = Some(native(schema, description.as_deref()));
        }
        Some(wanted) if !must_call(&ask.tool_choice) => {
            if traits.no_forced_tool {
                return Err(unforceable(wanted));
            }
            choice = Some(json_choice(choice, tools.is_empty()));
            tools.push(json_tool(wanted));
            // One answer, and not beside other calls.
            parallel = Some(false);
        }
        // The answer will be a call of a tool, which has no format.
        Some(_) | None => {}
    }
    if must_call(&choice) && traits.no_forced_tool {
        return Err(InvalidBody::new(
            Some("tool_choice"),
            "this model cannot be forced to call a tool: let `tool_choice` be \"auto\", or choose another model",
        ));
    }
    if tools.is_empty() {
        if must_call(&choice) {
            return Err(InvalidBody::new(Some("tool_choice"), "`tool_choice` needs `tools`"));
        }
        choice = None;
        // Calls in the conversation are refused where there is no tool that might have been called.
        if ask.turns.iter().any(has_calls) {
            tools.push(json!({"name": "none", "input_schema": {"type": "object"}}));
            choice = Some(ToolChoice::None);
        }
    }
    Ok(Toolbox {
        is_forced: must_call(&choice),
        choice: write_choice(choice, parallel, !tools.is_empty()),
        tools,
        format,
    })
}

fn must_call(choice: &Option<ToolChoice>) -> bool {
    matches!(choice, Some(ToolChoice::Named(_) | ToolChoice::Required))
}

fn has_calls(turn: &Turn) -> bool {
    let (Turn::Assistant(parts) | Turn::User(parts)) = turn else {
        return false;
    };
    parts.iter().any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_)))
}

fn write_tool(
    tool: &Tool,
    keeps_strict: bool,
    left_out: &mut Vec<String>,
) -> Result<Value, InvalidBody> {
    check_name(&tool.name)?;
    let mut schema = match &tool.parameters {
        Some(Value::Object(schema)) => schema.clone(),
        Some(Value::Null) | None => Map::new(),
        Some(_) => {
            return Err(InvalidBody::new(Some("tools"), "a tool's schema must be an object"));
        }
    };
    schema.entry("type").or_insert_with(|| json!("object"));
    let mut schema = Value::Object(schema);
    let mut written = Map::new();
    written.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        written.insert("description".to_owned(), json!(description));
    }
    match tool.strict {
        Some(true) if keeps_strict => {
            schema::tighten(&mut schema);
            written.insert("strict".to_owned(), json!(true));
        }
        Some(true) => leave_out(left_out, "tools.strict"),
        Some(false) | None => {}
    }
    written.insert("input_schema".to_owned(), schema);
    if let Some(told) = cache_control::write(tool.cache_point) {
        written.insert("cache_control".to_owned(), told);
    }
    Ok(written.into())
}

fn check_name(name: &str) -> Result<(), InvalidBody> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let message = if !fits {
        "a tool's name must be 1 to 128 letters, digits, `_` or `-` for this provider: rename it"
            .to_owned()
    } else if name == JSON_TOOL {
        format!("`{JSON_TOOL}` is how an answer in JSON is asked for here: rename that tool")
    } else {
        return Ok(());
    };
    Err(InvalidBody::new(Some("tools"), message))
}

fn native(schema: &Value, description: Option<&str>) -> Value {
    let mut schema = schema.clone();
    schema::tighten(&mut schema);
    if let (Value::Object(schema), Some(description)) = (&mut schema, description) {
        schema.entry("description").or_insert_with(|| json!(description));
    }
    json!({"type": "json_schema", "schema": schema})
}

fn json_tool(format: &Format) -> Value {
    let (mut schema, description) = match format {
        Format::Json => (json!({"type": "object", "additionalProperties": true}), None),
        Format::Schema { schema, description, .. } => (schema.clone(), description.as_deref()),
    };
    if let Value::Object(schema) = &mut schema {
        schema.entry("type").or_insert_with(|| json!("object"));
    }
    json!({
        "name": JSON_TOOL,
        "description": description.unwrap_or("Gives the answer, as JSON."),
        "input_schema": schema,
    })
}

/// Where the caller has tools of its own they may be called first.
fn json_choice(choice: Option<ToolChoice>, is_alone: bool) -> ToolChoice {
    if is_alone || choice == Some(ToolChoice::None) {
        return ToolChoice::Named(JSON_TOOL.to_owned());
    }
    ToolChoice::Required
}

fn unforceable(format: &Format) -> InvalidBody {
    let advice = match format {
        Format::Json => "ask for a JSON schema, or in words",
        Format::Schema { .. } => "ask in words, or choose another model",
    };
    let message = format!("this model cannot be made to answer in JSON this way: {advice}");
    InvalidBody::new(Some("response_format"), message)
}

fn write_choice(
    choice: Option<ToolChoice>,
    parallel: Option<bool>,
    has_tools: bool,
) -> Option<Value> {
    let only_one = parallel == Some(false) && has_tools;
    let mut written = match choice.or(only_one.then_some(ToolChoice::Auto))? {
        ToolChoice::None => return Some(json!({"type": "none"})),
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::Named(name) => json!({"type": "tool", "name": name}),
        ToolChoice::Required => json!({"type": "any"}),
    };
    if let (true, Some(written)) = (only_one, written.as_object_mut()) {
        written.insert("disable_parallel_tool_use".to_owned(), json!(true));
    }
    Some(written)
}

const NAME_BYTES_MAX: usize = 128;

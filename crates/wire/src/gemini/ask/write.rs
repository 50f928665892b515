//! A GenerateContentRequest for a provider. The model and whether to stream go into the path.

mod contents;
mod model_name;
mod thinking;

use serde_json::{Map, Value, json};

use crate::InvalidBody;
use crate::gemini::fields::note;
use crate::hub::{Ask, Format, Target, Tool, ToolChoice};
use contents::Contents;
use model_name::ModelName;

pub fn write(
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<Vec<u8>, InvalidBody> {
    let model = ModelName::new(target.model);
    let mut body = Map::new();
    let mut contents = Contents::new(model, left_out);
    for turn in &ask.turns {
        contents.add(turn)?;
    }
    body.insert("contents".to_owned(), contents.finish());
    let system: Vec<Value> = (ask.system.iter().filter(|text| !text.text.is_empty()))
        .map(|text| json!({"text": text.text}))
        .collect();
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    if !ask.tools.is_empty() {
        let declarations: Vec<Value> = ask.tools.iter().map(declaration).collect();
        body.insert("tools".to_owned(), json!([{"functionDeclarations": declarations}]));
    }
    if let Some(config) = tool_config(ask) {
        body.insert("toolConfig".to_owned(), config);
    }
    let config = generation_config(ask, target, model, left_out)?;
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    if let Some(tier) = service_tier(ask, left_out) {
        body.insert("serviceTier".to_owned(), tier.into());
    }
    note_the_rest(ask, left_out);
    Ok(Value::Object(body).to_string().into_bytes())
}

/// The schema goes where JSON schema is taken as it is; `parameters` knows a part of it only.
fn declaration(tool: &Tool) -> Value {
    let mut declaration = Map::new();
    declaration.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        declaration.insert("description".to_owned(), description.as_str().into());
    }
    if let Some(parameters) = &tool.parameters {
        declaration.insert("parametersJsonSchema".to_owned(), parameters.clone());
    }
    Value::Object(declaration)
}

fn tool_config(ask: &Ask) -> Option<Value> {
    let config = match ask.tool_choice.as_ref()? {
        // Without functions Google refuses to be told how to call them.
        ToolChoice::Auto | ToolChoice::None if ask.tools.is_empty() => return None,
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
    };
    Some(json!({"functionCallingConfig": config}))
}

fn generation_config(
    ask: &Ask,
    target: &Target<'_>,
    model: ModelName<'_>,
    left_out: &mut Vec<String>,
) -> Result<Map<String, Value>, InvalidBody> {
    if ask.stop.len() > STOPS_MAX {
        let message = format!("this provider takes {STOPS_MAX} stop sequences at most");
        return Err(InvalidBody::new(Some("stop"), message));
    }
    // More than the model can say is refused.
    let output_tokens_max = ask
        .output_tokens_max
        .map(|asked| target.output_tokens_max.map_or(asked, |possible| asked.min(possible)));
    let seed = ask.seed.filter(|seed| i32::try_from(*seed).is_ok());
    if seed != ask.seed {
        note(left_out, "seed");
    }
    let members = [
        ("maxOutputTokens", output_tokens_max.map(Value::from)),
        ("temperature", ask.temperature.clone().map(Value::Number)),
        ("topP", ask.top_p.clone().map(Value::Number)),
        ("topK", ask.top_k.map(Value::from)),
        ("presencePenalty", ask.presence_penalty.clone().map(Value::Number)),
        ("frequencyPenalty", ask.frequency_penalty.clone().map(Value::Number)),
        ("seed", seed.map(Value::from)),
        ("stopSequences", (!ask.stop.is_empty()).then(|| json!(ask.stop))),
        ("responseMimeType", ask.format.as_ref().map(|_| "application/json".into())),
        ("responseJsonSchema", ask.format.as_ref().and_then(schema)),
        ("thinkingConfig", ask.reasoning.and_then(|it| thinking::write(it, model, left_out))),
    ];
    let told = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(told.collect())
}

fn schema(format: &Format) -> Option<Value> {
    match format {
        Format::Json => None,
        Format::Schema { schema, .. } => Some(schema.clone()),
    }
}

fn service_tier(ask: &Ask, left_out: &mut Vec<String>) -> Option<&'static str> {
    match ask.service_tier.as_deref()? {
        "auto" => None,
        "default" => Some("standard"),
        "flex" => Some("flex"),
        "priority" => Some("priority"),
        _ => {
            note(left_out, "service_tier");
            None
        }
    }
}

fn note_the_rest(ask: &Ask, left_out: &mut Vec<String>) {
    let is_strict = ask.tools.iter().any(|tool| tool.strict == Some(true));
    let cache_point = ask.tools.iter().any(|tool| tool.cache_point.is_set())
        || ask.system.iter().any(|text| text.cache_point.is_set());
    let unsaid = [
        ("cache_control", cache_point),
        ("parallel_tool_calls", ask.parallel_tools == Some(false)),
        ("strict", is_strict),
        ("user", ask.user.is_some()),
    ];
    for (name, _) in unsaid.into_iter().filter(|(_, is_asked)| *is_asked) {
        note(left_out, name);
    }
}

const STOPS_MAX: usize = 5;

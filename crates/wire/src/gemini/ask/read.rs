//! A GenerateContentRequest, as Google's SDKs and its guides write it. The model and whether to stream stand in the path.

mod contents;
mod tools;

use serde_json::Value;

use crate::InvalidBody;
use crate::gemini::fields::Fields;
use crate::gemini::schema;
use crate::hub::{Ask, CachePoint, Effort, Format, Reasoning, Text};

pub fn read(body: &[u8]) -> Result<Ask, InvalidBody> {
    let mut body = Fields::of_body(body)?;
    // Ours, and read already; what stands in the path counts more than a `model` here.
    for name in ["model", "models", "provider", "routing"] {
        body.take(name);
    }
    let mut ask = Ask::default();
    if let Some(instruction) = body.object("systemInstruction")? {
        ask.system = system(instruction)?;
    }
    ask.turns = contents::read(body.objects("contents")?, &mut ask.left_out)?;
    if ask.turns.is_empty() {
        return Err(body.wrong("contents", "a list of at least one content"));
    }
    ask.tools = tools::read(body.objects("tools")?, &mut ask.left_out)?;
    if let Some(config) = body.object("toolConfig")? {
        tools::read_config(config, &mut ask)?;
    }
    if let Some(config) = body.object("generationConfig")? {
        generation_config(config, &mut ask)?;
    }
    ask.service_tier = body.text("serviceTier")?.and_then(|tier| service_tier(&tier));
    body.leave_out(&["safetySettings", "store", "labels"], &mut ask.left_out);
    body.refuse(&["cachedContent"])?;
    body.finish()?;
    Ok(ask)
}

/// A content of texts; its role says nothing.
fn system(mut instruction: Fields) -> Result<Vec<Text>, InvalidBody> {
    instruction.take("role");
    let mut texts = Vec::new();
    for mut part in instruction.objects("parts")? {
        let text = part.required_text("text")?;
        part.finish()?;
        texts.push(Text { text, cache_point: CachePoint::None });
    }
    instruction.finish()?;
    Ok(texts)
}

fn generation_config(mut config: Fields, ask: &mut Ask) -> Result<(), InvalidBody> {
    ask.output_tokens_max = config.count("maxOutputTokens")?;
    ask.temperature = config.number("temperature")?;
    ask.top_p = config.number("topP")?;
    ask.top_k = config.count("topK")?;
    ask.presence_penalty = config.number("presencePenalty")?;
    ask.frequency_penalty = config.number("frequencyPenalty")?;
    ask.seed = config.whole("seed")?;
    ask.stop = config.texts("stopSequences")?;
    if config.count("candidateCount")?.is_some_and(|count| count > 1) {
        return Err(config.wrong("candidateCount", "1 for this provider: ask several times"));
    }
    if config.flag("responseLogprobs")? {
        return Err(config.impossible("responseLogprobs"));
    }
    let modalities = config.texts("responseModalities")?;
    if modalities.iter().any(|modality| !modality.eq_ignore_ascii_case("text")) {
        return Err(config.impossible("responseModalities"));
    }
    ask.format = format(&mut config, &mut ask.left_out)?;
    ask.reasoning = config.object("thinkingConfig")?.map(reasoning).transpose()?.flatten();
    config.leave_out(
        &["audioTimestamp", "enableEnhancedCivicAnswers", "mediaResolution"],
        &mut ask.left_out,
    );
    config.refuse(&["imageConfig", "logprobs", "speechConfig"])?;
    config.finish()
}

fn format(config: &mut Fields, left_out: &mut Vec<String>) -> Result<Option<Format>, InvalidBody> {
    let media_type = config.text("responseMimeType")?;
    // What an early SDK calls it.
    let early = config.take("_responseJsonSchema");
    let schema = read_schema(config, ["responseSchema", "responseJsonSchema"], left_out)?.or(early);
    match (media_type.as_deref(), schema) {
        (Some("application/json"), None) => Ok(Some(Format::Json)),
        (Some("application/json"), Some(schema)) => Ok(Some(Format::Schema {
            name: SCHEMA_NAME.to_owned(),
            description: None,
            schema,
            strict: None,
        })),
        (None | Some("" | "text/plain"), None) => Ok(None),
        (None | Some("" | "text/plain"), Some(_)) => {
            Err(config.wrong("responseMimeType", "\"application/json\" where there is a schema"))
        }
        (Some(_), _) => Err(config.impossible("responseMimeType")),
    }
}

/// A schema in Google's words or in JSON schema's own, by the names of the two members.
fn read_schema(
    fields: &mut Fields,
    [google, plain]: [&'static str; 2],
    left_out: &mut Vec<String>,
) -> Result<Option<Value>, InvalidBody> {
    let schema = match (fields.take(google), fields.take(plain)) {
        (Some(schema), None) => schema::to_json_schema(schema, left_out),
        (None, Some(schema)) => schema,
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(fields.wrong(google, &format!("left out where there is `{plain}`")));
        }
    };
    if schema.is_object() { Ok(Some(schema)) } else { Err(fields.wrong(google, "a JSON object")) }
}

/// `None` where everything is as the model likes.
fn reasoning(mut config: Fields) -> Result<Option<Reasoning>, InvalidBody> {
    let shown = config.flag("includeThoughts")?;
    let level = config.text("thinkingLevel")?.map(|level| level.to_ascii_lowercase());
    let budget = config.whole("thinkingBudget")?;
    let effort = match level.as_deref() {
        None | Some("thinking_level_unspecified") => None,
        Some(level) => match Effort::parse(level) {
            Some(effort) => Some(effort),
            None => return Err(config.wrong("thinkingLevel", "minimal, low, medium or high")),
        },
    };
    config.finish()?;
    let reasoning = match budget {
        Some(0) => Reasoning { effort: effort.or(Some(Effort::None)), budget_tokens: None, shown },
        // -1: as much as the model likes.
        _ => Reasoning { effort, budget_tokens: budget.and_then(|it| it.try_into().ok()), shown },
    };
    Ok((reasoning != Reasoning::default()).then_some(reasoning))
}

/// By OpenAI's names.
fn service_tier(tier: &str) -> Option<String> {
    let tier = tier.to_ascii_lowercase();
    match tier.strip_prefix("service_tier_").unwrap_or(&tier) {
        "unspecified" | "" => None,
        "standard" => Some("default".to_owned()),
        other => Some(other.to_owned()),
    }
}

/// Google's schemas have no name; OpenAI's must.
const SCHEMA_NAME: &str = "response";

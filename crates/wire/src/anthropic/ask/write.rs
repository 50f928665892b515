//! A request for a provider of this dialect.

mod messages;
mod schema;
mod thinking;
mod tools;

use serde_json::{Map, Number, Value, json};

use crate::InvalidBody;
use crate::hub::{Ask, Target, leave_out};
use thinking::Thinking;
use tools::Toolbox;

/// Refuses what this dialect cannot say; what it can do without is told in `left_out`.
pub fn write(
    ask: &Ask,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<Vec<u8>, InvalidBody> {
    // More than the model can say is refused.
    let possible = target.output_tokens_max.unwrap_or(u64::MAX);
    let wanted = ask.output_tokens_max.or(target.output_tokens_max);
    let output_tokens_max = wanted.unwrap_or(OUTPUT_TOKENS_DEFAULT).min(possible);
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    put("model", json!(target.model));
    put("max_tokens", json!(output_tokens_max));
    put("messages", messages::write(ask, left_out)?);
    if let Some(system) = messages::system(&ask.system) {
        put("system", system);
    }

    let Toolbox { tools, choice, is_forced, format } = tools::write(ask, target, left_out)?;
    if !tools.is_empty() {
        put("tools", tools.into());
    }
    if let Some(choice) = choice {
        put("tool_choice", choice);
    }

    let thinking = thinking::write(ask, target, output_tokens_max, is_forced, left_out);
    let config = output_config(&thinking, format);
    if !config.is_empty() {
        put("output_config", config.into());
    }
    for (name, number) in sampling(ask, target, &thinking, left_out) {
        put(name, number.into());
    }
    if let Some(thinking) = thinking.member {
        put("thinking", thinking);
    }

    let stop = stop(&ask.stop, left_out);
    if !stop.is_empty() {
        put("stop_sequences", stop.into());
    }
    if let Some(user) = user(ask, left_out) {
        put("metadata", json!({"user_id": user}));
    }
    if let Some(tier) = service_tier(ask, left_out) {
        put("service_tier", json!(tier));
    }
    if ask.stream {
        put("stream", json!(true));
    }
    for (name, told) in [
        ("frequency_penalty", ask.frequency_penalty.is_some()),
        ("presence_penalty", ask.presence_penalty.is_some()),
        ("seed", ask.seed.is_some()),
    ] {
        if told {
            leave_out(left_out, name);
        }
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

fn output_config(thinking: &Thinking, format: Option<Value>) -> Map<String, Value> {
    let effort = thinking.effort.map(|effort| ("effort".to_owned(), json!(effort)));
    effort.into_iter().chain(format.map(|format| ("format".to_owned(), format))).collect()
}

/// The newest models take none of it. The others take a temperature up to 1, one of temperature and `top_p`, and while they think hardly any of it.
fn sampling(
    ask: &Ask,
    target: &Target<'_>,
    thinking: &Thinking,
    left_out: &mut Vec<String>,
) -> impl Iterator<Item = (&'static str, Number)> {
    let thinks = thinking.is_on;
    let temperature = match ask.temperature.as_ref().and_then(Number::as_f64) {
        Some(temperature) if temperature > 1.0 => Some(Number::from(1)),
        Some(temperature) if thinks && temperature < 1.0 => None,
        _ => ask.temperature.clone(),
    };
    let fits = |top_p: &Number| !thinks || top_p.as_f64() >= Some(TOP_P_THINKING_MIN);
    let top_p = ask.top_p.clone().filter(|top_p| temperature.is_none() && fits(top_p));
    let top_k = ask.top_k.map(Number::from);
    let sampling = [
        ("temperature", ask.temperature.clone(), temperature),
        ("top_p", ask.top_p.clone(), top_p),
        ("top_k", top_k.clone(), top_k.filter(|_| !thinks)),
    ];
    let takes_none = target.traits.is_some_and(|traits| traits.no_sampling);
    let sampling = sampling.map(|(name, asked, kept)| (name, asked, kept.filter(|_| !takes_none)));
    for (name, asked, kept) in &sampling {
        if asked != kept {
            leave_out(left_out, name);
        }
    }
    sampling.into_iter().filter_map(|(name, _, kept)| Some((name, kept?)))
}

/// A text of blanks alone is refused.
fn stop(texts: &[String], left_out: &mut Vec<String>) -> Vec<String> {
    let kept: Vec<String> = texts.iter().filter(|text| !text.trim().is_empty()).cloned().collect();
    if kept.len() < texts.len() {
        leave_out(left_out, "stop");
    }
    kept
}

/// Whom the provider may know by a name, but not by an address.
fn user<'a>(ask: &'a Ask, left_out: &mut Vec<String>) -> Option<&'a str> {
    let user = ask.user.as_deref().filter(|user| !user.is_empty())?;
    if is_an_address(user) || user.chars().count() > USER_CHARS_MAX {
        leave_out(left_out, "user");
        return None;
    }
    Some(user)
}

/// An e-mail address, or a telephone number with at least one of its signs.
fn is_an_address(user: &str) -> bool {
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits >= PHONE_DIGITS_MIN
        && digits < user.len()
        && user.bytes().all(|byte| byte.is_ascii_digit() || b"+-. ()".contains(&byte));
    is_number || user.split_once('@').is_some_and(|(_, host)| host.contains('.'))
}

fn service_tier(ask: &Ask, left_out: &mut Vec<String>) -> Option<&'static str> {
    match ask.service_tier.as_deref()? {
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => {
            leave_out(left_out, "service_tier");
            None
        }
    }
}

/// Where neither the caller nor the catalogue says: small enough for every model there ever was.
const OUTPUT_TOKENS_DEFAULT: u64 = 4_096;
const TOP_P_THINKING_MIN: f64 = 0.95;
const USER_CHARS_MAX: usize = 256;
const PHONE_DIGITS_MIN: usize = 7;

#[cfg(test)]
mod tests;

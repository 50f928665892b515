//! One borrowed scan of a request's body, and the same body cut for a provider. Knows neither what a model is nor what a
//! wish leads to; every byte it has no business with leaves as it came.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::InvalidBody;
use crate::excess::refuse_excess;
use crate::json::{self, Reading};

mod cut;
mod demand;
pub(crate) mod edit;
mod stream_options;
mod wishes;

use cut::Cut;
use demand::Demand;
pub use demand::OutputLimit;
use edit::Edit;
use stream_options::UsageOption;
pub use wishes::{Names, Wishes};

/// Which of our vocabulary stands in the body; the rest stands in the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub model: bool,
    pub stream: bool,
    /// Whether a stream tells what it used only when asked by `stream_options`.
    pub stream_options: bool,
}

/// A body that is JSON, says nothing of ours twice, and whose bytes can be spliced.
pub struct Request {
    /// As the client wrote it, unescaped; absent where it leaves that to its settings.
    pub model: Option<String>,
    pub stream: bool,
    /// The client itself asked for the usage chunk of a stream.
    pub include_usage: bool,
    pub wishes: Wishes,
    /// OpenRouter's `models` and `provider`, read as wishes of ours.
    pub openrouter: Option<Result<Wishes, InvalidBody>>,
    /// The same where `provider` is meant for OpenRouter itself: what of it is a wish nevertheless.
    pub at_openrouter: Option<Result<Wishes, InvalidBody>>,
    /// Invariant: the ranges below lie in `body`, at character boundaries, and do not overlap.
    body: Bytes,
    /// The value of `model`. Empty where there is none: then it becomes the first member.
    model_at: Option<Range<usize>>,
    ours: Cut,
    ours_and_openrouter: Cut,
    ask_usage: Option<Edit>,
    demand: Demand,
}

/// What a provider is sent in place of what the client wrote.
pub struct Splice<'a> {
    /// Where the model stands in the body.
    pub model: &'a str,
    pub include_usage: bool,
    /// The provider is OpenRouter, and `provider` is meant for it. Which models are asked is decided here, never there.
    pub keep_openrouter: bool,
    /// Tokens of output that it must not pass, and where that is said.
    pub output_limit: Option<(OutputLimit, u64)>,
}

impl Request {
    /// Reads the whole body once; whatever is not named here is validated and otherwise left alone.
    pub fn parse(body: Bytes, shape: Shape) -> Result<Self, InvalidBody> {
        let text = std::str::from_utf8(&body)
            .map_err(|error| InvalidBody::new(None, not_utf8(error.valid_up_to())))?;
        refuse_excess(text)?;
        let [model, stream, stream_options, routing, models, provider, preset, demand @ ..] =
            json::members(text, &MEMBERS, Reading::Unambiguous)
                .map_err(|flaw| InvalidBody::flaw(None, flaw))?;

        let model = model.filter(|_| shape.model);
        let stream = if shape.stream { is_stream(stream)? } else { false };
        let member = |value: &RawValue| json::range_in(text, value.get());
        let model_at = shape.model.then(|| {
            let first = cut::inside(text);
            model.map_or(first..first, member)
        });
        let usage = match &model_at {
            Some(at) if shape.stream_options => {
                Some(UsageOption::read(text, stream_options, stream, at)?)
            }
            _ => None,
        };
        let ours: Vec<_> = [routing, models].into_iter().flatten().map(member).collect();
        let openrouter = provider.map(member);
        Ok(Self {
            model: model.filter(|value| value.get() != "null").map(model_name).transpose()?,
            stream,
            include_usage: usage.as_ref().is_some_and(|usage| usage.asked),
            wishes: Wishes {
                names_preset: preset.is_some_and(|preset| preset.get() != "null"),
                ..routing.map(Wishes::read).transpose()?.unwrap_or_default()
            },
            openrouter: Wishes::read_openrouter(models, provider).transpose(),
            at_openrouter: Wishes::read_at_openrouter(models, provider).transpose(),
            model_at,
            ours: Cut::of(text, ours.iter().cloned()),
            ours_and_openrouter: Cut::of(text, ours.iter().cloned().chain(openrouter)),
            ask_usage: usage.map(|usage| usage.ask),
            demand: Demand::read(text, demand)?,
            body,
        })
    }

    /// As it came.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The output limit the caller set, by the name that is heeded.
    pub fn output_tokens_max(&self, limit: OutputLimit) -> Option<u64> {
        self.demand.output_tokens(limit)
    }

    /// How many answers are asked for at once.
    pub const fn answers(&self) -> u64 {
        self.demand.answers()
    }

    /// The body for a provider, as slices: `model` in place of the client's, our own members cut out, and, on a
    /// stream with `include_usage`, the provider asked for usage whether or not the client was.
    pub fn splice(&self, splice: &Splice<'_>) -> Vec<Bytes> {
        let cut = if splice.keep_openrouter { &self.ours } else { &self.ours_and_openrouter };
        let mut edits = Vec::with_capacity(5);
        if let Some(at) = &self.model_at {
            let name = serde_json::Value::from(splice.model).to_string();
            let text = match (at.is_empty(), cut.takes_all) {
                (false, _) => name,
                (true, true) => format!("\"model\":{name}"),
                (true, false) => format!("\"model\":{name},"),
            };
            edits.push(Edit::replace(at.clone(), text));
        }
        edits.extend(cut.ranges.iter().cloned().map(Edit::cut));
        if self.stream && splice.include_usage && !self.include_usage {
            edits.extend(self.ask_usage.clone());
        }
        if let Some((limit, tokens)) = splice.output_limit.filter(|_| !cut.takes_all) {
            edits.extend(self.demand.limited(limit, tokens));
        }
        edit::spliced(&self.body, edits)
    }
}

/// Without the body: a prompt must not reach a log.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("model", &self.model)
            .field("stream", &self.stream)
            .field("include_usage", &self.include_usage)
            .field("wishes", &self.wishes)
            .field("openrouter", &self.openrouter)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn not_utf8(valid_bytes: usize) -> String {
    format!("the body is not UTF-8 after its first {valid_bytes} bytes")
}

fn model_name(value: &RawValue) -> Result<String, InvalidBody> {
    let name = json::string(value)
        .ok_or_else(|| InvalidBody::new(Some("model"), "`model` must be a string"))?;
    if name.is_empty() {
        return Err(InvalidBody::new(Some("model"), "`model` is empty"));
    }
    Ok(name)
}

fn is_stream(value: Option<&RawValue>) -> Result<bool, InvalidBody> {
    match value.map_or("null", RawValue::get) {
        "true" => Ok(true),
        "false" | "null" => Ok(false),
        _ => Err(InvalidBody::new(Some("stream"), "`stream` must be true or false")),
    }
}

const MEMBERS: [&str; 15] = {
    let [a, b, c, d, e, f, g, h] = demand::MEMBERS;
    [
        "model",
        "stream",
        "stream_options",
        "routing",
        "models",
        "provider",
        "preset",
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
    ]
};

#[cfg(test)]
mod tests;

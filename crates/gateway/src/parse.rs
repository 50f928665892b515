//! Reads the body and finds what routing needs: the model, whether to stream, the caller's wishes. Rebuilds nothing.

use std::sync::OnceLock;

use bytes::Bytes;
use http::Method;
use http::header::HeaderMap;
use model::{Code, Dialect, ModelRef, Operation, Provider, Refusal, RequestId};
use tokio::time::Instant;
use wire::multipart::MultipartRequest;
use wire::{OutputLimit, Reach, Request, Shape, Wishes};

use crate::accept::{Head, Route, conversation_at, too_large};
use crate::asked::{Asked, Pricing};
use crate::body::{Bounds, Unread, read_whole};
use crate::{Body, Gateway};

/// A request understood.
pub struct Call<'a> {
    pub(crate) id: RequestId,
    pub(crate) asked: Asked<'a>,
    pub(crate) payload: Payload,
    /// Read where money is held for it, and once.
    reach: OnceLock<Reach>,
    /// The headers a provider may see.
    pub(crate) forwarded: HeaderMap,
    pub(crate) method: http::Method,
    /// Of a passed-through path, or of the route.
    pub(crate) path: Option<String>,
    pub(crate) query: Option<String>,
}

pub enum Payload {
    Json(Box<Request>),
    Multipart {
        form: Box<MultipartRequest>,
        content_type: String,
    },
    /// Passed through as it is.
    Raw {
        body: Bytes,
        content_type: Option<String>,
    },
}

pub async fn parse(gw: &Gateway, head: Head) -> Result<Call<'_>, Refusal> {
    let body = read(gw, head.body).await?;
    let body_bytes = body.len();
    let operation = head.route.operation;
    let passthrough = match &head.route.passthrough {
        None => None,
        Some(to) => Some(gw.catalogue.provider(&to.provider).ok_or_else(|| {
            let public = "there is no provider of the name behind /passthrough/";
            Refusal::new(Code::NotFound, public)
        })?),
    };
    let read = match operation {
        Operation::ImageEdits | Operation::Transcriptions | Operation::Translations => {
            form(body, head.content_type)?
        }
        Operation::Passthrough => {
            let path = head.route.passthrough.as_ref().map(|to| to.path.as_str());
            raw(body, head.content_type, path.unwrap_or_default(), passthrough)
        }
        _ => json(body, &head.route)?,
    };
    let Read { payload, model, stream, wishes, output_tokens_max } = read;
    let asked = Asked {
        operation,
        model: match &head.route.passthrough {
            // Where a path names the model, the body's word for it is not the provider's.
            Some(to) if NAMING.iter().any(|naming| to.path.contains(naming)) => None,
            _ => head.route.model.or(model).or_else(|| usual_model(operation)),
        },
        stream: head.route.stream || stream,
        wishes: wishes.and(head.wishes)?,
        passthrough,
        body_bytes,
        output_tokens_max,
        pricing: match (operation, output_tokens_max) {
            // Of the rest of what is passed through nobody here knows what it does.
            (Operation::Passthrough, Some(_)) => Pricing::Tokens,
            (Operation::Passthrough, None) if looks(&head.method) => Pricing::Free,
            _ => Pricing::of(operation),
        },
    };
    Ok(Call {
        id: head.id,
        asked,
        payload,
        reach: OnceLock::new(),
        forwarded: head.forwarded,
        method: head.method,
        path: head.route.passthrough.map(|to| to.path),
        query: head.route.query,
    })
}

impl Payload {
    /// How many answers are asked for at once.
    pub fn answers(&self) -> u64 {
        match self {
            Self::Json(request) => request.answers(),
            Self::Multipart { .. } | Self::Raw { .. } => 1,
        }
    }

    /// A form names nothing that is not in it.
    fn reach(&self) -> Reach {
        match self {
            Self::Json(request) => Reach::read(request.body()),
            Self::Multipart { .. } => Reach::default(),
            Self::Raw { body, .. } => Reach::read(body),
        }
    }
}

impl Call<'_> {
    /// What its body reaches for beyond its own text.
    pub fn reach(&self) -> &Reach {
        self.reach.get_or_init(|| self.payload.reach())
    }
}

/// Some providers heed but one of the two names that chats have for it.
pub fn heeded(place: OutputLimit, provider: &Provider) -> OutputLimit {
    match place {
        OutputLimit::Chat if provider.quirks.max_tokens => OutputLimit::MaxTokens,
        place => place,
    }
}

/// Where the caller's own limit would stand.
pub const fn output_limit(operation: Operation) -> Option<OutputLimit> {
    use Operation as Op;
    match operation {
        Op::ChatCompletions => Some(OutputLimit::Chat),
        Op::Completions | Op::Messages => Some(OutputLimit::MaxTokens),
        Op::GenerateContent => Some(OutputLimit::Gemini),
        Op::Responses => Some(OutputLimit::Responses),
        _ => None,
    }
}

/// What is only looked at or deleted costs nothing.
fn looks(method: &Method) -> bool {
    matches!(*method, Method::DELETE | Method::GET | Method::HEAD)
}

struct Read {
    payload: Payload,
    model: Option<String>,
    stream: bool,
    wishes: Wishes,
    /// For all answers together.
    output_tokens_max: Option<u64>,
}

fn json(body: Bytes, route: &Route) -> Result<Read, Refusal> {
    let mut request = Request::parse(body, shape(route.operation))?;
    let (model, wishes) = wanted(&mut request)?;
    let stream = request.stream;
    let output_tokens_max =
        output_limit(route.operation).and_then(|place| output_tokens(&request, place));
    Ok(Read { payload: Payload::Json(Box::new(request)), model, stream, wishes, output_tokens_max })
}

fn output_tokens(request: &Request, place: OutputLimit) -> Option<u64> {
    let tokens = request.output_tokens_max(place)?;
    Some(tokens.saturating_mul(request.answers()))
}

/// The model and the wishes, in whichever words they are said.
pub fn wanted(request: &mut Request) -> Result<(Option<String>, Wishes), Refusal> {
    let mut wishes = std::mem::take(&mut request.wishes);
    let mut model = request.model.clone();
    // To OpenRouter itself its `provider` is passed on. Which models may answer is for us to judge, there too.
    let to_openrouter = model.as_deref().is_some_and(|name| name.starts_with(TO_OPENROUTER));
    if let Some(told) = request.at_openrouter.take_if(|_| to_openrouter) {
        let mut told = told?;
        for name in told.fallback_models.iter_mut().flatten() {
            if !name.starts_with(TO_OPENROUTER) {
                name.insert_str(0, TO_OPENROUTER);
            }
        }
        wishes = wishes.and(told)?;
    }
    if let Some(openrouter) = request.openrouter.take_if(|_| !to_openrouter) {
        let mut openrouter = openrouter?;
        if let Some(models) = openrouter.fallback_models.as_mut().filter(|_| model.is_none())
            && !models.is_empty()
        {
            model = Some(models.remove(0));
        }
        wishes = wishes.and(openrouter)?;
    }
    Ok((model, wishes))
}

const TO_OPENROUTER: &str = "openrouter/";

fn form(body: Bytes, content_type: Option<String>) -> Result<Read, Refusal> {
    let Some(content_type) = content_type else {
        let public = "this route takes multipart/form-data, and the request names no content type";
        return Err(Refusal::new(Code::InvalidRequest, public));
    };
    let mut form = MultipartRequest::parse(body, &content_type)?;
    let wishes = std::mem::take(&mut form.wishes);
    let (model, stream) = (form.model.clone(), form.stream);
    Ok(Read {
        payload: Payload::Multipart { form: Box::new(form), content_type },
        model,
        stream,
        wishes,
        output_tokens_max: None,
    })
}

/// Whatever it is, it leaves as it came. The lists of allowed models hold for the model it names, and are not trusted to
/// anything but the plain word of a body whose reading we know.
fn raw(body: Bytes, content_type: Option<String>, path: &str, provider: Option<&Provider>) -> Read {
    let known = Request::parse(body.clone(), shape(Operation::Responses)).ok();
    let place = conversation_at(path).map(Dialect::operation).and_then(output_limit);
    let place = place.zip(provider).map(|(place, provider)| heeded(place, provider));
    let output_tokens_max = known.as_ref().zip(place).and_then(|(it, at)| output_tokens(it, at));
    let (model, stream) = known.map_or((None, false), |known| (known.model, known.stream));
    let is_believed = BELIEVED.iter().any(|end| path.ends_with(end)) && !names_more(&body);
    let model = model.filter(|name| is_believed && ModelRef::is_well_formed(name));
    Read {
        payload: Payload::Raw { body, content_type },
        output_tokens_max: output_tokens_max.filter(|_| model.is_some()),
        model,
        stream,
        wishes: Wishes::default(),
    }
}

/// OpenRouter's other ways to say which model is meant, or what cannot be read so closely.
fn names_more(body: &[u8]) -> bool {
    let named = serde_json::from_slice::<NamesMore>(body);
    named.map_or(true, |named| named.models.is_some() || named.preset.is_some())
}

#[derive(serde::Deserialize)]
struct NamesMore {
    models: Option<serde::de::IgnoredAny>,
    preset: Option<serde::de::IgnoredAny>,
}

/// Steps of a path behind which a model is named.
const NAMING: [&str; 2] = ["/models/", "/tunedModels/"];
/// Where a body's `model` is what is asked.
const BELIEVED: [&str; 9] = [
    "/chat/completions",
    "/completions",
    "/responses",
    "/messages",
    "/embeddings",
    "/moderations",
    "/images/generations",
    "/audio/speech",
    "/rerank",
];

const fn shape(operation: Operation) -> Shape {
    use Operation as Op;
    let in_path = operation.names_model_in_path();
    let plain =
        matches!(operation, Op::CountTokens | Op::Embeddings | Op::Moderations | Op::Rerank);
    Shape {
        model: !in_path,
        stream: !in_path && !plain,
        stream_options: matches!(operation, Op::ChatCompletions | Op::Completions),
    }
}

/// What the provider itself takes where nothing is said.
pub fn usual_model(operation: Operation) -> Option<String> {
    (operation == Operation::Moderations).then(|| "omni-moderation-latest".to_owned())
}

pub async fn read(gw: &Gateway, body: Body) -> Result<Bytes, Refusal> {
    let within = gw.limits.body_read_max;
    let bounds = Bounds {
        bytes_max: gw.limits.body_bytes_max,
        idle_max: within,
        deadline: Instant::now() + within,
    };
    read_whole(body, bounds).await.map_err(|unread| match unread {
        Unread::Broken(error) => {
            let public = "the request body could not be read to its end";
            Refusal { source: Some(error), ..Refusal::new(Code::InvalidRequest, public) }
        }
        Unread::TooLarge => too_large(&gw.limits),
        Unread::TooSlow => {
            Refusal::new(Code::InvalidRequest, "the request body took too long to arrive")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, body: &str) -> Option<String> {
        raw(Bytes::from(body.to_owned()), None, path, None).model
    }

    #[test]
    fn the_model_of_what_is_passed_through_is_believed_where_it_can_be_no_other() {
        let plain = "{\"model\":\"m\"}";
        for path in ["/chat/completions", "/v1/responses", "/v1/messages", "/embeddings"] {
            assert_eq!(named(path, plain).as_deref(), Some("m"), "{path}");
        }
        for path in ["/files", "/threads/runs", "/chat/completions/x", "/batches"] {
            assert_eq!(named(path, plain), None, "{path}");
        }
        let long = format!("{{\"model\":\"{}\"}}", "m".repeat(257));
        for body in [
            "{\"model\":\"m\",\"models\":[\"n\"]}",
            "{\"model\":\"m\",\"mode\\u006cs\":[\"n\"]}",
            "{\"model\":\"m\",\"preset\":\"p\"}",
            "{\"model\":\"m\",\"preset\":\"p\",\"preset\":null}",
            "{\"model\":\"m n\"}",
            "{\"model\":\"m\u{e9}\"}",
            long.as_str(),
            "[]",
        ] {
            assert_eq!(named("/chat/completions", body), None, "{body}");
        }
    }

    #[test]
    fn openrouters_models_are_fallbacks_at_openrouter() {
        let body = "{\"model\":\"openrouter/a\",\"models\":[\"b\",\"openrouter/c\"],\"provider\":{\"sort\":\"price\",\"zdr\":true}}";
        let mut request =
            Request::parse(Bytes::from(body), shape(Operation::ChatCompletions)).expect("valid");

        let (model, wishes) = wanted(&mut request).expect("understood");

        let fallbacks = vec!["openrouter/b".to_owned(), "openrouter/c".to_owned()];
        assert_eq!(
            (model.as_deref(), wishes.fallback_models),
            (Some("openrouter/a"), Some(fallbacks))
        );
        assert_eq!(wishes.data_policy, Some(model::DataPolicy::Zdr));
        assert!(request.openrouter.is_some(), "`provider` is left to it");
    }
}

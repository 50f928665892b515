//! What leaves for a provider: the caller's bytes where both speak one dialect, a translation where they do not.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use model::catalogue::{AuthHeader, ModelKind};
use model::{Code, Dialect, Operation, Refusal};
use wire::foreign::{may_bear_marks, without_our_marks};
use wire::gemini::inner_name::renamed;
use wire::hub::{Ask, Target};
use wire::translate::{read_ask, write_ask};
use wire::{InvalidBody, OutputLimit, Request, Splice};

use super::account::kept_thing;
use crate::Gateway;
use crate::funds::Funds;
use crate::parse::{Call, Payload, heeded, output_limit};
use crate::plan::{Candidate, Payer};
use crate::upstream::{Blame, EVENT_STREAM, JSON, Retry, UpstreamError, url_of};

/// One candidate's request, but for the key.
pub struct Prepared {
    pub method: Method,
    pub url: String,
    pub auth: AuthHeader,
    pub body: Vec<Bytes>,
    pub content_type: Option<HeaderValue>,
    pub accept: &'static str,
    pub forwarded: HeaderMap,
    pub translation: Option<Translation>,
    pub left_out: Vec<String>,
}

/// Between the provider's dialect and the caller's.
pub struct Translation {
    pub from: Dialect,
    pub to: Dialect,
    pub ask: Ask,
}

pub fn prepare(
    gw: &Gateway,
    call: &Call<'_>,
    candidate: &Candidate<'_>,
    funds: &Funds,
) -> Result<Prepared, UpstreamError> {
    let Candidate { provider, way, .. } = candidate;
    let asked = &call.asked;
    let auth = way.endpoint.auth.unwrap_or(provider.auth);
    let url = url_of(&candidate.key.base_url, way.endpoint, &candidate.model, asked.stream);
    let prepared = |body, content_type| Prepared {
        method: Method::POST,
        url,
        auth,
        body,
        content_type,
        accept: if asked.stream { EVENT_STREAM } else { JSON },
        forwarded: HeaderMap::new(),
        translation: None,
        left_out: Vec::new(),
    };
    match &call.payload {
        Payload::Json(request) if way.operation == asked.operation => {
            if candidate.payer == Payer::Platform
                && let Some(name) = kept_thing(request.body())
            {
                return Err(kept(name));
            }
            let splice = Splice {
                model: &candidate.model,
                include_usage: provider.include_usage,
                // What was not taken for wishes of ours is meant for OpenRouter, and for nobody it may fall back to.
                keep_openrouter: request.openrouter.is_some() && provider.id.as_str() == OPENROUTER,
                output_limit: limit(call, candidate, request, funds),
            };
            let mut body = request.splice(&splice);
            // Google's, but for a conversation, may repeat inside what their path says.
            if asked.operation.names_model_in_path() && asked.operation.dialect().is_none() {
                body = vec![renamed(&body.concat(), &candidate.model).map_err(untranslatable)?];
            }
            let dialect = match way.operation {
                Operation::CountContentTokens => Some(Dialect::Gemini),
                Operation::CountTokens => Some(Dialect::Anthropic),
                operation => operation.dialect(),
            };
            if let Some(dialect) = dialect.filter(|it| may_bear_marks(*it, request.body())) {
                let whole = Bytes::from(body.concat());
                body = vec![without_our_marks(dialect, &whole).unwrap_or(whole)];
            }
            let forwarded = versioned(call.forwarded.clone(), way.operation);
            Ok(Prepared { forwarded, ..prepared(body, json()) })
        }
        Payload::Json(request) => {
            let (translation, body, left_out) =
                translate(gw, call, candidate, request.body(), funds).map_err(untranslatable)?;
            Ok(Prepared {
                forwarded: versioned(HeaderMap::new(), way.operation),
                translation: Some(translation),
                left_out,
                ..prepared(vec![body], json())
            })
        }
        Payload::Multipart { form, content_type } => {
            Ok(prepared(form.splice(&candidate.model), HeaderValue::from_str(content_type).ok()))
        }
        Payload::Raw { body, content_type } => Ok(Prepared {
            method: call.method.clone(),
            url: passed_through(call, candidate),
            accept: "*/*",
            forwarded: call.forwarded.clone(),
            ..prepared(
                vec![body.clone()],
                content_type.as_deref().and_then(|kind| HeaderValue::from_str(kind).ok()),
            )
        }),
    }
}

fn json() -> Option<HeaderValue> {
    Some(HeaderValue::from_static(JSON))
}

/// What money is held for, where the provider would not hear it from the caller.
fn limit(
    call: &Call<'_>,
    candidate: &Candidate<'_>,
    request: &Request,
    funds: &Funds,
) -> Option<(OutputLimit, u64)> {
    let place = heeded(output_limit(candidate.way.operation)?, candidate.provider);
    let is_unheard = funds.held().is_some() && request.output_tokens_max(place).is_none();
    let said = call.asked.output_tokens_max.filter(|_| is_unheard);
    let each = said.and_then(|tokens| tokens.checked_div(request.answers()));
    Some(place).zip(funds.limit().or(each))
}

const OPENROUTER: &str = "openrouter";

/// Anthropic's dialect is spoken in a version, which whoever speaks it must name.
fn versioned(mut headers: HeaderMap, operation: Operation) -> HeaderMap {
    if matches!(operation, Operation::CountTokens | Operation::Messages) {
        let version = HeaderValue::from_static(ANTHROPIC_VERSION);
        headers.entry("anthropic-version").or_insert(version);
    }
    headers
}

const ANTHROPIC_VERSION: &str = "2023-06-01";

fn translate(
    gw: &Gateway,
    call: &Call<'_>,
    candidate: &Candidate<'_>,
    body: &[u8],
    funds: &Funds,
) -> Result<(Translation, Bytes, Vec<String>), InvalidBody> {
    let (to, from) = (call.asked.operation.dialect(), candidate.way.operation.dialect());
    let (Some(to), Some(from)) = (to, from) else {
        let message = "this provider has no such operation, and it cannot be translated";
        return Err(InvalidBody::new(Some("model"), message));
    };
    let mut ask = read_ask(to, body)?;
    ask.model.clone_from(&candidate.model);
    ask.stream = call.asked.stream;
    ask.output_tokens_max = ask.output_tokens_max.or(funds.limit());
    let known = gw.catalogue.model(&candidate.provider.id, &candidate.model);
    let known = known.filter(|model| model.kind == ModelKind::Chat);
    let target = Target {
        model: &candidate.model,
        quirks: &candidate.provider.quirks,
        traits: known.map(|model| &model.traits),
        output_tokens_max: known.and_then(|model| model.output),
        include_usage: candidate.provider.include_usage,
    };
    let mut left_out = ask.left_out.clone();
    let body = write_ask(&ask, from, &target, &mut left_out)?;
    Ok((Translation { from, to, ask }, body, left_out))
}

/// The caller's own account may have it.
fn kept(name: &'static str) -> UpstreamError {
    let public = format!(
        "`{name}` names something that a provider keeps in an account, and this request would be paid by the \
         operator's: use a provider key of your own"
    );
    let error = UpstreamError::new(Blame::Caller, Retry::Next, Code::InvalidRequest, public);
    UpstreamError { param: Some(name), ..error }
}

/// Another provider may speak the dialect itself.
fn untranslatable(invalid: InvalidBody) -> UpstreamError {
    let Refusal { public, param, .. } = invalid.into();
    let error = UpstreamError::new(Blame::Caller, Retry::Next, Code::InvalidRequest, public);
    UpstreamError { param, ..error }
}

/// Below the provider's base URL, whether or not the caller repeated the path that this has.
fn passed_through(call: &Call<'_>, candidate: &Candidate<'_>) -> String {
    let base = &candidate.key.base_url;
    let path = call.path.as_deref().unwrap_or_default();
    let own = base.as_str().strip_prefix(base.origin().as_str()).unwrap_or_default();
    let repeats = !own.is_empty()
        && path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut url = if repeats { base.origin().join(path) } else { base.join(path) };
    if let Some(query) = &call.query {
        url.push('?');
        url.push_str(query);
    }
    url
}

/// Whether an answer is JSON that we understand, or something to be passed on as it is.
pub const fn answers_json(operation: Operation) -> bool {
    !matches!(
        operation,
        Operation::Passthrough
            | Operation::Speech
            | Operation::Transcriptions
            | Operation::Translations
    )
}

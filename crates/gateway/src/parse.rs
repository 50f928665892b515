//! Reads the body and finds what routing needs: the model, whether to stream, the caller's wishes. Rebuilds nothing.

use bytes::Bytes;
use model::{Code, ModelRef, Refusal, RequestId};
use tokio::time::Instant;
use wire::openai::request::ChatRequest;

use crate::accept::{Dialect, Head, too_large};
use crate::body::{Bounds, Unread, read_whole};
use crate::{Body, Gateway};

/// A request understood.
pub struct Call {
    pub(crate) id: RequestId,
    pub(crate) dialect: Dialect,
    pub(crate) model: ModelRef,
    pub(crate) request: ChatRequest,
}

pub async fn parse(gw: &Gateway, head: Head) -> Result<Call, Refusal> {
    let body = read(gw, head.body).await?;
    let request = ChatRequest::parse(body).map_err(|invalid| Refusal {
        param: invalid.param,
        ..Refusal::new(Code::InvalidRequest, invalid.message)
    })?;
    let Some(model) = ModelRef::parse(&request.model, &gw.catalogue) else {
        return Err(Refusal::invalid("model", "the model's name is empty or not printable ASCII"));
    };
    refuse_unsupported(&request, &model)?;
    Ok(Call { id: head.id, dialect: head.dialect, model, request })
}

async fn read(gw: &Gateway, body: Body) -> Result<Bytes, Refusal> {
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

/// A wish that cannot be granted yet is refused, never dropped silently.
fn refuse_unsupported(request: &ChatRequest, model: &ModelRef) -> Result<(), Refusal> {
    let to_openrouter = model.provider.as_ref().is_some_and(|id| id.as_str() == "openrouter");
    if request.openrouter_wishes && !to_openrouter {
        let public = "`models` and `provider` are understood by OpenRouter only: leave them out";
        return Err(Refusal::new(Code::InvalidRequest, public));
    }
    let wishes = &request.wishes;
    let unsupported = [
        (wishes.data_policy.is_some(), "data_policy"),
        (!wishes.fallback_models.is_empty(), "fallback_models"),
        (wishes.receipt, "receipt"),
        (wishes.project.is_some(), "project"),
    ];
    match unsupported.into_iter().find(|(asked, _)| *asked) {
        Some((_, name)) => Err(Refusal::invalid(
            "routing",
            format!("routing.{name} is not supported by this version: leave it out"),
        )),
        None => Ok(()),
    }
}

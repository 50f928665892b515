//! `GET /v1/models`: what the caller's keys can reach, allow-lists applied. Asks no provider.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use model::catalogue::ModelKind;
use model::{Refusal, Scope};
use wire::openai::render::{ListedModel, model_list};

use crate::accept::credential;
use crate::authenticate::identify;
use crate::authorize::require_scope;
use crate::plan::reaches;
use crate::stream::full;
use crate::{Gateway, Reply};

pub async fn list_models(gw: &Gateway, parts: &Parts) -> Result<Reply, Refusal> {
    let caller = identify(gw, credential(&parts.headers)?.as_deref()).await?;
    require_scope(&caller, Scope::Inference)?;
    let mut listed = Vec::new();
    for provider in gw.catalogue.providers() {
        if provider.chat.is_none() || !reaches(&caller, &provider.id) {
            continue;
        }
        let chat = gw.catalogue.models(&provider.id).filter(|(_, m)| m.kind == ModelKind::Chat);
        for (name, _) in chat {
            if caller.allows_model(&provider.id, name) {
                listed.push((format!("{}/{name}", provider.id), provider.id.as_str()));
            }
        }
    }
    let body = model_list(listed.iter().map(|(id, owned_by)| ListedModel { id, owned_by }));
    let mut reply = http::Response::new(full(Bytes::from(body)));
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(reply)
}

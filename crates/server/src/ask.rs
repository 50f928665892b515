//! A request of management before it is understood: who asks, from where, and under which conditions. Every skin over
//! HTTP starts here.

mod body;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use control::{
    Caller, Expected, KeyCaller, Once, Operator, PageWish, Person, Reader, Target, Writer,
};
use gateway::credential;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use model::{Code, Refusal, Scope};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::refused::Refused;
use crate::shared::Shared;
use crate::trace::Trace;

pub use body::{Sent, harmless};

/// Where a connection comes from; the listener puts it beside each request.
#[derive(Clone, Copy)]
pub struct Peer(pub SocketAddr);

pub struct Ask {
    pub shared: Arc<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    from: Option<IpAddr>,
    trace: Arc<Trace>,
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");

impl FromRequestParts<Arc<Shared>> for Ask {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self {
            shared: Arc::clone(shared),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            from: parts.extensions.get::<Peer>().map(|peer| peer.0.ip()),
            trace: parts.extensions.get::<Arc<Trace>>().cloned().unwrap_or_default(),
        })
    }
}

impl Ask {
    /// Whatever key or token came, unjudged.
    pub fn credential(&self) -> Result<Option<String>, Refusal> {
        credential(&self.headers)
    }

    /// For routes that only people may call.
    pub async fn person(&self) -> Result<Person, Refusal> {
        let token = credential(&self.headers)?;
        let person = self.shared.control.person(token.as_deref(), self.from).await?;
        self.trace.by(person.doer());
        Ok(person)
    }

    /// For routes that gateway keys may call too.
    pub async fn caller(&self) -> Result<Caller, Refusal> {
        let token = credential(&self.headers)?;
        let caller = self.shared.control.caller(token.as_deref(), self.from).await?;
        self.trace.by(caller.doer());
        if let Some(workspace) = caller.workspace() {
            self.trace.about(workspace);
        }
        Ok(caller)
    }

    /// For what a gateway key asks about itself.
    pub async fn key_caller(&self) -> Result<KeyCaller, Refusal> {
        let token = credential(&self.headers)?;
        self.shared.control.key_caller(token.as_deref(), self.from).await
    }

    pub async fn operator(&self) -> Result<Operator, Refusal> {
        self.shared.control.operator(self.person().await?)
    }

    /// A person's right to look at a workspace.
    pub async fn reader(&self, workspace: &str) -> Result<Reader, Refusal> {
        let person = self.person().await?;
        let reader = self.shared.control.reader(&person, workspace).await?;
        Ok(self.traced(reader))
    }

    /// A person's right to change a workspace.
    pub async fn writer(&self, workspace: &str) -> Result<Writer, Refusal> {
        self.reader(workspace).await?.writer()
    }

    /// A person's right by role, or a gateway key's by scope.
    pub async fn scoped(&self, target: Target<'_>, scope: Scope) -> Result<Reader, Refusal> {
        let caller = self.caller().await?;
        let reader = self.shared.control.scoped(&caller, target, scope).await?;
        Ok(self.traced(reader))
    }

    fn traced(&self, reader: Reader) -> Reader {
        self.trace.about(reader.workspace());
        reader
    }

    /// Where the request comes from, as far as the connection tells.
    pub const fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// The workspace that `X-Tenant-Id` names.
    pub fn tenant(&self) -> Result<Target<'_>, Refusal> {
        self.header(&TENANT).map(Target::Tenant)
    }

    /// The version that `If-Match` expects.
    pub fn expected(&self) -> Result<Expected, Refusal> {
        let Some(text) = self.header(&http::header::IF_MATCH)? else { return Ok(Expected(None)) };
        if text == "*" {
            return Ok(Expected(None));
        }
        let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let version = version.and_then(|digits| digits.parse().ok());
        version.map(|version| Expected(Some(version))).ok_or_else(|| {
            let public = "If-Match takes one ETag as it was given, as in \"3\", or *";
            Refusal::new(Code::InvalidRequest, public)
        })
    }

    /// What makes a creation happen once.
    pub fn once(&self, sent: &Sent) -> Result<Option<Once>, Refusal> {
        let Some(key) = self.header(&IDEMPOTENCY_KEY)? else { return Ok(None) };
        let (method, path) = (self.method.as_str().as_bytes(), self.uri.path().as_bytes());
        // Another workspace is another request.
        let tenant = self.headers.get(&TENANT).map(HeaderValue::as_bytes).unwrap_or_default();
        let pepper = &self.shared.control.pepper;
        Once::new(key, pepper, &[method, path, tenant, sent.bytes()]).map(Some)
    }

    /// `?limit=` and `?cursor=`, and what else `T` names.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let read = Query::<T>::try_from_uri(&self.uri);
        read.map(|Query(query)| query).map_err(|_| {
            let public = "the query holds a parameter that is unknown or has the wrong type";
            Refusal::new(Code::InvalidRequest, public)
        })
    }

    pub fn page(&self) -> Result<PageWish, Refusal> {
        let PageQuery { limit, cursor } = self.query()?;
        PageWish::new(limit, cursor)
    }

    /// Whether comma-separated values are asked for: by the query, else by `Accept`.
    pub fn wants_table(&self, format: Option<&str>) -> Result<bool, Refusal> {
        match format {
            Some("csv") => Ok(true),
            Some("json") => Ok(false),
            Some(_) => Err(Refusal::invalid("format", "format is json or csv")),
            None => {
                let accepted = self.headers.get(http::header::ACCEPT);
                let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
                Ok(accepted.trim_start().starts_with("text/csv"))
            }
        }
    }

    fn header(&self, name: &HeaderName) -> Result<Option<&str>, Refusal> {
        let mut values = self.headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        match (value.to_str(), values.next()) {
            (Ok(text), None) => Ok(Some(text.trim())),
            _ => {
                let public = format!("the header {name} is unreadable or there twice");
                Err(Refusal::new(Code::InvalidRequest, public))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

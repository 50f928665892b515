//! The tools, as the protocol sees them: what there is, and who answers a call. All are listed to everybody; a caller without
//! the scope for one is told which scope that is.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::request::Parts;
use model::Refusal;
use rmcp::handler::server::tool::schema_for_type;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;

use super::Asked;
use super::answer::tool_answer;
use super::list_models::{ListModels, list_models};
use super::manage_secrets::{ManageSecrets, manage_secrets};
use super::route_explain::{RouteExplain, route_explain};
use super::usage_summary::{UsageSummary, usage_summary};
use crate::refused;
use crate::shared::Shared;

/// Made for each request.
pub struct Tools {
    shared: Arc<Shared>,
}

const INSTRUCTIONS: &str = "Keystile keeps the secrets of a workspace, provider keys among them, and \
     lets applications use models with them. Values of secrets are never shown.";

impl Tools {
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// As for a refused request: the library's answer to it hides that it was one.
    async fn note(&self, asked: &Asked, tool: Named, refusal: &Refusal) {
        refused::log(refusal);
        let trace = &asked.principal.trace;
        let route = format!("POST /mcp {}", tool.name());
        if let Some(doer) = trace.doer() {
            self.shared.control.note_refusal(doer, trace.workspace(), &route, refusal).await;
        }
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("keystile", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(Named::ALL.map(Named::shown).to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        Named::parse(name).map(Named::shown)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let asked = parts.and_then(|parts| parts.extensions.get::<Arc<Asked>>());
        let Some(asked) = asked else {
            return Err(ErrorData::internal_error("nobody calls", None));
        };
        let Some(tool) = Named::parse(&call.name) else {
            return Err(ErrorData::invalid_params("there is no such tool", None));
        };
        // The library would wait for an answer that does not come.
        let answered = AssertUnwindSafe(tool.answer(&self.shared, asked)).catch_unwind().await;
        let outcome = answered.unwrap_or_else(|_panic| Err(Refusal::internal("a tool panicked")));
        if let Err(refusal) = &outcome {
            self.note(asked, tool, refusal).await;
        }
        Ok(tool_answer(outcome).into())
    }
}

/// Every tool there is.
#[derive(Clone, Copy)]
enum Named {
    ListModels,
    ManageSecrets,
    RouteExplain,
    UsageSummary,
}

impl Named {
    const ALL: [Self; 4] =
        [Self::ListModels, Self::ManageSecrets, Self::RouteExplain, Self::UsageSummary];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ListModels => "list_models",
            Self::ManageSecrets => "manage_secrets",
            Self::RouteExplain => "route_explain",
            Self::UsageSummary => "usage_summary",
        }
    }

    async fn answer(self, shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
        match self {
            Self::ListModels => list_models(shared, asked).await,
            Self::ManageSecrets => manage_secrets(shared, asked).await,
            Self::RouteExplain => route_explain(shared, asked).await,
            Self::UsageSummary => usage_summary(shared, asked).await,
        }
    }

    fn shown(self) -> Tool {
        let (description, arguments, hints) = match self {
            Self::ListModels => (
                "Lists the models that this credential can ask for, by the names that reach them.",
                schema_for_type::<ListModels>(),
                ToolAnnotations::new().read_only(true).open_world(false),
            ),
            Self::ManageSecrets => (
                "Creates, lists, rotates and deletes the secrets of the workspace, provider keys among \
                 them. No value is ever shown. Prefer upload_link to value.",
                schema_for_type::<ManageSecrets>(),
                ToolAnnotations::new().destructive(true).open_world(true),
            ),
            Self::RouteExplain => (
                "Says which providers and keys would be tried for a request, in which order, who would pay, and \
                 why others would not be tried. Calls no provider and costs nothing.",
                schema_for_type::<RouteExplain>(),
                ToolAnnotations::new().read_only(true).open_world(false),
            ),
            Self::UsageSummary => (
                "Adds up requests, tokens, cost in micro-USD, failures and latency of the workspace, by model, \
                 provider, key, project or time. A project's key sees its project.",
                schema_for_type::<UsageSummary>(),
                ToolAnnotations::new().read_only(true).open_world(false),
            ),
        };
        Tool::new(self.name(), description, arguments).with_annotations(hints)
    }
}

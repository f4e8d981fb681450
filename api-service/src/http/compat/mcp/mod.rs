//! The Model Context Protocol for agents, over Streamable HTTP without sessions,
//! so that any replica answers any message. The messages are the crate `rmcp`'s.

mod error;
mod resources;
mod tools;
mod wire;

use std::sync::Arc;

use axum::{
    Json, RequestExt,
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{
        HeaderValue, Method,
        header::{ACCEPT, CONTENT_TYPE, ORIGIN},
        request::Parts,
    },
    response::Response,
};
use proto::api_key::KeyScope::Search;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, ClientJsonRpcMessage, Implementation,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};

use serde_json::{Value, json};
use service_kit::openapi::{Carried, Input, Schemas};

use crate::{
    app::App,
    domain::principal::Principal,
    http::{
        HttpState, Operation, Route,
        extract::{Caller, caller},
        own_origin::{OwnOrigin, own_origin},
    },
};
use error::Refusal;
use wire::ResourceWire;

const PATH: &str = "/mcp";

/// What every client of the protocol takes, and sends.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Where is told where tokens are had (RFC 9728, section 3.1).
const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation {
    Operation::new::<Refusal>("MCP", summary)
}

/// A message, or the answer to one: the protocol's own schema tells more
/// (<https://modelcontextprotocol.io/specification>).
fn message(_: &mut Schemas) -> Value {
    json!({
        "type": "object",
        "properties": { "jsonrpc": { "const": "2.0" } },
        "required": ["jsonrpc"],
    })
}

pub(super) fn routes() -> Vec<Route> {
    let speaks = told("A message of the Model Context Protocol")
        .takes("application/json", message)
        .answers_as(200, "application/json", message)
        .answers_nothing(202)
        .fails(&[400, 405, 406, 413, 415, 422])
        .example(json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    let open = |path| {
        let tells = told("Where tokens for MCP are had").answers::<ResourceWire>(200);
        Route::public(Method::GET, path, metadata, tells)
    };
    vec![
        Route::described(Method::POST, PATH, Search, mcp, speaks),
        open(METADATA),
        open("/.well-known/oauth-protected-resource"),
    ]
}

async fn mcp(agent: Agent, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.with_limited_body().into_parts();
    let body = to_bytes(body, usize::MAX).await;
    let body = body.map_err(|_| Refusal::too_large())?;
    serde_json::from_slice::<ClientJsonRpcMessage>(&body)
        .map_err(|error| Refusal::unreadable(&error))?;
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(agent.clone()), sessions, settings());
    let mut request = Request::from_parts(parts, Body::from(body));
    // It would refuse others in plain text; what is answered is JSON in any case.
    let headers = request.headers_mut();
    headers.insert(ACCEPT, ACCEPTED);
    headers.insert(CONTENT_TYPE, JSON);
    Ok(service.handle(request).await.map(Body::new))
}

/// Whose `Host` and `Origin` are good, and how large a message may be, is known
/// before.
fn settings() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(usize::MAX)
        .disable_allowed_hosts()
}

async fn metadata(
    State(state): State<HttpState>,
    OwnOrigin(origin): OwnOrigin,
) -> Json<ResourceWire> {
    let resource = format!("{origin}{PATH}");
    Json(ResourceWire::new(resource, state.places.auth.clone()))
}

/// Who asks, and what answers them.
#[derive(Clone)]
struct Agent {
    state: HttpState,
    caller: Principal,
    /// Where they reach this service.
    origin: String,
}

impl Input<()> for Agent {
    fn describe(carried: &mut Carried<'_>, settings: &()) {
        Caller::describe(carried, settings);
    }
}

impl FromRequestParts<HttpState> for Agent {
    type Rejection = Refusal;

    /// A page that a browser shows may ask only if its origin is listed: what
    /// it was tricked into reaching (DNS rebinding) would be answered otherwise.
    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Refusal> {
        let page = parts.headers.get(ORIGIN);
        let is_listed = page.is_none_or(|page| {
            let page = page.to_str();
            page.is_ok_and(|page| state.places.pages.admits(page))
        });
        let origin = own_origin(parts);
        let caller = caller(parts, state).await;
        let caller = caller.map_err(|error| Refusal::of_caller(&error, &origin))?;
        if !is_listed {
            return Err(Refusal::foreign_page());
        }
        Ok(Self {
            state: state.clone(),
            caller,
            origin,
        })
    }
}

impl Agent {
    const fn app(&self) -> &Arc<App> {
        &self.state.app
    }
}

impl ServerHandler for Agent {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        let version = env!("CARGO_PKG_VERSION");
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("lectern", version).with_title("Lectern"))
            .with_instructions(
                "Documents that the caller may read. `ask` answers from them with citations; \
                 `search` and `fetch` give the documents themselves.",
            )
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(tools::call(self, request).await?.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        resources::list(self, request.and_then(|request| request.cursor)).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(self, &request.uri).await?.into())
    }
}

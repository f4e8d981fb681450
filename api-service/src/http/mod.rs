//! The table of surfaces, then layers.

pub mod compat;
mod documents;
pub mod event_stream;
pub mod extract;
pub mod health;
mod metrics;
pub mod moment;
pub mod own_origin;
mod page;
mod page_files;
pub mod publishable;
mod shared;
pub mod source_places;
pub mod uploaded_file;
pub mod v1;
mod widget;

use std::sync::Arc;

use axum::{
    Extension, Router,
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, on},
};
use proto::api_key::KeyScope;
use service_kit::{
    browser_origins::AllowedOrigins,
    client_address::{self, TrustedProxies},
    http_layers,
    openapi::Inputs,
};

pub use documents::{Operation, document};

use crate::app::{App, ports::TokenVerifier, verify_api_key::ApiKeys};

/// What handlers share.
#[derive(Clone)]
pub struct HttpState {
    /// The verbs.
    pub app: Arc<App>,
    /// Tells who asks with an access token.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Tells who asks with an API key.
    pub keys: Arc<ApiKeys>,
    /// Where clients reach this service, without a slash at the end; empty where
    /// nobody said.
    pub public_url: Arc<str>,
    /// Whether an answer whose protocol shows no sources ends with a list of them.
    pub sources_footer: bool,
    /// Who is to be found where.
    pub places: Arc<Places>,
}

/// Where clients find things.
#[derive(Debug, Clone)]
pub struct Places {
    /// auth-service, as its users reach it, without a slash at the end.
    pub auth: String,
    /// The browser pages that may read our answers.
    pub pages: AllowedOrigins,
    /// The largest body that is taken, in bytes.
    pub max_upload_bytes: usize,
}

/// One route: its method, its path, its handler, and what a key must be for.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The scope that an API key needs here; without one, no key is taken.
    pub scope: Option<KeyScope>,
    /// Which bodies it is for, where surfaces share the method and the path.
    takes: Option<fn(&[u8]) -> bool>,
    handler: MethodRouter<HttpState>,
    /// What the document says of it.
    operation: Operation,
}

impl Route {
    /// The route of `method` and `path`, for tokens, and for API keys with
    /// `scope`, and what the document says of it. What a request carries is told
    /// by the types of the handler's arguments.
    pub fn described<H, T>(
        method: Method,
        path: &'static str,
        scope: KeyScope,
        handler: H,
        operation: Operation,
    ) -> Self
    where
        H: Handler<T, HttpState>,
        T: Inputs<()> + 'static,
    {
        Self {
            scope: Some(scope),
            ..Self::public(method, path, handler, operation)
        }
    }

    /// The same route for those bodies alone that `takes` tells. Another route
    /// with this method and path gets the others.
    #[must_use]
    pub fn taking(self, takes: fn(&[u8]) -> bool) -> Self {
        Self {
            takes: Some(takes),
            ..self
        }
    }

    /// A route where it does not matter who asks.
    fn public<H, T>(method: Method, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, HttpState>,
        T: Inputs<()> + 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Self {
            method,
            path,
            scope: None,
            takes: None,
            handler: on(filter, handler),
            operation: operation.carrying::<T>(),
        }
    }

    fn guarded(self) -> MethodRouter<HttpState> {
        let handler = match self.scope {
            Some(scope) => self.handler.layer(Extension(scope)),
            None => self.handler,
        };
        if publishable::is_for_widgets(&self.method, self.path) {
            handler.layer(Extension(publishable::ForWidgets))
        } else {
            handler
        }
    }
}

/// The routes that nobody has to sign in for.
pub const PUBLIC_ROUTES: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/web/{*path}"),
    ("GET", "/widget.js"),
    ("GET", "/embed"),
    ("GET", "/v1/settings"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    // What is signed in its path says for whom it was made.
    ("GET", "/v1/files/{token}"),
    ("GET", "/.well-known/oauth-protected-resource"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
];

/// The routes where people are answered who have not signed in, if such are
/// welcome.
pub const VISITORS_ROUTES: &[(&str, &str)] = &[
    ("POST", "/chat"),
    ("POST", "/api/v1/chat"),
    ("POST", "/api/v1/chat/stream"),
    ("GET", "/api/v1/chat/{session_id}/history"),
    ("DELETE", "/api/v1/chat/{session_id}"),
];

/// Every route of every surface. The router is made from this table, so that
/// it can't lack one.
pub fn routes() -> Vec<Route> {
    let mut routes = documents::routes();
    routes.extend(page::routes());
    routes.extend(widget::routes());
    routes.extend(v1::routes());
    routes.extend(compat::routes());
    routes
}

/// How the router behaves, beside its routes.
pub struct HttpSettings {
    /// auth-service, as browsers reach it.
    pub auth_url: String,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// The proxies that are believed for whom they ask.
    pub trusted_proxies: TrustedProxies,
}

/// The whole router: surfaces, health, layers.
pub fn router(
    state: HttpState,
    health: service_kit::health::Health,
    settings: &HttpSettings,
) -> Router {
    let surfaces = shared::routed(routes());
    let proxies = Arc::new(settings.trusted_proxies.clone());
    let noted = from_fn_with_state(proxies, client_address::note);
    let documented = documents::Documented::new(&settings.auth_url);
    let router = surfaces
        .layer(noted)
        .layer(Extension(documented))
        .merge(service_kit::health::routes(health));
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let cors = state.places.pages.layer(methods, []);
    let for_widgets = from_fn_with_state(state.clone(), publishable::let_pages_read);
    http_layers::wrap(router.with_state(state), settings.max_body, cors).layer(for_widgets)
}

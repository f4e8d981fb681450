//! The table of surfaces, then layers.

pub mod extract;
pub mod health;
mod metrics;
pub mod v1;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    http::Method,
    routing::{MethodRouter, get},
};
use proto::api_key::KeyScope;
use service_kit::{browser_origins::AllowedOrigins, http_layers};

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
}

/// One route: its method, its path, its handler, and what a key must be for.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The scope that an API key needs here; without one, no key is taken.
    pub scope: Option<KeyScope>,
    handler: MethodRouter<HttpState>,
}

impl Route {
    /// The route of `method` and `path`, for tokens, and for API keys with
    /// `scope`.
    pub const fn new(
        method: Method,
        path: &'static str,
        scope: KeyScope,
        handler: MethodRouter<HttpState>,
    ) -> Self {
        Self {
            method,
            path,
            scope: Some(scope),
            handler,
        }
    }

    /// A route where it does not matter who asks.
    const fn public(method: Method, path: &'static str, handler: MethodRouter<HttpState>) -> Self {
        Self {
            method,
            path,
            scope: None,
            handler,
        }
    }
}

/// The routes that nobody has to sign in for.
pub const PUBLIC_ROUTES: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    // What is signed in its path says for whom it was made.
    ("GET", "/v1/files/{token}"),
];

/// Every route of every surface. The router is made from this table, so that
/// it can't lack one.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::public(Method::GET, "/", get(index)),
        Route::public(Method::GET, "/metrics", get(metrics::metrics)),
    ];
    routes.extend(v1::routes());
    routes
}

/// How the router behaves, beside its routes.
pub struct HttpSettings {
    /// The largest body, in bytes.
    pub max_body: usize,
    /// The browser pages that may read our answers.
    pub allowed_origins: AllowedOrigins,
}

/// The whole router: surfaces, health, layers.
pub fn router(
    state: HttpState,
    health: service_kit::health::Health,
    settings: &HttpSettings,
) -> Router {
    let mut router = Router::new().merge(service_kit::health::routes(health));
    for route in routes() {
        let handler = match route.scope {
            Some(scope) => route.handler.layer(Extension(scope)),
            None => route.handler,
        };
        router = router.route(route.path, handler);
    }
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let cors = settings.allowed_origins.layer(methods, []);
    http_layers::wrap(router.with_state(state), settings.max_body, cors)
}

async fn index() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "name": "Lectern api-service",
        "version": env!("CARGO_PKG_VERSION"),
        "health": "/health",
    }))
}

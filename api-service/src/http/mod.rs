//! The table of surfaces, then layers.

pub mod extract;
pub mod health;
pub mod v1;

use std::sync::Arc;

use axum::{
    Json, Router,
    http::Method,
    routing::{MethodRouter, get},
};
use service_kit::{browser_origins::AllowedOrigins, http_layers};

use crate::app::{App, ports::TokenVerifier};

/// What handlers share.
#[derive(Clone)]
pub struct HttpState {
    /// The verbs.
    pub app: Arc<App>,
    /// Tells who asks.
    pub tokens: Arc<dyn TokenVerifier>,
}

/// One route: its method, its path and its handler.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    handler: MethodRouter<HttpState>,
}

impl Route {
    /// The route of `method` and `path`.
    pub const fn new(method: Method, path: &'static str, handler: MethodRouter<HttpState>) -> Self {
        Self {
            method,
            path,
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
];

/// Every route of every surface. The router is made from this table, so that
/// it can't lack one.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![Route::new(Method::GET, "/", get(index))];
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
        router = router.route(route.path, route.handler);
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

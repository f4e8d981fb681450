//! The table of surfaces, then layers.

pub mod extract;
pub mod health;
pub mod v1;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, Method, header},
    routing::{MethodRouter, get},
};
use service_kit::http_layers;
use tower_http::{cors::CorsLayer, normalize_path::NormalizePath};

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
    /// Origins of browsers' pages that may call.
    pub allowed_origins: Vec<String>,
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
    let router = http_layers::wrap(router.with_state(state), settings.max_body);
    let router = match cors(&settings.allowed_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    // A trailing slash never matters. The layer must see a request before
    // routing does, so it is a router's only fallback.
    Router::new().fallback_service(NormalizePath::trim_trailing_slash(router))
}

fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(true)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            http_layers::REQUEST_ID,
        ])
        .expose_headers([http_layers::REQUEST_ID]);
    Some(layer)
}

async fn index(_: Request) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "name": "Lectern api-service",
        "version": env!("CARGO_PKG_VERSION"),
        "health": "/health",
    }))
}

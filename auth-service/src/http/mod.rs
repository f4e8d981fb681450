//! The table of surfaces, then the layers around it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, Uri, header, uri::PathAndQuery},
    routing::{MethodFilter, MethodRouter, on},
};
use service_kit::{
    health::{self, Health},
    http_layers::{REQUEST_ID, wrap},
};
use tower::ServiceBuilder;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;

pub mod extract;
pub mod v1;

/// The most bytes that a request's body may have.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The routes that need no token. Every other route answers 401 without one;
/// a test walks [`table`] and asks.
pub const WITHOUT_TOKEN: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/health"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/v1/jwks"),
    ("POST", "/v1/accounts"),
    ("POST", "/v1/sessions"),
];

const HEALTH_PATHS: [&str; 3] = ["/healthz", "/readyz", "/health"];

/// One route of a surface.
pub struct Route {
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<App>>,
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, handler: H) -> Self
    where
        H: axum::handler::Handler<T, Arc<App>>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Self {
            method,
            path,
            handler: on(filter, handler),
        }
    }
}

/// The browser pages that may read our answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// None but our own origin.
    SameOnly,
    /// These.
    These(Vec<HeaderValue>),
    /// All, without credentials.
    Any,
}

/// The routes of every surface. What is not in this table can't be reached.
fn routes() -> Vec<Route> {
    let mut routes = v1::routes();
    routes.push(Route::new(Method::GET, "/", index));
    routes
}

/// The method and the path of every route.
pub fn table() -> Vec<(Method, &'static str)> {
    let health = HEALTH_PATHS.map(|path| (Method::GET, path));
    let ours = routes().into_iter().map(|route| (route.method, route.path));
    ours.chain(health).collect()
}

/// All of auth-service's HTTP.
pub fn router(app: Arc<App>, health: Health, origins: &AllowedOrigins) -> Router {
    let routed = routes().into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.handler)
    });
    let answered = routed.with_state(app).merge(health::routes(health));
    let wrapped = wrap(answered, MAX_BODY_BYTES);
    let layered = match cors(origins) {
        Some(cors) => wrapped.layer(cors),
        None => wrapped,
    };
    // Outside of the routing, since it changes the path that is routed by.
    let trimmed = ServiceBuilder::new()
        .map_request(without_trailing_slash)
        .service(layered);
    Router::new().fallback_service(trimmed)
}

async fn index() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "health": "/health",
    }))
}

fn cors(origins: &AllowedOrigins) -> Option<CorsLayer> {
    let cors = match origins {
        AllowedOrigins::SameOnly => return None,
        AllowedOrigins::These(origins) => CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins.iter().cloned()))
            .allow_credentials(true),
        AllowedOrigins::Any => CorsLayer::new().allow_origin(tower_http::cors::Any),
    };
    let cors = cors
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(Duration::from_mins(10));
    Some(cors)
}

fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || path.len() == 1 {
        return request;
    }
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path_and_query).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

//! The table of surfaces, then the layers around it.

use std::sync::Arc;

use axum::{
    Json, Router,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, on},
};
use service_kit::{
    browser_origins::AllowedOrigins,
    client_address::{self, TrustedProxies},
    health::{self, Health},
    http_layers::wrap,
};

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
pub fn router(
    app: Arc<App>,
    health: Health,
    origins: &AllowedOrigins,
    proxies: TrustedProxies,
) -> Router {
    let routed = routes().into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.handler)
    });
    let noted = from_fn_with_state(Arc::new(proxies), client_address::note);
    let routed = routed.with_state(app).layer(noted);
    let answered = routed.merge(health::routes(health));
    let cors = origins.layer([Method::GET, Method::POST]);
    wrap(answered, MAX_BODY_BYTES, cors)
}

async fn index() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "health": "/health",
    }))
}

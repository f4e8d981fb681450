//! The table of surfaces, then the layers around it.

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use service_kit::{
    client_address::{self, TrustedProxies},
    health::{self, Health},
    http_layers::wrap,
    openapi::{Inputs, Operation},
};

use crate::{
    app::{App, error::Error},
    domain::throttling::RateClass,
};

pub mod compat;
mod documents;
pub mod extract;
mod limits;
pub mod moment;
pub mod v1;

use limits::Limit;

pub use documents::document;

/// The most bytes that a request's body may have.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The routes that need no token. Every other route answers 401 without one;
/// a test walks [`table`] and asks.
pub const WITHOUT_TOKEN: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/health"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/v1/jwks"),
    ("GET", "/v1/sessions/methods"),
    ("POST", "/v1/accounts"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/tokens/refresh"),
    ("POST", "/v1/tokens/revoke"),
    ("POST", "/api/auth/sign-up/email"),
    ("POST", "/api/auth/sign-in/email"),
    ("POST", "/api/auth/sign-in"),
    ("POST", "/api/auth/sign-out"),
    ("GET", "/api/auth/get-session"),
    ("POST", "/api/auth/get-session"),
    ("GET", "/api/auth/jwks"),
    ("POST", "/api/auth/request-password-reset"),
    ("POST", "/api/auth/forget-password"),
    ("GET", "/api/auth/reset-password/{token}"),
    ("POST", "/api/auth/reset-password"),
    ("POST", "/api/auth/send-verification-email"),
    ("GET", "/api/auth/verify-email"),
    ("GET", "/api/auth/delete-user/callback"),
    ("POST", "/v1/password-resets"),
    ("POST", "/v1/password-resets/complete"),
    ("POST", "/v1/email-verifications"),
    ("POST", "/v1/email-verifications/complete"),
    ("GET", "/api/auth/ok"),
    ("GET", "/api/auth/error"),
    ("POST", "/api/auth/sign-in/social"),
    ("GET", "/api/auth/callback/{provider}"),
    ("POST", "/api/auth/callback/{provider}"),
    ("POST", "/auth/signup"),
    ("POST", "/api/v1/auth/signup"),
    ("POST", "/auth/signin"),
    ("POST", "/api/v1/auth/signin"),
    ("POST", "/auth/register"),
    ("POST", "/api/v1/auth/register"),
    ("POST", "/auth/token"),
    ("POST", "/api/v1/auth/token"),
    ("POST", "/api/v1/auth/login"),
];

const HEALTH_PATHS: [&str; 3] = ["/healthz", "/readyz", "/health"];

/// One route of a surface.
pub struct Route {
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<App>>,
    limit: Option<Limit>,
    /// What the document says of it.
    operation: Operation<App>,
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, handler: H, operation: Operation<App>) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: Inputs<App> + 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Self {
            method,
            path,
            handler: on(filter, handler),
            limit: None,
            operation: operation.carrying::<T>(),
        }
    }

    /// The same route, asked only so often by one address; `E` is how its
    /// surface says no.
    fn limited<E: From<Error> + IntoResponse>(mut self, class: RateClass) -> Self {
        self.limit = Some(Limit::new::<E>(class));
        self.operation = self.operation.fails(&[429]);
        self
    }

    /// The handler behind its limit.
    fn guarded(self, app: &Arc<App>) -> MethodRouter<Arc<App>> {
        match self.limit {
            Some(limit) => {
                let state = (Arc::clone(app), limit);
                self.handler
                    .route_layer(from_fn_with_state(state, limits::count))
            }
            None => self.handler,
        }
    }
}

/// The routes of our own surface.
fn routes() -> Vec<Route> {
    let mut routes = v1::routes();
    routes.extend(documents::routes());
    routes
}

/// A router of these routes.
fn routed(routes: Vec<Route>, app: &Arc<App>) -> Router<Arc<App>> {
    routes.into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.guarded(app))
    })
}

/// The method and the path of every route.
pub fn table() -> Vec<(Method, &'static str)> {
    let health = HEALTH_PATHS.map(|path| (Method::GET, path));
    let surfaces = routes().into_iter().chain(compat::routes());
    let surfaces = surfaces.map(|route| (route.method, route.path));
    surfaces.chain(health).collect()
}

/// All of auth-service's HTTP.
pub fn router(app: Arc<App>, health: Health, proxies: TrustedProxies) -> Router {
    let methods = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];
    let origins = &app.policy.allowed_origins;
    let cors = origins.layer(methods, compat::exposed_headers());
    let noted = from_fn_with_state(Arc::new(proxies), client_address::note);
    let routed = routed(routes(), &app).merge(compat::router(&app));
    let answered = routed.with_state(app).layer(noted);
    let answered = answered.merge(health::routes(health));
    wrap(answered, MAX_BODY_BYTES, cors)
}

//! The table of surfaces, then the layers around it.

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    http::{HeaderName, Method, header},
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

/// Routes that still lack the verbs behind them.
type Paths = Router<Arc<App>>;

/// One surface: its routes, and what is its own around them.
struct Surface {
    routes: Vec<Route>,
    /// Puts the surface's layers and fallbacks around its routes.
    layers: fn(Paths, &Arc<App>) -> Paths,
    /// The headers of answers that its clients read in a browser.
    exposed_headers: Vec<HeaderName>,
    /// The name of the cookie that it keeps a session in, if it does.
    session_cookie: Option<fn(&App) -> String>,
}

impl Surface {
    /// These routes, with nothing around them.
    fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self {
            routes: routes.into_iter().collect(),
            layers: |routes, _| routes,
            exposed_headers: vec![],
            session_cookie: None,
        }
    }

    fn routed(self, app: &Arc<App>) -> Paths {
        let mut router = Router::new();
        for route in self.routes {
            router = router.route(route.path, route.guarded(app));
        }
        (self.layers)(router, app)
    }
}

/// Every surface.
fn surfaces() -> Vec<Surface> {
    let own = v1::routes().into_iter().chain(documents::routes());
    let own = Surface {
        // By it pages of a list are gone through.
        exposed_headers: vec![header::LINK],
        ..Surface::new(own)
    };
    std::iter::once(own).chain(compat::surfaces()).collect()
}

/// The method and the path of every route.
pub fn table() -> Vec<(Method, &'static str)> {
    let health = HEALTH_PATHS.map(|path| (Method::GET, path));
    let routes = surfaces().into_iter().flat_map(|surface| surface.routes);
    let routes = routes.map(|route| (route.method, route.path));
    routes.chain(health).collect()
}

/// All of auth-service's HTTP.
pub fn router(app: Arc<App>, health: Health, proxies: TrustedProxies) -> Router {
    let methods = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];
    let origins = &app.policy.allowed_origins;
    let surfaces = surfaces();
    let exposed = surfaces.iter().flat_map(|one| one.exposed_headers.clone());
    let cors = origins.layer(methods, exposed.collect::<Vec<_>>());
    let noted = from_fn_with_state(Arc::new(proxies), client_address::note);
    let routed = surfaces.into_iter().fold(Router::new(), |router, surface| {
        router.merge(surface.routed(&app))
    });
    let answered = routed.with_state(app).layer(noted);
    let answered = answered.merge(health::routes(health));
    wrap(answered, MAX_BODY_BYTES, cors)
}

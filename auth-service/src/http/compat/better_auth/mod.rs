//! What clients of Better Auth 1.7 speak, under `/api/auth`. A concern is a
//! file with its routes and handlers; cookies, origins, bodies, credentials and
//! errors are alike for all of them.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, StatusCode},
    middleware::from_fn_with_state,
    routing::any,
};

use super::{Route, Surface};
use crate::app::App;
use service_kit::openapi::Operation;

pub mod body;
pub mod cookies;
pub mod error;
pub mod extract;
pub mod origin;
pub mod wire;

mod accounts;
mod api_keys;
mod mail_flows;
mod pages;
mod sessions;
mod social;

/// Carries a session's signed token beside the cookie, for clients that keep
/// none (Better Auth's bearer plugin).
const SET_AUTH_TOKEN: HeaderName = HeaderName::from_static("set-auth-token");

/// Carries an access token (Better Auth's jwt plugin).
const SET_AUTH_JWT: HeaderName = HeaderName::from_static("set-auth-jwt");

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation<App> {
    Operation::new::<error::BetterAuthError>("Better Auth", summary)
}

/// The routes of every concern, with the surface's own layers around them.
pub(super) fn surface() -> Surface {
    let routes = [
        accounts::routes(),
        api_keys::routes(),
        sessions::routes(),
        mail_flows::routes(),
        pages::routes(),
        social::routes(),
    ];
    Surface {
        layers: layered,
        exposed_headers: vec![
            SET_AUTH_TOKEN,
            SET_AUTH_JWT,
            HeaderName::from_static("x-retry-after"),
        ],
        session_cookie: Some(|app| cookies::full_name(app, cookies::SESSION)),
        ..Surface::new(routes.into_iter().flatten())
    }
}

/// Origins are checked before anything else, and what is not there has no body
/// (golden 15).
fn layered(routes: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    routes
        .route("/api/auth", any(nothing))
        .route("/api/auth/{*path}", any(nothing))
        .method_not_allowed_fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(app), origin::guard))
}

async fn nothing() -> StatusCode {
    StatusCode::NOT_FOUND
}

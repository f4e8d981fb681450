//! The surfaces that other backends' clients speak, a folder each. None names
//! another; a folder and its lines here can be deleted.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, header},
};

use super::{Route, routed};
use crate::app::App;

pub mod agent;
pub mod au_guru;
pub mod better_auth;
pub mod fastapi;
pub mod multi_user;
pub mod textbook;

/// The routes of every such surface.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = better_auth::routes();
    routes.extend(fastapi_routes());
    routes
}

/// The routes of those whose origin was made with FastAPI.
fn fastapi_routes() -> Vec<Route> {
    let mut routes = vec![];
    routes.extend(textbook::routes());
    routes.extend(multi_user::routes());
    routes.extend(agent::routes());
    routes.extend(au_guru::routes());
    routes
}

/// The surfaces, with the layers of their own.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let better_auth = better_auth::layered(routed(better_auth::routes(), app), app);
    better_auth.merge(fastapi::layered(routed(fastapi_routes(), app)))
}

/// The name of the cookie that a session is kept in.
pub(super) fn session_cookie(app: &App) -> String {
    better_auth::session_cookie(app)
}

/// The headers that clients of these surfaces read in a browser.
pub(super) fn exposed_headers() -> Vec<HeaderName> {
    let mut headers = better_auth::EXPOSED_HEADERS.to_vec();
    // By it pages of a list are gone through.
    headers.push(header::LINK);
    headers
}

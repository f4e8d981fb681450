//! The surfaces that other backends' clients speak, a folder each. None names
//! another; a folder and its lines here can be deleted.

use std::sync::Arc;

use axum::{Router, http::HeaderName};

use super::{Route, routed};
use crate::app::App;

pub mod better_auth;

/// The routes of every such surface.
pub(super) fn routes() -> Vec<Route> {
    better_auth::routes()
}

/// The surfaces, each with layers of its own.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    better_auth::layered(routed(better_auth::routes(), app), app)
}

/// The headers that clients of these surfaces read in a browser.
pub(super) fn exposed_headers() -> Vec<HeaderName> {
    better_auth::EXPOSED_HEADERS.to_vec()
}

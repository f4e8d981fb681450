//! The surfaces that other backends' clients speak, a folder each. None names
//! another; a folder and its lines here can be deleted.

use super::Route;

mod fastapi;
pub mod textbook;

/// The routes of every such surface.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![];
    routes.extend(textbook::routes());
    routes
}

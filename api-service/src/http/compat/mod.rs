//! The surfaces that other backends' clients speak, a folder each. None names
//! another; a folder and its lines here can be deleted.

use super::Route;

pub mod agent;
pub mod ai_sdk;
pub mod au_guru;
pub mod chatkit;
mod fastapi;
pub mod mcp;
pub mod multi_user;
pub mod openai;
pub mod textbook;

/// The routes of every such surface.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![];
    routes.extend(chatkit::routes());
    routes.extend(mcp::routes());
    routes.extend(openai::routes());
    routes.extend(ai_sdk::routes());
    routes.extend(textbook::routes());
    routes.extend(au_guru::routes());
    routes.extend(multi_user::routes());
    routes.extend(agent::routes());
    routes
}

//! What a page must know to begin.

use axum::{Json, extract::State, http::Method};

use super::{told, wire::SettingsWire};
use crate::http::{HttpState, Route};

/// The route.
pub(super) fn routes() -> Vec<Route> {
    let tells = told("What a page must know to begin").answers::<SettingsWire>(200);
    vec![Route::public(Method::GET, "/v1/settings", settings, tells)]
}

async fn settings(State(state): State<HttpState>) -> Json<SettingsWire> {
    Json(SettingsWire {
        auth_url: state.places.auth.clone(),
        max_upload_bytes: state.places.max_upload_bytes,
    })
}

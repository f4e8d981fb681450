//! The pages that are about nobody: that the service lives, and where a failed
//! sign-in ends.

use axum::{
    Json,
    http::{Method, StatusCode, header},
    response::IntoResponse,
};
use url::form_urlencoded;

use super::{Route, body::Params};

/// The most bytes of a description that are handed on.
const MAX_DESCRIPTION: usize = 512;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/api/auth/ok", ok),
        Route::new(Method::GET, "/api/auth/error", error),
    ]
}

async fn ok() -> impl IntoResponse {
    Json(serde_json::json!({ "ok": true }))
}

/// Where a failed sign-in ends that names no page of its own: the front page,
/// told why (golden 15).
async fn error(params: Params) -> impl IntoResponse {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("error", plain_code(params.get("error")));
    if let Some(description) = params.get("error_description") {
        let end = description.floor_char_boundary(MAX_DESCRIPTION);
        query.append_pair("error_description", &description[..end]);
    }
    let location = format!("/?{}", query.finish());
    (StatusCode::FOUND, [(header::LOCATION, location)])
}

/// The code, if it is one and not somebody's script.
fn plain_code(code: Option<&str>) -> &str {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'\'' | b'-');
    code.filter(|code| !code.is_empty() && code.bytes().all(plain))
        .unwrap_or("UNKNOWN")
}

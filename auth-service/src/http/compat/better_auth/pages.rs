//! The pages that are about nobody: that the service lives, and where a failed
//! sign-in ends.

use axum::{
    Json,
    http::{Method, StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;
use url::form_urlencoded;

use super::{Route, body::Params, told};

/// The most bytes of a description that are handed on.
const MAX_DESCRIPTION: usize = 512;

pub(super) fn routes() -> Vec<Route> {
    let lives = told("Whether the surface answers").answers_as(200, "application/json", |_| {
        json!({
            "type": "object",
            "properties": { "ok": { "const": true } },
            "required": ["ok"],
        })
    });
    let ends = told("Where a failed sign-in ends: leads to the front page")
        .answers_nothing(302)
        .reads(&["error", "error_description"]);
    vec![
        Route::new(Method::GET, "/api/auth/ok", ok, lives),
        Route::new(Method::GET, "/api/auth/error", error, ends),
    ]
}

async fn ok() -> impl IntoResponse {
    Json(json!({ "ok": true }))
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

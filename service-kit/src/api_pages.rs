//! The pages that show an OpenAPI document to people. All that they need is in
//! them: no CDN is asked.

use aide::{redoc::Redoc, swagger::Swagger};
use axum::response::Html;

/// Where a page finds the document: beside itself, behind whatever prefix.
const DOCUMENT: &str = "openapi.json";

/// Swagger UI, where requests can be tried out.
pub fn swagger_ui(title: &str) -> Html<String> {
    Html(Swagger::new(DOCUMENT).with_title(title).html())
}

/// ReDoc, for reading.
pub fn redoc(title: &str) -> Html<String> {
    Html(Redoc::new(DOCUMENT).with_title(title).html())
}

//! The pages that show an OpenAPI document to people. All that they need is in
//! them: no CDN is asked.

use std::io::Read;

use axum::{
    http::{
        HeaderMap,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY},
    },
    response::{Html, IntoResponse, Response},
};
use flate2::read::GzDecoder;

static SWAGGER_UI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.html.gz"));
static REDOC: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/redoc.html.gz"));

/// Swagger UI, where requests can be tried out.
pub async fn swagger_ui(asked: HeaderMap) -> Response {
    sent(SWAGGER_UI, &asked).await
}

/// ReDoc, for reading.
pub async fn redoc(asked: HeaderMap) -> Response {
    sent(REDOC, &asked).await
}

async fn sent(packed: &'static [u8], asked: &HeaderMap) -> Response {
    let vary = [(VARY, "accept-encoding")];
    if takes_gzip(asked) {
        let encoding = [(CONTENT_ENCODING, "gzip")];
        return (vary, encoding, Html(packed)).into_response();
    }
    let unpacked = tokio::task::spawn_blocking(move || {
        let mut page = vec![];
        GzDecoder::new(packed).read_to_end(&mut page).map(|_| page)
    });
    // It was packed when the program was built, and is whole.
    let page = unpacked.await.ok().and_then(Result::ok);
    (vary, Html(page.unwrap_or_default())).into_response()
}

/// Whether who asks takes bodies that gzip has compressed.
pub fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next() == Some("gzip");
        gzip && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

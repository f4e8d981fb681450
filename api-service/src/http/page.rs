//! The page for people, and the files that it is made of.
//!
//! Scripts and styles are served below `/web/VERSION/…`, where `VERSION` follows
//! from what all of them say: such an address never means anything else, so that
//! browsers may keep it. Without the version the same file is asked for anew.

use axum::{
    extract::State,
    http::{
        HeaderMap, HeaderName, Method, StatusCode, Uri,
        header::{
            ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING,
            CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};
use service_kit::{
    api_pages::takes_gzip,
    problem::{Problem, ProblemPath, unknown_route},
};

use super::{
    HttpState, Operation, Route, documents,
    page_files::{File, HTML, VERSION, file},
};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What lets the pages of others load a file.
pub(super) const SHARED: [(HeaderName, &str); 2] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (RESOURCE_POLICY, "cross-origin"),
];

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let told = |summary| Operation::new::<Problem>("Service", summary);
    let page = told("The page, for browsers; for others, what this is")
        .answers_as(200, "text/html", documents::text)
        .answers_as(200, "application/json", documents::object);
    let serves = told("A file of the page")
        .answers_as(200, "*/*", documents::text)
        .answers_nothing(304)
        .fails(&[404]);
    vec![
        Route::public(Method::GET, "/", root, page),
        Route::public(Method::GET, "/web/{*path}", asset, serves),
    ]
}

async fn root(State(state): State<HttpState>, headers: HeaderMap) -> Response {
    let wants = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if !wants.is_some_and(|kinds| kinds.contains("text/html")) {
        return ([(VARY, "accept")], documents::index()).into_response();
    }
    let policy = content_policy(&state.places.auth);
    let guards = [
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (REFERRER_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
        (
            PERMISSIONS_POLICY,
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    match file("index.html") {
        Some(page) => (guards, sent(page, "no-cache", &headers)).into_response(),
        None => unknown_route().await.into_response(),
    }
}

/// Pages of others, too, load what the widget is made of.
async fn asset(ProblemPath(path): ProblemPath<String>, headers: HeaderMap) -> Response {
    let (caching, path) = match path.split_once('/') {
        Some((version, path)) if version == *VERSION => {
            ("public, max-age=31536000, immutable", path)
        }
        _ => ("no-cache", path.as_str()),
    };
    match file(path).filter(|file| file.media_type != HTML) {
        Some(file) => (SHARED, sent(file, caching, &headers)).into_response(),
        None => unknown_route().await.into_response(),
    }
}

/// What the page may do: run and fetch what comes from here, and ask
/// auth-service. Markup becomes elements through the sanitiser alone.
fn content_policy(auth: &str) -> String {
    let auth = auth.parse::<Uri>().unwrap_or_default();
    let origin = match (auth.scheme_str(), auth.authority()) {
        (Some(scheme), Some(authority)) => format!(" {scheme}://{authority}"),
        _ => String::new(),
    };
    policy_of(&format!("'self'{origin}"), "'self'", "'none'")
}

/// The same for any page of ours: what it may ask, where its forms go, and whose
/// frames may show it.
pub(super) fn policy_of(asks: &str, forms: &str, frames: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src {asks}; base-uri 'none'; form-action {forms}; frame-ancestors {frames}; \
         require-trusted-types-for 'script'; trusted-types dompurify"
    )
}

pub(super) fn sent(file: &'static File, caching: &'static str, headers: &HeaderMap) -> Response {
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let mut known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let common = [
        (ETAG, file.etag.as_str()),
        (CACHE_CONTROL, caching),
        (VARY, "accept-encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if known.any(|etag| etag.trim() == file.etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(CONTENT_TYPE, file.media_type)];
    if takes_gzip(headers) {
        let packed = [(CONTENT_ENCODING, "gzip")];
        return (common, kind, packed, file.packed.as_slice()).into_response();
    }
    (common, kind, file.bytes.as_slice()).into_response()
}

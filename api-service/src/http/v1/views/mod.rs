//! Documents from close by on the canonical surface: chunks, bytes, links.

mod wire;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proto::api_key::KeyScope::DocumentsRead;
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{problem::V1Error, told};
use crate::{
    app::ports::Original,
    http::{HttpState, Route, extract::Caller},
};
use wire::{ChunksQuery, ChunksWire, LinkBody, LinkWire};

const CHUNKS: &str = "/v1/documents/{id}/chunks";
const CONTENT: &str = "/v1/documents/{id}/content";
const LINKS: &str = "/v1/documents/{id}/links";
const FILE: &str = "/v1/files/{token}";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let bytes = |_: &mut _| json!({ "type": "string", "contentMediaType": "*/*" });
    let lists = told("The chunks of a document, a page at a time").answers::<ChunksWire>(200);
    let downloads = told("A document as it was sent").answers_as(200, "*/*", bytes);
    let links = told("Make a link to a document that needs no token")
        .answers::<LinkWire>(201)
        .example(json!({ "expires_in": 300 }));
    let follows = told("The document that a link leads to").answers_as(200, "*/*", bytes);
    vec![
        Route::described(Method::GET, CHUNKS, DocumentsRead, chunks, lists),
        Route::described(Method::GET, CONTENT, DocumentsRead, content, downloads),
        Route::described(Method::POST, LINKS, DocumentsRead, link, links),
        Route::public(Method::GET, FILE, file, follows),
    ]
}

async fn chunks(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemQuery(query): ProblemQuery<ChunksQuery>,
) -> Result<Json<ChunksWire>, V1Error> {
    let ChunksQuery { after, limit } = query;
    let chunks = state.app.chunks(&caller, &id, after, limit).await?;
    Ok(Json(ChunksWire::new(chunks, limit)))
}

async fn content(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Response, V1Error> {
    let original = state.app.original(&caller, &id).await?;
    Ok(bytes("attachment", original))
}

async fn link(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<LinkBody>,
) -> Result<Response, V1Error> {
    let made = state.app.link_document(&caller, &id, &body.into()).await?;
    Ok((StatusCode::CREATED, Json(LinkWire::from(made))).into_response())
}

async fn file(
    State(state): State<HttpState>,
    ProblemPath(token): ProblemPath<String>,
) -> Result<Response, V1Error> {
    Ok(bytes("inline", state.app.follow_link(&token).await?))
}

/// The bytes as they were sent, which nobody has looked through: no browser may
/// guess what they are, run what is in them, or take them for a page of ours.
fn bytes(disposition: &str, original: Original) -> Response {
    let text = original.media_type.starts_with("text/") && str::from_utf8(&original.bytes).is_ok();
    let charset = if text { "; charset=utf-8" } else { "" };
    let content_type = format!("{}{charset}", original.media_type);
    let disposition = format!("{disposition}; filename*=UTF-8''{}", file_name(&original));
    // Browsers show no PDF in a sandbox, and run nothing of it outside.
    let policy = if original.media_type == "application/pdf" {
        "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'"
    } else {
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    };
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, &content_type),
        (header::CONTENT_DISPOSITION, &disposition),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, original.bytes).into_response()
}

/// What RFC 8187, section 3.2.1 lets stand in a value.
const OTHERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// The last part of where it came from, else its title.
fn file_name(original: &Original) -> String {
    let named = original.path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = if named.is_empty() {
        &original.title
    } else {
        named
    };
    utf8_percent_encode(name, OTHERS).to_string()
}

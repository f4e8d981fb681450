//! Sources on the canonical surface.

mod wire;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::{DocumentsRead, DocumentsWrite};
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{problem::V1Error, told, wire::ListQuery};
use crate::{
    app::ports::Page,
    http::{HttpState, Route, extract::Caller},
};
use wire::{ChangeBody, CreateBody, SourceWire, SourcesWire};

const ALL: &str = "/v1/sources";
const ONE: &str = "/v1/sources/{id}";
const SYNC: &str = "/v1/sources/{id}/sync";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let lists = told("The sources, a page at a time")
        .answers::<SourcesWire>(200)
        .fails(&[404]);
    let creates = told("Add a source of documents")
        .answers::<SourceWire>(201)
        .fails(&[404, 409])
        .example(json!({
            "kind": "sitemap",
            "urls": ["https://docs.example.com/sitemap.xml"],
            "every_seconds": 86400,
        }));
    let shows = told("A source and its last sync").answers::<SourceWire>(200);
    let changes = told("Change a source")
        .answers::<SourceWire>(200)
        .example(json!({ "every_seconds": 3600 }));
    let deletes = told("Delete a source and its documents").answers_nothing(204);
    let syncs = told("Sync a source now").answers::<SourceWire>(202);
    vec![
        Route::described(Method::GET, ALL, DocumentsRead, list, lists),
        Route::described(Method::POST, ALL, DocumentsWrite, create, creates),
        Route::described(Method::GET, ONE, DocumentsRead, one, shows),
        Route::described(Method::PATCH, ONE, DocumentsWrite, change, changes),
        Route::described(Method::DELETE, ONE, DocumentsWrite, remove, deletes),
        Route::described(Method::POST, SYNC, DocumentsWrite, sync, syncs),
    ]
}

async fn list(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<ListQuery>,
) -> Result<Json<SourcesWire>, V1Error> {
    let page = Page {
        after: query.after,
        limit: query.limit,
    };
    let base = query.knowledge_base.as_deref();
    let sources = state.app.list_sources(&caller, base, &page).await?;
    Ok(Json(SourcesWire::new(sources, page.limit)))
}

async fn create(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<CreateBody>,
) -> Result<Response, V1Error> {
    let (base, settings) = body.into_parts();
    let source = state.app.create_source(&caller, base.as_deref(), settings);
    let source = SourceWire::from(source.await?);
    Ok((StatusCode::CREATED, Json(source)).into_response())
}

async fn one(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Json<SourceWire>, V1Error> {
    Ok(Json(state.app.source(&caller, &id).await?.into()))
}

async fn change(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<ChangeBody>,
) -> Result<Json<SourceWire>, V1Error> {
    let changed = state.app.change_source(&caller, &id, body.into());
    Ok(Json(changed.await?.into()))
}

async fn remove(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.delete_source(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sync(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Response, V1Error> {
    let source = state.app.request_sync(&caller, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(SourceWire::from(source))).into_response())
}

//! Publishable keys on the canonical surface.

mod wire;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::KnowledgeAdmin;
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath};

use super::{problem::V1Error, told};
use crate::http::{HttpState, Route, extract::Caller};
use wire::{ChangeBody, CreateBody, PublishableKeyWire, PublishableKeysWire};

const ALL: &str = "/v1/publishable-keys";
const ONE: &str = "/v1/publishable-keys/{id}";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let lists = told("The publishable keys of the knowledge bases that you manage")
        .answers::<PublishableKeysWire>(200);
    let makes = told("Make a publishable key, for a chat in a page of another origin")
        .answers::<PublishableKeyWire>(201)
        .fails(&[404, 409])
        .example(json!({
            "name": "Handbook",
            "knowledge_base": "handbook",
            "origins": ["https://docs.example.com"],
        }));
    let shows = told("A publishable key").answers::<PublishableKeyWire>(200);
    let changes = told("Change, disable or enable a publishable key")
        .answers::<PublishableKeyWire>(200)
        .example(json!({ "enabled": false }));
    let deletes = told("Delete a publishable key").answers_nothing(204);
    vec![
        Route::described(Method::GET, ALL, KnowledgeAdmin, list, lists),
        Route::described(Method::POST, ALL, KnowledgeAdmin, create, makes),
        Route::described(Method::GET, ONE, KnowledgeAdmin, one, shows),
        Route::described(Method::PATCH, ONE, KnowledgeAdmin, change, changes),
        Route::described(Method::DELETE, ONE, KnowledgeAdmin, remove, deletes),
    ]
}

async fn list(
    State(state): State<HttpState>,
    Caller(caller): Caller,
) -> Result<Json<PublishableKeysWire>, V1Error> {
    let keys = state.app.publishable_keys(&caller).await?;
    Ok(Json(keys.into()))
}

async fn create(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<CreateBody>,
) -> Result<Response, V1Error> {
    let base = body.knowledge_base.clone();
    let made = state
        .app
        .make_publishable_key(&caller, &base, body.into())
        .await?;
    let body = Json(PublishableKeyWire::from(made));
    Ok((StatusCode::CREATED, body).into_response())
}

async fn one(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Json<PublishableKeyWire>, V1Error> {
    Ok(Json(state.app.publishable_key(&caller, &id).await?.into()))
}

async fn change(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<ChangeBody>,
) -> Result<Json<PublishableKeyWire>, V1Error> {
    let changed = state
        .app
        .change_publishable_key(&caller, &id, body.into())
        .await?;
    Ok(Json(changed.into()))
}

async fn remove(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.delete_publishable_key(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

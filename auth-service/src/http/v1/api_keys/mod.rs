//! API keys on the canonical surface. A key is made and changed by its signed-in
//! owner alone: no key makes another.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath};

use super::{NO_STORE, problem::V1Error, told};
use crate::{
    app::App,
    http::{
        Route,
        extract::{Caller, CurrentUser},
    },
};

mod wire;

use wire::{ChangedKeyBody, KeyBody, KeysBody, MadeKeyBody, NewKeyBody};

pub(super) fn routes() -> Vec<Route> {
    let makes = told("Make an API key")
        .answers::<MadeKeyBody>(201)
        .fails(&[403, 409])
        .example(json!({ "name": "nightly import", "scopes": ["documents:write"] }));
    let lists = told("Your API keys").answers::<KeysBody>(200);
    let shows = told("One of your API keys").answers::<KeyBody>(200);
    let changes = told("Change an API key")
        .answers::<KeyBody>(200)
        .fails(&[403])
        .example(json!({ "enabled": false }));
    let deletes = told("Delete an API key").answers_nothing(204);
    vec![
        Route::new(Method::POST, "/v1/api-keys", make, makes),
        Route::new(Method::GET, "/v1/api-keys", list, lists),
        Route::new(Method::GET, "/v1/api-keys/{id}", one, shows),
        Route::new(Method::PATCH, "/v1/api-keys/{id}", change, changes),
        Route::new(Method::DELETE, "/v1/api-keys/{id}", delete, deletes),
    ]
}

async fn make(
    State(app): State<Arc<App>>,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<NewKeyBody>,
) -> Result<impl IntoResponse, V1Error> {
    let made = app
        .make_api_key(&current.user, body.into(), &client)
        .await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(MadeKeyBody::from(made))))
}

async fn list(
    State(app): State<Arc<App>>,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
) -> Result<impl IntoResponse, V1Error> {
    let keys = app.list_api_keys(&current.user.id).await?;
    Ok((NO_STORE, Json(KeysBody::from(keys))))
}

async fn one(
    State(app): State<Arc<App>>,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    ProblemPath(id): ProblemPath<String>,
) -> Result<impl IntoResponse, V1Error> {
    let key = app.api_key(&current.user.id, &id).await?;
    Ok((NO_STORE, Json(KeyBody::from(key))))
}

async fn change(
    State(app): State<Arc<App>>,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    Caller(client): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<ChangedKeyBody>,
) -> Result<impl IntoResponse, V1Error> {
    let change = body.into();
    let key = app.change_api_key(&current.user, &id, change, &client);
    Ok((NO_STORE, Json(KeyBody::from(key.await?))))
}

async fn delete(
    State(app): State<Arc<App>>,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    Caller(client): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    app.delete_api_key(&current.user.id, &id, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! API keys on the canonical surface. A key is made and changed by its signed-in
//! owner alone: no key makes another.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use service_kit::problem::{ProblemJson, ProblemPath};

use super::{NO_STORE, problem::V1Error};
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
    vec![
        Route::new(Method::POST, "/v1/api-keys", make),
        Route::new(Method::GET, "/v1/api-keys", list),
        Route::new(Method::GET, "/v1/api-keys/{id}", one),
        Route::new(Method::PATCH, "/v1/api-keys/{id}", change),
        Route::new(Method::DELETE, "/v1/api-keys/{id}", delete),
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

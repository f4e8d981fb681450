//! The account of whoever asks: what it tells, its password, and its end.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;
use service_kit::problem::ProblemJson;

use super::{
    NO_STORE,
    problem::V1Error,
    told,
    wire::{SessionBody, UserBody},
};
use crate::{
    app::{App, delete_account::Deletion},
    domain::throttling::RateClass,
    http::{
        Route,
        extract::{Caller, CurrentUser, Identified},
    },
};

pub mod wire;

use wire::{ChangeBody, DeletionBody, PasswordBody};

pub(super) fn routes() -> Vec<Route> {
    let password = RateClass::Password;
    let shows = told("Your account").answers::<UserBody>(200);
    let changes = told("Change your account")
        .answers::<UserBody>(200)
        .fails(&[409])
        .example(json!({ "name": "Ada King", "image": null }));
    let deletes = told("Delete your account, or have a mail bring the link that does it")
        .answers_nothing(204)
        .answers_nothing(202)
        .fails(&[403, 409]);
    let sets = told("Change your password")
        .answers::<SessionBody>(200)
        .answers_nothing(204)
        .fails(&[403]);
    vec![
        Route::new(Method::GET, "/v1/me", show, shows),
        Route::new(Method::PATCH, "/v1/me", change, changes),
        Route::new(Method::DELETE, "/v1/me", delete, deletes).limited::<V1Error>(password),
        Route::new(Method::POST, "/v1/me/password", change_password, sets)
            .limited::<V1Error>(password),
    ]
}

async fn show(Identified { user, .. }: Identified<V1Error>) -> impl IntoResponse {
    (NO_STORE, Json(UserBody::from(user)))
}

async fn change(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    ProblemJson(body): ProblemJson<ChangeBody>,
) -> Result<impl IntoResponse, V1Error> {
    let user = app
        .update_profile(&current.user, body.into(), &client)
        .await?;
    Ok((NO_STORE, Json(UserBody::from(user))))
}

/// A new session where the others ended, else 204.
async fn change_password(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    ProblemJson(body): ProblemJson<PasswordBody>,
) -> Result<Response, V1Error> {
    let (_, opened) = app.change_password(&current, body.into(), &client).await?;
    let Some(opened) = opened else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let body = SessionBody::from(app.grant(opened).await?);
    Ok((NO_STORE, Json(body)).into_response())
}

/// 202 where a mail brings the link that does it.
async fn delete(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    ProblemJson(body): ProblemJson<DeletionBody>,
) -> Result<StatusCode, V1Error> {
    let deletion = app.delete_account(&current, body.into(), &client).await?;
    Ok(match deletion {
        Deletion::Done => StatusCode::NO_CONTENT,
        Deletion::Mailed => StatusCode::ACCEPTED,
    })
}

//! The account of whoever asks: what it tells, its password, and its end.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use service_kit::problem::ProblemJson;

use super::{
    NO_STORE,
    problem::V1Error,
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
    vec![
        Route::new(Method::GET, "/v1/me", show),
        Route::new(Method::PATCH, "/v1/me", change),
        Route::new(Method::DELETE, "/v1/me", delete).limited::<V1Error>(password),
        Route::new(Method::POST, "/v1/me/password", change_password).limited::<V1Error>(password),
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

//! The sessions of whoever asks: where they are signed in, and how they end it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use service_kit::problem::{ProblemPath, ProblemQuery};

use super::{NO_STORE, problem::V1Error, told};
use crate::{
    app::{App, ports::Which},
    domain::audit::Act,
    http::{
        Route,
        extract::{Caller, CurrentUser},
    },
};

pub mod wire;

use wire::{EndedBody, KeepQuery, ListBody};

pub(super) fn routes() -> Vec<Route> {
    let lists = told("Where you are signed in").answers::<ListBody>(200);
    let ends = told("End your sessions, all or all others").answers::<EndedBody>(200);
    let signs_out = told("Sign out").answers_nothing(204);
    let ends_one = told("End one of your sessions").answers_nothing(204);
    vec![
        Route::new(Method::GET, "/v1/sessions", list, lists),
        Route::new(Method::DELETE, "/v1/sessions", end_many, ends),
        Route::new(Method::DELETE, "/v1/sessions/current", sign_out, signs_out),
        Route::new(Method::DELETE, "/v1/sessions/{id}", end_one, ends_one),
    ]
}

async fn list(
    State(app): State<Arc<App>>,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
) -> Result<impl IntoResponse, V1Error> {
    let listed = app.list_sessions(&current.user.id).await?;
    Ok((NO_STORE, Json(ListBody::new(&current.session, listed))))
}

async fn end_many(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    ProblemQuery(query): ProblemQuery<KeepQuery>,
) -> Result<impl IntoResponse, V1Error> {
    let (user, which) = (&current.user.id, query.which(&current.session));
    let ended = app.end_sessions(user, which, Act::SessionsRevoked, &client);
    Ok(Json(EndedBody::from(ended.await?)))
}

async fn sign_out(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
) -> Result<impl IntoResponse, V1Error> {
    let (user, which) = (&current.user.id, Which::One(&current.session.id));
    app.end_sessions(user, which, Act::SignedOut, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_one(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<V1Error>,
    ProblemPath(id): ProblemPath<String>,
) -> Result<impl IntoResponse, V1Error> {
    app.end_own_session(&current, &id, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! What the frontend of AU-GURU speaks: users under `/api/v1/users`. Its errors
//! are FastAPI's, without words of its own.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, Method, header},
    response::IntoResponse,
};

use super::{
    Route,
    fastapi::{Body, FastApiError, NO_STORE, Named, Query},
};
use crate::{
    app::App,
    http::extract::{AdminCaller, Caller, CurrentUser},
};

pub mod wire;

use wire::{AccountBody, DELETED, ListQuery, ProfileBody, UserBody, next_page};

/// The headers that clients read in a browser: where the next page is.
pub(super) const EXPOSED_HEADERS: [HeaderName; 1] = [header::LINK];

type Answer<T> = Result<T, FastApiError>;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/api/v1/users/me", me),
        Route::new(Method::PATCH, "/api/v1/users/me", change_me),
        Route::new(Method::GET, "/api/v1/users", list),
        Route::new(Method::GET, "/api/v1/users/{id}", show),
        Route::new(Method::PATCH, "/api/v1/users/{id}", change),
        Route::new(Method::DELETE, "/api/v1/users/{id}", delete),
    ]
}

async fn me(CurrentUser { current, .. }: CurrentUser<FastApiError>) -> impl IntoResponse {
    (NO_STORE, Json(UserBody::from(current.user)))
}

async fn change_me(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    CurrentUser { current, .. }: CurrentUser<FastApiError>,
    Body(ProfileBody(changes)): Body<ProfileBody>,
) -> Answer<impl IntoResponse> {
    let user = app.update_profile(&current.user, changes, &client).await?;
    Ok((NO_STORE, Json(UserBody::from(user))))
}

async fn list(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<FastApiError>,
    Query(ListQuery(filter)): Query<ListQuery>,
) -> Answer<impl IntoResponse> {
    let page = app.list_accounts(&admin, filter.clone()).await?;
    let next = next_page(&filter, &page);
    let users: Vec<_> = page.items.into_iter().map(UserBody::from).collect();
    Ok((NO_STORE, next, Json(users)))
}

async fn show(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<FastApiError>,
    Named(id): Named,
) -> Answer<impl IntoResponse> {
    let user = app.account(&admin, &id).await?;
    Ok((NO_STORE, Json(UserBody::from(user))))
}

async fn change(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<FastApiError>,
    Named(id): Named,
    Body(AccountBody(request)): Body<AccountBody>,
) -> Answer<impl IntoResponse> {
    let change = app.read_change(request)?;
    let user = app.change(&admin, &id, &change).await?;
    Ok((NO_STORE, Json(UserBody::from(user))))
}

async fn delete(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<FastApiError>,
    Named(id): Named,
) -> Answer<impl IntoResponse> {
    app.remove_account(&admin, &id).await?;
    Ok(Json(DELETED))
}

//! What the frontend of AU-GURU speaks: users under `/api/v1/users`. Its errors
//! are FastAPI's, without words of its own.

use std::sync::Arc;

use axum::{Json, extract::State, http::Method, response::IntoResponse};

use serde_json::json;

use super::{
    Route,
    fastapi::{Body, FastApiError, NO_STORE, Named, Query, told},
};
use crate::{
    app::App,
    http::extract::{AdminCaller, Caller, CurrentUser},
};

pub mod wire;

use wire::{AccountBody, DELETED, DeletedBody, ListQuery, ProfileBody, UserBody, next_page};

type Answer<T> = Result<T, FastApiError>;

const TAG: &str = "AU-GURU";

pub(super) fn routes() -> Vec<Route> {
    let one = "/api/v1/users/{id}";
    let account = |summary| told(TAG, summary).answers::<UserBody>(200);
    let changes_me = account("Change your account")
        .fails(&[400])
        .example(json!({ "full_name": "Ada King" }));
    let changes = account("Change an account")
        .fails(&[400, 409])
        .example(json!({ "role": "admin", "is_active": true }));
    let lists =
        told(TAG, "The accounts; the header Link has the next page").answers::<Vec<UserBody>>(200);
    let deletes = told(TAG, "Delete an account")
        .answers::<DeletedBody>(200)
        .fails(&[409]);
    vec![
        Route::new(Method::GET, "/api/v1/users/me", me, account("Your account")),
        Route::new(Method::PATCH, "/api/v1/users/me", change_me, changes_me),
        Route::new(Method::GET, "/api/v1/users", list, lists),
        Route::new(Method::GET, one, show, account("An account")),
        Route::new(Method::PATCH, one, change, changes),
        Route::new(Method::DELETE, one, delete, deletes),
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

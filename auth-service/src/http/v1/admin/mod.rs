//! What administrators do, on the canonical surface.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{NO_STORE, problem::V1Error};
use crate::{
    app::App,
    http::{Route, extract::AdminCaller},
};

pub mod wire;

use wire::{
    AccountBody, AccountsBody, AccountsQuery, AuditLogBody, AuditLogQuery, ChangeBody, EndedBody,
    NewAccountBody, SessionsBody,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/v1/admin/users", list),
        Route::new(Method::POST, "/v1/admin/users", make),
        Route::new(Method::GET, "/v1/admin/users/{id}", show),
        Route::new(Method::PATCH, "/v1/admin/users/{id}", change),
        Route::new(Method::DELETE, "/v1/admin/users/{id}", delete),
        Route::new(Method::GET, "/v1/admin/users/{id}/sessions", sessions),
        Route::new(
            Method::DELETE,
            "/v1/admin/users/{id}/sessions",
            end_sessions,
        ),
        Route::new(Method::GET, "/v1/admin/audit-log", audit_log),
    ]
}

async fn list(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemQuery(query): ProblemQuery<AccountsQuery>,
) -> Result<impl IntoResponse, V1Error> {
    let page = app.list_accounts(&admin, query.try_into()?).await?;
    Ok((NO_STORE, Json(AccountsBody::from(page))))
}

async fn make(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemJson(body): ProblemJson<NewAccountBody>,
) -> Result<impl IntoResponse, V1Error> {
    let (role, verified) = (body.role, body.email_verified);
    let made = app
        .make_account(&admin, body.into(), role, verified)
        .await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(AccountBody::from(made))))
}

async fn show(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemPath(id): ProblemPath<String>,
) -> Result<impl IntoResponse, V1Error> {
    let user = app.account(&admin, &id).await?;
    Ok((NO_STORE, Json(AccountBody::from(user))))
}

async fn change(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<ChangeBody>,
) -> Result<impl IntoResponse, V1Error> {
    let change = app.read_change(body.into())?;
    let user = app.change(&admin, &id, &change).await?;
    Ok((NO_STORE, Json(AccountBody::from(user))))
}

async fn delete(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemPath(id): ProblemPath<String>,
) -> Result<impl IntoResponse, V1Error> {
    app.remove_account(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemPath(id): ProblemPath<String>,
) -> Result<impl IntoResponse, V1Error> {
    let sessions = app.account_sessions(&admin, &id).await?;
    Ok((NO_STORE, Json(SessionsBody::from(sessions))))
}

async fn end_sessions(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemPath(id): ProblemPath<String>,
) -> Result<impl IntoResponse, V1Error> {
    let ended = app.end_account_sessions(&admin, &id).await?;
    Ok(Json(EndedBody::from(ended)))
}

async fn audit_log(
    State(app): State<Arc<App>>,
    AdminCaller { admin, .. }: AdminCaller<V1Error>,
    ProblemQuery(query): ProblemQuery<AuditLogQuery>,
) -> Result<impl IntoResponse, V1Error> {
    let page = app.audit_log(&admin, query.try_into()?).await?;
    Ok((NO_STORE, Json(AuditLogBody::from(page))))
}

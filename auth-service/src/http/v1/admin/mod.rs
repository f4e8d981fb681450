//! What administrators do, on the canonical surface.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{NO_STORE, problem::V1Error, told};
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
    let one = "/v1/admin/users/{id}";
    let sessions_of = "/v1/admin/users/{id}/sessions";
    let lists = told("The accounts, a page at a time").answers::<AccountsBody>(200);
    let makes = told("Make an account")
        .answers::<AccountBody>(201)
        .fails(&[409])
        .example(json!({
            "email": "grace@example.com",
            "password": "correct horse battery staple",
            "name": "Grace Hopper",
            "role": "user",
            "email_verified": true,
        }));
    let shows = told("An account").answers::<AccountBody>(200);
    let changes = told("Change an account")
        .answers::<AccountBody>(200)
        .fails(&[409])
        .example(json!({ "role": "admin", "disabled": false }));
    let deletes = told("Delete an account").answers_nothing(204).fails(&[409]);
    let lists_sessions = told("The sessions of an account").answers::<SessionsBody>(200);
    let ends = told("End all sessions of an account").answers::<EndedBody>(200);
    let logs = told("What was done, and by whom").answers::<AuditLogBody>(200);
    vec![
        Route::new(Method::GET, "/v1/admin/users", list, lists),
        Route::new(Method::POST, "/v1/admin/users", make, makes),
        Route::new(Method::GET, one, show, shows),
        Route::new(Method::PATCH, one, change, changes),
        Route::new(Method::DELETE, one, delete, deletes),
        Route::new(Method::GET, sessions_of, sessions, lists_sessions),
        Route::new(Method::DELETE, sessions_of, end_sessions, ends),
        Route::new(Method::GET, "/v1/admin/audit-log", audit_log, logs),
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

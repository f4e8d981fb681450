//! What the frontend of the agent backend speaks: registering and signing in
//! under `/api/v1/auth`. Another origin's clients register at the same path with
//! a user name; they get the status and the fields that their document has.

use std::sync::Arc;

use axum::{Json, extract::State, http::Method, response::IntoResponse};

use serde_json::json;

use super::{
    Route,
    fastapi::{Body, NO_STORE, told},
};
use crate::{app::App, domain::throttling::RateClass, http::extract::Caller};

pub mod error;
pub mod wire;

use error::AgentError;
use wire::{LoginBody, RegisterBody, RegisteredBody, SessionBody};

const TAG: &str = "Agent backend";

pub(super) fn routes() -> Vec<Route> {
    let account =
        json!({ "email": "user@example.com", "password": "correct horse battery staple" });
    let registers = told(TAG, "Make an account")
        .answers::<RegisteredBody>(201)
        .answers::<RegisteredBody>(200)
        .example(account.clone());
    let signs_in = told(TAG, "Sign in")
        .answers::<SessionBody>(200)
        .fails(&[401, 403])
        .example(account);
    vec![
        Route::new(Method::POST, "/api/v1/auth/register", register, registers)
            .limited::<AgentError>(RateClass::SignUp),
        Route::new(Method::POST, "/api/v1/auth/login", login, signs_in)
            .limited::<AgentError>(RateClass::SignIn),
    ]
}

async fn register(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(RegisterBody { status, request }): Body<RegisterBody>,
) -> Result<impl IntoResponse, AgentError> {
    let user = app.register(request, &client).await?;
    Ok((status, NO_STORE, Json(RegisteredBody::from(user))))
}

async fn login(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(LoginBody(request)): Body<LoginBody>,
) -> Result<impl IntoResponse, AgentError> {
    let opened = app.sign_in(request, &client).await?;
    let access = app.access_token(&opened.user, &opened.session)?;
    Ok((NO_STORE, Json(SessionBody::new(access, opened.user))))
}

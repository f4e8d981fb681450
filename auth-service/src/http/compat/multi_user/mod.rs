//! What the frontend of the multi-user RAG component speaks: registering under a
//! user name, and OAuth2's password form. `GET /auth/me` answers the textbook's
//! frontend too, which has the same path. `POST /api/v1/auth/register` is another
//! origin's path as well, and is answered by that one's folder.

use std::sync::Arc;

use axum::{Json, extract::State, http::Method, response::IntoResponse};

use serde_json::json;

use super::{
    Route,
    fastapi::{Body, Form, NO_STORE, told},
};
use crate::{
    app::App,
    domain::throttling::RateClass,
    http::extract::{Caller, CurrentUser},
};

pub mod error;
pub mod wire;

use error::MultiUserError;
use wire::{PasswordForm, RegisterBody, TokenBody, UserBody};

const TAG: &str = "Multi-user RAG component";

pub(super) fn routes() -> Vec<Route> {
    let token_at = |path| {
        let signs_in = told(TAG, "Sign in by OAuth2's password form")
            .answers::<TokenBody>(200)
            .fails(&[401, 403])
            .example(json!({
                "grant_type": "password",
                "username": "testuser",
                "password": "correct horse battery staple",
            }));
        Route::new(Method::POST, path, token, signs_in).limited::<MultiUserError>(RateClass::SignIn)
    };
    let registers = told(TAG, "Make an account")
        .answers::<UserBody>(200)
        .example(json!({
            "username": "testuser",
            "email": "test@example.com",
            "password": "correct horse battery staple",
            "full_name": "Test User",
        }));
    let shows = || told(TAG, "Your account").answers::<UserBody>(200);
    vec![
        Route::new(Method::POST, "/auth/register", register, registers)
            .limited::<MultiUserError>(RateClass::SignUp),
        token_at("/auth/token"),
        token_at("/api/v1/auth/token"),
        Route::new(Method::GET, "/auth/me", me, shows()),
        Route::new(Method::GET, "/api/v1/auth/me", me, shows()),
    ]
}

async fn register(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(RegisterBody(request)): Body<RegisterBody>,
) -> Result<impl IntoResponse, MultiUserError> {
    let user = app.register(request, &client).await?;
    Ok((NO_STORE, Json(UserBody::from(user))))
}

async fn token(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Form(PasswordForm(request)): Form<PasswordForm>,
) -> Result<impl IntoResponse, MultiUserError> {
    let opened = app.sign_in(request, &client).await?;
    let access = app.access_token(&opened.user, &opened.session)?;
    Ok((NO_STORE, Json(TokenBody::from(access))))
}

async fn me(CurrentUser { current, .. }: CurrentUser<MultiUserError>) -> impl IntoResponse {
    (NO_STORE, Json(UserBody::from(current.user)))
}

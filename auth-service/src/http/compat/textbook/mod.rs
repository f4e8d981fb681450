//! What the frontend of the Physical-AI textbook speaks: signing up and in with
//! an e-mail address. `GET /auth/me` of its document is the same path as another
//! origin's, and is answered by that one's folder with the fields of both.

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

use error::TextbookError;
use wire::{SessionBody, SignInBody, SignUpBody};

const TAG: &str = "Textbook";

pub(super) fn routes() -> Vec<Route> {
    let sign_up_at = |path| {
        let signs_up = told(TAG, "Make an account and sign in")
            .answers::<SessionBody>(200)
            .fails(&[403])
            .example(json!({
                "email": "user@example.com",
                "password": "correct horse battery staple",
                "name": "Test User",
            }));
        Route::new(Method::POST, path, sign_up, signs_up)
            .limited::<TextbookError>(RateClass::SignUp)
    };
    let sign_in_at = |path| {
        let signs_in = told(TAG, "Sign in")
            .answers::<SessionBody>(200)
            .fails(&[401, 403])
            .example(json!({
                "email": "user@example.com",
                "password": "correct horse battery staple",
            }));
        Route::new(Method::POST, path, sign_in, signs_in)
            .limited::<TextbookError>(RateClass::SignIn)
    };
    vec![
        sign_up_at("/auth/signup"),
        sign_up_at("/api/v1/auth/signup"),
        sign_in_at("/auth/signin"),
        sign_in_at("/api/v1/auth/signin"),
    ]
}

async fn sign_up(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(SignUpBody(request)): Body<SignUpBody>,
) -> Result<impl IntoResponse, TextbookError> {
    let opened = app.sign_up(request, &client).await?.opened()?;
    let access = app.access_token(&opened.user, &opened.session)?;
    Ok((NO_STORE, Json(SessionBody::new(access, opened.user))))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(SignInBody(request)): Body<SignInBody>,
) -> Result<impl IntoResponse, TextbookError> {
    let opened = app.sign_in(request, &client).await?;
    let access = app.access_token(&opened.user, &opened.session)?;
    Ok((NO_STORE, Json(SessionBody::new(access, opened.user))))
}

//! Signing up and in, the profile, and the password.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    handler::Handler,
    http::{Method, header},
    response::IntoResponse,
};

use serde_json::json;
use service_kit::openapi::{Inputs, Operation};

use super::{
    Route,
    body::Body,
    cookies,
    error::BetterAuthError,
    extract::SignedIn,
    told,
    wire::{
        DONE, StatusBody, UserBody,
        accounts::{
            ChangePasswordBody, SignInBody, SignUpBody, SignedInBody, TokenAndUser, UpdateUserBody,
            VerifyPasswordBody,
        },
    },
};
use crate::{app::App, domain::throttling::RateClass, http::extract::Caller};

pub(super) fn routes() -> Vec<Route> {
    let account = |summary| told(summary).answers::<TokenAndUser>(200);
    let signs_up = account("Make an account and sign in")
        .fails(&[422])
        .example(json!({
            "email": "user@example.com",
            "password": "correct horse battery staple",
            "name": "Test User",
        }));
    let signs_in = || {
        told("Sign in")
            .answers::<SignedInBody>(200)
            .fails(&[401])
            .example(json!({
                "email": "user@example.com",
                "password": "correct horse battery staple",
            }))
    };
    let sets = account("Change your password");
    let checks = told("Whether this is your password").answers::<StatusBody>(200);
    let changes = told("Change your profile")
        .answers::<StatusBody>(200)
        .fails(&[409])
        .example(json!({ "name": "Ada King" }));
    vec![
        post(
            "/api/auth/sign-up/email",
            RateClass::SignUp,
            sign_up,
            signs_up,
        ),
        post(
            "/api/auth/sign-in/email",
            RateClass::SignIn,
            sign_in,
            signs_in(),
        ),
        // The path that one origin's document gives.
        post("/api/auth/sign-in", RateClass::SignIn, sign_in, signs_in()),
        post(
            "/api/auth/change-password",
            RateClass::Password,
            change_password,
            sets,
        ),
        post(
            "/api/auth/verify-password",
            RateClass::Password,
            verify_password,
            checks,
        ),
        Route::new(Method::POST, "/api/auth/update-user", update_user, changes),
    ]
}

/// A route that one address may ask so often.
fn post<H, T>(path: &'static str, class: RateClass, handler: H, operation: Operation<App>) -> Route
where
    H: Handler<T, Arc<App>>,
    T: Inputs<App> + 'static,
{
    Route::new(Method::POST, path, handler, operation).limited::<BetterAuthError>(class)
}

async fn sign_up(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(SignUpBody(request)): Body<SignUpBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let signed_up = app.sign_up(request, &client).await?;
    let session = signed_up.session();
    let headers = session.map(|opened| cookies::opened(&app, opened));
    let token = session.map(|opened| opened.token.clone());
    let user = UserBody::new(&app, signed_up.user());
    Ok((headers, Json(TokenAndUser { token, user })))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(SignInBody { sign_in, callback }): Body<SignInBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let opened = app.sign_in(sign_in, &client).await?;
    let headers = cookies::opened(&app, &opened);
    let location = callback.clone().map(|url| [(header::LOCATION, url)]);
    let body = SignedInBody::new(&app, opened, callback);
    Ok((headers, location, Json(body)))
}

async fn update_user(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(UpdateUserBody(changes)): Body<UpdateUserBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let current = shown.current;
    app.update_profile(&current.user, changes, &client).await?;
    // Better Auth hands the session out again (golden 06).
    let headers = cookies::session(&app, &shown.token, current.session.remember);
    Ok((headers, Json(DONE)))
}

async fn change_password(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(ChangePasswordBody(request)): Body<ChangePasswordBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let (user, opened) = app
        .change_password(&shown.current, request, &client)
        .await?;
    let headers = opened.as_ref().map(|opened| cookies::opened(&app, opened));
    let user = UserBody::new(&app, &user);
    let token = opened.map(|opened| opened.token);
    Ok((headers, Json(TokenAndUser { token, user })))
}

async fn verify_password(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(body): Body<VerifyPasswordBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    app.verify_password(&shown.current, &body.password, &client)
        .await?;
    Ok(Json(DONE))
}

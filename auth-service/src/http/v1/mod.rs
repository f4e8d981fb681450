//! The canonical surface.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, Method, StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;
use service_kit::{
    openapi::Operation,
    problem::{Problem, ProblemJson},
};

use super::{Route, extract::Caller};
use crate::{app::App, domain::throttling::RateClass};

pub mod admin;
mod api_keys;
mod mail_flows;
pub mod me;
pub mod problem;
pub mod sessions;
mod sign_in_methods;
pub mod tokens;
pub mod wire;

use problem::V1Error;
use wire::{KeySetBody, SessionBody, SignInBody, SignUpBody};

/// Answers that hold a token or a person's data stay out of every cache (RFC
/// 6749, section 5.1).
const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Five minutes: how long a verifier may miss a new key, or trust a removed one.
const FIVE_MINUTES: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=300")];

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation<App> {
    Operation::new::<Problem>("Canonical", summary)
}

pub(super) fn routes() -> Vec<Route> {
    let signs_up = told("Make an account and sign in")
        .answers::<SessionBody>(201)
        .fails(&[403, 409])
        .example(json!({
            "email": "user@example.com",
            "password": "correct horse battery staple",
            "name": "Test User",
        }));
    let signs_in = told("Sign in")
        .answers::<SessionBody>(200)
        .fails(&[401, 403, 429])
        .example(json!({
            "email": "user@example.com",
            "password": "correct horse battery staple",
        }));
    let keys = || told("The keys that access tokens are signed with").answers::<KeySetBody>(200);
    let mut routes = vec![
        Route::new(Method::POST, "/v1/accounts", sign_up, signs_up)
            .limited::<V1Error>(RateClass::SignUp),
        Route::new(Method::POST, "/v1/sessions", sign_in, signs_in)
            .limited::<V1Error>(RateClass::SignIn),
        Route::new(Method::GET, "/v1/jwks", jwks, keys()),
        // Where JWT libraries look by themselves.
        Route::new(Method::GET, "/.well-known/jwks.json", jwks, keys()),
    ];
    routes.extend(me::routes());
    routes.extend(mail_flows::routes());
    routes.extend(admin::routes());
    routes.extend(api_keys::routes());
    routes.extend(sessions::routes());
    routes.extend(sign_in_methods::routes());
    routes.extend(tokens::routes());
    routes
}

async fn sign_up(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<SignUpBody>,
) -> Result<impl IntoResponse, V1Error> {
    let opened = app.sign_up(body.into(), &client).await?.opened()?;
    let body = Json(SessionBody::from(app.grant(opened).await?));
    Ok((StatusCode::CREATED, NO_STORE, body))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<SignInBody>,
) -> Result<impl IntoResponse, V1Error> {
    let opened = app.sign_in(body.into(), &client).await?;
    let grant = app.grant(opened).await?;
    Ok((NO_STORE, Json(SessionBody::from(grant))))
}

async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    (FIVE_MINUTES, JSON, app.key_set().to_string())
}

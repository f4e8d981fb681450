//! What goes through a mail: forgotten passwords, and addresses.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{Method, StatusCode},
};
use serde_json::json;
use service_kit::problem::ProblemJson;

use super::{
    Route,
    problem::V1Error,
    told,
    wire::{AddressBody, CompleteResetBody, CompleteVerificationBody},
};
use crate::{app::App, domain::throttling::RateClass, http::extract::Caller};

pub(super) fn routes() -> Vec<Route> {
    let asks = told("Have a link mailed that sets a new password")
        .answers_nothing(202)
        .fails(&[404])
        .example(json!({ "email": "user@example.com" }));
    let resets = told("Set a new password with the token of a mail")
        .answers_nothing(204)
        .fails(&[404]);
    let sends = told("Have a link mailed that verifies an address")
        .answers_nothing(202)
        .fails(&[404])
        .example(json!({ "email": "user@example.com" }));
    let verifies = told("Verify an address with the token of a mail")
        .answers_nothing(204)
        .fails(&[403, 404, 409]);
    let complete_at = "/v1/password-resets/complete";
    let verify_at = "/v1/email-verifications/complete";
    vec![
        Route::new(Method::POST, "/v1/password-resets", ask_reset, asks)
            .limited::<V1Error>(RateClass::Mail),
        Route::new(Method::POST, complete_at, reset, resets)
            .limited::<V1Error>(RateClass::Password),
        Route::new(
            Method::POST,
            "/v1/email-verifications",
            ask_verification,
            sends,
        )
        .limited::<V1Error>(RateClass::Mail),
        Route::new(Method::POST, verify_at, verify, verifies),
    ]
}

/// 202 whether or not there is such an account.
async fn ask_reset(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<AddressBody>,
) -> Result<StatusCode, V1Error> {
    let target = app.checked_target(body.redirect_url)?;
    app.request_password_reset(&body.email, target, &client)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

async fn reset(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<CompleteResetBody>,
) -> Result<StatusCode, V1Error> {
    app.reset_password(&body.token, &body.new_password, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 202 whether or not there is such an account, verified or not.
async fn ask_verification(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<AddressBody>,
) -> Result<StatusCode, V1Error> {
    let target = app.checked_target(body.redirect_url)?;
    app.send_verification(&body.email, None, target, &client)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Begins no session: the owner signs in with their password then.
async fn verify(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<CompleteVerificationBody>,
) -> Result<StatusCode, V1Error> {
    app.verify_email(body.into(), None, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Tokens: the next ones for a refresh token, and what OAuth names
//! introspection (RFC 7662) and revocation (RFC 7009).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use service_kit::{openapi::Operation, problem::ProblemJson};

use super::{NO_STORE, problem::V1Error, told, wire::SessionBody};
use crate::{
    app::App,
    domain::throttling::RateClass,
    http::{Route, extract::Caller},
};

pub mod error;
pub mod wire;

use error::{OAuthError, OAuthForm, OtherService};
use wire::{IntrospectionBody, RefreshBody, TokenForm};

pub(super) fn routes() -> Vec<Route> {
    let oauth = |summary| Operation::new::<OAuthError>("Canonical", summary);
    let refreshes = told("New tokens for a refresh token")
        .answers::<SessionBody>(200)
        .fails(&[401, 403]);
    let introspects =
        oauth("What a token is good for (RFC 7662)").answers::<IntrospectionBody>(200);
    let revokes = oauth("End the session of a token (RFC 7009)").answers_nothing(200);
    vec![
        Route::new(Method::POST, "/v1/tokens/refresh", refresh, refreshes)
            .limited::<V1Error>(RateClass::Token),
        Route::new(
            Method::POST,
            "/v1/tokens/introspect",
            introspect,
            introspects,
        ),
        Route::new(Method::POST, "/v1/tokens/revoke", revoke, revokes)
            .limited::<OAuthError>(RateClass::Token),
    ]
}

async fn refresh(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    ProblemJson(body): ProblemJson<RefreshBody>,
) -> Result<impl IntoResponse, V1Error> {
    let grant = app.refresh(&body.refresh_token, &client).await?;
    Ok((NO_STORE, Json(SessionBody::from(grant))))
}

async fn introspect(
    State(app): State<Arc<App>>,
    _: OtherService,
    OAuthForm(form): OAuthForm<TokenForm>,
) -> Result<impl IntoResponse, OAuthError> {
    let known = app.introspect(&form.token).await?;
    let body = IntrospectionBody::new(&app.policy, known);
    Ok((NO_STORE, Json(body)))
}

async fn revoke(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    OAuthForm(form): OAuthForm<TokenForm>,
) -> Result<impl IntoResponse, OAuthError> {
    app.revoke(&form.token, &client).await?;
    // RFC 7009, section 2.2: the same for a token that nobody knows.
    Ok((NO_STORE, StatusCode::OK))
}

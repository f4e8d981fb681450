//! Tokens: the next ones for a refresh token, and what OAuth names
//! introspection (RFC 7662) and revocation (RFC 7009).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use service_kit::problem::ProblemJson;

use super::{NO_STORE, problem::V1Error, wire::SessionBody};
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
    vec![
        Route::new(Method::POST, "/v1/tokens/refresh", refresh)
            .limited::<V1Error>(RateClass::Token),
        Route::new(Method::POST, "/v1/tokens/introspect", introspect),
        Route::new(Method::POST, "/v1/tokens/revoke", revoke)
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

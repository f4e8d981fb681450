//! API keys (Better Auth's plugin). A key is made and changed by its signed-in
//! owner alone: no key makes another.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{Method, StatusCode, request::Parts},
    response::IntoResponse,
};

use serde_json::json;
use service_kit::openapi::{Carried, Input};

use super::{
    Route,
    body::{Body, Params},
    error::BetterAuthError,
    extract::{SignedIn, Visitor},
    told,
    wire::{
        api_keys::{ChangedKeyBody, KeyBody, KeyIdBody, KeysBody, MadeKeyBody, NewKeyBody},
        sessions::SuccessBody,
    },
};
use crate::{
    app::{App, error::Error, sessions::Current},
    domain::api_key::KeyRule,
    http::extract::Caller,
};

pub(super) fn routes() -> Vec<Route> {
    let makes = told("Make an API key")
        .answers::<MadeKeyBody>(200)
        .fails(&[409])
        .example(json!({ "name": "nightly import" }));
    let shows = told("One of your API keys")
        .answers::<KeyBody>(200)
        .reads(&["id"])
        .fails(&[404]);
    let lists = told("Your API keys").answers::<KeysBody>(200);
    let changes = told("Change an API key")
        .answers::<KeyBody>(200)
        .fails(&[404]);
    let deletes = told("Delete an API key")
        .answers::<SuccessBody>(200)
        .fails(&[404]);
    vec![
        Route::new(Method::POST, "/api/auth/api-key/create", create, makes),
        Route::new(Method::GET, "/api/auth/api-key/get", one, shows),
        Route::new(Method::GET, "/api/auth/api-key/list", list, lists),
        Route::new(Method::POST, "/api/auth/api-key/update", update, changes),
        Route::new(Method::POST, "/api/auth/api-key/delete", delete, deletes),
    ]
}

/// Whoever is signed in. For nobody the plugin has words of its own (golden 21).
struct Owner(Current);

impl FromRequestParts<Arc<App>> for Owner {
    type Rejection = BetterAuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, BetterAuthError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let shown = visitor.shown.ok_or_else(|| {
            let message = "Unauthorized or invalid session";
            BetterAuthError::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED_SESSION", message)
        })?;
        Ok(Self(shown.current))
    }
}

impl<S> Input<S> for Owner {
    fn describe(carried: &mut Carried<'_>, settings: &S) {
        SignedIn::describe(carried, settings);
    }
}

async fn create(
    State(app): State<Arc<App>>,
    Owner(current): Owner,
    Caller(client): Caller,
    Body(NewKeyBody(new)): Body<NewKeyBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let made = app.make_api_key(&current.user, new, &client).await?;
    Ok(Json(MadeKeyBody::from(made)))
}

async fn one(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
    params: Params,
) -> Result<impl IntoResponse, BetterAuthError> {
    let id = params.required("id")?;
    let key = app.api_key(&shown.current.user.id, id).await?;
    Ok(Json(KeyBody::from(key)))
}

async fn list(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
) -> Result<impl IntoResponse, BetterAuthError> {
    let keys = app.list_api_keys(&shown.current.user.id).await?;
    Ok(Json(KeysBody::from(keys)))
}

async fn update(
    State(app): State<Arc<App>>,
    Owner(current): Owner,
    Caller(client): Caller,
    Body(body): Body<ChangedKeyBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let ChangedKeyBody { id, change } = body;
    let key = app.change_api_key(&current.user, &id, change, &client);
    Ok(Json(KeyBody::from(key.await?)))
}

async fn delete(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
    Caller(client): Caller,
    Body(KeyIdBody(id)): Body<KeyIdBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let user = &shown.current.user.id;
    app.delete_api_key(user, &id, &client).await?;
    Ok(Json(SuccessBody { success: true }))
}

/// Better Auth's words for what is wrong with a key, where it has any.
pub(super) fn words(error: &Error) -> Option<(u16, &'static str, &'static str)> {
    Some(match error {
        Error::InvalidApiKey => (401, "INVALID_API_KEY", "Invalid API key."),
        Error::DisabledApiKey => (401, "KEY_DISABLED", "API Key is disabled"),
        Error::ExpiredApiKey => (401, "KEY_EXPIRED", "API Key has expired"),
        Error::UnknownApiKey => (404, "KEY_NOT_FOUND", "API Key not found"),
        Error::ApiKey(KeyRule::EndsTooSoon) => (
            400,
            "EXPIRES_IN_IS_TOO_SMALL",
            "The expiresIn is smaller than the predefined minimum value.",
        ),
        Error::ApiKey(KeyRule::EndsTooLate) => (
            400,
            "EXPIRES_IN_IS_TOO_LARGE",
            "The expiresIn is larger than the predefined maximum value.",
        ),
        Error::ApiKey(KeyRule::Name) => (
            400,
            "INVALID_NAME_LENGTH",
            "The name length is either too large or too small.",
        ),
        Error::ApiKey(KeyRule::Prefix) => (
            400,
            "INVALID_PREFIX_LENGTH",
            "The prefix length is either too large or too small.",
        ),
        _ => return None,
    })
}

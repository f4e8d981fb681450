//! Sessions, and the access tokens that they give.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use serde_json::json;
use service_kit::openapi::Schemas;

use super::{
    Route, SET_AUTH_JWT,
    body::{Body, Params},
    cookies,
    error::BetterAuthError,
    extract::{self, Keyed, Shown, SignedIn, TokenHolder, Visitor},
    told,
    wire::{
        DONE, SessionBody, StatusBody, UserBody,
        sessions::{JwksBody, JwtBody, RevokeBody, SessionAndUser, SuccessBody, TokenBody},
    },
};
use crate::{
    app::{App, error::Error, ports::Which, sessions::Listed},
    domain::audit::Act,
    http::extract::Caller,
};

/// A session stays out of every cache.
const NO_STORE: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::PRAGMA, "no-cache"),
];

/// Five minutes: how long a verifier may miss a new key, or trust a removed one.
const FIVE_MINUTES: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=300")];

pub(super) fn routes() -> Vec<Route> {
    let status = |summary| told(summary).answers::<StatusBody>(200).fails(&[403]);
    let session = |schemas: &mut Schemas| {
        let session = schemas.sent::<SessionAndUser>();
        json!({ "anyOf": [session, { "type": "null" }] })
    };
    let shows = told("Who is signed in, or null")
        .answers_as(200, "application/json", session)
        .reads(&["disableRefresh"]);
    let posts = told("What Better Auth has for a setting that is not here").fails(&[403, 405]);
    let signs_out = told("Sign out").answers::<SuccessBody>(200).fails(&[403]);
    let lists = told("Where you are signed in")
        .answers::<Vec<SessionBody>>(200)
        .fails(&[403]);
    let ends = status("End one of your sessions");
    let ends_all = status("End your sessions");
    let ends_others = status("End all your sessions but this one");
    let tokens = told("An access token").answers::<TokenBody>(200);
    let jwts = told("An access token and whose it is").answers::<JwtBody>(200);
    let keys = told("The keys that access tokens are signed with").answers::<JwksBody>(200);
    let others = "/api/auth/revoke-other-sessions";
    vec![
        Route::new(Method::GET, "/api/auth/get-session", get_session, shows),
        Route::new(Method::POST, "/api/auth/get-session", post_session, posts),
        Route::new(Method::POST, "/api/auth/sign-out", sign_out, signs_out),
        Route::new(Method::GET, "/api/auth/list-sessions", list, lists),
        Route::new(Method::POST, "/api/auth/revoke-session", revoke, ends),
        Route::new(
            Method::POST,
            "/api/auth/revoke-sessions",
            revoke_all,
            ends_all,
        ),
        Route::new(Method::POST, others, revoke_others, ends_others),
        Route::new(Method::GET, "/api/auth/token", token, tokens),
        Route::new(Method::GET, "/api/auth/jwt", jwt, jwts),
        Route::new(Method::GET, "/api/auth/jwks", jwks, keys),
    ]
}

async fn get_session(
    State(app): State<Arc<App>>,
    params: Params,
    Keyed(keyed): Keyed,
    visitor: Visitor,
) -> Result<Response, BetterAuthError> {
    if let Some((held, key)) = keyed {
        let body = SessionAndUser::of_key(&app, app.session_of_key(&held), key);
        return Ok((NO_STORE, Json(body)).into_response());
    }
    match visitor.shown {
        Some(shown) => seen(&app, shown, !params.has("disableRefresh")).await,
        None => Ok(nobody(&app, visitor.is_stale)),
    }
}

/// Nobody is signed in; a cookie of someone who was is cleared.
fn nobody(app: &App, is_stale: bool) -> Response {
    let forget = is_stale.then(|| cookies::no_session(app));
    (NO_STORE, forget, Json(())).into_response()
}

async fn seen(app: &App, mut shown: Shown, refresh: bool) -> Result<Response, BetterAuthError> {
    let prolonged = shown.prolong(app, refresh).await?;
    let headers = seen_headers(app, &shown, prolonged)?;
    let body = SessionAndUser::new(app, shown.current, shown.token);
    Ok((NO_STORE, headers, Json(body)).into_response())
}

/// The headers beside a session: an access token, and the cookie again where
/// the session was prolonged.
fn seen_headers(app: &App, shown: &Shown, prolonged: bool) -> Result<HeaderMap, Error> {
    let mut headers = if prolonged {
        cookies::session(app, &shown.token, shown.current.session.remember)
    } else {
        HeaderMap::new()
    };
    cookies::expose(&mut headers, SET_AUTH_JWT, &shown.access_token(app)?);
    Ok(headers)
}

/// Better Auth has this for a setting that does not exist here (golden 03).
async fn post_session() -> impl IntoResponse {
    let message = "POST method requires deferSessionRefresh to be enabled in session config";
    let code = "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED";
    let refusal = BetterAuthError::new(StatusCode::METHOD_NOT_ALLOWED, code, message);
    (NO_STORE, refusal)
}

async fn sign_out(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    headers: HeaderMap,
) -> Result<impl IntoResponse, BetterAuthError> {
    if let Some(token) = extract::token(&app, &headers) {
        app.sign_out(&token, &client).await?;
    }
    let body = Json(SuccessBody { success: true });
    Ok((cookies::no_session(&app), body))
}

async fn list(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
) -> Result<impl IntoResponse, BetterAuthError> {
    let current = &shown.current;
    app.require_fresh(&current.session)?;
    let listed = app.list_sessions(&current.user.id).await?;
    let bodies = listed.into_iter().map(|listed| listed_body(listed, &shown));
    Ok(Json(bodies.collect::<Vec<_>>()))
}

/// A session of a list: only the caller's own shows its token, since no other
/// is known here. The rest show what they may be revoked by.
fn listed_body(listed: Listed, shown: &Shown) -> SessionBody {
    let token = if listed.session.id == shown.current.session.id {
        shown.token.clone()
    } else {
        listed.handle
    };
    SessionBody::new(listed.session, token)
}

async fn revoke(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(body): Body<RevokeBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let current = &shown.current;
    app.end_named_session(current, &body.token, &client).await?;
    Ok(Json(DONE))
}

async fn revoke_all(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
) -> Result<impl IntoResponse, BetterAuthError> {
    let (user, act) = (&shown.current.user.id, Act::SessionsRevoked);
    app.end_sessions(user, Which::All, act, &client).await?;
    Ok(Json(DONE))
}

async fn revoke_others(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
) -> Result<impl IntoResponse, BetterAuthError> {
    let (user, act) = (&shown.current.user.id, Act::SessionsRevoked);
    let others = Which::AllBut(&shown.current.session.id);
    app.end_sessions(user, others, act, &client).await?;
    Ok(Json(DONE))
}

async fn token(
    State(app): State<Arc<App>>,
    TokenHolder(shown): TokenHolder,
) -> Result<impl IntoResponse, BetterAuthError> {
    let token = shown.access_token(&app)?;
    Ok((NO_STORE, Json(TokenBody { token })))
}

async fn jwt(
    State(app): State<Arc<App>>,
    TokenHolder(shown): TokenHolder,
) -> Result<impl IntoResponse, BetterAuthError> {
    let token = shown.access_token(&app)?;
    let user = UserBody::new(&app, &shown.current.user);
    Ok((NO_STORE, Json(JwtBody { token, user })))
}

async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    (FIVE_MINUTES, Json(JwksBody::from(app.public_keys())))
}

//! Signing in with Google and GitHub, and the accounts there that are linked.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, RawForm, State,
        rejection::{PathRejection, RawFormRejection},
    },
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde_json::{Value, json};
use service_kit::openapi::Schemas;
use url::form_urlencoded;

use super::{
    Route,
    body::{Body, Params},
    cookies,
    error::BetterAuthError,
    extract::SignedIn,
    told,
    wire::{
        DONE, StatusBody,
        accounts::SignedInBody,
        social::{
            AccessBody, AccountBody, BegunBody, InfoBody, LINKED, LinkedBody, RefreshedBody,
            SelectedBody, SocialBody, UnlinkBody, callback_of, selected_id,
        },
    },
};
use crate::{
    app::{
        App,
        sessions::Current,
        social::{
            begin::{Begin, Begun},
            callback::{Failure, Landing},
            refusal::Refusal,
        },
    },
    domain::throttling::RateClass,
    http::extract::Caller,
};

/// The cookie that pins a flow to the browser that began it.
const STATE: &str = "state";

/// Seconds that the cookie lasts.
const STATE_SECONDS: i64 = 300;

pub(super) fn routes() -> Vec<Route> {
    let callback = "/api/auth/callback/{provider}";
    let limited = |path, class, route: fn(&'static str) -> Route| {
        route(path).limited::<BetterAuthError>(class)
    };
    let signs_in = |path| {
        let signs_in = told("Sign in with a provider: where to send the browser")
            .answers_as(200, "application/json", either::<SignedInBody>)
            .fails(&[401, 404, 409])
            .example(json!({ "provider": "github", "callbackURL": "/" }));
        Route::new(Method::POST, path, sign_in, signs_in)
    };
    let links = |path| {
        let links = told("Link an account at a provider: where to send the browser")
            .answers_as(200, "application/json", either::<LinkedBody>)
            .fails(&[404, 409])
            .example(json!({ "provider": "github", "callbackURL": "/" }));
        Route::new(Method::POST, path, link, links)
    };
    let tells = |path| {
        let tells = told("An access token of a provider")
            .answers::<AccessBody>(200)
            .fails(&[404]);
        Route::new(Method::POST, path, access_token, tells)
    };
    let renews = |path| {
        let renews = told("New tokens of a provider")
            .answers::<RefreshedBody>(200)
            .fails(&[404]);
        Route::new(Method::POST, path, refresh_token, renews)
    };
    let informs = |path| {
        let informs = told("What a provider tells of you")
            .answers::<InfoBody>(200)
            .reads(&["accountId"])
            .fails(&[404]);
        Route::new(Method::GET, path, account_info, informs)
    };
    let ends = told("Where a provider sends the browser back to")
        .answers_nothing(302)
        .reads(&["state", "code", "error", "error_description", "iss"]);
    let bounces = told("The same by a form").answers_nothing(302);
    let lists = told("How you can sign in").answers::<Vec<AccountBody>>(200);
    let unlinks = told("Unlink an account")
        .answers::<StatusBody>(200)
        .fails(&[404]);
    let token = RateClass::Token;
    vec![
        limited("/api/auth/sign-in/social", RateClass::SignIn, signs_in),
        Route::new(Method::GET, callback, finish, ends),
        Route::new(Method::POST, callback, bounce, bounces),
        limited("/api/auth/link-social", token, links),
        Route::new(Method::GET, "/api/auth/list-accounts", list, lists),
        Route::new(Method::POST, "/api/auth/unlink-account", unlink, unlinks),
        limited("/api/auth/get-access-token", token, tells),
        limited("/api/auth/refresh-token", token, renews),
        limited("/api/auth/account-info", token, informs),
    ]
}

/// A flow that has begun, or what an id token answers in its place.
fn either<T: JsonSchema>(schemas: &mut Schemas) -> Value {
    json!({ "anyOf": [schemas.sent::<BegunBody>(), schemas.sent::<T>()] })
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(body): Body<SocialBody>,
) -> Result<Response, BetterAuthError> {
    let Some(request) = body.id_token else {
        return send_off(&app, body.begin, None, body.redirect).await;
    };
    let opened = app.sign_in_with_id_token(request, &client).await?;
    let headers = cookies::opened(&app, &opened);
    let body = SignedInBody::new(&app, opened, None);
    Ok((headers, Json(body)).into_response())
}

async fn link(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(body): Body<SocialBody>,
) -> Result<Response, BetterAuthError> {
    let current = shown.current;
    let Some(request) = body.id_token else {
        return send_off(&app, body.begin, Some(&current), body.redirect).await;
    };
    app.link_with_id_token(&current, request, &client).await?;
    Ok(Json(LINKED).into_response())
}

/// Begins a flow, and tells the client to send the browser off.
async fn send_off(
    app: &App,
    request: Begin,
    link_to: Option<&Current>,
    redirect: bool,
) -> Result<Response, BetterAuthError> {
    let Begun { url, state } = app.begin_social(request, link_to).await?;
    let pin = cookies::signed(app, STATE, &state, Some(STATE_SECONDS));
    let location = redirect.then(|| [(header::LOCATION, url.clone())]);
    let body = Json(BegunBody { url, redirect });
    Ok(([(header::SET_COOKIE, pin)], location, body).into_response())
}

async fn finish(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    headers: HeaderMap,
    provider: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, BetterAuthError> {
    let pinned = cookies::read(&app, &headers, STATE);
    let callback = callback_of(word(provider), &params, pinned);
    let landing = app.finish_social(callback, &client).await?;
    Ok(landed(&app, landing))
}

/// Sends the browser where a flow ends.
fn landed(app: &App, landing: Landing) -> Response {
    let mut headers = HeaderMap::new();
    if landing.is_over {
        headers.append(header::SET_COOKIE, cookies::cleared(app, STATE));
    }
    if let Some(opened) = &landing.opened {
        for (name, value) in cookies::opened(app, opened) {
            headers.extend(name.map(|name| (name, value)));
        }
    }
    let url = landing.url.unwrap_or_else(|| own(app, &["error"]));
    let location = match landing.failure {
        Some(failure) => told_why(&url, &failure),
        None => url,
    };
    (StatusCode::FOUND, headers, [(header::LOCATION, location)]).into_response()
}

/// A provider that answers by a form (OAuth 2.0 Form Post Response Mode) makes
/// the browser send no cookies along; the second request has them.
async fn bounce(
    State(app): State<Arc<App>>,
    provider: Result<Path<String>, PathRejection>,
    params: Params,
    form: Result<RawForm, RawFormRejection>,
) -> impl IntoResponse {
    let form = form.map_or_else(|_| Bytes::new(), |RawForm(bytes)| bytes);
    let form = Params::parse(&form);
    let mut url = own(&app, &["callback", &word(provider)]);
    url.push('?');
    url.push_str(&params.over(form).to_query());
    (StatusCode::FOUND, [(header::LOCATION, url)])
}

async fn list(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
) -> Result<impl IntoResponse, BetterAuthError> {
    let methods = app.sign_in_methods(&shown.current.user.id).await?;
    let bodies = methods.into_iter().map(AccountBody::from);
    Ok(Json(bodies.collect::<Vec<_>>()))
}

async fn unlink(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(body): Body<UnlinkBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    app.unlink(&shown.current, &body.account_id, &client)
        .await?;
    Ok(Json(DONE))
}

async fn access_token(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
    Body(body): Body<SelectedBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let user_id = &shown.current.user.id;
    let (account, tokens) = app.provider_tokens(user_id, &body.account_id).await?;
    Ok(Json(AccessBody::new(account, tokens)))
}

async fn refresh_token(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
    Body(body): Body<SelectedBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let user_id = &shown.current.user.id;
    let renewed = app.renew_provider_tokens(user_id, &body.account_id).await?;
    let (account, tokens) = renewed;
    Ok(Json(RefreshedBody::new(account, tokens)))
}

async fn account_info(
    State(app): State<Arc<App>>,
    SignedIn(shown): SignedIn,
    params: Params,
) -> Result<impl IntoResponse, BetterAuthError> {
    let id = selected_id(&params)?;
    let (account, told) = app.provider_told(&shown.current.user.id, id).await?;
    Ok(Json(InfoBody::new(account, told)))
}

/// A URL of this surface, as browsers reach it.
pub(super) fn own(app: &App, path: &[&str]) -> String {
    let mut url = app.policy.public_url.clone();
    // A web address always has a path.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(["api", "auth"]).extend(path);
    }
    url.into()
}

/// The provider that a path names; none where it is not UTF-8.
fn word(path: Result<Path<String>, PathRejection>) -> String {
    path.map_or_else(|_| String::new(), |Path(word)| word)
}

/// The URL with why a flow failed in its query, before its fragment.
fn told_why(url: &str, failure: &Failure) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("error", &failure.code);
    if let Some(description) = &failure.description {
        query.append_pair("error_description", description);
    }
    let (page, fragment) = url.split_once('#').unwrap_or((url, ""));
    let joint = if page.contains('?') { '&' } else { '?' };
    let hash = if fragment.is_empty() { "" } else { "#" };
    format!("{page}{joint}{}{hash}{fragment}", query.finish())
}

/// Better Auth's status, code and sentence for a refusal; nothing for those
/// that only a browser is told, on its way back.
pub(super) fn words(refusal: Refusal) -> Option<(u16, &'static str, &'static str)> {
    Some(match refusal {
        Refusal::UnknownProvider => (404, "PROVIDER_NOT_FOUND", "Provider not found"),
        Refusal::NoIdTokens => (404, "ID_TOKEN_NOT_SUPPORTED", "id_token not supported"),
        Refusal::InvalidIdToken => (401, "INVALID_TOKEN", "Invalid token"),
        Refusal::NoUserInfo => (401, "FAILED_TO_GET_USER_INFO", "Failed to get user info"),
        Refusal::NoEmail => (401, "USER_EMAIL_NOT_FOUND", "User email not found"),
        Refusal::EmailNotVerified => (403, "EMAIL_NOT_VERIFIED", "Email not verified"),
        Refusal::NotLinked => (401, "OAUTH_LINK_ERROR", "account not linked"),
        Refusal::SignUpClosed => (401, "OAUTH_LINK_ERROR", "signup disabled"),
        Refusal::Disabled => (
            403,
            "BANNED_USER",
            "You have been banned from this application. Please contact support if you believe \
             this is an error.",
        ),
        Refusal::CannotLink => (
            401,
            "LINKING_NOT_ALLOWED",
            "Account not linked - linking not allowed",
        ),
        Refusal::EmailDoesNotMatch => (
            401,
            "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED",
            "Account not linked - different emails not allowed",
        ),
        Refusal::LinkedToAnother => (
            409,
            "SOCIAL_ACCOUNT_ALREADY_LINKED",
            "Social account already linked",
        ),
        Refusal::LastAccount => (
            400,
            "FAILED_TO_UNLINK_LAST_ACCOUNT",
            "You can't unlink your last account",
        ),
        Refusal::UnknownAccount => (400, "ACCOUNT_NOT_FOUND", "Account not found"),
        Refusal::NoProvider => (400, "PROVIDER_NOT_SUPPORTED", "Provider is not supported."),
        Refusal::NoAccessToken => (400, "ACCESS_TOKEN_NOT_FOUND", "Access token not found"),
        Refusal::NoRefreshToken => (400, "REFRESH_TOKEN_NOT_FOUND", "Refresh token not found"),
        Refusal::NoValidToken => (
            400,
            "FAILED_TO_GET_ACCESS_TOKEN",
            "Failed to get a valid access token",
        ),
        Refusal::RefreshFailed => (
            400,
            "FAILED_TO_REFRESH_ACCESS_TOKEN",
            "Failed to refresh access token",
        ),
        _ => return None,
    })
}

//! What goes through a mail: a forgotten password, addresses, and the end of an
//! account.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use url::{Position, Url};

use super::{
    Route,
    body::{Body, Params},
    cookies,
    error::BetterAuthError,
    extract::{Shown, SignedIn, Visitor},
    told,
    wire::{
        DONE, StatusBody,
        mail_flows::{
            ChangeEmailBody, DeleteUserBody, DeletionBody, RESET_ASKED, RequestResetBody,
            ResetAskedBody, ResetBody, SendVerificationBody, VerifiedBody,
        },
    },
};
use crate::{
    app::{
        App,
        delete_account::Deletion,
        error::Error,
        verify_email::{OpenLink, Verified},
    },
    domain::throttling::RateClass,
    http::extract::Caller,
};

pub(super) fn routes() -> Vec<Route> {
    let post = |path, class, route: fn(&'static str) -> Route| {
        route(path).limited::<BetterAuthError>(class)
    };
    let asks = |path| {
        let asks = told("Have a link mailed that sets a new password")
            .answers::<ResetAskedBody>(200)
            .example(json!({ "email": "user@example.com" }));
        Route::new(Method::POST, path, request_reset, asks)
    };
    let opens = told("The link that sets a new password: leads to the page that asks for it")
        .answers_nothing(302)
        .reads(&["callbackURL"]);
    let resets = |path| {
        let resets = told("Set a new password with the token of a mail")
            .answers::<StatusBody>(200)
            .reads(&["token"]);
        Route::new(Method::POST, path, reset, resets)
    };
    let sends = |path| {
        let sends = told("Have a link mailed that verifies an address")
            .answers::<StatusBody>(200)
            .example(json!({ "email": "user@example.com" }));
        Route::new(Method::POST, path, send_verification, sends)
    };
    let verifies = told("The link that verifies an address")
        .answers::<VerifiedBody>(200)
        .answers_nothing(302)
        .reads(&["token", "callbackURL"])
        .fails(&[401, 409, 422]);
    let changes = |path| {
        let changes = told("Change your address").answers::<StatusBody>(200);
        Route::new(Method::POST, path, change_email, changes)
    };
    let deletes = |path| {
        let deletes = told("Delete your account, or have a mail bring the link that does it")
            .answers::<DeletionBody>(200)
            .fails(&[404, 409]);
        Route::new(Method::POST, path, delete_user, deletes)
    };
    let ends = told("The link that deletes an account")
        .answers::<DeletionBody>(200)
        .answers_nothing(302)
        .reads(&["token", "callbackURL"])
        .fails(&[404, 409]);
    vec![
        post("/api/auth/request-password-reset", RateClass::Mail, asks),
        // Its name before Better Auth 1.4, which older clients still call.
        post("/api/auth/forget-password", RateClass::Mail, asks),
        Route::new(
            Method::GET,
            "/api/auth/reset-password/{token}",
            open_reset,
            opens,
        ),
        post("/api/auth/reset-password", RateClass::Password, resets),
        post("/api/auth/send-verification-email", RateClass::Mail, sends),
        Route::new(Method::GET, "/api/auth/verify-email", verify, verifies),
        post("/api/auth/change-email", RateClass::Mail, changes),
        post("/api/auth/delete-user", RateClass::Password, deletes),
        Route::new(
            Method::GET,
            "/api/auth/delete-user/callback",
            open_deletion,
            ends,
        ),
    ]
}

async fn request_reset(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    Body(body): Body<RequestResetBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    app.request_password_reset(&body.email, body.redirect_to, &client)
        .await?;
    Ok(Json(RESET_ASKED))
}

/// The link of a mail: leads to the page that asks for the new password, with
/// the token or with the reason why it is of no use.
async fn open_reset(
    State(app): State<Arc<App>>,
    token: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, BetterAuthError> {
    let target = params.required("callbackURL")?;
    // A path that is no text holds no token.
    let token = token.map_or_else(|_| String::new(), |Path(token)| token);
    let checked = app.check_password_reset(&token).await;
    let (name, value) = match checked.map_err(reset_refused) {
        Ok(()) => ("token", token.into()),
        Err(refusal) => ("error", refusal.redirectable()?),
    };
    Ok(found(with_param(&app, target, name, &value).as_str()))
}

async fn reset(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    params: Params,
    Body(body): Body<ResetBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let token = body.token.as_deref().or_else(|| params.get("token"));
    let token = token.unwrap_or_default();
    let reset = app.reset_password(token, &body.new_password, &client);
    reset.await.map_err(reset_refused)?;
    Ok(Json(DONE))
}

async fn send_verification(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    visitor: Visitor,
    Body(body): Body<SendVerificationBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let signed_in = visitor.shown.as_ref().map(|shown| &shown.current.user);
    app.send_verification(&body.email, signed_in, body.callback_url, &client)
        .await?;
    Ok(Json(DONE))
}

async fn verify(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    visitor: Visitor,
    params: Params,
) -> Result<Response, BetterAuthError> {
    let link = opened_link(&params)?;
    let target = params.filled("callbackURL");
    let signed_in = visitor.shown.as_ref().map(|shown| &shown.current.user);
    match (app.verify_email(link, signed_in, &client).await, target) {
        (Ok(verified), target) => Ok(seen(&app, &verified, visitor.shown, target)),
        (Err(refusal), None) => Err(refusal.into()),
        (Err(refusal), Some(target)) => refused(&app, refusal.into(), target),
    }
}

async fn change_email(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(body): Body<ChangeEmailBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    app.change_email(&shown.current, &body.email, body.callback_url, &client)
        .await?;
    Ok(Json(DONE))
}

async fn delete_user(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    SignedIn(shown): SignedIn,
    Body(DeleteUserBody(request)): Body<DeleteUserBody>,
) -> Result<impl IntoResponse, BetterAuthError> {
    let deletion = app.delete_account(&shown.current, request, &client);
    let deletion = deletion.await.map_err(deletion_refused)?;
    let forget = (deletion == Deletion::Done).then(|| cookies::no_session(&app));
    Ok((forget, Json(DeletionBody::from(deletion))))
}

/// The link of a mail: deletes the account of whoever is signed in, if it was
/// mailed to them.
async fn open_deletion(
    State(app): State<Arc<App>>,
    Caller(client): Caller,
    visitor: Visitor,
    params: Params,
) -> Result<Response, BetterAuthError> {
    let token = params.required("token")?;
    let shown = visitor.shown.ok_or_else(nobody)?;
    let deleted = app.delete_account_by_link(&shown.current, token, &client);
    deleted.await.map_err(deletion_refused)?;
    let body = Json(DeletionBody::from(Deletion::Done));
    let target = params.filled("callbackURL").map(found);
    let answer = target.unwrap_or_else(|| body.into_response());
    Ok((cookies::no_session(&app), answer).into_response())
}

fn opened_link(params: &Params) -> Result<OpenLink, BetterAuthError> {
    Ok(OpenLink {
        token: params.required("token")?.to_owned(),
        callback_url: params.filled("callbackURL").map(str::to_owned),
        takes_session: true,
    })
}

/// What a link has done: shown where it leads, or told.
fn seen(app: &App, verified: &Verified, shown: Option<Shown>, target: Option<&str>) -> Response {
    let headers = match (verified, shown) {
        (Verified::Address { opened }, _) => {
            opened.as_ref().map(|opened| cookies::opened(app, opened))
        }
        // Better Auth hands the session out again (golden 08).
        (Verified::Changed(_), Some(Shown { current, token })) => {
            Some(cookies::session(app, &token, current.session.remember))
        }
        _ => None,
    };
    let body = || Json(VerifiedBody::new(app, verified)).into_response();
    (headers, target.map_or_else(body, found)).into_response()
}

/// What is wrong with a link, told to the page where it leads.
fn refused(app: &App, refusal: BetterAuthError, target: &str) -> Result<Response, BetterAuthError> {
    let code = refusal.redirectable()?;
    let url = with_param(app, target, "error", &code);
    // What was a path stays one (golden 08).
    Ok(found(if target.starts_with('/') {
        &url[Position::BeforePath..]
    } else {
        url.as_str()
    }))
}

/// The place `target` with one more parameter in its query.
fn with_param(app: &App, target: &str, name: &str, value: &str) -> Url {
    let base = &app.policy.public_url;
    // It was checked already that this is a URL.
    let mut url = base.join(target).unwrap_or_else(|_| base.clone());
    url.query_pairs_mut().append_pair(name, value);
    url
}

/// Sends the browser to a place that was checked.
fn found(target: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, target)]).into_response()
}

fn reset_refused(error: Error) -> BetterAuthError {
    match error {
        Error::InvalidLink | Error::ExpiredLink => invalid_token(StatusCode::BAD_REQUEST),
        other => other.into(),
    }
}

fn deletion_refused(error: Error) -> BetterAuthError {
    match error {
        Error::InvalidLink | Error::ExpiredLink => invalid_token(StatusCode::NOT_FOUND),
        Error::SessionNotFresh => BetterAuthError::new(
            StatusCode::BAD_REQUEST,
            "SESSION_EXPIRED",
            "Session expired. Re-authenticate to perform this action.",
        ),
        other => other.into(),
    }
}

fn invalid_token(status: StatusCode) -> BetterAuthError {
    BetterAuthError::new(status, "INVALID_TOKEN", "Invalid token")
}

fn nobody() -> BetterAuthError {
    let (code, message) = ("FAILED_TO_GET_USER_INFO", "Failed to get user info");
    BetterAuthError::new(StatusCode::NOT_FOUND, code, message)
}

//! Which pages may act for their users (protocol notes, 1.5), and where a
//! browser may be sent.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::BetterAuthError;
use crate::app::App;

/// The fields that name a place to send the browser to, with what is said when
/// it is not to be trusted.
const TARGETS: [(&str, &str, &str); 4] = [
    ("callbackURL", "INVALID_CALLBACK_URL", "Invalid callbackURL"),
    ("redirectTo", "INVALID_REDIRECT_URL", "Invalid redirectURL"),
    (
        "errorCallbackURL",
        "INVALID_ERROR_CALLBACK_URL",
        "Invalid errorCallbackURL",
    ),
    (
        "newUserCallbackURL",
        "INVALID_NEW_USER_CALLBACK_URL",
        "Invalid newUserCallbackURL",
    ),
];

/// Turns requests away that another site's page may have made.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // A HEAD would use links up that are good for one GET.
    if request.method() == Method::HEAD {
        return StatusCode::NOT_FOUND.into_response();
    }
    if matches!(*request.method(), Method::GET | Method::OPTIONS) {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let signs_in = path.starts_with("/api/auth/sign-in") || path.starts_with("/api/auth/sign-up");
    match check(&app, request.headers(), signs_in) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// A browser sends cookies by itself, so a request with any must name a page
/// that is trusted. Signing in is checked without cookies too: else a page
/// could sign its visitor in to the page's own account.
fn check(app: &App, headers: &HeaderMap, signs_in: bool) -> Result<(), BetterAuthError> {
    // One that comes twice says nothing.
    let header = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().unwrap_or("");
        Some(if values.next().is_some() { "" } else { value })
    };
    let fetch = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].map(header);
    let from = header("origin").filter(|origin| !origin.is_empty());
    let from = from.or_else(|| header("referer"));
    let has_cookies = headers.contains_key(header::COOKIE);
    if !has_cookies && !(signs_in && (from.is_some() || fetch.iter().any(Option::is_some))) {
        return Ok(());
    }
    let is_navigation = fetch[0] == Some("cross-site") && fetch[1] == Some("navigate");
    if signs_in && !has_cookies && is_navigation {
        return Err(forbidden(
            "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
            "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
        ));
    }
    let hidden = matches!(from, None | Some("" | "null"));
    if hidden && fetch[0] == Some("same-origin") {
        return Ok(());
    }
    if hidden {
        return Err(forbidden(
            "MISSING_OR_NULL_ORIGIN",
            "Missing or null Origin",
        ));
    }
    let origin = from.map(origin_of).unwrap_or_default();
    if app.trusts_origin(&origin) {
        Ok(())
    } else {
        Err(forbidden("INVALID_ORIGIN", "Invalid origin"))
    }
}

/// The origin of an `Origin` or `Referer` header.
fn origin_of(text: &str) -> String {
    url::Url::parse(text).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

/// Fails where one of the places that `value_of` knows by name is not to be
/// trusted.
pub(super) fn check_targets<'a>(
    app: &App,
    value_of: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), BetterAuthError> {
    for (field, code, message) in TARGETS {
        let target = value_of(field).filter(|target| !target.is_empty());
        if target.is_some_and(|target| !app.may_send_to(target)) {
            return Err(forbidden(code, message));
        }
    }
    Ok(())
}

fn forbidden(code: &'static str, message: &'static str) -> BetterAuthError {
    BetterAuthError::new(StatusCode::FORBIDDEN, code, message)
}

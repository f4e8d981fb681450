//! Who asks: a session that the request shows by cookie or header.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};

use proto::api_key;
use service_kit::openapi::{Carried, Input};

use super::{cookies, error::BetterAuthError, wire::UserBody};
use crate::app::{App, api_keys::HeldApiKey, error::Error, sessions::Current};

/// A live session and what proved it.
pub struct Shown {
    /// The session and its owner.
    pub current: Current,
    /// The session's token.
    pub token: String,
}

impl Shown {
    /// An access token of the session. Better Auth's clients look for the user
    /// in it, field by field (golden 14).
    pub fn access_token(&self, app: &App) -> Result<String, Error> {
        let Current { user, session } = &self.current;
        let fields = UserBody::new(app, user).into_claims();
        let access = app.access_token_with(user, session, fields)?;
        Ok(access.token)
    }

    /// Prolongs the session if that is due and wanted, and says whether it was.
    pub async fn prolong(&mut self, app: &App, is_wanted: bool) -> Result<bool, Error> {
        if !is_wanted {
            return Ok(false);
        }
        let (session, prolonged) = app.prolong(self.current.session.clone()).await?;
        self.current.session = session;
        Ok(prolonged)
    }
}

/// The session of a request that needs one.
pub struct SignedIn(pub Shown);

/// A session, or an API key that may be exchanged for access tokens in its
/// place.
pub struct TokenHolder(pub Shown);

/// The API key that a request shows beside or instead of a session.
pub struct Keyed(pub Option<(HeldApiKey, String)>);

/// A request that may show a session.
pub struct Visitor {
    /// The session, if it lives.
    pub shown: Option<Shown>,
    /// Whether the request showed a session that lives no more.
    pub is_stale: bool,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = BetterAuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, BetterAuthError> {
        let Some(token) = token(app, &parts.headers) else {
            return Ok(Self {
                shown: None,
                is_stale: false,
            });
        };
        let current = app.session(&token).await?;
        Ok(Self {
            is_stale: current.is_none(),
            shown: current.map(|current| Shown { current, token }),
        })
    }
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = BetterAuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, BetterAuthError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let shown = visitor.shown.ok_or(Error::MissingToken)?;
        Ok(Self(shown))
    }
}

impl FromRequestParts<Arc<App>> for Keyed {
    type Rejection = BetterAuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, BetterAuthError> {
        let mut shown = parts.headers.get_all(api_key::HEADER).iter();
        let Some(key) = shown.next() else {
            return Ok(Self(None));
        };
        if shown.next().is_some() {
            return Err(Error::InvalidApiKey.into());
        }
        let key = key.to_str().map_err(|_| Error::InvalidApiKey)?;
        if key.len() < api_key::SECRET_LENGTH {
            // Better Auth tells it from one of a fitting length (golden 21).
            let (code, message) = ("INVALID_API_KEY", "Invalid API key.");
            return Err(BetterAuthError::new(StatusCode::FORBIDDEN, code, message));
        }
        let held = app.verify_api_key(key, 0).await?;
        Ok(Self(Some((held, key.to_owned()))))
    }
}

impl FromRequestParts<Arc<App>> for TokenHolder {
    type Rejection = BetterAuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, BetterAuthError> {
        let Keyed(keyed) = Keyed::from_request_parts(parts, app).await?;
        if let Some((held, token)) = keyed {
            let current = app.tokens_of_key(&held)?;
            return Ok(Self(Shown { current, token }));
        }
        let SignedIn(shown) = SignedIn::from_request_parts(parts, app).await?;
        Ok(Self(shown))
    }
}

/// How a session is shown.
const SESSION: [&str; 2] = ["cookie", "session"];

impl<S> Input<S> for SignedIn {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.credentials(&SESSION);
        carried.may_fail(&[401]);
    }
}

impl<S> Input<S> for TokenHolder {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.credentials(&[SESSION.as_slice(), &["apiKey"]].concat());
        carried.may_fail(&[401, 403, 429]);
    }
}

impl<S> Input<S> for Visitor {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.optional_credentials(&SESSION);
    }
}

impl<S> Input<S> for Keyed {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.may_fail(&[401, 403, 429]);
    }
}

/// The token of a session that the request shows. A header goes before a
/// cookie, as in Better Auth's bearer plugin.
pub(super) fn token(app: &App, headers: &HeaderMap) -> Option<String> {
    bearer(app, headers).or_else(|| cookies::read(app, headers, cookies::SESSION))
}

/// The session token of an `Authorization: Bearer` header: bare, signed, or
/// signed and percent-encoded. Anything else with a dot, such as an access
/// token, is none.
fn bearer(app: &App, headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, shown) = value.trim().split_once(' ')?;
    let shown = shown.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || shown.is_empty() || values.next().is_some() {
        return None;
    }
    if shown.contains('.') {
        return cookies::verified(app, shown);
    }
    Some(shown.to_owned())
}

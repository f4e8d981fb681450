//! Who asks: a session that the request shows by cookie or header.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::{cookies, error::BetterAuthError, wire::UserBody};
use crate::app::{App, error::Error, sessions::Current};

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

/// The token of a session that the request shows. A header goes before a
/// cookie, as in Better Auth's bearer plugin.
pub(super) fn token(app: &App, headers: &HeaderMap) -> Option<String> {
    bearer(app, headers).or_else(|| cookies::read(app, headers, cookies::SESSION))
}

/// The session token of an `Authorization: Bearer` header: bare, signed, or
/// signed and percent-encoded. Anything else with a dot, such as an access
/// token, is none.
fn bearer(app: &App, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, shown) = value.trim().split_once(' ')?;
    let shown = shown.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || shown.is_empty() {
        return None;
    }
    if shown.contains('.') {
        return cookies::verified(app, shown);
    }
    Some(shown.to_owned())
}

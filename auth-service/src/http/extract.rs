//! What requests on every surface carry.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::IntoResponse,
};

use crate::{
    app::{App, error::Error},
    domain::user::User,
};

/// The account whose token the request carries. `E` is how the surface says
/// that there is none.
pub struct CurrentUser<E> {
    /// The account, as it is now.
    pub user: User,
    surface: PhantomData<E>,
}

impl<E: From<Error> + IntoResponse> FromRequestParts<Arc<App>> for CurrentUser<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, E> {
        let token = bearer(&parts.headers)?;
        let user = app.owner_of(token).await?;
        Ok(Self {
            user,
            surface: PhantomData,
        })
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or(Error::MissingToken)?;
    let value = value.to_str().map_err(|_| Error::InvalidToken)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(Error::MissingToken);
    }
    Ok(token.trim())
}

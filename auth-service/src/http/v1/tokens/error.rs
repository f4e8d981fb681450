//! Errors in OAuth's words (RFC 6749, section 5.2), and the extractors whose
//! rejections they are.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use proto::error_kind::ErrorKind;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use serde_json::Value;
use service_kit::openapi::{Carried, Dialect, Input, Schemas};

use super::wire::OAuthErrorBody;
use crate::app::{App, error::Error};

/// An error on its way to a caller that speaks OAuth.
#[derive(Debug)]
pub struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<u64>,
}

impl OAuthError {
    fn invalid_request(status: StatusCode) -> Self {
        Self {
            status,
            error: "invalid_request",
            description: "Send `token=…` once, as application/x-www-form-urlencoded.".to_owned(),
            retry_after: None,
        }
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        error.log();
        let word = match error.kind() {
            ErrorKind::Unauthenticated => "invalid_client",
            ErrorKind::Unavailable | ErrorKind::RateLimited => "temporarily_unavailable",
            _ => "server_error",
        };
        let status = StatusCode::from_u16(error.kind().http_status());
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error: word,
            description: error.to_string(),
            retry_after: error.retry_after(),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody {
            error: self.error,
            error_description: self.description,
        };
        let mut response = (self.status, super::NO_STORE, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let schemes = HeaderValue::from_static("Bearer, Basic realm=\"lectern\"");
            headers.insert(header::WWW_AUTHENTICATE, schemes);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl Dialect for OAuthError {
    fn schema(schemas: &mut Schemas, _: u16) -> Value {
        schemas.sent::<OAuthErrorBody>()
    }
}

/// A form, each of whose fields comes once (RFC 6749, section 3.2).
pub struct OAuthForm<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OAuthForm<T> {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(form)) => Ok(Self(form)),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(OAuthError::invalid_request(StatusCode::PAYLOAD_TOO_LARGE))
            }
            Err(_) => Err(OAuthError::invalid_request(StatusCode::BAD_REQUEST)),
        }
    }
}

impl<S, T: JsonSchema> Input<S> for OAuthForm<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        let schema = carried.schemas.taken::<T>();
        carried.body(&["application/x-www-form-urlencoded"], &schema);
        carried.may_fail(&[400, 413]);
    }
}

/// A caller that showed the service token, as `Bearer` or as the password of
/// `Basic` (RFC 6749, section 2.3.1).
pub struct OtherService;

impl FromRequestParts<Arc<App>> for OtherService {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, OAuthError> {
        let value = parts.headers.get(header::AUTHORIZATION);
        let value = value.and_then(|value| value.to_str().ok());
        let shown = value.and_then(|value| value.split_once(' '));
        let is_known = shown.is_some_and(|(scheme, text)| {
            let secret = presented(scheme, text.trim()).unwrap_or_default();
            // The client may have encoded it as a form's field, or not.
            let decoded = percent_decode_str(&secret).decode_utf8_lossy();
            app.is_service_token(&secret) || app.is_service_token(&decoded)
        });
        if is_known {
            Ok(Self)
        } else {
            Err(Error::InvalidServiceToken.into())
        }
    }
}

impl<S> Input<S> for OtherService {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.credentials(&["serviceToken"]);
        carried.may_fail(&[401]);
    }
}

fn presented(scheme: &str, text: &str) -> Option<String> {
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(text.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (_, secret) = pair.split_once(':')?;
    Some(secret.to_owned())
}

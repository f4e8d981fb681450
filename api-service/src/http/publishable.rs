//! Publishable keys in requests, and which pages may read what is answered.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::HttpState;
use crate::{
    app::{
        error::Error,
        publishable_keys::{AskedFrom, PublishableKeyError},
    },
    domain::publishable_key::PublishableKey,
};

/// The header with a publishable key.
pub const HEADER: &str = "x-publishable-key";

/// What browsers say of where a request comes from, which no script can change
/// (Fetch Metadata Request Headers, section 2.4).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The routes that publishable keys are good for: to ask, and to go on in a
/// conversation whose id one knows. Answers bring the passages that they rest on.
pub const WIDGET_ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/chat/stream"),
    ("GET", "/v1/conversations/{id}"),
    ("GET", "/v1/conversations/{id}/stream"),
    ("GET", "/v1/messages/{id}/events"),
    ("POST", "/v1/messages/{id}/stop"),
    ("PUT", "/v1/messages/{id}/feedback"),
    ("DELETE", "/v1/messages/{id}/feedback"),
];

/// Marks those routes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForWidgets;

/// Whether this is one of them.
pub(super) fn is_for_widgets(method: &Method, path: &str) -> bool {
    let mut listed = WIDGET_ROUTES.iter();
    listed.any(|(of, route)| *of == method.as_str() && *route == path)
}

/// The publishable key that a request shows, where it holds for the page that
/// the request comes from.
pub(super) async fn key_of(
    parts: &Parts,
    state: &HttpState,
) -> Result<Option<PublishableKey>, Error> {
    let mut keys = parts.headers.get_all(HEADER).iter();
    let key = match (keys.next(), keys.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) => key.to_str().map_err(|_| PublishableKeyError::Invalid)?,
        (Some(_), Some(_)) => return Err(PublishableKeyError::Invalid.into()),
    };
    if parts.extensions.get::<ForWidgets>().is_none() {
        return Err(PublishableKeyError::Elsewhere.into());
    }
    let keys = &state.app.publishable;
    Ok(Some(keys.verify(key, asked_from(&parts.headers)).await?))
}

/// Browsers name the origin of a page, but not where it asks its own service for
/// something: then it is `/embed`, which only the key's pages can show.
fn asked_from(headers: &HeaderMap) -> AskedFrom<'_> {
    let told = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if told(FETCH_SITE) == Some("same-origin") {
        return AskedFrom::OwnPage;
    }
    told(ORIGIN).map_or(AskedFrom::Nowhere, AskedFrom::Origin)
}

/// Lets the pages that some publishable key lists read what the routes of
/// widgets answer, without cookies, beside those that may read everything.
pub(super) async fn let_pages_read(
    State(state): State<HttpState>,
    request: Request,
    next: Next,
) -> Response {
    let methods = methods_at(request.uri().path());
    let origin = request.headers().get(ORIGIN).cloned();
    let origin = match origin.filter(|_| !methods.is_empty()) {
        Some(origin) => listed(&state, origin).await,
        None => None,
    };
    let Some(origin) = origin else {
        return next.run(request).await;
    };
    let asks_first = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_first {
        let allowed = [
            (ACCESS_CONTROL_ALLOW_METHODS, methods.join(", ")),
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                format!("authorization, content-type, last-event-id, {HEADER}"),
            ),
            (ACCESS_CONTROL_MAX_AGE, "600".to_owned()),
        ];
        (StatusCode::NO_CONTENT, allowed).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = HeaderValue::from_static("x-request-id, retry-after, www-authenticate");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.append(VARY, HeaderValue::from_static("origin"));
    response
}

/// The origin, where it may read answers for a key's sake alone.
async fn listed(state: &HttpState, value: HeaderValue) -> Option<HeaderValue> {
    let origin = value.to_str().ok()?;
    if state.places.pages.admits(origin) {
        return None;
    }
    match state.app.publishable.lists(origin).await {
        Ok(listed) => listed.then_some(value),
        Err(error) => {
            error.log();
            None
        }
    }
}

/// The methods of the routes of widgets with this path.
fn methods_at(path: &str) -> Vec<&'static str> {
    let names: Vec<&str> = path.split('/').collect();
    let fits = |route: &str| {
        let wanted: Vec<&str> = route.split('/').collect();
        let mut pairs = names.iter().zip(&wanted);
        names.len() == wanted.len()
            && pairs.all(|(name, wanted)| {
                name == wanted || (wanted.starts_with('{') && !name.is_empty())
            })
    };
    let here = WIDGET_ROUTES.iter().filter(|(_, route)| fits(route));
    here.map(|(method, _)| *method).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_may_be_done_there() {
        for (path, methods) in [
            ("/v1/chat/stream", vec!["POST"]),
            ("/v1/messages/some-id/feedback", vec!["PUT", "DELETE"]),
            ("/v1/conversations", vec![]),
            ("/v1/conversations/", vec![]),
            ("/v1/conversations/some-id", vec!["GET"]),
            ("/v1/conversations/some-id/stream/more", vec![]),
            ("/v1/chat", vec![]),
            ("/", vec![]),
        ] {
            assert_eq!(methods_at(path), methods, "{path}");
        }
    }
}

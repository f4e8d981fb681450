//! Paths that surfaces share: which of them is meant is told by the body. All
//! that do come from services made with FastAPI, and a body that can't be read
//! at all is answered in their words.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    http::Method,
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use service_kit::fastapi::FastApiError;
use tower::ServiceExt;

use super::{HttpState, Route};

/// A router of these routes.
pub(super) fn routed(routes: Vec<Route>) -> Router<HttpState> {
    let mut places: BTreeMap<(&str, String), Vec<Route>> = BTreeMap::new();
    for route in routes {
        let place = (route.path, route.method.to_string());
        places.entry(place).or_default().push(route);
    }
    let places = places.into_values();
    places.fold(Router::new(), |router, mut routes| {
        let (path, method) = (routes[0].path, routes[0].method.clone());
        let handler = match (routes.len(), routes.pop()) {
            (1, Some(only)) => only.guarded(),
            (_, last) => told_apart(&method, routes.into_iter().chain(last).collect()),
        };
        router.route(path, handler)
    })
}

/// Gives a request to the first route that takes its body, or to the last one:
/// a body that none takes is wrong in any case, and that route says how.
fn told_apart(method: &Method, routes: Vec<Route>) -> MethodRouter<HttpState> {
    let routes: Arc<[_]> = routes
        .into_iter()
        .map(|route| (route.takes, route.guarded()))
        .collect();
    let handler = async move |State(state): State<HttpState>, request: Request| {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let bytes = match Bytes::from_request(whole, &()).await {
            Ok(bytes) => bytes,
            Err(rejection) => return FastApiError::unreadable(rejection.status()).into_response(),
        };
        let taken = routes
            .iter()
            .find(|(takes, _)| takes.is_some_and(|takes| takes(&bytes)));
        match taken.or(routes.last()) {
            Some((_, handler)) => answered(handler.clone(), state, parts, bytes).await,
            None => {
                FastApiError::new(axum::http::StatusCode::NOT_FOUND, "Not Found").into_response()
            }
        }
    };
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::POST);
    on(filter, handler)
}

async fn answered(
    handler: MethodRouter<HttpState>,
    state: HttpState,
    parts: axum::http::request::Parts,
    bytes: Bytes,
) -> Response {
    let request = Request::from_parts(parts, Body::from(bytes));
    let answer = handler.with_state::<()>(state).oneshot(request).await;
    answer.unwrap_or_else(|impossible| match impossible {})
}

//! The layers around every router: request ids, one log line a request, a
//! panic turned into an answer, and problems for unknown routes.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, Response, Uri, uri::PathAndQuery},
    response::IntoResponse,
};
use proto::error_kind::ErrorKind;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::CorsLayer,
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::TraceLayer,
};
use tracing::Span;

use crate::{
    clock::{SystemClock, SystemRandomness, new_id},
    problem::{Problem, method_not_allowed, unknown_route},
};

/// The header that carries a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around `router`. A body may be `max_body` bytes long, and a
/// trailing slash never matters.
pub fn wrap(router: Router, max_body: usize, cors: Option<CorsLayer>) -> Router {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(request_span)
                .on_request(())
                .on_failure(())
                .on_response(log_response),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(DefaultBodyLimit::max(max_body));
    let wrapped = router
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(layers);
    let wrapped = match cors {
        Some(cors) => wrapped.layer(cors),
        None => wrapped,
    };
    // Outside of the routing, since it changes the path that is routed by.
    let trimmed = ServiceBuilder::new()
        .map_request(without_trailing_slash)
        .service(wrapped);
    Router::new().fallback_service(trimmed)
}

fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || path.len() == 1 {
        return request;
    }
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path_and_query).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

#[derive(Clone, Copy)]
struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        new_id(&SystemClock, &SystemRandomness)
            .parse()
            .ok()
            .map(RequestId::new)
    }
}

/// The span names the route, never the path or the query: those can hold
/// tokens and people's words.
fn request_span(request: &Request) -> Span {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unknown", MatchedPath::as_str);
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or("");
    tracing::info_span!("request", method = %request.method(), route, request_id = id)
}

fn log_response<B>(response: &Response<B>, latency: Duration, _: &Span) {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(status = response.status().as_u16(), latency_ms, "answered");
}

fn answer_panic(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    tracing::error!("a handler panicked");
    internal().into_response()
}

/// The problem of a fault of our own: it says nothing of the cause.
pub fn internal() -> Problem {
    Problem::new(
        ErrorKind::Internal,
        "internal",
        "Something went wrong on our side. Try again; if it stays, tell the operator the \
         x-request-id of this answer.",
    )
}

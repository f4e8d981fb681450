//! Conversations, their messages, and answers that one comes back for.

mod wire;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post, put},
};
use futures::StreamExt;
use proto::api_key::KeyScope::Chat;
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{chat::stream, problem::V1Error};
use crate::{
    app::ports::Page,
    http::{HttpState, Route, extract::Caller},
};
use wire::{
    ConversationWire, ConversationsQuery, ConversationsWire, DeletedWire, EventsQuery,
    FeedbackBody, MessagesQuery, RenameBody, WholeWire,
};

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, handler| Route::new(method, path, Chat, handler);
    vec![
        route(Method::GET, "/v1/conversations", get(list)),
        route(Method::DELETE, "/v1/conversations", delete(delete_all)),
        route(Method::GET, "/v1/conversations/export", get(export)),
        route(Method::GET, "/v1/conversations/{id}", get(conversation)),
        route(Method::PATCH, "/v1/conversations/{id}", patch(rename)),
        route(Method::DELETE, "/v1/conversations/{id}", delete(delete_one)),
        route(Method::GET, "/v1/conversations/{id}/stream", get(running)),
        route(Method::GET, "/v1/messages/{id}/events", get(events)),
        route(Method::POST, "/v1/messages/{id}/stop", post(stop)),
        route(Method::PUT, "/v1/messages/{id}/feedback", put(rate)),
        route(
            Method::DELETE,
            "/v1/messages/{id}/feedback",
            delete(take_back),
        ),
    ]
}

async fn list(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<ConversationsQuery>,
) -> Result<Json<ConversationsWire>, V1Error> {
    let page = Page {
        after: query.after,
        limit: query.limit,
    };
    let words = query.q.as_deref();
    let found = state.app.list_conversations(&caller, words, &page).await?;
    Ok(Json(ConversationsWire::new(found, page.limit)))
}

async fn conversation(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemQuery(query): ProblemQuery<MessagesQuery>,
) -> Result<Json<WholeWire>, V1Error> {
    let page = Page {
        after: query.after,
        limit: query.limit,
    };
    let whole = state.app.conversation(&caller, &id, &page).await?;
    Ok(Json(WholeWire::new(whole, page.limit)))
}

async fn rename(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<RenameBody>,
) -> Result<Json<ConversationWire>, V1Error> {
    let renamed = state.app.rename_conversation(&caller, &id, &body.title);
    Ok(Json(renamed.await?.into()))
}

async fn delete_one(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.delete_conversation(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_all(
    State(state): State<HttpState>,
    Caller(caller): Caller,
) -> Result<Json<DeletedWire>, V1Error> {
    let deleted = state.app.delete_conversations(&caller).await?;
    Ok(Json(DeletedWire { deleted }))
}

/// One conversation a line, as JSON. What fails on the way ends the body before
/// its end, as HTTP has it.
async fn export(State(state): State<HttpState>, Caller(caller): Caller) -> Response {
    let lines = state.app.export_conversations(caller).map(|whole| {
        let mut line = serde_json::to_vec(&WholeWire::new(whole?, usize::MAX)).unwrap_or_default();
        line.push(b'\n');
        Ok::<_, crate::app::error::Error>(Bytes::from(line))
    });
    let mut response = Body::from_stream(lines).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"conversations.ndjson\""),
    );
    response
}

/// The answer that is being made in a conversation, from its beginning; 204
/// where there is none.
async fn running(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Response, V1Error> {
    Ok(match state.app.resume_in(&caller, &id).await? {
        Some(events) => stream::events(events),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// The events of an answer after the last one that the reader has seen: the
/// `Last-Event-ID` of an `EventSource` that connects again, or `after`.
async fn events(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemQuery(query): ProblemQuery<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, V1Error> {
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    let after = last.or(query.after).unwrap_or_default();
    let events = state.app.resume(&caller, &id, after).await?;
    Ok(stream::events(events))
}

async fn stop(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.stop_answer(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rate(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<FeedbackBody>,
) -> Result<StatusCode, V1Error> {
    let feedback = Some(body.into());
    state.app.rate_answer(&caller, &id, feedback).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn take_back(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.rate_answer(&caller, &id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

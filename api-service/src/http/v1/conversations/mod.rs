//! Conversations, their messages, and answers that one comes back for.

mod wire;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use proto::api_key::KeyScope::Chat;
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{
    chat::{stream, wire::EventWire},
    problem::V1Error,
    told,
};
use crate::{
    app::ports::Page,
    http::{
        HttpState, Route,
        event_stream::{MEDIA_TYPE, described},
        extract::Caller,
    },
};
use wire::{
    ConversationWire, ConversationsQuery, ConversationsWire, DeletedWire, EventsQuery,
    FeedbackBody, MessagesQuery, RenameBody, WholeWire,
};

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let one = "/v1/conversations/{id}";
    let feedback = "/v1/messages/{id}/feedback";
    let lists = told("Your conversations, a page at a time").answers::<ConversationsWire>(200);
    let deletes_all = told("Delete all your conversations").answers::<DeletedWire>(200);
    let exports = told("All your conversations, one a line").answers_as(
        200,
        "application/x-ndjson",
        |_| json!({ "type": "string" }),
    );
    let shows = told("A conversation and its messages").answers::<WholeWire>(200);
    let renames = told("Rename a conversation")
        .answers::<ConversationWire>(200)
        .example(json!({ "title": "Opening hours" }));
    let deletes = told("Delete a conversation").answers_nothing(204);
    let resumes = told("The answer that is being made in a conversation")
        .answers_as(200, MEDIA_TYPE, described::<EventWire>)
        .answers_nothing(204);
    let goes_on = told("The events of an answer after the last one that was seen")
        .answers_as(200, MEDIA_TYPE, described::<EventWire>)
        .fails(&[409]);
    let stops = told("Stop an answer").answers_nothing(204).fails(&[409]);
    let rates = told("Rate an answer")
        .answers_nothing(204)
        .example(json!({ "rating": "up", "reason": "to the point" }));
    let takes_back = told("Take a rating back").answers_nothing(204);
    vec![
        Route::described(Method::GET, "/v1/conversations", Chat, list, lists),
        Route::described(
            Method::DELETE,
            "/v1/conversations",
            Chat,
            delete_all,
            deletes_all,
        ),
        Route::described(
            Method::GET,
            "/v1/conversations/export",
            Chat,
            export,
            exports,
        ),
        Route::described(Method::GET, one, Chat, conversation, shows),
        Route::described(Method::PATCH, one, Chat, rename, renames),
        Route::described(Method::DELETE, one, Chat, delete_one, deletes),
        Route::described(
            Method::GET,
            "/v1/conversations/{id}/stream",
            Chat,
            running,
            resumes,
        ),
        Route::described(
            Method::GET,
            "/v1/messages/{id}/events",
            Chat,
            events,
            goes_on,
        ),
        Route::described(Method::POST, "/v1/messages/{id}/stop", Chat, stop, stops),
        Route::described(Method::PUT, feedback, Chat, rate, rates),
        Route::described(Method::DELETE, feedback, Chat, take_back, takes_back),
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

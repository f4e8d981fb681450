//! What the frontend of the textbook speaks: a question to the book, and
//! bringing documents in.

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::{Chat, KnowledgeAdmin};

use serde_json::json;

use super::fastapi::{Body, Caller, FastApiError, Query, Visitor, told};
use crate::{
    app::ask::whole,
    http::{HttpState, Route},
};

pub mod wire;

use wire::{AnswerBody, ChatBody, CountsBody, IngestBody, IngestQuery, QueuedBody};

/// The knowledge base that documents come into.
const BOOK: &str = "textbook";

const TAG: &str = "Textbook";

pub(super) fn routes() -> Vec<Route> {
    let asks = told(TAG, "Ask the book")
        .answers::<AnswerBody>(200)
        .example(json!({ "query": "What is physical AI?", "max_results": 5 }));
    let ingests = told(TAG, "Bring documents in")
        .answers::<CountsBody>(200)
        .answers::<QueuedBody>(202)
        .fails(&[404, 409, 415, 504])
        .example(json!({
            "documents": [{ "title": "Hours", "path": "hours.md", "content": "From nine." }],
        }));
    vec![
        Route::described(Method::POST, "/chat", Chat, chat, asks),
        Route::described(Method::POST, "/ingest", KnowledgeAdmin, ingest, ingests),
    ]
}

async fn chat(
    State(state): State<HttpState>,
    Visitor { caller, .. }: Visitor,
    Body(body): Body<ChatBody>,
) -> Result<Json<AnswerBody>, FastApiError> {
    let events = state.app.ask(&caller, &body.asked()).await?;
    Ok(Json(AnswerBody::new(body.query, whole(events).await?)))
}

async fn ingest(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Query(query): Query<IngestQuery>,
    Body(body): Body<IngestBody>,
) -> Result<Response, FastApiError> {
    let batch = state.app.add_documents(&caller, BOOK, body.0).await?;
    if query.wait {
        let batch = state.app.settled(&caller, batch).await?;
        return Ok(Json(CountsBody::from(batch)).into_response());
    }
    Ok((StatusCode::ACCEPTED, Json(QueuedBody::from(batch))).into_response())
}

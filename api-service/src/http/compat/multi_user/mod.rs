//! What the Streamlit frontend of the multi-user component speaks: questions,
//! sessions, and documents of one's own. Its paths also answer under `/api/v1`.

use axum::{Json, extract::State, http::Method};
use proto::api_key::KeyScope::{Chat, DocumentsRead, DocumentsWrite};

use serde_json::json;

use super::fastapi::{Body, Caller, FastApiError, Named, told};
use crate::{
    app::{ask::whole, ports::Page},
    http::{HttpState, Route},
};

mod upload;
pub mod wire;

use upload::Upload;
use wire::{AnswerBody, DeletedBody, DocumentBody, QueryBody, SessionBody};

const TAG: &str = "Multi-user RAG component";

pub(super) fn routes() -> Vec<Route> {
    let queries = told(TAG, "Ask in a session")
        .answers::<AnswerBody>(200)
        .fails(&[404])
        .example(json!({ "query": "What is physical AI?" }));
    let lists_sessions = told(TAG, "Your sessions").answers::<Vec<SessionBody>>(200);
    let uploads = told(TAG, "Add a document")
        .answers::<DocumentBody>(200)
        .fails(&[404, 409, 415]);
    let lists = told(TAG, "Your documents").answers::<Vec<DocumentBody>>(200);
    let shows = told(TAG, "One of your documents").answers::<DocumentBody>(200);
    let forgets = told(TAG, "Delete one of your documents").answers::<DeletedBody>(200);
    let one = ["/chat/documents/{id}", "/api/v1/chat/documents/{id}"];
    let query_at = ["/chat/query", "/api/v1/chat/query"];
    let sessions_at = ["/chat/sessions", "/api/v1/chat/sessions"];
    let upload_at = ["/chat/upload", "/api/v1/chat/upload"];
    let documents_at = ["/chat/documents", "/api/v1/chat/documents"];
    let paths = [
        query_at.map(|at| Route::described(Method::POST, at, Chat, query, queries.clone())),
        sessions_at
            .map(|at| Route::described(Method::GET, at, Chat, sessions, lists_sessions.clone())),
        upload_at
            .map(|at| Route::described(Method::POST, at, DocumentsWrite, upload, uploads.clone())),
        documents_at
            .map(|at| Route::described(Method::GET, at, DocumentsRead, documents, lists.clone())),
        one.map(|at| Route::described(Method::GET, at, DocumentsRead, document, shows.clone())),
        one.map(|at| Route::described(Method::DELETE, at, DocumentsWrite, forget, forgets.clone())),
    ];
    paths.into_iter().flatten().collect()
}

async fn query(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Body(body): Body<QueryBody>,
) -> Result<Json<AnswerBody>, FastApiError> {
    let events = state.app.ask(&caller, &body.asked()).await?;
    Ok(Json(AnswerBody::new(body.session_id, whole(events).await?)))
}

async fn sessions(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
) -> Result<Json<Vec<SessionBody>>, FastApiError> {
    let page = Page::first();
    let found = state.app.list_conversations(&caller, None, &page).await?;
    Ok(Json(found.into_iter().map(SessionBody::from).collect()))
}

async fn upload(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Upload(upload): Upload,
) -> Result<Json<DocumentBody>, FastApiError> {
    let added = state.app.add_document(&caller, upload).await?;
    Ok(Json(added.document.into()))
}

async fn documents(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
) -> Result<Json<Vec<DocumentBody>>, FastApiError> {
    let found = state.app.own_documents(&caller).await?;
    Ok(Json(found.into_iter().map(DocumentBody::from).collect()))
}

async fn document(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(id): Named,
) -> Result<Json<DocumentBody>, FastApiError> {
    Ok(Json(state.app.document(&caller, &id).await?.into()))
}

async fn forget(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(id): Named,
) -> Result<Json<DeletedBody>, FastApiError> {
    state.app.delete_document(&caller, &id, None).await?;
    Ok(Json(DeletedBody::new(id)))
}

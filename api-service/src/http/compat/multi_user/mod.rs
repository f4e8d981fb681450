//! What the Streamlit frontend of the multi-user component speaks: questions,
//! sessions, and documents of one's own. Its paths also answer under `/api/v1`.

use axum::{
    Json,
    extract::State,
    http::Method,
    routing::{MethodRouter, delete, get, post},
};
use proto::api_key::KeyScope::{self, Chat, DocumentsRead, DocumentsWrite};

use super::fastapi::{Body, Caller, FastApiError, Named};
use crate::{
    app::{ask::whole, ports::Page},
    http::{HttpState, Route},
};

mod upload;
pub mod wire;

use upload::Upload;
use wire::{AnswerBody, DeletedBody, DocumentBody, QueryBody, SessionBody};

pub(super) fn routes() -> Vec<Route> {
    let paths: [(Method, [&'static str; 2], KeyScope, MethodRouter<HttpState>); 6] = [
        (
            Method::POST,
            ["/chat/query", "/api/v1/chat/query"],
            Chat,
            post(query),
        ),
        (
            Method::GET,
            ["/chat/sessions", "/api/v1/chat/sessions"],
            Chat,
            get(sessions),
        ),
        (
            Method::POST,
            ["/chat/upload", "/api/v1/chat/upload"],
            DocumentsWrite,
            post(upload),
        ),
        (
            Method::GET,
            ["/chat/documents", "/api/v1/chat/documents"],
            DocumentsRead,
            get(documents),
        ),
        (
            Method::GET,
            ["/chat/documents/{id}", "/api/v1/chat/documents/{id}"],
            DocumentsRead,
            get(document),
        ),
        (
            Method::DELETE,
            ["/chat/documents/{id}", "/api/v1/chat/documents/{id}"],
            DocumentsWrite,
            delete(forget),
        ),
    ];
    let routes = paths
        .into_iter()
        .flat_map(|(method, paths, scope, handler)| {
            paths.map(|path| Route::new(method.clone(), path, scope, handler.clone()))
        });
    routes.collect()
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

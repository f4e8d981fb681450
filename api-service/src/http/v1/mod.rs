//! The canonical surface, `/v1`.

mod jobs;
mod knowledge_bases;
mod multipart;
pub mod problem;
mod stream;
mod views;
pub mod wire;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use proto::api_key::KeyScope::{Chat, DocumentsRead, DocumentsWrite, Search};
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{HttpState, Route, extract::Caller};
use crate::app::{add_document::Upload, ports::Page};
use problem::V1Error;
use wire::{
    ChatBody, DocumentWire, DocumentsWire, ListQuery, NewDocumentBody, ResultsWire, SearchBody,
};

/// The routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(
            Method::POST,
            "/v1/documents",
            DocumentsWrite,
            post(add_document),
        ),
        Route::new(
            Method::GET,
            "/v1/documents",
            DocumentsRead,
            get(list_documents),
        ),
        Route::new(
            Method::GET,
            "/v1/documents/{id}",
            DocumentsRead,
            get(document),
        ),
        Route::new(
            Method::DELETE,
            "/v1/documents/{id}",
            DocumentsWrite,
            delete(delete_document),
        ),
        Route::new(Method::POST, "/v1/search", Search, post(search)),
        Route::new(Method::POST, "/v1/chat", Chat, post(chat)),
        Route::new(Method::GET, "/v1/chat", Chat, get(chat_by_query)),
        Route::new(Method::POST, "/v1/chat/stream", Chat, post(chat_stream)),
    ];
    routes.extend(knowledge_bases::routes());
    routes.extend(views::routes());
    routes.extend(jobs::routes());
    routes
}

async fn add_document(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, V1Error> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let multipart = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    let upload = if multipart {
        multipart::upload(request).await?
    } else {
        let ProblemJson(body) = ProblemJson::<NewDocumentBody>::from_request(request, &()).await?;
        body.into()
    };
    let document = state.app.add_document(&caller, upload).await?;
    Ok((StatusCode::ACCEPTED, Json(DocumentWire::from(document))).into_response())
}

impl From<NewDocumentBody> for Upload {
    fn from(body: NewDocumentBody) -> Self {
        Self {
            knowledge_base: body.knowledge_base,
            external_id: body.external_id,
            title: body.title,
            path: body.path,
            media_type: body.media_type,
            content: body.text.into_bytes(),
        }
    }
}

async fn list_documents(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<ListQuery>,
) -> Result<Json<DocumentsWire>, V1Error> {
    let page = Page {
        after: query.after,
        limit: query.limit,
    };
    let base = query.knowledge_base.as_deref();
    let documents = state.app.list_documents(&caller, base, &page).await?;
    Ok(Json(DocumentsWire::new(documents, page.limit)))
}

async fn document(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Json<DocumentWire>, V1Error> {
    Ok(Json(state.app.document(&caller, &id).await?.into()))
}

async fn delete_document(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.delete_document(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn search(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<SearchBody>,
) -> Result<Json<ResultsWire>, V1Error> {
    Ok(Json(state.app.search(&caller, &body.into()).await?.into()))
}

async fn chat(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<ChatBody>,
) -> Result<Response, V1Error> {
    let events = state.app.ask(&caller, &body.into()).await?;
    stream::whole(events).await
}

async fn chat_by_query(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<ChatBody>,
) -> Result<Response, V1Error> {
    let events = state.app.ask(&caller, &query.into()).await?;
    stream::whole(events).await
}

async fn chat_stream(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<ChatBody>,
) -> Result<Response, V1Error> {
    let events = state.app.ask(&caller, &body.into()).await?;
    Ok(stream::events(events))
}

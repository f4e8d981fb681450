//! The canonical surface, `/v1`.

mod analytics;
mod chat;
mod conversations;
mod jobs;
mod knowledge_bases;
mod multipart;
pub mod problem;
mod sources;
mod views;
pub mod wire;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use proto::api_key::KeyScope::{DocumentsRead, DocumentsWrite, Search};
use service_kit::problem::{ProblemJson, ProblemPath, ProblemQuery};

use super::{HttpState, Route, extract::Caller};
use crate::{
    app::{add_document::Upload, error::Error, ports::Page},
    domain::document::Change,
};
use problem::V1Error;
use wire::{
    DocumentQuery, DocumentWire, DocumentsWire, ListQuery, NewDocumentBody, PutWire, ResultsWire,
    SearchBody,
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
            Method::PUT,
            "/v1/documents/{id}",
            DocumentsWrite,
            put(put_document),
        ),
        Route::new(
            Method::DELETE,
            "/v1/documents/{id}",
            DocumentsWrite,
            delete(delete_document),
        ),
        Route::new(Method::POST, "/v1/search", Search, post(search)),
    ];
    routes.extend(chat::routes());
    routes.extend(conversations::routes());
    routes.extend(knowledge_bases::routes());
    routes.extend(sources::routes());
    routes.extend(views::routes());
    routes.extend(jobs::routes());
    routes.extend(analytics::routes());
    routes
}

async fn add_document(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, V1Error> {
    let request_key = request_key(request.headers())?;
    let upload = Upload {
        request_key,
        ..upload(request).await?
    };
    let added = state.app.add_document(&caller, upload).await?;
    let document = DocumentWire::from(added.document);
    Ok((StatusCode::ACCEPTED, Json(document)).into_response())
}

/// The document's external id stands in the path, and its parameter is named as
/// on the other methods, which the router asks for.
async fn put_document(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(external_id): ProblemPath<String>,
    request: Request,
) -> Result<Response, V1Error> {
    let upload = upload(request).await?;
    let put = state.app.put_document(&caller, external_id, upload);
    let added = put.await?;
    let status = match added.change {
        Change::Created => StatusCode::CREATED,
        Change::Updated => StatusCode::ACCEPTED,
        Change::Unchanged => StatusCode::OK,
    };
    Ok((status, Json(PutWire::from(added))).into_response())
}

/// The `Idempotency-Key`, of which there may be one.
fn request_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => {
            let key = key.to_str().map_err(|_| Error::InvalidRequestKey)?;
            Ok(Some(key.to_owned()))
        }
        (Some(_), Some(_)) => Err(Error::InvalidRequestKey),
    }
}

async fn upload(request: Request) -> Result<Upload, V1Error> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let multipart = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    if multipart {
        Ok(multipart::upload(request).await?)
    } else {
        let ProblemJson(body) = ProblemJson::<NewDocumentBody>::from_request(request, &()).await?;
        Ok(body.into())
    }
}

impl From<NewDocumentBody> for Upload {
    fn from(body: NewDocumentBody) -> Self {
        Self {
            knowledge_base: body.knowledge_base,
            external_id: body.external_id,
            title: body.title,
            path: body.path,
            media_type: body.media_type,
            tags: body.tags,
            content: body.text.into_bytes(),
            request_key: None,
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
    ProblemPath(name): ProblemPath<String>,
    ProblemQuery(query): ProblemQuery<DocumentQuery>,
) -> Result<Json<DocumentWire>, V1Error> {
    let base = query.knowledge_base.as_deref();
    let document = state.app.named_document(&caller, &name, base).await?;
    Ok(Json(document.into()))
}

async fn delete_document(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(name): ProblemPath<String>,
    ProblemQuery(query): ProblemQuery<DocumentQuery>,
) -> Result<StatusCode, V1Error> {
    let base = query.knowledge_base.as_deref();
    state.app.delete_document(&caller, &name, base).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn search(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<SearchBody>,
) -> Result<Json<ResultsWire>, V1Error> {
    Ok(Json(state.app.search(&caller, &body.into()).await?.into()))
}

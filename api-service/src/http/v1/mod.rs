//! The canonical surface, `/v1`.

mod analytics;
mod chat;
mod conversations;
mod jobs;
mod knowledge_bases;
mod multipart;
pub mod problem;
mod publishable_keys;
mod settings;
mod sources;
mod views;
pub mod wire;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::{DocumentsRead, DocumentsWrite, Search};
use serde_json::{Value, json};
use service_kit::{
    openapi::Schemas,
    problem::{Problem, ProblemJson, ProblemPath, ProblemQuery},
};

use super::{HttpState, Operation, Route, extract::Caller};
use crate::{
    app::{add_document::Upload, error::Error, ports::Page},
    domain::document::Change,
};
use problem::V1Error;
use wire::{
    DocumentQuery, DocumentWire, DocumentsWire, ListQuery, NewDocumentBody, PutWire, ResultsWire,
    SearchBody,
};

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation {
    Operation::new::<Problem>("Canonical", summary)
}

/// The routes.
pub fn routes() -> Vec<Route> {
    let one = "/v1/documents/{id}";
    let uploads = |summary| {
        told(summary)
            .takes("application/json", Schemas::taken::<NewDocumentBody>)
            .takes("multipart/form-data", form)
            .fails(&[400, 404, 409, 413, 415, 422])
            .example(json!({ "text": "# Opening hours\n\nFrom nine to five.", "title": "Hours" }))
    };
    let adds = uploads("Add a document; a job brings it in").answers::<DocumentWire>(202);
    let lists = told("The documents, a page at a time")
        .answers::<DocumentsWire>(200)
        .fails(&[404]);
    let shows = told("A document, by its id or its external id").answers::<DocumentWire>(200);
    let puts = uploads("Put a document in its place")
        .answers::<PutWire>(200)
        .answers::<PutWire>(201)
        .answers::<PutWire>(202);
    let deletes = told("Delete a document").answers_nothing(204).fails(&[409]);
    let searches = told("Search without an answer")
        .answers::<ResultsWire>(200)
        .fails(&[404])
        .example(json!({ "query": "opening hours", "limit": 5 }));
    let mut routes = vec![
        Route::described(
            Method::POST,
            "/v1/documents",
            DocumentsWrite,
            add_document,
            adds,
        ),
        Route::described(
            Method::GET,
            "/v1/documents",
            DocumentsRead,
            list_documents,
            lists,
        ),
        Route::described(Method::GET, one, DocumentsRead, document, shows),
        Route::described(Method::PUT, one, DocumentsWrite, put_document, puts),
        Route::described(
            Method::DELETE,
            one,
            DocumentsWrite,
            delete_document,
            deletes,
        ),
        Route::described(Method::POST, "/v1/search", Search, search, searches),
    ];
    routes.extend(chat::routes());
    routes.extend(conversations::routes());
    routes.extend(knowledge_bases::routes());
    routes.extend(sources::routes());
    routes.extend(views::routes());
    routes.extend(jobs::routes());
    routes.extend(analytics::routes());
    routes.extend(settings::routes());
    routes.extend(publishable_keys::routes());
    routes
}

/// The same as the JSON body, with the file as a part.
fn form(_: &mut Schemas) -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "file": { "type": "string", "contentMediaType": "application/octet-stream" },
            "title": text,
            "path": text,
            "external_id": text,
            "media_type": text,
            "tags": { "type": "string", "description": "Words with commas between them." },
            "knowledge_base": text,
        },
        "required": ["file"],
        "additionalProperties": false,
    })
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

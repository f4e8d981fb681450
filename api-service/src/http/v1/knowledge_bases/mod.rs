//! Knowledge bases and their shares on the canonical surface.

mod wire;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post, put},
};
use proto::api_key::KeyScope::{DocumentsRead, DocumentsWrite};
use service_kit::problem::{ProblemJson, ProblemPath};

use super::problem::V1Error;
use crate::{
    app::ports::BaseChange,
    http::{HttpState, Route, extract::Caller},
};
use wire::{ChangeBody, CreateBody, KnowledgeBaseWire, KnowledgeBasesWire, ShareBody, ShareWire};

const ALL: &str = "/v1/knowledge-bases";
const ONE: &str = "/v1/knowledge-bases/{id}";
const SHARES: &str = "/v1/knowledge-bases/{id}/shares";
const SHARE: &str = "/v1/knowledge-bases/{id}/shares/{user_id}";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, ALL, DocumentsRead, get(list)),
        Route::new(Method::POST, ALL, DocumentsWrite, post(create)),
        Route::new(Method::GET, ONE, DocumentsRead, get(one)),
        Route::new(Method::PATCH, ONE, DocumentsWrite, patch(change)),
        Route::new(Method::DELETE, ONE, DocumentsWrite, delete(remove)),
        Route::new(Method::GET, SHARES, DocumentsRead, get(shares)),
        Route::new(Method::GET, SHARE, DocumentsRead, get(share_with)),
        Route::new(Method::PUT, SHARE, DocumentsWrite, put(share)),
        Route::new(Method::DELETE, SHARE, DocumentsWrite, delete(unshare)),
    ]
}

async fn list(
    State(state): State<HttpState>,
    Caller(caller): Caller,
) -> Result<Json<KnowledgeBasesWire>, V1Error> {
    let bases = state.app.knowledge_bases(&caller).await?;
    Ok(Json(KnowledgeBasesWire::new(&bases, &caller.scope())))
}

async fn create(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<CreateBody>,
) -> Result<Response, V1Error> {
    let (visibility, language) = (body.visibility.into(), body.language.map(Into::into));
    let base = state
        .app
        .create_knowledge_base(&caller, &body.name, visibility, language)
        .await?;
    let body = Json(KnowledgeBaseWire::new(&base, &caller.scope()));
    Ok((StatusCode::CREATED, body).into_response())
}

async fn one(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Json<KnowledgeBaseWire>, V1Error> {
    let base = state.app.knowledge_base(&caller, &id).await?;
    Ok(Json(KnowledgeBaseWire::new(&base, &caller.scope())))
}

async fn change(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
    ProblemJson(body): ProblemJson<ChangeBody>,
) -> Result<Json<KnowledgeBaseWire>, V1Error> {
    let change = BaseChange::from(body);
    let changed = state.app.change_knowledge_base(&caller, &id, &change);
    Ok(Json(KnowledgeBaseWire::new(
        &changed.await?,
        &caller.scope(),
    )))
}

async fn remove(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<StatusCode, V1Error> {
    state.app.delete_knowledge_base(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn shares(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Response, V1Error> {
    let shares = state.app.shares(&caller, &id).await?;
    Ok(Json(wire::SharesWire::from(shares)).into_response())
}

async fn share_with(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath((id, user)): ProblemPath<(String, String)>,
) -> Result<Json<ShareWire>, V1Error> {
    Ok(Json(
        state.app.share_with(&caller, &id, &user).await?.into(),
    ))
}

async fn share(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath((id, user)): ProblemPath<(String, String)>,
    ProblemJson(body): ProblemJson<ShareBody>,
) -> Result<Json<ShareWire>, V1Error> {
    let role = body.role.into();
    let share = state.app.share(&caller, &id, &user, role).await?;
    Ok(Json(share.into()))
}

async fn unshare(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath((id, user)): ProblemPath<(String, String)>,
) -> Result<StatusCode, V1Error> {
    state.app.unshare(&caller, &id, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

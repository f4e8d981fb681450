//! Knowledge bases and their shares on the canonical surface.

mod wire;

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::{DocumentsRead, DocumentsWrite};
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemPath};

use super::{problem::V1Error, told};
use crate::{
    app::ports::BaseChange,
    http::{HttpState, Route, extract::Caller},
};
use wire::{
    ChangeBody, CreateBody, KnowledgeBaseWire, KnowledgeBasesWire, ShareBody, ShareWire, SharesWire,
};

const ALL: &str = "/v1/knowledge-bases";
const ONE: &str = "/v1/knowledge-bases/{id}";
const SHARES: &str = "/v1/knowledge-bases/{id}/shares";
const SHARE: &str = "/v1/knowledge-bases/{id}/shares/{user_id}";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let lists = told("The knowledge bases that you may read").answers::<KnowledgeBasesWire>(200);
    let creates = told("Make a knowledge base")
        .answers::<KnowledgeBaseWire>(201)
        .fails(&[409])
        .example(json!({ "name": "handbook", "visibility": "private" }));
    let shows = told("A knowledge base, by its id or its name").answers::<KnowledgeBaseWire>(200);
    let changes = told("Change a knowledge base")
        .answers::<KnowledgeBaseWire>(200)
        .fails(&[409])
        .example(json!({ "name": "handbook" }));
    let deletes = told("Delete a knowledge base and all that is in it")
        .answers_nothing(204)
        .fails(&[409]);
    let lists_shares = told("With whom a knowledge base is shared").answers::<SharesWire>(200);
    let shows_share = told("What someone may do in a knowledge base").answers::<ShareWire>(200);
    let shares_it = told("Share a knowledge base with someone")
        .answers::<ShareWire>(200)
        .fails(&[409])
        .example(json!({ "role": "reader" }));
    let unshares = told("Share a knowledge base no more with someone").answers_nothing(204);
    vec![
        Route::described(Method::GET, ALL, DocumentsRead, list, lists),
        Route::described(Method::POST, ALL, DocumentsWrite, create, creates),
        Route::described(Method::GET, ONE, DocumentsRead, one, shows),
        Route::described(Method::PATCH, ONE, DocumentsWrite, change, changes),
        Route::described(Method::DELETE, ONE, DocumentsWrite, remove, deletes),
        Route::described(Method::GET, SHARES, DocumentsRead, shares, lists_shares),
        Route::described(Method::GET, SHARE, DocumentsRead, share_with, shows_share),
        Route::described(Method::PUT, SHARE, DocumentsWrite, share, shares_it),
        Route::described(Method::DELETE, SHARE, DocumentsWrite, unshare, unshares),
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
    Ok(Json(SharesWire::from(shares)).into_response())
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

//! What AU-GURU's frontend speaks: sessions of anybody who knows their ids, and
//! knowledge bases.

use axum::{Json, extract::State, http::Method};
use proto::api_key::KeyScope::{Chat, DocumentsRead, Search};

use serde_json::json;

use super::fastapi::{Body, Caller, FastApiError, Named, Visitor, told};
use crate::{
    app::{ask::whole, ports::Page},
    http::{HttpState, Route},
};

pub mod wire;

use wire::{
    AnswerBody, BaseBody, ChatBody, DocumentsBody, MessageBody, ResetBody, ResultsBody, SearchBody,
    says_it_in_a_text,
};

const TAG: &str = "AU-GURU";

pub(super) fn routes() -> Vec<Route> {
    let session = "/api/v1/chat/{session_id}";
    let asks = told(TAG, "Ask in a session")
        .answers::<AnswerBody>(200)
        .fails(&[404])
        .example(json!({ "message": "What is physical AI?" }));
    let tells = told(TAG, "The messages of a session").answers::<Vec<MessageBody>>(200);
    let resets = told(TAG, "Delete the messages of a session").answers::<ResetBody>(200);
    let lists = told(TAG, "The knowledge bases that you may read").answers::<Vec<BaseBody>>(200);
    let shows = told(TAG, "A knowledge base and its documents").answers::<DocumentsBody>(200);
    let searches = told(TAG, "Search without an answer")
        .answers::<ResultsBody>(200)
        .example(json!({ "query": "physical AI", "limit": 5 }));
    let history_of = "/api/v1/chat/{session_id}/history";
    vec![
        Route::described(Method::POST, "/api/v1/chat", Chat, chat, asks).taking(says_it_in_a_text),
        Route::described(Method::GET, history_of, Chat, history, tells),
        Route::described(Method::DELETE, session, Chat, reset, resets),
        Route::described(
            Method::GET,
            "/api/v1/knowledge",
            DocumentsRead,
            knowledge,
            lists,
        ),
        Route::described(
            Method::GET,
            "/api/v1/knowledge/{id}",
            DocumentsRead,
            base,
            shows,
        ),
        Route::described(
            Method::POST,
            "/api/v1/knowledge/search",
            Search,
            search,
            searches,
        ),
    ]
}

async fn chat(
    State(state): State<HttpState>,
    Visitor { caller, .. }: Visitor,
    Body(body): Body<ChatBody>,
) -> Result<Json<AnswerBody>, FastApiError> {
    let events = state.app.ask(&caller, &body.into()).await?;
    let answered = whole(events).await?;
    Ok(Json(AnswerBody::new(answered, state.app.clock.now())))
}

async fn history(
    State(state): State<HttpState>,
    Visitor { caller, .. }: Visitor,
    Named(id): Named,
) -> Result<Json<Vec<MessageBody>>, FastApiError> {
    let (_, messages) = state.app.whole_conversation(&caller, &id).await?;
    Ok(Json(messages.into_iter().map(MessageBody::from).collect()))
}

async fn reset(
    State(state): State<HttpState>,
    Visitor { caller, .. }: Visitor,
    Named(session_id): Named,
) -> Result<Json<ResetBody>, FastApiError> {
    state.app.delete_conversation(&caller, &session_id).await?;
    Ok(Json(ResetBody::new(session_id)))
}

async fn knowledge(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
) -> Result<Json<Vec<BaseBody>>, FastApiError> {
    let bases = state.app.knowledge_bases(&caller).await?;
    Ok(Json(bases.into_iter().map(BaseBody::from).collect()))
}

async fn base(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(id): Named,
) -> Result<Json<DocumentsBody>, FastApiError> {
    let base = state.app.knowledge_base(&caller, &id).await?;
    let page = Page::first();
    let documents = state.app.list_documents(&caller, Some(&id), &page).await?;
    Ok(Json(DocumentsBody::new(base, documents)))
}

async fn search(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Body(body): Body<SearchBody>,
) -> Result<Json<ResultsBody>, FastApiError> {
    let found = state.app.search(&caller, &body.0).await?;
    Ok(Json(ResultsBody::new(body.0.query, found)))
}

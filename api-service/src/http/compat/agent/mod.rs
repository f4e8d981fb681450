//! What the frontend of the agent backend speaks: questions, answers at once or
//! as they come, and conversations.

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::Response,
    routing::{delete, get, post},
};
use proto::api_key::KeyScope::{Chat, ConversationsInternalSave};

use super::fastapi::{Body, Caller, FastApiError, Named, Visitor};
use crate::{
    app::{ask::whole, ports::Page},
    http::{HttpState, Route, event_stream::sent},
};

mod stream;
pub mod wire;

use wire::{
    AnswerBody, ChatBody, ConversationBody, DeletedBody, MessagesBody, SaveBody, SavedBody,
    says_it_in_an_object,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/api/v1/chat", Chat, post(chat)).taking(says_it_in_an_object),
        Route::new(Method::POST, "/api/v1/chat/stream", Chat, post(chat_stream)),
        Route::new(
            Method::POST,
            "/api/v1/conversations/internal-save",
            ConversationsInternalSave,
            post(save),
        ),
        Route::new(
            Method::GET,
            "/api/v1/conversations",
            Chat,
            get(conversations),
        ),
        Route::new(
            Method::GET,
            "/api/v1/conversations/{id}",
            Chat,
            get(conversation),
        ),
        Route::new(
            Method::DELETE,
            "/api/v1/conversations/{id}",
            Chat,
            delete(forget),
        ),
    ]
}

async fn chat(
    State(state): State<HttpState>,
    Visitor { caller, .. }: Visitor,
    Body(body): Body<ChatBody>,
) -> Result<Json<AnswerBody>, FastApiError> {
    let events = state.app.ask(&body.asker(caller)?, &body.asked()).await?;
    let answered = whole(events).await?;
    Ok(Json(AnswerBody::new(answered, state.app.clock.now())))
}

async fn chat_stream(
    State(state): State<HttpState>,
    Visitor { caller, .. }: Visitor,
    Body(body): Body<ChatBody>,
) -> Result<Response, FastApiError> {
    let events = state.app.ask(&body.asker(caller)?, &body.asked()).await?;
    Ok(sent(stream::encoded(events)))
}

async fn save(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Body(body): Body<SaveBody>,
) -> Result<(StatusCode, Json<SavedBody>), FastApiError> {
    let saved = state.app.save_turn(&caller, body.0).await?;
    Ok((StatusCode::CREATED, Json(saved.into())))
}

async fn conversations(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
) -> Result<Json<Vec<ConversationBody>>, FastApiError> {
    let page = Page::first();
    let found = state.app.list_conversations(&caller, None, &page).await?;
    Ok(Json(
        found.into_iter().map(ConversationBody::from).collect(),
    ))
}

async fn conversation(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(id): Named,
) -> Result<Json<MessagesBody>, FastApiError> {
    let whole = state.app.whole_conversation(&caller, &id).await?;
    Ok(Json(whole.into()))
}

async fn forget(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(id): Named,
) -> Result<Json<DeletedBody>, FastApiError> {
    state.app.delete_conversation(&caller, &id).await?;
    Ok(Json(DeletedBody::new(id)))
}

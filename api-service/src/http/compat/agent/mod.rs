//! What the frontend of the agent backend speaks: questions, answers at once or
//! as they come, and conversations.

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};
use proto::api_key::KeyScope::{Chat, ConversationsInternalSave};

use serde_json::json;

use super::fastapi::{Body, Caller, FastApiError, Named, Visitor, told};
use crate::{
    app::{ask::whole, ports::Page},
    http::{
        HttpState, Route,
        event_stream::{MEDIA_TYPE, described, sent},
    },
};

mod stream;
pub mod wire;

use wire::{
    AnswerBody, ChatBody, ConversationBody, DeletedBody, EventBody, MessagesBody, SaveBody,
    SavedBody, says_it_in_an_object,
};

const TAG: &str = "Agent backend";

pub(super) fn routes() -> Vec<Route> {
    let question = json!({ "message": { "content": "What is physical AI?" } });
    let asks = told(TAG, "Ask; the whole answer at once")
        .answers::<AnswerBody>(200)
        .fails(&[404])
        .example(question.clone());
    let streams = told(TAG, "Ask; the answer as it comes")
        .answers_as(200, MEDIA_TYPE, described::<EventBody>)
        .fails(&[404])
        .example(question);
    let saves = told(TAG, "Save what another service asked and answered")
        .answers::<SavedBody>(201)
        .fails(&[404])
        .example(json!({ "user_id": "123", "query": "When?", "response": "At nine." }));
    let lists = told(TAG, "Your last conversations").answers::<Vec<ConversationBody>>(200);
    let shows = told(TAG, "A conversation and its messages").answers::<MessagesBody>(200);
    let forgets = told(TAG, "Delete a conversation").answers::<DeletedBody>(200);
    let save_at = "/api/v1/conversations/internal-save";
    let one = "/api/v1/conversations/{id}";
    vec![
        Route::described(Method::POST, "/api/v1/chat", Chat, chat, asks)
            .taking(says_it_in_an_object),
        Route::described(
            Method::POST,
            "/api/v1/chat/stream",
            Chat,
            chat_stream,
            streams,
        ),
        Route::described(
            Method::POST,
            save_at,
            ConversationsInternalSave,
            save,
            saves,
        ),
        Route::described(
            Method::GET,
            "/api/v1/conversations",
            Chat,
            conversations,
            lists,
        ),
        Route::described(Method::GET, one, Chat, conversation, shows),
        Route::described(Method::DELETE, one, Chat, forget, forgets),
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

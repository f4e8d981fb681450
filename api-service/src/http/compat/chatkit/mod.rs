//! What `ChatKit` speaks to a server of one's own: one endpoint, whose requests
//! are told apart by their `type`, and one for files. Threads are conversations,
//! items are messages, attachments are documents in the caller's own knowledge
//! base.

mod attachments;
mod error;
mod request {
    //! Requests.
    pub(super) mod wire;
}
mod stream;
mod threads;
mod wire;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::Method,
    response::Response,
    routing::post,
};
use proto::api_key::KeyScope::{Chat, DocumentsWrite};

use crate::{
    app::{ask::Asked, search::Within},
    domain::{document::DocumentId, filter::DocumentFilter, principal::Principal},
    http::{HttpState, Route, extract::CallerOr, own_origin::OwnOrigin},
};
use error::ChatKitError;
use request::wire::{AskingBody, InputBody, RequestBody};

type Caller = CallerOr<ChatKitError>;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/chatkit", Chat, post(chatkit)),
        Route::new(
            Method::POST,
            attachments::PATH,
            DocumentsWrite,
            post(attachments::upload),
        ),
    ]
}

async fn chatkit(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    OwnOrigin(origin): OwnOrigin,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ChatKitError> {
    let body = body.map_err(|rejection| ChatKitError::unread(rejection.status()))?;
    match RequestBody::read(&body)? {
        RequestBody::Asking(asking) => ask(&state, &caller, asking).await,
        RequestBody::Threads(threads) => threads::threads(&state, &caller, threads).await,
        RequestBody::Items(items) => threads::items(&state, &caller, items).await,
        RequestBody::Attachments(about) => {
            attachments::attachments(&state, &caller, &origin, about).await
        }
    }
}

async fn ask(
    state: &HttpState,
    caller: &Principal,
    asking: AskingBody,
) -> Result<Response, ChatKitError> {
    let (asked, told) = match asking {
        AskingBody::Create { input } => question(state, caller, None, input).await?,
        AskingBody::Add { thread_id, input } => {
            question(state, caller, Some(thread_id), input).await?
        }
        AskingBody::Retry { thread_id, item_id } => again(state, thread_id, item_id),
    };
    match state.app.ask(caller, &asked).await {
        Ok(events) => Ok(stream::answer(told, events)),
        Err(error) => stream::refusal(error),
    }
}

/// A new question, in a thread or in a new one.
async fn question(
    state: &HttpState,
    caller: &Principal,
    thread: Option<String>,
    input: InputBody,
) -> Result<(Asked, stream::Asked), ChatKitError> {
    let attached = state.app.attached(caller, &input.attachments).await?;
    let ids = attached.iter().map(|document| document.id.clone());
    let asked = Asked {
        message: input.message(),
        conversation_id: thread,
        within: within(ids.collect()),
        ..Asked::default()
    };
    let told = stream::Asked {
        begins: asked.conversation_id.is_none(),
        question: Some(asked.message.clone()),
        at: state.app.clock.now(),
        attached,
    };
    Ok((asked, told))
}

/// These documents alone, or all where there are none.
fn within(documents: Vec<DocumentId>) -> Within {
    Within {
        filter: DocumentFilter {
            documents,
            ..DocumentFilter::default()
        },
        ..Within::default()
    }
}

/// The question of an item once more.
fn again(state: &HttpState, thread: String, item: String) -> (Asked, stream::Asked) {
    let asked = Asked {
        conversation_id: Some(thread),
        replaces: Some(item),
        ..Asked::default()
    };
    let told = stream::Asked {
        at: state.app.clock.now(),
        ..stream::Asked::default()
    };
    (asked, told)
}

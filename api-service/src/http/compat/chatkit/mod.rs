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
};
use proto::api_key::KeyScope::{Chat, DocumentsWrite};
use serde_json::json;

use crate::{
    app::{ask::Asked, search::Within},
    domain::{document::DocumentId, filter::DocumentFilter, principal::Principal},
    http::{
        HttpState, Operation, Route,
        event_stream::{MEDIA_TYPE, described},
        extract::CallerOr,
        own_origin::OwnOrigin,
    },
};
use error::ChatKitError;
use request::wire::{AskingBody, InputBody, RequestBody};
use stream::wire::EventWire;
use wire::AttachmentWire;

type Caller = CallerOr<ChatKitError>;

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation {
    Operation::new::<ChatKitError>("ChatKit", summary)
}

pub(super) fn routes() -> Vec<Route> {
    let speaks = told("Every request of ChatKit, by its `type`")
        .takes("application/json", RequestBody::shape)
        .answers_as(200, "application/json", wire::shape)
        .answers_as(200, MEDIA_TYPE, described::<EventWire>)
        .fails(&[400, 404, 409, 413, 415, 422])
        .example(json!({ "type": "threads.list", "params": { "limit": 20 } }));
    let uploads = told("The file of an attachment")
        .takes("multipart/form-data", attachments::form)
        .reads(&["attachment_id"])
        .answers::<AttachmentWire>(200)
        .fails(&[400, 404, 409, 413, 415, 422]);
    let path = attachments::PATH;
    vec![
        Route::described(Method::POST, "/chatkit", Chat, chatkit, speaks),
        Route::described(
            Method::POST,
            path,
            DocumentsWrite,
            attachments::upload,
            uploads,
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

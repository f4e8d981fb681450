//! What `useChat` of the AI SDK speaks: the UI message stream, version 1
//! (<https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol>).
//!
//! The id of a chat, which the page chooses, names a conversation of the
//! caller's. A message that is sent again with its id, and one whose answer is
//! generated anew, are told by their place among the messages, which come all of
//! them each time.

mod encoding;
mod error;
pub mod wire;

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::Chat;
use serde_json::json;

use crate::{
    app::ask::Events,
    domain::principal::Principal,
    http::{
        HttpState, Operation, Route,
        event_stream::{MEDIA_TYPE, described_until_done, encoded},
        extract::CallerOr,
    },
};
use encoding::{Message, streamed};
use error::{AiSdkError, Body, Named};
use wire::{ChatBody, PartWire};

type Caller = CallerOr<AiSdkError>;

/// By this clients know the protocol and its version.
const PROTOCOL: HeaderName = HeaderName::from_static("x-vercel-ai-ui-message-stream");

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation {
    let told = Operation::new::<AiSdkError>("AI SDK", summary);
    told.answers_as(200, MEDIA_TYPE, described_until_done::<PartWire>)
}

pub(super) fn routes() -> Vec<Route> {
    let asks = told("Ask; the answer as a UI message stream")
        .fails(&[404])
        .example(json!({
            "id": "chat-1",
            "messages": [{
                "id": "message-1",
                "role": "user",
                "parts": [{ "type": "text", "text": "When do you open?" }],
            }],
            "trigger": "submit-message",
        }));
    let goes_on = told("The answer that is being made in a chat").answers_nothing(204);
    let resumed = "/v1/ui/chat/{id}/stream";
    vec![
        Route::described(Method::POST, "/v1/ui/chat", Chat, chat, asks),
        Route::described(Method::GET, resumed, Chat, resume, goes_on),
    ]
}

async fn chat(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Body(body): Body<ChatBody>,
) -> Result<Response, AiSdkError> {
    let events = state.app.ask(&caller, &body.asked()?).await?;
    Ok(stream(&state, caller, events))
}

/// The answer that is being made in a chat, from its beginning; 204 where there
/// is none.
async fn resume(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(name): Named,
) -> Result<Response, AiSdkError> {
    Ok(match state.app.resume_named(&caller, &name).await? {
        Some(events) => stream(&state, caller, events),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn stream(state: &HttpState, caller: Principal, events: Events) -> Response {
    let answer = state.placed(caller, events);
    let mut response = encoded(answer, Message::default(), streamed);
    let version = HeaderValue::from_static("v1");
    response.headers_mut().insert(PROTOCOL, version);
    response
}

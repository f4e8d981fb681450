//! An answer, whole or as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    http::{HeaderName, HeaderValue, header::CACHE_CONTROL},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt};
use proto::error_kind::ErrorKind;
use service_kit::problem::Problem;

use super::{
    super::problem::V1Error,
    wire::{AnswerWire, EventWire},
};
use crate::{
    app::ask::Events,
    domain::answer::{AnswerEvent, Numbered},
};

/// A comment goes out at least this often, so that no proxy takes a slow
/// answer for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The answer as one JSON body, once it is whole.
pub(super) async fn whole(mut events: Events) -> Result<Response, V1Error> {
    let mut ids = (String::new(), String::new());
    while let Some(told) = events.next().await {
        match told.event {
            AnswerEvent::Started {
                conversation_id,
                message_id,
                ..
            } => {
                ids = (conversation_id.0, message_id);
            }
            AnswerEvent::Completed(answer) => {
                return Ok(Json(AnswerWire::new(answer, ids.0, ids.1)).into_response());
            }
            AnswerEvent::Failed { code, message } => return Err(broke_off(code, message).into()),
            _ => {}
        }
    }
    let message = "The answer broke off; ask again.".to_owned();
    Err(broke_off("answer_broke_off", message).into())
}

fn broke_off(code: &'static str, message: String) -> Problem {
    Problem::new(ErrorKind::Unavailable, code, message).after(1)
}

/// The answer as it comes, in the native encoding: an event's name is its kind,
/// its id its number, its data a JSON object.
pub(in crate::http::v1) fn events(events: Events) -> Response {
    sent(events.map(encode))
}

/// Events as a response that no proxy keeps back or takes for dead.
pub(in crate::http::v1) fn sent(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let stream = events.map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(stream).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    // nginx would otherwise collect the events before it sends them on.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn encode(told: Numbered) -> Event {
    let event = EventWire::from(told.event);
    let data = serde_json::to_string(&event).unwrap_or_default();
    let number = told.number.to_string();
    Event::default().id(number).event(event.name()).data(data)
}

//! An answer as server-sent events.

use axum::response::{Response, sse::Event};
use futures::StreamExt;

use super::wire::EventWire;
use crate::{app::ask::Events, domain::answer::Numbered, http::event_stream::sent};

/// The answer as it comes, in the native encoding: an event's name is its kind,
/// its id its number, its data a JSON object.
pub(in crate::http::v1) fn events(events: Events) -> Response {
    sent(events.map(encode))
}

fn encode(told: Numbered) -> Event {
    let event = EventWire::from(told.event);
    let data = serde_json::to_string(&event).unwrap_or_default();
    let number = told.number.to_string();
    Event::default().id(number).event(event.name()).data(data)
}

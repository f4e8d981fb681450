//! An answer as this surface's events: pieces, then the whole text.

use axum::response::sse::Event;
use futures::{Stream, StreamExt};

use super::wire::EventBody;
use crate::{app::ask::Events, domain::answer::AnswerEvent};

/// The events that this surface has a word for.
pub(super) fn encoded(events: Events) -> impl Stream<Item = Event> + Send {
    events.filter_map(|told| std::future::ready(encode(told.event)))
}

fn encode(event: AnswerEvent) -> Option<Event> {
    let body = match event {
        AnswerEvent::Delta(text) => EventBody::partial(text),
        AnswerEvent::Completed(answer) => EventBody::success(answer.text),
        AnswerEvent::Failed { message, .. } => EventBody::error(message),
        _ => return None,
    };
    let data = serde_json::to_string(&body).unwrap_or_default();
    Some(Event::default().data(data))
}

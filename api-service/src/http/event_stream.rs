//! Server-sent events, however a surface words them.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, header::CACHE_CONTROL},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, future::ready, stream};
use schemars::JsonSchema;
use serde_json::{Value, json};
use service_kit::openapi::Schemas;

use super::source_places::Placed;

/// A comment goes out at least this often, so that no proxy takes a slow
/// answer for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What a document says of a stream of events with `T` as their data.
pub fn described<T: JsonSchema>(schemas: &mut Schemas) -> Value {
    json!({
        "type": "object",
        "description": "Each of the server-sent events.",
        "properties": {
            "event": { "type": "string" },
            "id": { "type": "string" },
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": schemas.sent::<T>(),
            },
        },
        "required": ["data"],
    })
}

/// The same of a stream whose last data is the word `[DONE]`.
pub fn described_until_done<T: JsonSchema>(schemas: &mut Schemas) -> Value {
    let mut described = described::<T>(schemas);
    let data = described["properties"]["data"].take();
    described["properties"]["data"] = json!({ "anyOf": [{ "const": "[DONE]" }, data] });
    described
}

/// The content type of such streams.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// An answer as what `encode` makes of its events, one after the other.
pub fn encoded<E: Send + 'static>(
    answer: impl Stream<Item = Placed> + Send + 'static,
    encoder: E,
    encode: fn(&mut E, Placed) -> Vec<Event>,
) -> Response {
    let events = answer.scan(encoder, move |encoder, told| {
        ready(Some(stream::iter(encode(encoder, told))))
    });
    sent(events.flatten())
}

/// Events as a response that no proxy keeps back or takes for dead.
pub fn sent(events: impl Stream<Item = Event> + Send + 'static) -> Response {
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

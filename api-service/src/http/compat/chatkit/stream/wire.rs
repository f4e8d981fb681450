//! The events of a stream, as openai-chatkit 1.6.5 has them.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::wire::{AnnotationWire, ContentWire, ItemWire, ThreadWire};

/// An event.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type")]
#[schemars(rename = "ChatKitStreamEvent")]
pub(in crate::http::compat::chatkit) enum EventWire {
    /// A thread begins.
    #[serde(rename = "thread.created")]
    Created { thread: ThreadWire },
    /// An item is whole.
    #[serde(rename = "thread.item.done")]
    Done { item: ItemWire },
    /// What a reader may do.
    #[serde(rename = "stream_options")]
    Options { stream_options: OptionsWire },
    /// What is being done.
    #[serde(rename = "progress_update")]
    Progress { icon: &'static str, text: String },
    /// An item begins.
    #[serde(rename = "thread.item.added")]
    Added { item: ItemWire },
    /// There is more of an item.
    #[serde(rename = "thread.item.updated")]
    Updated { item_id: String, update: UpdateWire },
    /// What a reader should know.
    #[serde(rename = "notice")]
    Notice {
        level: &'static str,
        message: String,
    },
    /// It ends here.
    #[serde(rename = "error")]
    Failed {
        code: &'static str,
        message: String,
        allow_retry: bool,
    },
}

/// What a reader may do with a stream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatKitStreamOptions")]
pub(in crate::http::compat::chatkit) struct OptionsWire {
    pub(super) allow_cancel: bool,
}

/// What comes to an answer, whose only part is its text.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type")]
#[schemars(rename = "ChatKitStreamUpdate")]
pub(in crate::http::compat::chatkit) enum UpdateWire {
    /// The text begins.
    #[serde(rename = "assistant_message.content_part.added")]
    PartAdded {
        content_index: usize,
        content: ContentWire,
    },
    /// There is more of it.
    #[serde(rename = "assistant_message.content_part.text_delta")]
    TextDelta { content_index: usize, delta: String },
    /// A place in it rests on a source.
    #[serde(rename = "assistant_message.content_part.annotation_added")]
    AnnotationAdded {
        content_index: usize,
        annotation_index: usize,
        annotation: AnnotationWire,
    },
    /// It is whole.
    #[serde(rename = "assistant_message.content_part.done")]
    PartDone {
        content_index: usize,
        content: ContentWire,
    },
}

//! The JSON of conversations and messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    chat::wire::{CitationWire, UsageWire, wires},
    wire::{SourceWire, SpanWire, numbered},
};
use crate::{
    app::conversations::Whole,
    domain::conversation::{Answered, Conversation, Feedback, Message, Rating},
    http::moment::rfc_3339,
};

/// The query of `GET /v1/conversations`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ConversationsQuery {
    /// Words that the title or a message has.
    pub(super) q: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub(super) after: String,
    /// How many, from 1 to 100.
    #[serde(default = "default_page")]
    pub(super) limit: usize,
}

/// The query of `GET /v1/conversations/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MessagesQuery {
    /// The `next` of the page before.
    #[serde(default)]
    pub(super) after: String,
    /// How many messages, from 1 to 100.
    #[serde(default = "most")]
    pub(super) limit: usize,
}

/// The query of `GET /v1/messages/{id}/events`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct EventsQuery {
    /// The number of the last event that was seen.
    pub(super) after: Option<usize>,
}

const fn default_page() -> usize {
    50
}

const fn most() -> usize {
    100
}

/// The body of `PATCH /v1/conversations/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConversationChange")]
pub(super) struct RenameBody {
    /// The new title.
    pub(super) title: String,
}

/// The body of `PUT /v1/messages/{id}/feedback`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewFeedback")]
pub(super) struct FeedbackBody {
    rating: RatingWord,
    #[serde(default)]
    reason: String,
}

/// Whether an answer was of use.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Rating")]
enum RatingWord {
    Up,
    Down,
}

impl From<FeedbackBody> for Feedback {
    fn from(body: FeedbackBody) -> Self {
        Self {
            rating: match body.rating {
                RatingWord::Up => Rating::Up,
                RatingWord::Down => Rating::Down,
            },
            reason: body.reason,
        }
    }
}

/// How many conversations were deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeletedConversations")]
pub(super) struct DeletedWire {
    /// How many.
    pub(super) deleted: u64,
}

/// A conversation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Conversation")]
pub(super) struct ConversationWire {
    id: String,
    title: String,
    created_at: String,
    updated_at: String,
}

impl From<Conversation> for ConversationWire {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.0,
            title: conversation.title,
            created_at: rfc_3339(conversation.created_at),
            updated_at: rfc_3339(conversation.updated_at),
        }
    }
}

/// A page of conversations.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConversationPage")]
pub(super) struct ConversationsWire {
    conversations: Vec<ConversationWire>,
    /// What the next page comes after; none after the last one.
    next: Option<String>,
}

impl ConversationsWire {
    pub(super) fn new(found: Vec<Conversation>, limit: usize) -> Self {
        let last = found.last().map(|last| last.id.0.clone());
        Self {
            next: last.filter(|_| found.len() == limit),
            conversations: found.into_iter().map(Into::into).collect(),
        }
    }
}

/// A conversation with a page of its messages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WholeConversation")]
pub(super) struct WholeWire {
    #[serde(flatten)]
    conversation: ConversationWire,
    messages: Vec<MessageWire>,
    /// What the next page comes after; none after the last one.
    next: Option<String>,
}

impl WholeWire {
    pub(super) fn new((conversation, messages): Whole, limit: usize) -> Self {
        let last = messages.last().map(|last| last.id.clone());
        Self {
            conversation: conversation.into(),
            next: last.filter(|_| messages.len() == limit),
            messages: messages.into_iter().map(Into::into).collect(),
        }
    }
}

/// A message.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Message")]
struct MessageWire {
    id: String,
    /// `user` or `assistant`.
    role: &'static str,
    content: String,
    created_at: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    answer: Option<AnsweredWire>,
}

/// What an answer has beside its text.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MessageAnswer")]
struct AnsweredWire {
    kind: &'static str,
    /// Why it ended before its end.
    broken: Option<String>,
    sources: Vec<SourceWire>,
    citations: Vec<CitationWire>,
    /// The sentences that no source supports, in bytes of the content.
    unsupported: Vec<SpanWire>,
    model: Option<String>,
    usage: UsageWire,
    feedback: Option<FeedbackWire>,
}

/// What a reader thought of an answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Feedback")]
struct FeedbackWire {
    rating: &'static str,
    reason: String,
}

impl From<Message> for MessageWire {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            role: message.speaker.as_str(),
            content: message.content,
            created_at: rfc_3339(message.created_at),
            answer: message.answer.map(Into::into),
        }
    }
}

impl From<Answered> for AnsweredWire {
    fn from(answered: Answered) -> Self {
        Self {
            kind: answered.kind.as_str(),
            broken: answered.broken,
            sources: numbered(answered.sources),
            citations: wires(answered.evidence.citations),
            unsupported: wires(answered.evidence.unsupported),
            model: answered.model,
            usage: answered.usage.into(),
            feedback: answered.feedback.map(|feedback| FeedbackWire {
                rating: feedback.rating.as_str(),
                reason: feedback.reason,
            }),
        }
    }
}

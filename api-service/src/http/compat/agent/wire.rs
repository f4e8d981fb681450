//! The JSON of this surface.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use service_kit::clock::Millis;

use super::super::fastapi::{Fields, FromFields, question};
use crate::{
    app::{
        ask::{Answered, Asked},
        conversations::Whole,
        error::Error,
        save_turn::{SavedTurn, speaking_for},
    },
    domain::{
        conversation::{Conversation, ConversationId, Message},
        principal::Principal,
    },
    http::moment::rfc_3339,
};

/// Whether a body's message is an object: another origin's frontend sends a
/// text to the same path.
pub fn says_it_in_an_object(body: &[u8]) -> bool {
    let body = serde_json::from_slice::<Value>(body);
    body.is_ok_and(|body| body["message"].is_object())
}

/// The body of `POST /api/v1/chat` and `POST /api/v1/chat/stream`.
pub struct ChatBody {
    message: ChatMessage,
}

#[derive(Default)]
struct ChatMessage {
    content: String,
    user_id: Option<String>,
}

impl FromFields for ChatBody {
    fn read(fields: &mut Fields) -> Self {
        let message = fields.object("message");
        Self {
            message: message.unwrap_or_default(),
        }
    }
}

/// `metadata` says which part of the book the page is about; an answer is
/// looked for in all of it.
impl FromFields for ChatMessage {
    fn read(fields: &mut Fields) -> Self {
        Self {
            content: question(fields, "content"),
            user_id: fields.optional_text("user_id"),
        }
    }
}

impl ChatBody {
    /// Who asks: the user whom a service names, or else whoever sent it. A page
    /// can name anybody, and is not believed.
    pub fn asker(&self, caller: Principal) -> Result<Principal, Error> {
        match &self.message.user_id {
            Some(user) if caller.speaks_for_others() => speaking_for(&caller, user),
            _ => Ok(caller),
        }
    }

    /// What is asked.
    pub fn asked(&self) -> Asked {
        Asked {
            message: self.message.content.clone(),
            ..Asked::default()
        }
    }
}

/// What a message answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentAnswer")]
pub struct AnswerBody {
    response: ResponseBody,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentResponse")]
struct ResponseBody {
    content: String,
    message_id: String,
    timestamp: String,
    status: &'static str,
    conversation_id: String,
}

impl AnswerBody {
    /// The answer that was whole at this time.
    pub fn new(answered: Answered, now: Millis) -> Self {
        Self {
            response: ResponseBody {
                content: answered.answer.text,
                message_id: answered.message_id,
                timestamp: rfc_3339(now),
                status: "success",
                conversation_id: answered.conversation_id.0,
            },
        }
    }
}

/// An event of the stream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentEvent")]
pub struct EventBody {
    content: String,
    status: &'static str,
}

impl EventBody {
    /// The next piece.
    pub const fn partial(content: String) -> Self {
        let status = "partial";
        Self { content, status }
    }

    /// The whole answer.
    pub const fn success(content: String) -> Self {
        let status = "success";
        Self { content, status }
    }

    /// Why there is no more of it.
    pub const fn error(content: String) -> Self {
        let status = "error";
        Self { content, status }
    }
}

/// The body of `POST /api/v1/conversations/internal-save`.
pub struct SaveBody(pub SavedTurn);

impl FromFields for SaveBody {
    fn read(fields: &mut Fields) -> Self {
        Self(SavedTurn {
            user_id: fields.text("user_id"),
            question: question(fields, "query"),
            answer: fields.text("response"),
        })
    }
}

/// What is answered where it was saved.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentSaved")]
pub struct SavedBody {
    status: &'static str,
    id: String,
}

impl From<ConversationId> for SavedBody {
    fn from(id: ConversationId) -> Self {
        Self {
            status: "success",
            id: id.0,
        }
    }
}

/// A conversation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentConversation")]
pub struct ConversationBody {
    id: String,
    title: String,
    created_at: String,
    updated_at: String,
}

impl From<Conversation> for ConversationBody {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.0,
            title: conversation.title,
            created_at: rfc_3339(conversation.created_at),
            updated_at: rfc_3339(conversation.updated_at),
        }
    }
}

/// A conversation with its messages, oldest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentMessages")]
pub struct MessagesBody {
    #[serde(flatten)]
    conversation: ConversationBody,
    messages: Vec<MessageBody>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentMessage")]
struct MessageBody {
    id: String,
    role: &'static str,
    content: String,
    timestamp: String,
}

impl From<Whole> for MessagesBody {
    fn from((conversation, messages): Whole) -> Self {
        Self {
            conversation: conversation.into(),
            messages: messages.into_iter().map(MessageBody::from).collect(),
        }
    }
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            role: message.speaker.as_str(),
            content: message.content,
            timestamp: rfc_3339(message.created_at),
        }
    }
}

/// What is answered where a conversation was deleted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentDeleted")]
pub struct DeletedBody {
    message: &'static str,
    id: String,
}

impl DeletedBody {
    /// That this conversation is gone.
    pub const fn new(id: String) -> Self {
        Self {
            message: "Conversation deleted",
            id,
        }
    }
}

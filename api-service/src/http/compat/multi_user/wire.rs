//! The JSON of this surface.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::fastapi::{Fields, FromFields, question};
use crate::{
    app::ask::{Answered, Asked, Otherwise},
    domain::{chunk::Passage, conversation::Conversation, document::Document, job::JobState},
    http::moment::rfc_3339,
};

/// The longest name of a session, in characters.
const LONGEST_NAME: usize = 200;

/// The body of `POST /chat/query`.
pub struct QueryBody {
    query: String,
    /// The session, under any name that the client chose.
    pub session_id: Option<String>,
}

impl FromFields for QueryBody {
    fn read(fields: &mut Fields) -> Self {
        let query = question(fields, "query");
        let session_id = fields.optional_text("session_id");
        let length = session_id.as_ref().map_or(0, |name| name.chars().count());
        if length > LONGEST_NAME {
            let message = format!("String should have at most {LONGEST_NAME} characters");
            fields.fault("session_id", "string_too_long", &message);
        }
        Self {
            query,
            session_id: session_id.filter(|name| !name.is_empty()),
        }
    }
}

impl QueryBody {
    /// What is asked. A session that the client names is made where it is
    /// missing, as the original does.
    pub fn asked(&self) -> Asked {
        Asked {
            message: self.query.clone(),
            conversation_id: self.session_id.clone(),
            otherwise: Otherwise::BeginNamed,
            ..Asked::default()
        }
    }
}

/// What a query answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserAnswer")]
pub struct AnswerBody {
    answer: String,
    session_id: String,
    sources: Vec<SourceBody>,
}

impl AnswerBody {
    /// The answer in the session that the client named, or in the one that was
    /// begun.
    pub fn new(session_id: Option<String>, answered: Answered) -> Self {
        let sources = answered.answer.sources.iter().cloned();
        Self {
            sources: sources.map(SourceBody::from).collect(),
            answer: answered.answer.text,
            session_id: session_id.unwrap_or(answered.conversation_id.0),
        }
    }
}

/// A source, as `LangChain` tells of one; the first is `[1]` in the answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserSource")]
struct SourceBody {
    page_content: String,
    metadata: MetadataBody,
    score: f64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserMetadata")]
struct MetadataBody {
    source: String,
    title: String,
    heading: String,
    page: Option<u32>,
    document_id: String,
}

impl From<Passage> for SourceBody {
    fn from(passage: Passage) -> Self {
        Self {
            page_content: passage.text,
            metadata: MetadataBody {
                source: passage.path,
                title: passage.title,
                heading: passage.heading,
                page: passage.page,
                document_id: passage.document_id.0,
            },
            score: passage.score,
        }
    }
}

/// A session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserSession")]
pub struct SessionBody {
    id: String,
    session_id: String,
    title: String,
    created_at: String,
    updated_at: String,
}

impl From<Conversation> for SessionBody {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.0.clone(),
            session_id: conversation.id.0,
            title: conversation.title,
            created_at: rfc_3339(conversation.created_at),
            updated_at: rfc_3339(conversation.updated_at),
        }
    }
}

/// A document, and whether it can be asked about yet.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserDocument")]
pub struct DocumentBody {
    id: String,
    title: String,
    filename: String,
    is_processed: bool,
    status: &'static str,
    /// Why it can't be processed, if it can't: a stable code.
    error: Option<String>,
    created_at: String,
}

impl From<Document> for DocumentBody {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.0,
            title: document.title,
            filename: document.path,
            is_processed: document.job.state == JobState::Ready,
            status: document.job.state.as_str(),
            error: document.job.failure.map(|failure| failure.code),
            created_at: rfc_3339(document.created_at),
        }
    }
}

/// What is answered where a document was deleted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserDeleted")]
pub struct DeletedBody {
    message: &'static str,
    id: String,
}

impl DeletedBody {
    /// That this document is gone.
    pub const fn new(id: String) -> Self {
        Self {
            message: "Document deleted successfully",
            id,
        }
    }
}

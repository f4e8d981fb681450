//! The JSON of this surface. Its document shows the chat's; of the knowledge
//! bases it names the routes alone.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use service_kit::clock::Millis;

use super::super::fastapi::{Fields, FromFields, question};
use crate::{
    app::{
        ask::{Answered, Asked, Otherwise},
        search::{Search, Within},
    },
    domain::{
        chunk::Passage, conversation::Message, document::Document, knowledge_base::KnowledgeBase,
    },
    http::moment::rfc_3339,
};

/// How many passages a search gives where nothing is said, and at most.
const RESULTS: i64 = 5;
const MOST_RESULTS: i64 = 50;

/// Whether a body's message is a text: another origin's frontend sends an
/// object to the same path.
pub fn says_it_in_a_text(body: &[u8]) -> bool {
    let body = serde_json::from_slice::<Value>(body);
    body.is_ok_and(|body| body["message"].is_string())
}

/// The body of `POST /api/v1/chat/`.
pub struct ChatBody {
    message: String,
    session_id: Option<String>,
}

impl FromFields for ChatBody {
    fn read(fields: &mut Fields) -> Self {
        Self {
            message: question(fields, "message"),
            session_id: fields.optional_text("session_id"),
        }
    }
}

/// A session that is not there, or somebody else's, is begun anew under an id
/// of its own, as the original does.
impl From<ChatBody> for Asked {
    fn from(body: ChatBody) -> Self {
        Self {
            message: body.message,
            conversation_id: body.session_id,
            otherwise: Otherwise::BeginAnother,
            ..Self::default()
        }
    }
}

/// What a message answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruAnswer")]
pub struct AnswerBody {
    response: String,
    session_id: String,
    timestamp: String,
    message_id: String,
    sources: Vec<PassageBody>,
}

impl AnswerBody {
    /// The answer that was whole at this time.
    pub fn new(answered: Answered, now: Millis) -> Self {
        let sources = answered.answer.sources.iter().cloned();
        Self {
            sources: sources.map(PassageBody::from).collect(),
            response: answered.answer.text,
            session_id: answered.conversation_id.0,
            timestamp: rfc_3339(now),
            message_id: answered.message_id,
        }
    }
}

/// A message of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruMessage")]
pub struct MessageBody {
    role: &'static str,
    content: String,
    timestamp: String,
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        Self {
            role: message.speaker.as_str(),
            content: message.content,
            timestamp: rfc_3339(message.created_at),
        }
    }
}

/// What is answered where a session was reset: the frontend reads it as JSON.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruReset")]
pub struct ResetBody {
    message: &'static str,
    session_id: String,
}

impl ResetBody {
    /// That this session is gone.
    pub const fn new(session_id: String) -> Self {
        Self {
            message: "Session reset successfully",
            session_id,
        }
    }
}

/// A knowledge base.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruBase")]
pub struct BaseBody {
    id: String,
    name: String,
    visibility: &'static str,
    created_at: String,
}

impl From<KnowledgeBase> for BaseBody {
    fn from(base: KnowledgeBase) -> Self {
        Self {
            id: base.id.0,
            name: base.name,
            visibility: base.visibility.as_str(),
            created_at: rfc_3339(base.created_at),
        }
    }
}

/// A knowledge base with its first hundred documents.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruDocuments")]
pub struct DocumentsBody {
    #[serde(flatten)]
    base: BaseBody,
    documents: Vec<DocumentBody>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruDocument")]
struct DocumentBody {
    id: String,
    title: String,
    path: String,
    status: &'static str,
    updated_at: String,
}

impl DocumentsBody {
    /// This knowledge base with these documents.
    pub fn new(base: KnowledgeBase, documents: Vec<Document>) -> Self {
        let documents = documents.into_iter().map(|document| DocumentBody {
            id: document.id.0,
            title: document.title,
            path: document.path,
            status: document.job.state.as_str(),
            updated_at: rfc_3339(document.updated_at),
        });
        Self {
            base: base.into(),
            documents: documents.collect(),
        }
    }
}

/// The body of `POST /api/v1/knowledge/search`.
pub struct SearchBody(pub Search);

impl FromFields for SearchBody {
    fn read(fields: &mut Fields) -> Self {
        let query = question(fields, "query");
        let limit = fields.integer("limit", 1..=MOST_RESULTS);
        Self(Search {
            query,
            limit: usize::try_from(limit.unwrap_or(RESULTS)).unwrap_or_default(),
            within: Within::default(),
        })
    }
}

/// What a search found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruResults")]
pub struct ResultsBody {
    query: String,
    results: Vec<PassageBody>,
}

/// A passage. The first one of an answer is `[1]` there.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruPassage")]
struct PassageBody {
    id: String,
    document_id: String,
    title: String,
    path: String,
    content: String,
    score: f64,
}

impl ResultsBody {
    /// What was found for this query.
    pub fn new(query: String, found: Vec<Passage>) -> Self {
        Self {
            query,
            results: found.into_iter().map(PassageBody::from).collect(),
        }
    }
}

impl From<Passage> for PassageBody {
    fn from(passage: Passage) -> Self {
        Self {
            id: passage.chunk_id.0,
            document_id: passage.document_id.0,
            title: passage.title,
            path: passage.path,
            content: passage.text,
            score: passage.score,
        }
    }
}

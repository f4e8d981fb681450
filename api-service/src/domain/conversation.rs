//! Conversations: what was asked and answered, in order.

use service_kit::clock::Millis;

use super::{
    answer::{AnswerKind, Evidence, TokenUsage},
    chunk::Passage,
    document::DocumentId,
};

/// A conversation's id (UUIDv7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationId(pub String);

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    User,
    /// The system.
    Assistant,
}

impl Speaker {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// The speaker that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Assistant]
            .into_iter()
            .find(|speaker| speaker.as_str() == word)
    }
}

/// A message of a conversation so far, as the prompt needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub speaker: Speaker,
    /// What they said.
    pub content: String,
}

/// A conversation, without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its title.
    pub title: String,
    /// When it began.
    pub created_at: Millis,
    /// When something was last said in it.
    pub updated_at: Millis,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id (UUIDv7).
    pub id: String,
    /// Who said it.
    pub speaker: Speaker,
    /// What they said.
    pub content: String,
    /// When.
    pub created_at: Millis,
    /// The documents alone that a question was put to; none for all.
    pub documents: Vec<DocumentId>,
    /// What belongs to an answer alone.
    pub answer: Option<Answered>,
}

/// What belongs to an answer that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// How it was made.
    pub kind: AnswerKind,
    /// Why it ended before its end: a stable code.
    pub broken: Option<String>,
    /// The language model that wrote it, if one did.
    pub model: Option<String>,
    /// What that has used.
    pub usage: TokenUsage,
    /// The passages that it may cite, numbered from 1, as they stood then.
    pub sources: Vec<Passage>,
    /// What its sentences rest on.
    pub evidence: Evidence,
    /// What its reader thought of it.
    pub feedback: Option<Feedback>,
}

/// What of a conversation is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// This message, and what follows it.
    From(String),
    /// What follows this message.
    After(String),
}

/// A question that is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The conversation that it belongs to.
    pub conversation_id: ConversationId,
    /// The title of the conversation where it begins here.
    pub begins: Option<String>,
    /// What this takes the place of, if of anything.
    pub replaces: Option<Replaced>,
    /// The question's id as a message.
    pub question_id: String,
    /// The question, unless it stands in the conversation already.
    pub question: Option<String>,
    /// The documents alone that it is put to; none for all.
    pub documents: Vec<DocumentId>,
    /// The id that the answer will have.
    pub answer_id: String,
    /// How many conversations their owner keeps; the oldest go.
    pub retention: usize,
}

/// An answer that is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAnswer {
    /// Its id (UUIDv7).
    pub id: String,
    /// The conversation that it belongs to.
    pub conversation_id: ConversationId,
    /// Its text.
    pub content: String,
    /// What else is known of it.
    pub answered: Answered,
}

/// A question that was asked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedBefore {
    /// The conversation that it stands in.
    pub conversation_id: ConversationId,
    /// Its id as a message.
    pub question_id: String,
    /// The question.
    pub question: String,
    /// The documents alone that it was put to; none for all.
    pub documents: Vec<DocumentId>,
}

/// What a reader thought of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Whether it was of use.
    pub rating: Rating,
    /// Why; may be empty.
    pub reason: String,
}

/// Whether an answer was of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rating {
    /// It was.
    Up,
    /// It was not.
    Down,
}

impl Rating {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// The rating that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Up, Self::Down]
            .into_iter()
            .find(|rating| rating.as_str() == word)
    }
}

/// The longest reason that feedback has, in characters.
pub const MAX_REASON: usize = 1_000;

/// The longest title, in characters.
pub const MAX_TITLE: usize = 80;

/// The title of a conversation that begins with `question`.
pub fn title_of(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_TITLE {
        return line;
    }
    let cut: String = line.chars().take(MAX_TITLE - 1).collect();
    format!("{}…", cut.trim_end())
}

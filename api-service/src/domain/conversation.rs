//! Conversations: what was asked and answered, in order.

use super::{answer::Evidence, chunk::Passage};

/// A conversation's id (UUIDv7).
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// A message of a conversation so far, as the prompt needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub speaker: Speaker,
    /// What they said.
    pub content: String,
}

/// A message to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// Its id (UUIDv7).
    pub id: String,
    /// Who said it.
    pub speaker: Speaker,
    /// What they said.
    pub content: String,
    /// Whether it came to its end.
    pub complete: bool,
    /// The passages it cites, numbered from 1 in this order.
    pub sources: Vec<Passage>,
    /// What its sentences rest on.
    pub evidence: Evidence,
}

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
